"""Adjustments as stored: that the effective column of a settlement moved.

What a settlement costs whom by now is a JSON object:

    fund_payments, other_payments      arrays, as in the settlement's record
    arrears                            arrays: step, fen
    amounts                            deductible, account, cash
    accumulations, year_before         objects: name to value
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.record import Adjustment, Effective, SettlementRecord
from yibao_settlement.application.settlement.terms import OtherPayment
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.move import moved_by_settlement, moves_of
from yibao_settlement.storage.repricing.terms import newest_terms, select_terms

ADJUSTMENT_COLUMNS = (
    *("settlement_id", "revision", "adjust_time", "cause", "cause_id", "posting_id", "effective"),
)


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    fund_payments: tuple[FundPayment, ...]
    amounts: tuple[int, int, int]
    year_before: dict[str, int]
    accumulations: dict[str, int]
    other_payments: tuple[OtherPayment, ...] = ()
    arrears: tuple[tuple[str, int], ...] = ()


_encode = msgspec.json.Encoder().encode
_stored = msgspec.json.Decoder(_Stored).decode


def write_adjustments(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes what moved of settled bills."""
    yield insert_adjustments(working_set.region, working_set.changes.adjustments)


def insert_adjustments(region: str, adjustments: Iterable[Adjustment]) -> Insert:
    """Returns what writes that settled bills moved."""
    rows = [(region, *adjustment_row(each)) for each in adjustments]
    return Insert(tables.adjustment, ("region", *ADJUSTMENT_COLUMNS), rows)


def adjustment_row(adjustment: Adjustment) -> Row:
    """Returns a row of ADJUSTMENT_COLUMNS."""
    effective = adjustment.effective
    stored = _Stored(
        effective.fund_payments,
        (effective.deductible_fen, effective.account_fen, effective.cash_fen),
        dict(effective.year_before),
        dict(effective.accumulations),
        effective.other_payments,
        effective.arrears,
    )
    return (*adjustment[:3], int(adjustment.cause), *adjustment[4:6], _encode(stored).decode())


def adjustment_from(row: Row) -> Adjustment:
    """Returns the adjustment in a row of ADJUSTMENT_COLUMNS.

    Raises InvariantError where it is not what was written.
    """
    settlement_id, revision, adjust_time, cause, cause_id, posting_id, effective = row
    try:
        stored = _stored(effective)
        known = Cause(cause)
    except (msgspec.DecodeError, ValueError) as error:
        raise InvariantError(f"adjustment {revision} of {settlement_id}: {error}") from error
    told = Effective(
        stored.fund_payments,
        *stored.amounts,
        stored.year_before,
        stored.accumulations,
        stored.other_payments,
        stored.arrears,
    )
    return Adjustment(settlement_id, revision, adjust_time, known, cause_id, posting_id, told)


def newest_adjustments(rows: Iterable[Row]) -> dict[str, Adjustment]:
    """Returns the newest adjustment of each settlement in rows of ADJUSTMENT_COLUMNS."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row[0] not in newest or newest[row[0]][1] < row[1]:
            newest[row[0]] = row
    return {settlement_id: adjustment_from(row) for settlement_id, row in newest.items()}


def select_adjustments(region: str, settlement_ids: Collection[str]) -> Select:
    """Returns the look-up of what moved of settlements."""
    among = tuple(settlement_ids)
    return Select(tables.adjustment, ADJUSTMENT_COLUMNS, region, "settlement_id", among)


def with_adjustments(
    connection: sa.Connection, region: str, records: Mapping[str, SettlementRecord]
) -> dict[str, SettlementRecord]:
    """Returns settlements, by id, with what moved of them since, and the terms of that."""
    ids = sorted(records)
    selects = [select_adjustments(region, ids), select_terms(region, ids)]
    rows, given = execute(connection, selects)
    return adjusted(connection, region, records, rows, given)


def adjusted(
    connection: sa.Connection,
    region: str,
    records: Mapping[str, SettlementRecord],
    rows: Iterable[Row],
    given: Iterable[Row],
) -> dict[str, SettlementRecord]:
    """Returns settlements, by id, with what the rows of both look-ups tell of them."""
    terms = newest_terms(given)
    newest = newest_adjustments(rows)
    # Nothing is due to an account, nor was moved into it, but of what was adjusted.
    moved = moved_by_settlement(moves_of(connection, region, sorted(newest)))
    found = dict(records)
    for settlement_id in newest.keys() | terms.keys():
        found[settlement_id] = records[settlement_id]._replace(
            adjustment=newest.get(settlement_id),
            moved_fen=moved.get(settlement_id, 0),
            newest_terms=terms.get(settlement_id),
        )
    return found
