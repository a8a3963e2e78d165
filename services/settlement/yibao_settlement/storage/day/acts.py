"""Acts of an institution at its counters, of three tables: each by an index on its time.

The sums of a settlement's row are those of the counter as it settled; those of a refund's row are
what is left after it, which a reversal or correction gives back.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts
from yibao_settlement.storage import tables

_SUMS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
_SETTLEMENT, _CORRECTION, _REFUND = tables.settlement.c, tables.correction.c, tables.refund.c
# The settlement whose place another one took, and what was left of it or of one that is reversed.
_corrected = tables.settlement.alias("corrected")
_left = tables.refund.alias("left_over")
# How acts are chosen by their time, of whichever column it stands in.
OfTime = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]
# In this order each act is selected. `undone_id` is the reversal that is a part of a correction.
ACT_COLUMNS = (
    *("request_id", "kind", "settlement_id", "bill_number", *_SUMS),
    *("act_id", "act_time", "acted_by", "reverse_time"),
)
_FURTHER_COLUMNS = ("undone_id", "visit_id", "insurance_type", "institution_id")


def acts_of(region: str, institution_id: str, of_time: OfTime) -> sa.Subquery:
    """Returns a table of an institution's acts, with ACT_COLUMNS and what they are summed by.

    Of all institutions of the region where none is named.
    """
    whose = [_SETTLEMENT.region == region]
    if institution_id:
        whose.append(_SETTLEMENT.institution_id == institution_id)
    queries = [
        each(of_time).where(*whose) for each in (_settled, _corrections, _reversed, _refunded)
    ]
    return sa.union_all(*queries).subquery("act")


def act_from(row: sa.Row[Any]) -> DayAct:
    """Returns the act in a row of ACT_COLUMNS."""
    request_id, kind, settlement_id, bill_number, *rest = tuple(row)
    return DayAct(
        request_id or "",
        DayActKind(kind),
        settlement_id,
        bill_number,
        DayAmounts(*map(int, rest[:4])),
        *rest[4:],
    )


def _settled(of_time: OfTime) -> sa.Select[Any]:
    """What was settled, and took nothing's place."""
    is_correction = sa.exists().where(_own(_CORRECTION, "settlement_id", _SETTLEMENT))
    query = _selected(
        _SETTLEMENT.request_id,
        sa.literal(int(DayActKind.SETTLED)),
        [_SETTLEMENT[name] for name in _SUMS],
        _SETTLEMENT.settlement_id,
        _SETTLEMENT.settle_time,
        _SETTLEMENT.settled_by,
        _SETTLEMENT.reverse_time,
    )
    query = query.select_from(tables.settlement)
    return query.where(of_time(_SETTLEMENT.settle_time), ~is_correction)


def _corrections(of_time: OfTime) -> sa.Select[Any]:
    """What was settled in the place of another one, with what that gives back."""
    source = (
        tables.settlement.join(tables.correction, _own(_CORRECTION, "settlement_id", _SETTLEMENT))
        .join(_corrected, _own(_corrected.c, "settlement_id", _CORRECTION, "corrected_id"))
        .outerjoin(_left, _is_left_of(_corrected.c))
    )
    query = _selected(
        _SETTLEMENT.request_id,
        sa.literal(int(DayActKind.CORRECTED)),
        [_SETTLEMENT[name] - sa.func.coalesce(_left.c[name], _corrected.c[name]) for name in _SUMS],
        _SETTLEMENT.settlement_id,
        _SETTLEMENT.settle_time,
        _SETTLEMENT.settled_by,
        _SETTLEMENT.reverse_time,
        _corrected.c.reversal_id,
    )
    return query.select_from(source).where(of_time(_SETTLEMENT.settle_time))


def _reversed(of_time: OfTime) -> sa.Select[Any]:
    """What was reversed and not corrected; of before requests were kept, by their postings."""
    posting = tables.posting.c
    source = (
        tables.settlement.outerjoin(
            tables.correction, _own(_CORRECTION, "corrected_id", _SETTLEMENT, "settlement_id")
        )
        .outerjoin(tables.posting, _own(posting, "posting_id", _SETTLEMENT, "reversal_id"))
        .outerjoin(_left, _is_left_of(_SETTLEMENT))
    )
    query = _selected(
        sa.func.coalesce(_SETTLEMENT.reverse_request_id, posting.request_id),
        sa.literal(int(DayActKind.REVERSED)),
        [-sa.func.coalesce(_left.c[name], _SETTLEMENT[name]) for name in _SUMS],
        _SETTLEMENT.reversal_id,
        _SETTLEMENT.reverse_time,
        _SETTLEMENT.reversed_by,
    )
    return query.select_from(source).where(
        of_time(_SETTLEMENT.reverse_time),
        _SETTLEMENT.reversal_id.is_not(None),
        _CORRECTION.corrected_id.is_(None),
    )


def _refunded(of_time: OfTime) -> sa.Select[Any]:
    """What was returned: the counter gives it back."""
    parts = [_REFUND[f"returned_{name}"] for name in ("fund_total_fen", "account_fen", "cash_fen")]
    total = sum(parts, _REFUND.returned_other_total_fen)
    query = _selected(
        _REFUND.request_id,
        sa.literal(int(DayActKind.REFUNDED)),
        [-total, *(-each for each in parts)],
        _REFUND.refund_id,
        _REFUND.refund_time,
        _REFUND.refunded_by,
    )
    source = tables.refund.join(tables.settlement, _own(_REFUND, "settlement_id", _SETTLEMENT))
    return query.select_from(source).where(of_time(_REFUND.refund_time))


def _selected(
    request_id: sa.ColumnElement[Any],
    kind: sa.ColumnElement[Any],
    sums: list[sa.ColumnElement[Any]],
    *of_act: sa.ColumnElement[Any],
) -> sa.Select[Any]:
    """Selects ACT_COLUMNS and _FURTHER_COLUMNS; `of_act` are from `act_id` to `undone_id`."""
    act_id, act_time, acted_by, *rest = of_act
    no_time: sa.ColumnElement[Any] = sa.cast(sa.null(), Instant)
    no_id: sa.ColumnElement[Any] = sa.cast(sa.null(), Id)
    reverse_time = rest[0] if rest else no_time
    undone_id = rest[1] if len(rest) > 1 else no_id
    values = (
        *(request_id, kind, _SETTLEMENT.settlement_id, _SETTLEMENT.bill_number, *sums),
        *(act_id, act_time, acted_by, reverse_time, undone_id),
        *(_SETTLEMENT.visit_id, _SETTLEMENT.insurance_type, _SETTLEMENT.institution_id),
    )
    names = (*ACT_COLUMNS, *_FURTHER_COLUMNS)
    return sa.select(*(value.label(name) for name, value in zip(names, values, strict=True)))


def _own(columns: Any, key: str, of: Any, of_key: str = "") -> sa.ColumnElement[bool]:
    """Returns what joins a table by the key of another, in its region."""
    return sa.and_(columns.region == of.region, columns[key] == of[of_key or key])


def _is_left_of(settlement: Any) -> sa.ColumnElement[bool]:
    """Returns what joins the last refund of a settlement, which tells what is left of it."""
    number = (
        sa.select(sa.func.max(_REFUND.number))
        .where(
            _REFUND.region == settlement.region, _REFUND.settlement_id == settlement.settlement_id
        )
        .scalar_subquery()
    )
    return sa.and_(_own(_left.c, "settlement_id", settlement), _left.c.number == number)
