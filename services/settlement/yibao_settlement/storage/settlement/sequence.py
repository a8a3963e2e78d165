"""The bills of a person that stand, and their places: what a fold decides again."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage import tables
from yibao_settlement.storage.refund.record import with_refunds
from yibao_settlement.storage.settlement.adjustment import with_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


def standing_places(
    connection: sa.Connection, region: str, person_ids: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Returns id, place and person of the bills that stand of persons' visits, in no order."""
    (visits,) = execute(
        connection,
        [
            Select(
                tables.visit, ("visit_id",), region, "person_id", tuple(person_ids), "cancel_time"
            )
        ],
    )
    visit_ids = tuple([visit_id for (visit_id,) in visits])
    columns = ("settlement_id", "former_place", "person_id")
    (rows,) = execute(
        connection,
        [Select(tables.settlement, columns, region, "visit_id", visit_ids, "reversal_id")],
    )
    return [(each, former or each, person_id) for each, former, person_id in rows]


def records_of(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> dict[str, SettlementRecord]:
    """Returns settlements by id as what is left of them, with what moved of them since."""
    stored = stored_records(connection, region, settlement_ids)
    left = with_refunds(connection, region, stored)
    return with_adjustments(connection, region, left)


def stored_records(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> dict[str, SettlementRecord]:
    """Returns settlements by id, as they were settled."""
    ids = tuple(sorted(settlement_ids))
    rows, lines = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
        ],
    )
    further = lines_from(lines)
    records = [record_from(row, further.get(row[1], ())) for row in rows]
    return {record.settlement_id: record for record in records}
