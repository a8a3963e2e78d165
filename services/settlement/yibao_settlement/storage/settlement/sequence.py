"""The bills of a person that stand, and their places: what a fold decides again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.duplicate import Marks
from yibao_settlement.storage import tables
from yibao_settlement.storage.correction.record import came_to_be, select_corrections
from yibao_settlement.storage.refund.record import left_of, select_refunds
from yibao_settlement.storage.repricing.terms import select_terms
from yibao_settlement.storage.settlement.adjustment import adjusted, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


class PlacedBill(NamedTuple):
    """A bill that stands, and how many lines it has; none is told of one of long ago."""

    settlement_id: str
    place: str
    person_id: str
    line_count: int


def standing_places(
    connection: sa.Connection, region: str, person_ids: Sequence[str]
) -> list[PlacedBill]:
    """Returns the bills that stand of persons' visits, in no order."""
    (visits,) = execute(
        connection,
        [
            Select(
                tables.visit, ("visit_id",), region, "person_id", tuple(person_ids), "cancel_time"
            )
        ],
    )
    visit_ids = tuple([visit_id for (visit_id,) in visits])
    columns = ("settlement_id", "former_place", "person_id", "line_marks")
    (rows,) = execute(
        connection,
        [Select(tables.settlement, columns, region, "visit_id", visit_ids, "reversal_id")],
    )
    return [
        PlacedBill(each, former or each, person_id, Marks(marks or b"").line_count)
        for each, former, person_id, marks in rows
    ]


def records_of(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> dict[str, SettlementRecord]:
    """Returns settlements by id as what is left of them, with what moved of them since."""
    return read_records(connection, region, {}, settlement_ids)


def read_records(
    connection: sa.Connection,
    region: str,
    known: Mapping[str, SettlementRecord],
    settlement_ids: Collection[str],
) -> dict[str, SettlementRecord]:
    """Returns settlements by id as `records_of`, and so those `known` as they were settled.

    Of these it is told, too, which correction they came to be by.
    """
    ids = sorted({*known, *settlement_ids})
    *stored, corrections, refunds, adjustments, terms = execute(
        connection,
        [
            *select_stored(region, set(settlement_ids) - known.keys()),
            select_corrections(region, known)[0],
            select_refunds(region, ids),
            select_adjustments(region, ids),
            select_terms(region, ids),
        ],
    )
    records = {**known, **came_to_be(known, corrections), **records_from(*stored)}
    return adjusted(connection, region, left_of(records, refunds), adjustments, terms)


def stored_records(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> dict[str, SettlementRecord]:
    """Returns settlements by id, as they were settled."""
    return records_from(*execute(connection, select_stored(region, settlement_ids)))


def select_stored(region: str, settlement_ids: Collection[str]) -> list[Select]:
    """Returns the look-ups of settlements as they were settled, and of their further lines."""
    ids = tuple(sorted(settlement_ids))
    return [
        Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
        Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
    ]


def records_from(rows: Iterable[Row], lines: Iterable[Row]) -> dict[str, SettlementRecord]:
    """Returns the settlements of both look-ups by id."""
    further = lines_from(lines)
    records = [record_from(row, further.get(row[1], ())) for row in rows]
    return {record.settlement_id: record for record in records}
