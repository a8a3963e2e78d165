"""Settlement that goes on while its identity ends, and begins again on another database."""

import contextlib
import datetime as dt
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from support.both_services import (
    LEAVES,
    OTHER_REGION,
    BothServices,
    ShiftedClock,
    server_of,
    settlement_config,
    url_of,
)
from support.databases import Databases
from support.identity_world import citizen_numbers, make_identity_files
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import REGION, World
from support.threads import in_a_thread, wait_until

from yibao.trust_store import QrError, TrustStore
from yibao_cli.ports import choose_ports
from yibao_common.db.database import Database
from yibao_identity.config import IdentityConfig
from yibao_identity.main import IdentityService
from yibao_settlement.main import SettlementService
from yibao_settlement.storage import tables
from yibao_settlement.storage.feed import StoredFeed


class RestoredIdentity:
    """Both services on ports that stay; identity on one database after the other."""

    def __init__(self, folder: Path, databases: Databases, **identity: Any) -> None:
        """Makes files and databases; `identity` is of settlement's configuration."""
        self._databases = databases
        self.files = make_identity_files(folder)
        self.files.issue(*LEAVES)
        self.clock = ShiftedClock()
        self.database = databases.open("yibao_settlement")
        World(self.database)
        self.url = databases.migrated_url("yibao_identity")
        self._ports = dict(zip(("identity", "settlement"), choose_ports((None, None)), strict=True))
        self.config = settlement_config(
            self.files,
            url_of(self.database),
            self._ports["identity"],
            **identity,
        )
        self.config = self.config.model_copy(
            update={
                "server": self.config.server.model_copy(
                    update={"address": f"127.0.0.1:{self._ports['settlement']}"}
                )
            }
        )
        self._log, self._lines = open_test_log()
        # Nobody is registered twice, whichever database knows of whom.
        self._numbers = citizen_numbers()
        self._trust_store: TrustStore | None = None
        self._counter = itertools.count(1)
        self.files.provision(self.identity_config())

    def identity_config(self) -> IdentityConfig:
        return self.files.config(
            self.url,
            server=server_of(self.files, "identity-server", port=self._ports["identity"]),
            issuer={"regions": [REGION, OTHER_REGION]},
        )

    @contextlib.contextmanager
    def identity(self) -> Iterator[BothServices]:
        """Runs identity on the database of now; gives what calls both services."""
        log, _ = open_test_log()

        @contextlib.asynccontextmanager
        async def serve() -> AsyncIterator[None]:
            service = IdentityService(self.identity_config(), log=log, clock=self.clock)
            async with run_service(service):
                yield

        with in_a_thread(serve), contextlib.closing(Database(self.url)) as database:
            services = BothServices(
                self.files,
                self.clock,
                self.database,
                database,
                self._ports,
                self._lines,
                _numbers=self._numbers,
                _counter=self._counter,
            )
            try:
                yield services
            finally:
                services.close()

    @contextlib.contextmanager
    def settlement(self) -> Iterator[None]:
        """Runs settlement."""

        @contextlib.asynccontextmanager
        async def serve() -> AsyncIterator[None]:
            service = SettlementService(
                self.config, log=self._log, clock=self.clock, database_clock=self.clock
            )
            self._trust_store = service._trust_store
            async with run_service(service):
                yield

        with in_a_thread(serve):
            yield

    def wait_for_trust(self) -> None:
        """Waits until settlement, which runs, can verify codes."""
        wait_until(self.holds_trust)

    def holds_trust(self) -> bool:
        """Tells whether settlement, which runs, can verify codes."""
        assert self._trust_store is not None
        with contextlib.suppress(QrError):
            return bool(self._trust_store.current(now=self.clock()))
        return False

    def backup(self) -> str:
        """Returns a copy of identity's database, which nobody uses now."""
        return self._databases.copy(self.url)

    # --- What settlement knows and says.

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in io.StringIO(self._lines.getvalue()))
        return [line for line in lines if line["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """Waits until settlement has logged an event so often; returns the last one."""
        wait_until(lambda: len(self.events(event)) >= count)
        return self.events(event)[-1]

    def credentials(self) -> dict[str, int]:
        """Returns the states that settlement knows, by subject."""
        credential = tables.credential.c
        with self.database.read() as connection:
            rows = connection.execute(sa.select(credential.subject, credential.state))
            return {row.subject: row.state for row in rows}

    def read_time(self) -> dt.datetime:
        """Returns when settlement knew everything last."""
        with self.database.read() as connection:
            position = StoredFeed(connection, REGION).position()
        assert position.read_time is not None
        return position.read_time

    def enrolled(self) -> set[str]:
        """Returns the persons that settlement knows a period of."""
        with self.database.read() as connection:
            return set(connection.execute(sa.select(tables.enrolment.c.person_id)).scalars())
