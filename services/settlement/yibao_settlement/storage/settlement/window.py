"""Windows smaller than a year as stored, and what bills by policies of the second format need.

Only regions that have such policies, or settlements by them, are asked for any of it.
"""

import functools
from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from, amounts_json, read_years
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.settlement.standing import read_standing_bills
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from

_KEYS, _VALUES = ("region", "scope"), ("amounts",)


def read_windows(
    connection: sa.Connection,
    working_set: WorkingSet,
    wanted: Wanted,
    *,
    known_ids: Collection[str],
) -> tuple[Read, Read]:
    """Returns what reads the windows and the years that bills open and settlements opened.

    After everything else, under the persons' locks: which there are is known only then. Those
    of the settlements `known_ids` have been read.
    """
    places: set[tuple[str, KeptPlace]] = set()
    today = shanghai_day(working_set.now)
    # Bills of a batch are of a few days.
    policies_of = functools.cache(working_set.reference.benefit_policies)
    joins_transfers = functools.cache(working_set.reference.joins_transfers)
    for visit_id, service_date in wanted.needs.bill_days:
        # A bill of a later day is refused before it opens any: it must not ask for millennia.
        day = min(service_date, today)
        visit = working_set.visits.get(visit_id)
        policies = policies_of(day)
        if visit is None or not policies:
            continue
        visit = working_set.held(visit)
        if joins_transfers(day):
            _read_former(connection, working_set, visit)
        asked = working_set.history(visit).places(policies, day)
        places |= {(visit.person_id, place) for place in asked}
    for settlement_id, record in working_set.settlements.items():
        if record.benefit is not None and settlement_id not in known_ids:
            holder_id = working_set.survivors.get(record.person_id, record.person_id)
            places |= {(holder_id, place) for place in record.additions(holder_id=holder_id)}
    scopes = {place.scope for _, place in places if place.scope}
    return (
        _read_other_years(working_set, wanted, places),
        Read(select_windows(working_set.region, scopes), _keep_windows),
    )


def _keep_windows(working_set: WorkingSet, rows: list[Row]) -> None:
    found = windows_from(rows)
    working_set.windows.update(found)
    working_set.stored_windows.update(found)


def write_windows(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the windows that changed; which of them are stored was read under the locks."""
    region, stored = working_set.region, working_set.stored_windows
    new: list[Row] = []
    known: list[Row] = []
    for scope in sorted(working_set.changes.windows):
        rows = known if scope in stored else new
        rows.append((region, scope, amounts_json(working_set.windows[scope])))
    table = tables.benefit_window
    yield Insert(table, (*_KEYS, *_VALUES), new)
    yield Update(table, _KEYS, _VALUES, known)


def windows_in(
    connection: sa.Connection, region: str, scopes: Collection[str]
) -> dict[str, Accumulators]:
    """Returns what is kept of scopes."""
    (rows,) = execute(connection, [select_windows(region, scopes)])
    return windows_from(rows)


def select_windows(region: str, scopes: Collection[str]) -> Select:
    """Returns the look-up of what is kept of scopes."""
    among = tuple(sorted(scopes))
    return Select(tables.benefit_window, ("scope", *_VALUES), region, "scope", among)


def windows_from(rows: Iterable[Row]) -> dict[str, Accumulators]:
    """Returns what is kept of the scopes that were found."""
    return {scope: amounts_from(amounts) for scope, amounts in rows}


def _read_other_years(
    working_set: WorkingSet, wanted: Wanted, places: Iterable[tuple[str, KeptPlace]]
) -> Read:
    """Reads the earlier years of those whose current year is not all that is asked for."""
    person_ids = {
        person_id
        for person_id, place in places
        if place.year and place.year != working_set.standing(person_id).benefit_year
    }
    return read_years(wanted, sorted(person_ids))


def _read_former(connection: sa.Connection, working_set: WorkingSet, visit: Visit) -> None:
    """Reads the visits that a visit continues, with what stands settled of them."""
    former = former_visits(connection, working_set.region, visit)
    if former:
        working_set.visits.update((each.visit_id, each) for each in former)
        read = read_standing_bills(working_set.region, [each.visit_id for each in former])
        (rows,) = execute(connection, [read.select])
        read.keep(working_set, rows)


def former_visits(connection: sa.Connection, region: str, visit: Visit) -> list[Visit]:
    """Returns the visits that a visit continues, one by one: there are seldom any."""
    found: list[Visit] = []
    former_id = visit.transfer_from_visit_id
    while former_id is not None:
        select = Select(tables.visit, VISIT_COLUMNS, region, "visit_id", (former_id,))
        (rows,) = execute(connection, [select])
        found += map(visit_from, rows)
        former_id = found[-1].transfer_from_visit_id if rows else None
    return found
