"""Settlement and offsite that follow each other and identity, each ended and begun by itself."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import sqlalchemy as sa
from support.both_services import server_of, url_of
from support.databases import Databases
from support.identity_restored import RestoredIdentity
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import REGION
from support.threads import in_a_thread

from yibao_cli.ports import choose_ports
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.process.config import FollowedConfig
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.storage.person import StoredPersons
from yibao_settlement.storage.elsewhere.tables import registered_care


class FollowedOffsite:
    """Three services on ports that stay; `url` is offsite's database, one after the other."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        """Makes files and databases."""
        self._databases = databases
        self.insured = RestoredIdentity(folder, databases)
        self.insured.files.issue(Leaf("offsite-server", "service/offsite", is_server=True))
        (self._port,) = choose_ports([None])
        self.url = databases.migrated_url("yibao_offsite")
        offsite = {"address": f"localhost:{self._port}", "regions": [REGION], "poll_seconds": 0.05}
        self.insured.config = self.insured.config.model_copy(
            update={"offsite": FollowedConfig.model_validate(offsite)}
        )
        self.log, self.lines = open_test_log()

    def config(self, *, is_following: bool = True) -> OffsiteConfig:
        identity = self.insured.config.identity
        followed = {"address": identity.address, "regions": [REGION], "poll_seconds": 0.05}
        return OffsiteConfig.model_validate(
            {
                "server": server_of(self.insured.files, "offsite-server", port=self._port),
                "database": {"url": self.url},
                **({"identity": followed} if is_following else {}),
            }
        )

    @contextlib.contextmanager
    def offsite(self, *, is_following: bool = True) -> Iterator[Database]:
        """Runs offsite; gives connections to its database, as another process has."""

        @contextlib.asynccontextmanager
        async def serve() -> AsyncIterator[int]:
            config = self.config(is_following=is_following)
            service = OffsiteService(config, log=self.log, clock=self.insured.clock)
            async with run_service(service) as port:
                yield port

        with in_a_thread(serve), contextlib.closing(Database(self.url)) as database:
            yield database

    def backup(self) -> str:
        """Returns a copy of offsite's database, which nobody uses now."""
        return self._databases.copy(self.url)

    def settlement_url(self) -> str:
        return url_of(self.insured.database)

    def registered(self) -> dict[str, tuple[int, bool]]:
        """Returns version and whether it is void, of the registrations that settlement knows."""
        column = registered_care.c
        query = sa.select(column.registration_id, column.version, column.is_void)
        with self.insured.database.read() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def known(self, database: Database, person_id: str) -> KnownPerson | None:
        """Returns what offsite knows of a person."""
        with database.read() as connection:
            return StoredPersons(connection, REGION).find(person_id)
