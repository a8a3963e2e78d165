"""What a batch reads of differences, under the locks of the persons."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.difference.find import adjusted_bills, difference_balances
from yibao_settlement.storage.difference.order import orders_of
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.refund.record import with_refunds
from yibao_settlement.storage.settlement.adjustment import with_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


def read_differences(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads the differences of persons, the orders that settle them, and bills that moved."""
    region, needs = working_set.region, wanted.needs
    state = working_set.differences
    for person_id in sorted(needs.difference_person_ids):
        person_ids = _one_person(connection, working_set, person_id)
        state.balances.update(difference_balances(connection, region, person_ids))
        for order in orders_of(connection, region, person_ids):
            state.orders[order.order_id] = order
    for person_id in sorted(needs.due_person_ids):
        person_ids = _one_person(connection, working_set, person_id)
        _read_bills(connection, working_set, adjusted_bills(connection, region, person_ids))


def _one_person(connection: sa.Connection, working_set: WorkingSet, person_id: str) -> list[str]:
    """Returns every id of a person, and notes under which it stands; its own where merged."""
    if working_set.standing(person_id).merged_into is not None:
        return [person_id]
    person_ids = one_person(connection, working_set.region, person_id)
    working_set.survivors = {**working_set.survivors, **dict.fromkeys(person_ids, person_id)}
    return person_ids


def _read_bills(
    connection: sa.Connection, working_set: WorkingSet, settlement_ids: Iterable[str]
) -> None:
    """Reads settlements that moved, as they are by now."""
    region, wanted = working_set.region, tuple(settlement_ids)
    missing = tuple([each for each in wanted if each not in working_set.settlements])
    rows, lines = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", missing),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", missing),
        ],
    )
    further = lines_from(lines)
    for row in rows:
        record = record_from(row, further.get(row[1], ()))
        working_set.settlements[record.settlement_id] = record
    found = {each: working_set.settlements[each] for each in wanted}
    # Of those that may leave, what is left is known already.
    whole = {each: record for each, record in found.items() if not record.refunds}
    found.update(with_refunds(connection, region, whole))
    working_set.settlements.update(with_adjustments(connection, region, found))
