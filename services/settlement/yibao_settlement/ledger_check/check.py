"""Examining the books of every region, in one snapshot of the live database.

It trusts nothing that the engine kept: every figure is derived again from the entries
and the stored settlements. `yibao doctor --ledger` prints its report.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import joined_whole
from yibao_settlement.ledger_check.mapping import FindMappings
from yibao_settlement.ledger_check.person import PersonChecker
from yibao_settlement.ledger_check.region import RegionChecker
from yibao_settlement.ledger_check.report import INVARIANTS, OF_PERSONS, LedgerReport
from yibao_settlement.ledger_check.year import YearChecker
from yibao_settlement.rules.mapping import CodeMapping
from yibao_settlement.storage.difference.booked import all_orders
from yibao_settlement.storage.ledger import facts
from yibao_settlement.storage.ledger.changed import persons_changed
from yibao_settlement.storage.ledger.codes import NO_CODES, code_uses
from yibao_settlement.storage.ledger.person import KeptPerson, PersonReader
from yibao_settlement.storage.mapping.record import StoredMappings
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.year.booked import closed_years

# Is told how many settlements were examined by now, a page of persons after the other.
Progress = Callable[[int], None]


class Only(NamedTuple):
    """Whom to examine, where not everything: a person, or those with changes since a time.

    Changes are settlements, refunds, reversals and adjustments; the time is aware.
    """

    person_id: str | None = None
    since: dt.datetime | None = None


def check_ledger(
    database: Database, only: Only | None = None, *, progress: Progress | None = None
) -> LedgerReport:
    """Examines every region and returns the report; changes nothing.

    With `only`, persons alone are examined, and nothing that takes all of them to be proven.
    """
    report = LedgerReport(INVARIANTS if only is None else OF_PERSONS)
    with database.read() as connection:
        for region in facts.regions(connection):
            _check_region(connection, region, report, only, progress)
    return report


def _check_region(
    connection: sa.Connection,
    region: str,
    report: LedgerReport,
    only: Only | None,
    progress: Progress | None,
) -> None:
    merged = facts.merged_persons(connection, region)
    policy_of = functools.cache(
        functools.partial(ReferenceCache().policy_version, connection, region)
    )
    with joined_whole(connection):
        codes = NO_CODES if only else code_uses(connection, region)
    reader = PersonReader(connection, region, merged=merged, codes=codes)
    orders = all_orders(connection, region)
    region_checker = RegionChecker(connection, region, report, merged)
    years = YearChecker(closed_years(connection, region))
    if only is None:
        with joined_whole(connection):
            region_checker.check(orders, years)
    find = _mappings(connection, region)
    checker = PersonChecker(region, report, policy_of, merged, orders, years, find)
    for page in _pages(connection, region, reader, only):
        for person in page:
            checker.check(person)
        if progress is not None:
            progress(report.settlements)
    if only is None:
        with joined_whole(connection):
            region_checker.check_read(reader.entries, years)


def _mappings(connection: sa.Connection, region: str) -> FindMappings:
    """Returns what finds mappings: those of an institution elsewhere are in its own region."""

    def find(mapping_ids: Sequence[str]) -> dict[str, CodeMapping]:
        found = StoredMappings(connection, region).find(mapping_ids)
        if len(found) < len(mapping_ids):
            for place in facts.regions_of_mappings(connection):
                missing = [each for each in mapping_ids if each not in found]
                found.update(StoredMappings(connection, place).find(missing))
        return found

    return find


def _pages(
    connection: sa.Connection, region: str, reader: PersonReader, only: Only | None
) -> Iterator[list[KeptPerson]]:
    if only is None:
        return reader.everyone()
    if only.person_id is not None:
        return reader.some([only.person_id])
    assert only.since is not None, "a person or a time is named"
    return reader.some(persons_changed(connection, region, since=only.since))
