"""What lies between the funds and a person, from the entries and the adjustments."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.difference.state import FoundDifference
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.ledger import difference_account, due_account
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.order import orders_of
from yibao_settlement.storage.ledger.posting import account_balances
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.refund.record import each_left, select_refunds
from yibao_settlement.storage.settlement.adjustment import adjustment_from, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


def find_difference(connection: sa.Connection, region: str, person_id: str) -> FoundDifference:
    """Returns what lies between the funds and a person, and all that made it up."""
    person_ids = one_person(connection, region, person_id)
    due = [_balances(connection, region, due_account(each)) for each in person_ids]
    return FoundDifference(
        sum(difference_balances(connection, region, person_ids).values()),
        sum(sum(each.values()) for each in due),
        _adjusted(connection, region, tuple(person_ids)),
        orders_of(connection, region, person_ids),
    )


def difference_balances(
    connection: sa.Connection, region: str, person_ids: Iterable[str]
) -> dict[str, int]:
    """Returns the accounts of persons' differences, in fen."""
    found: dict[str, int] = {}
    for each in person_ids:
        found |= _balances(connection, region, difference_account(each))
    return found


def _balances(connection: sa.Connection, region: str, account_id: str) -> dict[str, int]:
    """Returns the balance of an account, nothing where it has no entry."""
    return dict(account_balances(connection, region, account_id))


def _adjusted(
    connection: sa.Connection, region: str, person_ids: tuple[str, ...]
) -> list[tuple[tuple[SettlementRecord, ...], list[Adjustment]]]:
    (visits,) = execute(
        connection, [Select(tables.visit, ("visit_id",), region, "person_id", person_ids)]
    )
    visit_ids = tuple([visit_id for (visit_id,) in visits])
    settlement = tables.settlement.c
    of_visits = sa.select(settlement.settlement_id).where(
        settlement.region == region, settlement.visit_id.in_(visit_ids)
    )
    # Those that stand are found by one index, those that were reversed by another.
    settlement_ids = [
        settlement_id
        for part in (settlement.reversal_id.is_(None), settlement.reversal_id.is_not(None))
        for settlement_id in connection.execute(of_visits.where(part)).scalars()
    ]
    (rows,) = execute(connection, [select_adjustments(region, settlement_ids)])
    moved: dict[str, list[Adjustment]] = {}
    for adjustment in map(adjustment_from, rows):
        moved.setdefault(adjustment.settlement_id, []).append(adjustment)
    ids = tuple(sorted(moved))
    records, lines, refunds = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
            select_refunds(region, ids),
        ],
    )
    further = lines_from(lines)
    settled = [record_from(row, further.get(row[1], ())) for row in records]
    returned: dict[str, list[Row]] = {}
    for row in refunds:
        returned.setdefault(row[1], []).append(row)
    return [
        (
            (record, *each_left(record, returned.get(record.settlement_id, ()))),
            moved[record.settlement_id],
        )
        for record in settled
    ]
