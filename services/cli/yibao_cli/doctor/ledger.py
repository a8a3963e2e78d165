"""`yibao doctor --ledger`: proves on the live database that the books are right."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from yibao_cli.doctor.finding import Finding
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.running import collect_garbage_seldom
from yibao_common.values.calendar import shanghai_midnight
from yibao_common.values.money import yuan
from yibao_settlement.ledger_check import LedgerReport, Only, check_ledger

# The service's sweeper comes by every ten seconds.
_SWEPT_WITHIN = dt.timedelta(minutes=1)
# How many settlements are examined between two lines of the log.
_SETTLEMENTS_A_LINE = 10_000


def ledger_scope(*, person_id: str | None, since: str | None, now: dt.datetime) -> Only | None:
    """Returns whom of the ledger to examine, None for everything.

    `since` is a day, `2026-11-28`, that begins in China's time.

    Raises:
        StartError: it is no day, or one to come, or both are named.
    """
    if person_id is not None and since is not None:
        raise StartError("--person and --since are asked for one at a time")
    if since is not None:
        try:
            begin = shanghai_midnight(dt.date.fromisoformat(since))
        except (ValueError, OverflowError) as error:
            raise StartError(f"--since {since} is no day such as 2026-11-28") from error
        if begin > now:
            raise StartError(f"--since {since} is still to come")
        return Only(since=begin)
    return None if person_id is None else Only(person_id=person_id)


def examine_ledger(database: Database, only: Only | None, *, log: Log) -> LedgerReport:
    """Examines the ledger; the log tells how far it has come."""
    # It makes values by the thousand, which the collector would look through: a fifth of its time.
    collect_garbage_seldom()
    return check_ledger(database, only, progress=_Progress(log).tell)


@dataclass(slots=True)
class _Progress:
    log: Log
    _told: int = 0

    def tell(self, settlements: int) -> None:
        if settlements - self._told >= _SETTLEMENTS_A_LINE:
            self._told = settlements
            self.log.info("ledger is examined", settlements=settlements)


def ledger_summary(report: LedgerReport) -> str:
    """Returns what was examined, in a line."""
    told = (
        f"ledger: {report.settlements} settlements of {report.persons} persons, "
        f"{report.accounts} accounts"
    )
    if report.unexamined:
        told += f"; {report.unexamined} bills were not decided again"
    return told


def overdue_holds(report: LedgerReport, *, now: dt.datetime) -> Iterator[Finding]:
    """Returns a finding for each hold that ran out and has not left, at `now`."""
    for hold_id, until in sorted(report.held_until.items()):
        if until < now - _SWEPT_WITHIN:
            problem = f"{hold_id} ran out at {until.isoformat()}: see `holds not swept` in the log"
            yield Finding("every hold that ran out has left", problem)


def ledger_findings(report: LedgerReport) -> Iterator[Finding]:
    """Returns a finding for each invariant that holds, and one for each drift."""
    for invariant in report.invariants:
        drifts = [drift for drift in report.drifts if drift.invariant == invariant]
        if not drifts:
            yield Finding(invariant)
        for drift in drifts:
            yield Finding(invariant, f"{drift.subject} of region {drift.region} {drift.detail}")
    if any(report.overpaid_fen.values()):
        parts = [f"{account_id} {yuan(fen)}" for account_id, fen in report.overpaid_fen.items()]
        total = yuan(sum(report.overpaid_fen.values()))
        yield Finding("paid too much", f"{total} yuan in all: {', '.join(sorted(parts))}")
