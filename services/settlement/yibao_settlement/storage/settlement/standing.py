"""What stands settled of visits: no reversed bill.

A batch has held bills by their persons (`storage.hold.loading`); whoever reads one visit
without locks reads them here.
"""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read

_COLUMNS = (
    *("visit_id", "bill_number", "settlement_id", "service_date", "is_interim"),
    *("total_fen", "line_marks", "item_set_mark"),
)


def read_standing_bills(region: str, visit_ids: Collection[str]) -> Read:
    """Reads what stands settled of visits."""
    return Read(_select(region, visit_ids), _keep)


def standing_bills(connection: sa.Connection, region: str, visit_id: str) -> list[StandingBill]:
    """Returns what stands settled or held of a visit."""
    held = tuple("hold_id" if name == "settlement_id" else name for name in _COLUMNS)
    settled_rows, held_rows = execute(
        connection,
        [
            _select(region, (visit_id,)),
            Select(tables.hold, held, region, "visit_id", (visit_id,), "end_time"),
        ],
    )
    return [StandingBill._make(row[2:]) for row in (*settled_rows, *held_rows)]


def _select(region: str, visit_ids: Collection[str]) -> Select:
    among = tuple(visit_ids)
    return Select(tables.settlement, _COLUMNS, region, "visit_id", among, "reversal_id")


def _keep(working_set: WorkingSet, rows: list[Row]) -> None:
    for visit_id, bill_number, *bill in rows:
        working_set.keep_bill(visit_id, bill_number, StandingBill._make(bill))
