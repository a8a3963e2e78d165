"""What was moved into accounts of settlements, as stored."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage.difference import tables

MOVE_COLUMNS = DueMove._fields


def select_moves(region: str, settlement_ids: Collection[str]) -> Select:
    """Returns the look-up of what was moved of settlements, in MOVE_COLUMNS."""
    among = tuple(settlement_ids)
    return Select(tables.due_move, MOVE_COLUMNS, region, "settlement_id", among)


def moves_of(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> list[DueMove]:
    """Returns what was moved of settlements and taken out again, in no order."""
    (rows,) = execute(connection, [select_moves(region, settlement_ids)])
    return [DueMove._make(row) for row in rows]


def moved_by_settlement(moves: Iterable[DueMove]) -> dict[str, int]:
    """Returns what is in accounts of each settlement, in fen."""
    found: dict[str, int] = {}
    for move in moves:
        found[move.settlement_id] = found.get(move.settlement_id, 0) + move.amount_fen
    return found


def with_moved(record: SettlementRecord | None, rows: Sequence[Row]) -> SettlementRecord | None:
    """Returns a settlement with what is in the account of it, by its rows of MOVE_COLUMNS."""
    if record is None or not rows:
        return record
    return record._replace(moved_fen=sum(DueMove._make(row).amount_fen for row in rows))


def write_moves(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes what was moved, and taken out again."""
    yield Insert(
        tables.due_move,
        ("region", *MOVE_COLUMNS),
        [(working_set.region, *each) for each in working_set.differences.moves],
    )
