"""Starts the offsite service: configuration, database, server, in this order."""

import asyncio
from collections.abc import Callable, Sequence

import grpc

from yibao.common.v1 import server_service_pb2_grpc
from yibao.offsite.v1 import (
    material_service_pb2,
    offsite_feed_service_pb2,
)
from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.sandbox import open_sandbox_clock, start_sandbox_clock
from yibao_common.db.failures import database_problem
from yibao_common.db.opening import open_database
from yibao_common.db.pruning import answer_pruning
from yibao_common.db.transactions import StoredTransactions
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.program import run_program
from yibao_common.process.readiness import Readiness
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc import sandbox, server_info
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.own_certificate import check_client_identity, check_own_certificates
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.server import Server
from yibao_common.rpc.server_info import ServerInfoServicer
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_offsite import medical_files, registering
from yibao_offsite.access import ACCESS
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.feeds import Feeds
from yibao_offsite.material_parts import Materials
from yibao_offsite.medical_files import MedicalFiles
from yibao_offsite.registering import Registrations, registrations_end
from yibao_offsite.secret_files import open_vault, require_secrets
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

DESCRIPTORS = (
    *registering.DESCRIPTORS,
    offsite_feed_service_pb2.DESCRIPTOR.services_by_name["OffsiteFeedService"],
    material_service_pb2.DESCRIPTOR.services_by_name["MaterialService"],
    *medical_files.DESCRIPTORS,
    server_info.DESCRIPTOR,
    sandbox.DESCRIPTOR,
)
_SERVICE = "offsite"


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
            StartError: identity would not know this service by its certificate, or the database
                is not reached, its schema is not current, or the keys of papers are not those that
                it was filled with.
        """
        if config.identity is not None:
            # What is wrong of it for anybody is told first.
            check_own_certificates(config.server, now=system_clock())
            check_client_identity(config.server, service=_SERVICE)
        self._config = config
        self._log = log
        self._clock = clock
        self._ids = ids
        self.database = open_database(config, package="yibao_offsite", metadata=tables.metadata)
        self.vault = open_vault(config)
        require_secrets(self.database, self.vault, clock=clock)

    async def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> None:
        """Serves until `stop` is set, then finishes what runs; `started` gets the port."""
        supervisor = Supervisor(stop, log=self._log)
        start_sandbox_clock(self._clock, supervisor)
        metrics, readiness, blocking = Metrics(), Readiness(), Blocking(party_of=current_party)
        readiness.require("database", lambda: database_problem(self.database))
        transactions = StoredTransactions(
            self.database,
            answers=tables.answer,
            unit=unit_of_work(self.vault),
            clock=self._clock,
        )
        feeds = Feeds(
            self._config,
            transactions,
            on_persons=registrations_end(self._clock, self._ids),
            database=self.database,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )
        feeds.require(readiness)
        parts = self._make_parts(blocking, metrics)
        registrations = Registrations(transactions, blocking, clock=self._clock, ids=self._ids)

        def register(server: grpc.aio.Server) -> None:
            registrations.register(server)
            feeds.register(server)
            for part in parts:
                part.register(server)
            info = ServerInfoServicer(
                self._config,
                service_name=_SERVICE,
                regions=feeds.regions,
                known=feeds.known,
                clock=self._clock,
            )
            server_service_pb2_grpc.add_ServerServiceServicer_to_server(info, server)
            sandbox.register(server, self._clock)

        server = self._make_server(register, supervisor, readiness, metrics)
        pruning = self._make_pruning(blocking, metrics)
        blocking.start(supervisor)
        pruning.start(supervisor)
        feeds.start(supervisor)
        for part in parts:
            part.start(supervisor)
        try:
            await feeds.first_news(blocking)
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            feeds.release()
            await server.drain()
            await feeds.close()
            for part in parts:
                await part.close()
            await pruning.close()
            blocking.close()
            self.database.close()
        supervisor.raise_if_dead()

    def _make_parts(
        self, blocking: Blocking, metrics: Metrics
    ) -> "tuple[Materials | MedicalFiles, ...]":
        """Returns what needs the keys of personal data."""
        return (
            Materials(
                self._config.materials,
                self.vault,
                database=self.database,
                blocking=blocking,
                metrics=metrics,
                clock=self._clock,
                ids=self._ids,
                log=self._log,
            ),
            MedicalFiles(
                self._config,
                self.vault,
                database=self.database,
                blocking=blocking,
                metrics=metrics,
                clock=self._clock,
                ids=self._ids,
                log=self._log,
            ),
        )

    def _make_server(
        self,
        register: Callable[[grpc.aio.Server], None],
        supervisor: Supervisor,
        readiness: Readiness,
        metrics: Metrics,
    ) -> Server:
        return Server(
            self._config.server,
            service_name=_SERVICE,
            register=register,
            descriptors=sandbox.served(DESCRIPTORS, self._clock),
            access=ACCESS,
            log=self._log,
            metrics=metrics,
            problems=supervisor.problems,
            watch=supervisor.watch,
            readiness=readiness,
            clock=self._clock,
            ids=self._ids,
            behind_gate=refusals_behind_gate(self._config),
        )

    def _make_pruning(self, blocking: Blocking, metrics: Metrics) -> BackgroundTask:
        return answer_pruning(
            self.database,
            tables.answer,
            self._config.answers,
            blocking,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )


def _make(config: OffsiteConfig, log: Log) -> OffsiteService:
    clock = open_sandbox_clock(config)
    return OffsiteService(config, log=log, clock=clock or system_clock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    return run_program(
        arguments,
        service=_SERVICE,
        description=__doc__,
        config_type=OffsiteConfig,
        make=_make,
    )


if __name__ == "__main__":
    raise SystemExit(main())
