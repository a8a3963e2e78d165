"""What the offsite service does with papers, put together from its configuration."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.material.change import MaterialChanges
from yibao_offsite.application.material.due import DueMaterials, Keeping, ScannerError
from yibao_offsite.application.material.read import Readings
from yibao_offsite.application.material.upload import Uploads
from yibao_offsite.application.work import Work
from yibao_offsite.config import MaterialsConfig
from yibao_offsite.material_scanner import scanner_of
from yibao_offsite.rules.material.limits import Limits
from yibao_offsite.storage import tables
from yibao_offsite.storage.material.due import material_regions
from yibao_offsite.storage.work import unit_of_work

_MEGABYTE = 1_000_000
_PRUNE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class MaterialParts:
    """What answers calls about papers, and what is done with them in the background."""

    uploads: Uploads
    readings: Readings
    changes: MaterialChanges
    due: DueMaterials


def material_parts(
    database: Database, config: MaterialsConfig, vault: Vault, *, clock: Clock, ids: Ids
) -> MaterialParts:
    """Puts together what needs the keys of papers."""
    # Answers tell of papers what is sealed in their rows, so they are sealed as well.
    transactions: StoredTransactions[Work] = StoredTransactions(
        database, answers=tables.answer, unit=unit_of_work(vault), clock=clock, vault=vault
    )
    limits = Limits(
        file_bytes=config.max_megabytes * _MEGABYTE,
        open_of_person=config.open_per_person,
        open_of_party=config.open_per_party,
        bytes_of_person=config.person_megabytes * _MEGABYTE,
        unused_bytes_of_party=config.party_unused_megabytes * _MEGABYTE,
    )
    is_scanned = scanner_of(config) is not None
    keeping = Keeping(
        unfinished=dt.timedelta(hours=config.upload_hours),
        unused=dt.timedelta(days=config.unused_days),
        years=config.keep_years,
    )
    return MaterialParts(
        Uploads(transactions, limits=limits, is_scanned=is_scanned, clock=clock, ids=ids),
        Readings(transactions, evidence_readers=config.evidence_readers, clock=clock),
        MaterialChanges(transactions, limits=limits, clock=clock, ids=ids),
        DueMaterials(transactions, keeping=keeping, clock=clock),
    )


def material_tasks(
    database: Database,
    config: MaterialsConfig,
    due: DueMaterials,
    blocking: Blocking,
    *,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> list[BackgroundTask]:
    """Returns the tasks that have papers scanned, and take away what is kept no longer."""

    async def prune() -> None:
        pruned = await blocking.run(_prune, database, due)
        log.debug("papers pruned", papers=pruned)

    pruning = Duty(run=prune, failure="papers were not pruned")
    told = {"metrics": metrics, "clock": clock, "log": log}
    tasks = [BackgroundTask("material-pruning", [pruning], seconds=_PRUNE_SECONDS, **told)]
    scanner = scanner_of(config)
    if scanner is None:
        return tasks

    def scan_all() -> list[str]:
        altered: list[str] = []
        problem = ""
        for region in material_regions(database):
            try:
                altered += due.scan(region, scanner)
            except ScannerError as error:
                problem = str(error)
            metrics.materials_scanning.labels(region).set(due.waiting(region))
        if problem:
            raise ToldError(problem)
        return altered

    async def scan() -> None:
        altered = await blocking.run(scan_all)
        if altered:
            raise ToldError(f"papers were altered where they are stored: {', '.join(altered)}")

    scanning = Duty(run=scan, failure="papers wait for the virus scanner")
    seconds = config.scan_every_seconds
    return [*tasks, BackgroundTask("material-scan", [scanning], seconds=seconds, **told)]


def _prune(database: Database, due: DueMaterials) -> int:
    return sum(due.prune(region) for region in list(material_regions(database)))
