"""What lies between the funds and a person, from the entries and the adjustments."""

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.ledger import difference_account, due_account
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.posting import account_balances
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.settlement.adjustment import adjustment_from, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)

# A settlement as it was told first, and what moved of it.
Adjusted = tuple[SettlementRecord, list[Adjustment]]


def find_difference(
    connection: sa.Connection, region: str, person_id: str
) -> tuple[int, int, list[Adjusted]]:
    """Returns what is owed to a person and to the account, in fen, and the bills that moved."""
    person_ids = one_person(connection, region, person_id)
    difference_fen = due_fen = 0
    for each in person_ids:
        difference_fen += _balance(connection, region, difference_account(each))
        due_fen += _balance(connection, region, due_account(each))
    return difference_fen, due_fen, _adjusted(connection, region, tuple(person_ids))


def _balance(connection: sa.Connection, region: str, account_id: str) -> int:
    return sum(fen for _, fen in account_balances(connection, region, account_id))


def _adjusted(
    connection: sa.Connection, region: str, person_ids: tuple[str, ...]
) -> list[Adjusted]:
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
    records, lines = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
        ],
    )
    further = lines_from(lines)
    return [(record_from(row, further.get(row[1], ())), moved[row[1]]) for row in records]
