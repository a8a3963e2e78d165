"""Refunds as stored, and settlements as what is left of them.

What is left is stored as a settlement is, in one of its forms; the settlement's own row stays
as it was settled.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.changes import Refunded
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack, Refund
from yibao_settlement.rules.refund import ReturnedLine
from yibao_settlement.storage import tables
from yibao_settlement.storage.settlement.record import LEFT_COLUMNS, left_from, left_values

_REFUND = (
    *("refund_id", "settlement_id", "number", "request_id"),
    *("refund_time", "reason", "refunded_by"),
)
_NOTES = (
    *_REFUND,
    "returned",
    *("returned_fund_total_fen", "returned_other_total_fen"),
    *("returned_account_fen", "returned_cash_fen"),
    *("balance_after_fen", "carried_after_fen"),
)
REFUND_COLUMNS = (*_NOTES, *LEFT_COLUMNS)

_encode = msgspec.json.Encoder().encode
_returned = msgspec.json.Decoder(tuple[ReturnedLine, ...]).decode


def write_refunds(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes what was returned of settlements."""
    yield Insert(
        tables.refund,
        ("region", *REFUND_COLUMNS),
        [(working_set.region, *_row(each)) for each in working_set.changes.refunds],
    )


def _row(refunded: Refunded) -> Row:
    refund = refunded.refund
    return (
        *refund[: len(_REFUND)],
        _encode(refund.returned).decode(),
        *refund.given_back,
        refund.balance_after_fen,
        refund.carried_after_fen,
        *left_values(refunded.left),
    )


def refund_from(row: Row) -> Refund:
    """Returns the refund in a row of REFUND_COLUMNS.

    Raises InvariantError where it is not what was written.
    """
    notes, (returned, *amounts) = row[: len(_REFUND)], row[len(_REFUND) : len(_NOTES)]
    try:
        lines = _returned(returned)
    except msgspec.DecodeError as error:
        raise InvariantError(f"refund {notes[0]} cannot be read") from error
    return Refund._make((*notes, lines, GivenBack._make(amounts[:4]), *amounts[4:]))


def select_refunds(region: str, settlement_ids: Collection[str]) -> Select:
    """Returns the look-up of what was returned of settlements."""
    return Select(tables.refund, REFUND_COLUMNS, region, "settlement_id", tuple(settlement_ids))


def refunded(record: SettlementRecord, rows: Iterable[Row]) -> SettlementRecord:
    """Returns what is left of a settlement by its rows of REFUND_COLUMNS, in any order.

    Raises InvariantError where some are not what was written.
    """
    ordered = sorted(rows, key=lambda row: row[2])
    if not ordered:
        return record
    return _left(record, ordered)


def each_left(record: SettlementRecord, rows: Iterable[Row]) -> list[SettlementRecord]:
    """Returns what each refund left of a settlement, the first one first.

    Raises InvariantError where some are not what was written.
    """
    ordered = sorted(rows, key=lambda row: row[2])
    return [_left(record, ordered[:number]) for number in range(1, len(ordered) + 1)]


def _left(record: SettlementRecord, ordered: Sequence[Row]) -> SettlementRecord:
    left = left_from(record, ordered[-1][len(_NOTES) :])
    return left._replace(refunds=tuple(map(refund_from, ordered)), first=record)


def with_refunds(
    connection: sa.Connection, region: str, records: Mapping[str, SettlementRecord]
) -> dict[str, SettlementRecord]:
    """Returns settlements, by id, as what is left of them."""
    (rows,) = execute(connection, [select_refunds(region, sorted(records))])
    return left_of(records, rows)


def left_of(
    records: Mapping[str, SettlementRecord], rows: Iterable[Row]
) -> dict[str, SettlementRecord]:
    """Returns settlements, by id, as what is left of them by rows of REFUND_COLUMNS."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(row)
    left = dict(records)
    for settlement_id, own in found.items():
        left[settlement_id] = refunded(records[settlement_id], own)
    return left
