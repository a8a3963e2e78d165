"""What stands settled of visits: no reversed bill.

A batch has held bills by their persons (`storage.hold.loading`); whoever reads one visit
without locks reads them here.
"""

from collections.abc import Collection
from typing import Any

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

# Of a bill of which nothing is left, as of those of before they were kept.
_NO_MARKS: dict[str, Any] = {"line_marks": None, "item_set_mark": None}


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
    (refunds,) = execute(connection, [_select_returned(region, [row[2] for row in settled_rows])])
    gone = _returned(refunds)
    return [
        bill._replace(**_NO_MARKS) if bill.settlement_id in gone else bill
        for bill in (StandingBill._make(row[2:]) for row in (*settled_rows, *held_rows))
    ]


def read_returned(working_set: WorkingSet) -> Read:
    """Reads of which bills that stand settled nothing is left: most visits have none beside."""
    bills = {
        bill.settlement_id: (visit_id, number)
        for visit_id, by_number in working_set.settled_bills.items()
        for number, bill in by_number.items()
    }

    def keep(working_set: WorkingSet, rows: list[Row]) -> None:
        for settlement_id in _returned(rows):
            visit_id, number = bills[settlement_id]
            bill = working_set.settled_bills[visit_id][number]
            working_set.keep_bill(visit_id, number, bill._replace(**_NO_MARKS))

    return Read(_select_returned(working_set.region, bills), keep)


def _select_returned(region: str, settlement_ids: Collection[str]) -> Select:
    columns = ("settlement_id", "number", "total_fen")
    return Select(tables.refund, columns, region, "settlement_id", tuple(settlement_ids))


def _returned(rows: list[Row]) -> Collection[str]:
    """Returns those of some settlements of which all lines were returned, by their refunds."""
    # The last refund of each, which comes last of them.
    left = {settlement_id: total_fen for settlement_id, _, total_fen in sorted(rows)}
    return {settlement_id for settlement_id, total_fen in left.items() if not total_fen}


def _select(region: str, visit_ids: Collection[str]) -> Select:
    among = tuple(visit_ids)
    return Select(tables.settlement, _COLUMNS, region, "visit_id", among, "reversal_id")


def _keep(working_set: WorkingSet, rows: list[Row]) -> None:
    for visit_id, bill_number, *bill in rows:
        working_set.keep_bill(visit_id, bill_number, StandingBill._make(bill))
