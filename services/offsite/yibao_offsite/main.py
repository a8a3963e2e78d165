"""Starts the offsite service: configuration, database, server, in this order."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc

from yibao.offsite.v1 import registration_service_pb2, registration_service_pb2_grpc
from yibao_common.blocking import Blocking
from yibao_common.clock import Clock, system_clock
from yibao_common.config import StartError, load_config
from yibao_common.database import Database
from yibao_common.ids import Ids, new_id
from yibao_common.logs import Log, open_log
from yibao_common.migrations import check_is_current
from yibao_common.server import Server, run
from yibao_offsite.access import ACCESS
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.servicer.registration import RegistrationServicer
from yibao_offsite.storage.registrations import RegistrationStore

DESCRIPTORS = (registration_service_pb2.DESCRIPTOR.services_by_name["RegistrationService"],)


class OffsiteService:
    """The running parts of the offsite service."""

    def __init__(
        self,
        config: OffsiteConfig,
        *,
        log: Log,
        clock: Clock = system_clock,
        ids: Ids = new_id,
    ) -> None:
        """Opens the database.

        Raises:
            StartError: the database's schema is not current.
        """
        self._config = config
        self._log = log
        self._clock = clock
        self._ids = ids
        self.database = Database(config.database.url)
        try:
            if self.database.is_sqlite and config.server.reuse_port:
                raise StartError("server.reuse_port: SQLite is served by one process alone")
            check_is_current(self.database, "yibao_offsite")
        except BaseException:
            self.database.close()
            raise

    async def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> None:
        """Serves until `stop` is set, then finishes what runs; `started` gets the port."""
        blocking = Blocking()
        registrations = RegistrationStore(self.database, clock=self._clock, ids=self._ids)

        def register(server: grpc.aio.Server) -> None:
            registration_service_pb2_grpc.add_RegistrationServiceServicer_to_server(
                RegistrationServicer(registrations, blocking), server
            )

        server = Server(
            self._config.server,
            service_name="offsite",
            register=register,
            descriptors=DESCRIPTORS,
            access=ACCESS,
            log=self._log,
            clock=self._clock,
            ids=self._ids,
        )
        try:
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            await server.drain()
            blocking.close()
            self.database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    parser = argparse.ArgumentParser(prog="yibao-offsite", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path: Path = parser.parse_args(arguments).config
    try:
        config = load_config(OffsiteConfig, path=path, environ=os.environ)
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    log = open_log(config.log, service="offsite", clock=system_clock)

    async def serve(stop: asyncio.Event) -> None:
        await OffsiteService(config, log=log).serve(stop)

    return run(serve, log=log)


if __name__ == "__main__":
    raise SystemExit(main())
