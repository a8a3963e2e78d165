"""What a batch reads of holds: those of its persons, and what hangs on those that may leave.

Persons without holds are known by their standings, and nothing is read of them.
"""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.charge import keep_charges, select_taken
from yibao_settlement.storage.hold.record import hold_from, select_held, select_holds
from yibao_settlement.storage.settlement.standing import read_standing_bills
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from


def find_holders(
    connection: sa.Connection, region: str, hold_ids: Collection[str]
) -> tuple[set[str], set[str]]:
    """Returns who holds the accounts of the persons of holds, before any is locked; and visits."""
    select = Select(tables.hold, ("holder_id", "visit_id"), region, "hold_id", tuple(hold_ids))
    (rows,) = execute(connection, [select])
    return {holder_id for holder_id, _ in rows}, {visit_id for _, visit_id in rows}


def read_holds(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads what is held, under the persons' locks: each stands for other bills as settled."""
    region, state = working_set.region, working_set.holds
    holder_ids = [
        person_id
        for person_id, standing in working_set.standings.items()
        if standing.hold_expire_time is not None
    ]
    named = wanted.needs.hold_ids
    if not (holder_ids or named):
        return
    of_persons, by_id = execute(
        connection,
        [
            select_held(region, "holder_id", sorted(holder_ids)),
            select_holds(region, sorted(named)),
        ],
    )
    for row in (*of_persons, *by_id):
        hold = hold_from(row)
        state.by_id[hold.hold_id] = hold
        if hold.state is HoldState.HELD:
            record = hold.record
            working_set.keep_bill(record.visit_id, record.bill_number, hold.standing_bill)
    leaving = may_leave(working_set, wanted)
    if leaving:
        _read_freed(connection, working_set, leaving)


def may_leave(working_set: WorkingSet, wanted: Wanted) -> list[Hold]:
    """Returns the holds that run out now, and those that commands said may leave."""
    holds = working_set.holds
    named = wanted.needs.leaving_hold_ids
    return [
        each for each in holds.held() if each.hold_id in named or each.has_run_out(working_set.now)
    ]


def _read_freed(
    connection: sa.Connection, working_set: WorkingSet, leaving: Collection[Hold]
) -> None:
    """Reads the lines that holds took, and the stays that their bills may have ended."""
    region = working_set.region
    visit_ids = {each.record.visit_id for each in leaving}
    person_ids = {each.holder_id for each in leaving} | {each.record.person_id for each in leaving}
    lines, visits, stays = execute(
        connection,
        [
            select_taken(region, sorted(each.hold_id for each in leaving)),
            Select(tables.visit, VISIT_COLUMNS, region, "visit_id", sorted(visit_ids)),
            Select(
                tables.visit,
                VISIT_COLUMNS,
                region,
                "undischarged_person_id",
                sorted(person_ids),
            ),
        ],
    )
    keep_charges(working_set, lines)
    found = {visit.visit_id: visit for visit in map(visit_from, (*visits, *stays))}
    working_set.visits.update(found)
    read = read_standing_bills(region, sorted(found))
    (bills,) = execute(connection, [read.select])
    read.keep(working_set, bills)
