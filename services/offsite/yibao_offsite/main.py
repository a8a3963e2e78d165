"""Starts the offsite service: configuration, database, server, in this order."""

import asyncio
from collections.abc import Sequence

import grpc

from yibao.common.v1 import server_service_pb2_grpc
from yibao.offsite.v1 import (
    material_service_pb2,
    material_service_pb2_grpc,
    registration_service_pb2,
    registration_service_pb2_grpc,
)
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
from yibao_common.rpc.parts import composed
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.server import Server
from yibao_common.rpc.server_info import ServerInfoServicer
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_offsite.access import ACCESS
from yibao_offsite.application.registration import Registrations
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.material_parts import MaterialParts, material_parts, material_tasks
from yibao_offsite.secret_files import open_vault, require_secrets
from yibao_offsite.servicer.material.change import MaterialChangeServicer
from yibao_offsite.servicer.material.papers import Papers
from yibao_offsite.servicer.material.read import MaterialReadServicer
from yibao_offsite.servicer.material.upload import UploadServicer
from yibao_offsite.servicer.registration import RegistrationServicer
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

_MATERIALS = material_service_pb2.DESCRIPTOR.services_by_name["MaterialService"]
DESCRIPTORS = (
    registration_service_pb2.DESCRIPTOR.services_by_name["RegistrationService"],
    _MATERIALS,
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
        """Opens the database and the keys of papers.

        Raises:
            StartError: the database is not reached, its schema is not current, or the keys are
                not those that it was filled with.
        """
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
        registrations = Registrations(transactions, clock=self._clock, ids=self._ids)

        materials = self._materials()

        def register(server: grpc.aio.Server) -> None:
            registration_service_pb2_grpc.add_RegistrationServiceServicer_to_server(
                RegistrationServicer(registrations, blocking), server
            )
            _add_materials(server, materials, blocking)
            info = ServerInfoServicer(self._config, service_name=_SERVICE, clock=self._clock)
            server_service_pb2_grpc.add_ServerServiceServicer_to_server(info, server)
            sandbox.register(server, self._clock)

        server = Server(
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
        pruning = answer_pruning(
            self.database,
            tables.answer,
            self._config.answers,
            blocking,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )
        tasks = [pruning]
        if materials is not None:
            tasks += material_tasks(
                self.database,
                self._config.materials,
                materials.due,
                blocking,
                metrics=metrics,
                clock=self._clock,
                log=self._log,
            )
        blocking.start(supervisor)
        for task in tasks:
            task.start(supervisor)
        try:
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            await server.drain()
            for task in tasks:
                await task.close()
            blocking.close()
            self.database.close()
        supervisor.raise_if_dead()

    def _materials(self) -> MaterialParts | None:
        """Returns what keeps papers, None where there are no keys for them."""
        if self.vault is None:
            return None
        config = self._config.materials
        return material_parts(
            self.database, config, self.vault, clock=self._clock, ids=self._ids
        )


def _add_materials(
    server: grpc.aio.Server, materials: MaterialParts | None, blocking: Blocking
) -> None:
    """Serves papers; without `materials` each call is refused."""
    papers = Papers()
    if materials is not None:
        papers = Papers(materials.uploads, materials.readings, materials.changes)
    servicer = composed(
        material_service_pb2_grpc.MaterialServiceServicer,
        _MATERIALS,
        UploadServicer(papers, blocking),
        MaterialReadServicer(papers, blocking),
        MaterialChangeServicer(papers, blocking),
    )
    material_service_pb2_grpc.add_MaterialServiceServicer_to_server(servicer, server)


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
