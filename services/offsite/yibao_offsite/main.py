"""Starts the offsite service: configuration, database, server, in this order."""

import asyncio
from collections.abc import Sequence

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.sandbox import open_sandbox_clock, start_sandbox_clock
from yibao_common.db.failures import database_problem, database_told
from yibao_common.db.opening import open_database
from yibao_common.db.pruning import answer_pruning
from yibao_common.db.transactions import StoredTransactions
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.program import run_program
from yibao_common.process.readiness import Readiness
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc import sandbox
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.own_certificate import check_client_identity, check_own_certificates
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.server import Server
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_offsite.access import ACCESS
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.qualifying import read_disease_lists
from yibao_offsite.secret_files import named_secrets, open_vault, require_secrets
from yibao_offsite.serving import DESCRIPTORS as DESCRIPTORS
from yibao_offsite.serving import SERVICE, Means, Serving
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work


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
                it was filled with; a file of diseases cannot be used.
        """
        if config.identity is not None:
            # What is wrong of it for anybody is told first.
            check_own_certificates(config.server, now=system_clock())
            check_client_identity(config.server, service=SERVICE)
        self._config = config
        self._log = log
        self._clock = clock
        self._ids = ids
        self._lists = read_disease_lists(config.chronic)
        self.database = open_database(config, package="yibao_offsite", metadata=tables.metadata)
        self.vault = open_vault(config)
        require_secrets(self.database, self.vault, named=named_secrets(config), clock=clock)
        if config.shuts_papers_out:
            log.warning("papers do not fit", max_message_bytes=config.server.max_message_bytes)

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
        means = Means(
            *(self._config, self.database, self.vault, transactions, blocking, metrics),
            *(self._clock, self._ids, self._log),
        )
        serving = Serving(means, self._lists)
        serving.feeds.require(readiness)
        server = self._make_server(serving, supervisor, readiness, metrics)
        pruning = self._make_pruning(blocking, metrics)
        blocking.start(supervisor)
        pruning.start(supervisor)
        serving.start(supervisor)
        try:
            await serving.feeds.first_news(blocking)
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            serving.feeds.release()
            await server.drain()
            await serving.close()
            await pruning.close()
            blocking.close()
            self.database.close()
        supervisor.raise_if_dead()

    def _make_server(
        self,
        serving: Serving,
        supervisor: Supervisor,
        readiness: Readiness,
        metrics: Metrics,
    ) -> Server:
        return Server(
            self._config.server,
            service_name=SERVICE,
            register=serving.register,
            descriptors=sandbox.served(DESCRIPTORS, self._clock),
            access=ACCESS,
            log=self._log,
            metrics=metrics,
            problems=supervisor.problems,
            watch=supervisor.watch,
            readiness=readiness,
            clock=self._clock,
            ids=self._ids,
            behind_gate=(
                *refusals_behind_gate(self._config),
                *serving.feeds.behind_gate(DESCRIPTORS),
            ),
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
    # Also what fails once it is open, while parts are made that look into it.
    with database_told(config.database.url):
        return OffsiteService(config, log=log, clock=clock or system_clock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    return run_program(
        arguments,
        service=SERVICE,
        description=__doc__,
        config_type=OffsiteConfig,
        make=_make,
    )


if __name__ == "__main__":
    raise SystemExit(main())
