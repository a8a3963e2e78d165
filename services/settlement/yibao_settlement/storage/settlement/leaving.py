"""What is read for settlements that may leave: the person's later bills, and their windows.

Only for those: a bill that is settled needs the windows alone.
"""

import functools
from collections.abc import Callable, Collection

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import read_years
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.refund.record import with_refunds
from yibao_settlement.storage.settlement.adjustment import with_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)
from yibao_settlement.storage.settlement.window import windows_in


def read_histories(
    connection: sa.Connection, working_set: WorkingSet, wanted: Wanted, cache: ReferenceCache
) -> None:
    """Reads the bills behind those that may leave, under the persons' locks."""
    region = working_set.region
    leaving = [
        working_set.settlements[each]
        for each in wanted.needs.leaving_settlement_ids
        if each in working_set.settlements
    ]
    concerned: dict[str, SettlementRecord] = {}
    survivors = dict(working_set.survivors)
    for record in leaving:
        if record.reversal is not None:
            continue
        person_ids = one_person(connection, region, record.person_id)
        holder_id = working_set.holder_of(record.person_id)
        survivors.update(dict.fromkeys(person_ids, holder_id))
        later = _standing_bills(connection, region, person_ids, after=record.place)
        concerned |= {record.settlement_id: record} | later
    if not concerned:
        return
    working_set.survivors = survivors
    concerned = with_refunds(connection, region, concerned)
    concerned = with_adjustments(connection, region, concerned)
    working_set.settlements.update(concerned)
    policy_of = functools.partial(cache.policy_version, connection, region)
    working_set.policies = _policies(concerned.values(), policy_of)
    _read_places(connection, working_set, wanted, concerned.values())


def _standing_bills(
    connection: sa.Connection, region: str, person_ids: list[str], *, after: str
) -> dict[str, SettlementRecord]:
    """Returns the bills of a person that stand behind a place, by id."""
    (visits,) = execute(
        connection,
        [
            Select(
                tables.visit, ("visit_id",), region, "person_id", tuple(person_ids), "cancel_time"
            )
        ],
    )
    visit_ids = tuple([visit_id for (visit_id,) in visits])
    columns = ("settlement_id", "former_place")
    (rows,) = execute(
        connection,
        [Select(tables.settlement, columns, region, "visit_id", visit_ids, "reversal_id")],
    )
    later = tuple(sorted([each for each, former in rows if (former or each) > after]))
    rows, lines = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", later),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", later),
        ],
    )
    further = lines_from(lines)
    records = [record_from(row, further.get(row[1], ())) for row in rows]
    return {record.settlement_id: record for record in records}


def _policies(
    records: Collection[SettlementRecord], policy_of: Callable[[str], AnyPolicy | None]
) -> dict[str, AnyPolicy]:
    """Returns the policies that decided bills, by version, as far as they are stored."""
    found = {version: policy_of(version) for version in {each.policy_version for each in records}}
    return {version: policy for version, policy in found.items() if policy is not None}


def _read_places(
    connection: sa.Connection,
    working_set: WorkingSet,
    wanted: Wanted,
    records: Collection[SettlementRecord],
) -> None:
    """Reads the years and windows that the bills found, or would ask for anew."""
    years: set[str] = set()
    scopes: set[str] = set()
    for record in records:
        holder_id = working_set.holder_of(record.person_id)
        for place in working_set.places_of(record):
            if place.scope:
                scopes.add(place.scope)
            elif place.year != working_set.standing(holder_id).benefit_year:
                years.add(holder_id)
    read = read_years(wanted, sorted(years))
    (rows,) = execute(connection, [read.select])
    read.keep(working_set, rows)
    found = windows_in(connection, working_set.region, scopes)
    working_set.windows.update(found)
    working_set.stored_windows.update(found)
