"""What the offsite service does with papers, put together from its configuration."""

import datetime as dt
from collections.abc import Collection

import grpc

from yibao.offsite.v1 import material_service_pb2 as pb
from yibao.offsite.v1 import material_service_pb2_grpc as rpc
from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.db.pruning import pruning_time, regions_in_use
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.parts import composed
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.material.change import MaterialChanges
from yibao_offsite.application.material.due import DueMaterials, Keeping, Scanner, ScannerError
from yibao_offsite.application.material.read import Readings
from yibao_offsite.application.material.upload import Uploads
from yibao_offsite.application.work import Work
from yibao_offsite.config import MaterialsConfig
from yibao_offsite.material_scanner import scanner_of
from yibao_offsite.rules.material.limits import Limits
from yibao_offsite.servicer.material.change import MaterialChangeServicer
from yibao_offsite.servicer.material.papers import Papers
from yibao_offsite.servicer.material.read import MaterialReadServicer
from yibao_offsite.servicer.material.upload import UploadServicer
from yibao_offsite.storage import tables
from yibao_offsite.storage.material.due import material_regions
from yibao_offsite.storage.work import unit_of_work

_MEGABYTE = 1_000_000
_PRUNE_SECONDS = 3_600.0


class Materials:
    """The running parts of papers; without a vault each call about papers is refused."""

    def __init__(
        self,
        config: MaterialsConfig,
        vault: Vault | None,
        *,
        served: Collection[str],
        database: Database,
        blocking: Blocking,
        metrics: Metrics,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Puts them together; nothing runs before `start`. See `rules.served` of `served`."""
        self._config = config
        self._served = served
        self._database = database
        self._blocking = blocking
        self._metrics = metrics
        self._clock = clock
        self._log = log
        self._tasks: list[BackgroundTask] = []
        # One file at a time is looked through, each party's in its turn: that takes seconds of
        # computing, in which all other calls would wait for a thread.
        self._finishing = Blocking(1, name="papers", party_of=current_party, is_for_long_work=True)
        papers = Papers()
        if vault is not None:
            papers = self._papers(vault, ids)
        self._servicer = composed(
            rpc.MaterialServiceServicer,
            pb.DESCRIPTOR.services_by_name["MaterialService"],
            UploadServicer(papers, blocking, self._finishing),
            MaterialReadServicer(papers, blocking),
            MaterialChangeServicer(papers, blocking),
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicer of papers."""
        rpc.add_MaterialServiceServicer_to_server(self._servicer, server)

    def start(self, supervisor: Supervisor) -> None:
        """Starts to have papers looked through, scanned, and taken away when kept no longer.

        Raises:
            StartError: a thread cannot be made.
        """
        self._finishing.start(supervisor)
        for task in self._tasks:
            task.start(supervisor)

    async def close(self) -> None:
        """Stops that."""
        for task in self._tasks:
            await task.close()
        self._finishing.close()

    def _papers(self, vault: Vault, ids: Ids) -> Papers:
        config, clock = self._config, self._clock
        # Answers tell of papers what is sealed in their rows, so they are sealed as well.
        transactions: StoredTransactions[Work] = StoredTransactions(
            self._database,
            answers=tables.answer,
            unit=unit_of_work(vault),
            clock=clock,
            vault=vault,
        )
        limits, scanner = _limits(config), scanner_of(config)
        keeping = Keeping(
            unfinished=dt.timedelta(hours=config.upload_hours),
            unused=dt.timedelta(days=config.unused_days),
            years=config.keep_years or {},
        )
        due = DueMaterials(
            transactions,
            keeping=keeping,
            clock=clock,
            pruning_clock=lambda: pruning_time(self._database, clock),
        )
        self._tasks.append(self._pruning(due))
        if scanner is not None:
            self._tasks.append(self._scanning(due, scanner))
        is_scanned = scanner is not None
        return Papers(
            Uploads(
                transactions,
                limits=limits,
                is_scanned=is_scanned,
                clock=clock,
                ids=ids,
                served=self._served,
            ),
            Readings(transactions, evidence_readers=config.evidence_readers or (), clock=clock),
            MaterialChanges(transactions, limits=limits, clock=clock, ids=ids),
        )

    def _pruning(self, due: DueMaterials) -> BackgroundTask:
        async def prune() -> None:
            pruned = await self._blocking.run(prune_papers, self._database, due, self._clock)
            self._log.debug("papers pruned", papers=pruned)

        duty = Duty(run=prune, failure="papers were not pruned")
        return self._task("material-pruning", duty, _PRUNE_SECONDS)

    def _scanning(self, due: DueMaterials, scanner: Scanner) -> BackgroundTask:
        waiting = self._metrics.materials_scanning

        def scan_all() -> None:
            altered: list[str] = []
            problem = ""
            for region in material_regions(self._database):
                try:
                    altered += due.scan(region, scanner)
                except ScannerError as error:
                    problem = str(error)
                waiting.labels(region).set(due.waiting(region))
            if problem:
                raise ToldError(problem)
            if altered:
                told = ", ".join(altered)
                raise ToldError(f"papers were altered where they are stored: {told}")

        async def scan() -> None:
            await self._blocking.run(scan_all)

        duty = Duty(run=scan, failure="papers wait for the virus scanner")
        return self._task("material-scan", duty, self._config.scan_every_seconds)

    def _task(self, name: str, duty: Duty, seconds: float) -> BackgroundTask:
        return BackgroundTask(
            name, [duty], seconds=seconds, metrics=self._metrics, clock=self._clock, log=self._log
        )


def _limits(config: MaterialsConfig) -> Limits:
    return Limits(
        file_bytes=config.max_megabytes * _MEGABYTE,
        open_of_person=config.open_per_person,
        open_of_party=config.open_per_party,
        bytes_of_person=config.person_megabytes * _MEGABYTE,
        unused_bytes_of_party=config.party_unused_megabytes * _MEGABYTE,
    )


def prune_papers(database: Database, due: DueMaterials, clock: Clock) -> int:
    """Takes away what is kept no longer, in regions that are in use; returns how many papers."""
    regions = list(material_regions(database))
    # Contents that are gone are gone: where no region seems to be in use, this clock is ahead.
    in_use = regions_in_use(database, tables.answer, regions, now=clock())
    return sum(due.prune(region) for region in in_use)
