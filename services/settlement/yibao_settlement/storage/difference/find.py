"""What lies between the funds and a person, from the entries and the adjustments."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.difference.state import FoundDifference
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.ledger import difference_account, due_account
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.move import moves_of
from yibao_settlement.storage.difference.order import orders_of
from yibao_settlement.storage.ledger.posting import account_balances
from yibao_settlement.storage.merge import one_person, survivors_of
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
    adjusted = _adjusted(connection, region, person_ids)
    due = [_balances(connection, region, due_account(each)) for each in person_ids]
    return FoundDifference(
        sum(difference_balances(connection, region, person_ids).values()),
        sum(sum(each.values()) for each in due),
        adjusted,
        orders_of(connection, region, person_ids),
        moves_of(connection, region, [records[0].settlement_id for records, _ in adjusted]),
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
    connection: sa.Connection, region: str, person_ids: Iterable[str]
) -> list[tuple[tuple[SettlementRecord, ...], list[Adjustment]]]:
    standing, reversed_ = _settlements_of(connection, region, person_ids)
    settlement_ids = [*standing, *reversed_]
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


def adjusted_bills(connection: sa.Connection, region: str, person_ids: Iterable[str]) -> list[str]:
    """Returns which bills of a person stand and were decided again, by the ids of both."""
    standing, _ = _settlements_of(connection, region, person_ids)
    select = Select(tables.adjustment, ("settlement_id",), region, "settlement_id", tuple(standing))
    (rows,) = execute(connection, [select])
    return sorted({settlement_id for (settlement_id,) in rows})


def persons_with_due(connection: sa.Connection, region: str) -> list[str]:
    """Returns to whose accounts something is due, each under the record that stands."""
    balances = {
        account_id.removeprefix(due_account("")): fen
        for account_id, fen in account_balances(connection, region, due_account(""))
        if fen
    }
    survivors = survivors_of(connection, region, balances)
    due: dict[str, int] = {}
    for person_id, fen in balances.items():
        holder_id = survivors.get(person_id, person_id)
        due[holder_id] = due.get(holder_id, 0) + fen
    return [holder_id for holder_id, fen in due.items() if fen > 0]


def _settlements_of(
    connection: sa.Connection, region: str, person_ids: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Returns the settlements of a person, those that stand and those that were reversed."""
    among = tuple(person_ids)
    (visits,) = execute(
        connection, [Select(tables.visit, ("visit_id",), region, "person_id", among)]
    )
    settlement = tables.settlement.c
    of_visits = sa.select(settlement.settlement_id).where(
        settlement.region == region,
        settlement.visit_id.in_([visit_id for (visit_id,) in visits]),
    )
    # The ones are found by one index, the others by another.
    standing, reversed_ = (
        list(connection.execute(of_visits.where(part)).scalars())
        for part in (settlement.reversal_id.is_(None), settlement.reversal_id.is_not(None))
    )
    return standing, reversed_
