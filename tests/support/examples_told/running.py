"""Identity and settlement, run for examples: on one clock, of which days only pass."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from support.both_services import server_of, settlement_config, url_of
from support.databases import Databases
from support.identity_world import IdentityFiles, make_identity_files
from support.services import run_service
from support.serving import channel_credentials, open_test_log
from support.threads import in_a_thread

from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.calendar import shanghai_midnight
from yibao_identity.main import IdentityService
from yibao_settlement.main import SettlementService

REGION = "999000"
# Where persons of the region are treated elsewhere, and its operator.
PLACE = "999029"
MAKER, CHECKER, PLACE_MAKER = "maker", "checker", "place-maker"
_NOON = dt.timedelta(hours=12)
_SECOND = dt.timedelta(seconds=1)


@dataclass(slots=True)
class PassingClock:
    """A clock that tests move forward."""

    now: dt.datetime

    def __call__(self) -> dt.datetime:
        return self.now

    def tick(self) -> None:
        """Lets a second pass, as between two codes of a person."""
        self.now += _SECOND

    def pass_to(self, day: dt.date) -> None:
        """Lets time pass until noon of a day, unless it is later."""
        self.now = max(self.now, shanghai_midnight(day) + _NOON)


@dataclass
class Running:
    """The running services, as callers reach them."""

    files: IdentityFiles
    clock: PassingClock
    database: Database
    ports: dict[str, int]
    _channels: dict[tuple[str, str], grpc.Channel] = field(default_factory=dict)

    def channel(self, service: str, caller: str) -> grpc.Channel:
        """Returns a channel with the certificate of a caller."""
        key = (service, caller)
        if key not in self._channels:
            self._channels[key] = grpc.secure_channel(
                f"localhost:{self.ports[service]}",
                channel_credentials(self.files.folder, caller),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        return self._channels[key]

    def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            channel.close()


@contextlib.contextmanager
def running_from(
    day: dt.date, folder: Path, databases: Databases, *, institution_ids: Collection[str]
) -> Iterator[Running]:
    """Runs both services over new databases, from noon of a day on, for both regions.

    Each institution calls with a certificate that is named as itself.
    """
    clock = PassingClock(shanghai_midnight(day) + _NOON)
    files = make_identity_files(folder, clock=clock)
    files.issue(
        Leaf("identity-server", "service/identity", is_server=True),
        Leaf("settlement-server", "service/settlement", is_server=True),
        Leaf(MAKER, f"agency/{REGION}/maker"),
        Leaf(CHECKER, f"agency/{REGION}/checker"),
        Leaf(PLACE_MAKER, f"agency/{PLACE}/maker"),
        *(Leaf(each, f"institution/{each}") for each in institution_ids),
    )
    database = databases.open("yibao_settlement")
    identity_database = databases.open("yibao_identity")
    identity_config = files.config(
        url_of(identity_database),
        server=server_of(files, "identity-server"),
        issuer={"regions": [REGION, PLACE]},
    )
    files.provision(identity_config, keys_from=clock())
    log, _ = open_test_log()

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[dict[str, int]]:
        identity = IdentityService(identity_config, log=log, clock=clock)
        async with run_service(identity) as identity_port:
            config = settlement_config(
                files,
                url_of(database),
                identity_port,
                said={"elsewhere": {"unregistered_reduced_in": [REGION]}},
                regions=[REGION, PLACE],
                max_feed_age_hours=720,
            )
            settlement = SettlementService(config, log=log, clock=clock, database_clock=clock)
            async with run_service(settlement) as port:
                yield {"identity": identity_port, "settlement": port}

    with in_a_thread(serve) as ports:
        running = Running(files, clock, database, ports)
        try:
            yield running
        finally:
            running.close()
