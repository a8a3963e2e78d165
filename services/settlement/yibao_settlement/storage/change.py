"""What changed amounts of settlements, by time: of four tables, each by an index of its own."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.values.errors import InvariantError
from yibao_settlement.application.change import Change, ChangeKind, ChangePlace, ChangeWish
from yibao_settlement.rules.difference import Cause
from yibao_settlement.storage import tables

_SETTLEMENT, _REFUND, _ADJUSTMENT = (
    tables.settlement.c,
    tables.refund.c,
    tables.adjustment.c,
)
# Institutions and agencies change settlements, and nobody else does.
_BY_AGENCY = "agency/%"
_Columns = Sequence[sa.ColumnElement[Any]]


def list_changes(
    connection: sa.Connection,
    region: str,
    wish: ChangeWish,
    *,
    after: ChangePlace | None,
    limit: int,
) -> list[Change]:
    """Returns at most `limit` changes of settlements of a region, the oldest first."""
    found = [
        change
        for query in _queries(region, wish, after)
        for change in map(_change, connection.execute(query.limit(limit)))
    ]
    return sorted(found, key=lambda change: change.place)[:limit]


def _queries(region: str, wish: ChangeWish, after: ChangePlace | None) -> Iterator[sa.Select[Any]]:
    newest = (
        sa.select(sa.func.max(_ADJUSTMENT.revision))
        .where(
            _ADJUSTMENT.region == region,
            _ADJUSTMENT.settlement_id == _SETTLEMENT.settlement_id,
        )
        .scalar_subquery()
    )
    # A settlement is not decided again after it was reversed.
    for kind, time, by, revision in (
        (ChangeKind.SETTLED, _SETTLEMENT.settle_time, _SETTLEMENT.settled_by, sa.literal(1)),
        (
            ChangeKind.REVERSED,
            _SETTLEMENT.reverse_time,
            _SETTLEMENT.reversed_by,
            sa.func.coalesce(newest, 1),
        ),
    ):
        query = _query(kind, (time, _SETTLEMENT.settlement_id), by.like(_BY_AGENCY), wish, after)
        query = query.add_columns(sa.literal(0), revision, sa.null())
        query = query.where(_SETTLEMENT.region == region)
        if kind is ChangeKind.REVERSED:
            query = query.where(_SETTLEMENT.reversal_id.is_not(None))
        yield query
    by_refund = (
        sa.select(_ADJUSTMENT.revision)
        .where(
            _ADJUSTMENT.region == region,
            _ADJUSTMENT.settlement_id == _REFUND.settlement_id,
            _ADJUSTMENT.cause_id == _REFUND.refund_id,
        )
        .scalar_subquery()
    )
    places = (_REFUND.refund_time, _REFUND.settlement_id, _REFUND.number)
    by_agency = _REFUND.refunded_by.like(_BY_AGENCY)
    refunded = _query(ChangeKind.REFUNDED, places, by_agency, wish, after)
    refunded = refunded.add_columns(_REFUND.number, by_refund, sa.null())
    yield _joined(refunded.where(_REFUND.region == region), tables.refund)
    places = (_ADJUSTMENT.adjust_time, _ADJUSTMENT.settlement_id, _ADJUSTMENT.revision)
    adjusted = _query(ChangeKind.ADJUSTED, places, sa.true(), wish, after)
    adjusted = adjusted.add_columns(_ADJUSTMENT.revision, _ADJUSTMENT.revision, _ADJUSTMENT.cause)
    adjusted = adjusted.where(_ADJUSTMENT.region == region, _ADJUSTMENT.posting_id.is_not(None))
    yield _joined(adjusted, tables.adjustment)


def _query(
    kind: ChangeKind,
    places: _Columns,
    is_by_other: sa.ColumnElement[bool],
    wish: ChangeWish,
    after: ChangePlace | None,
) -> sa.Select[Any]:
    """Returns what selects changes of a kind in their order; `places` tell them apart."""
    time = places[0]
    query = (
        sa.select(
            sa.literal(int(kind)),
            time,
            _SETTLEMENT.settlement_id,
            _SETTLEMENT.reversal_id.is_not(None),
            _SETTLEMENT.visit_id,
            _SETTLEMENT.bill_number,
            _SETTLEMENT.institution_id,
            is_by_other,
        )
        .where(time >= wish.changed_since, time < wish.changed_before)
        .order_by(*places)
    )
    if wish.institution_id is not None:
        query = query.where(_SETTLEMENT.institution_id == wish.institution_id)
    if wish.only_by_others:
        query = query.where(is_by_other)
    if after is None:
        return query
    if kind is after.kind:
        reached = [
            sa.literal(value, column.type)
            for value, column in zip(
                (after.change_time, after.settlement_id, after.number), places, strict=False
            )
        ]
        return query.where(sa.tuple_(*places) > sa.tuple_(*reached))
    # Changes of a time are told kind by kind.
    return query.where(time >= after.change_time if kind > after.kind else time > after.change_time)


def _joined(query: sa.Select[Any], table: sa.Table) -> sa.Select[Any]:
    own = sa.and_(
        _SETTLEMENT.region == table.c.region,
        _SETTLEMENT.settlement_id == table.c.settlement_id,
    )
    return query.join_from(table, tables.settlement, own)


def _change(row: sa.Row[Any]) -> Change:
    kind, time, settlement_id, is_reversed, *rest = tuple(row)
    visit_id, bill_number, institution_id, is_by_other, number, revision, cause = rest
    try:
        known = None if cause is None else Cause(cause)
    except ValueError as error:
        raise InvariantError(f"adjustment {number} of {settlement_id}: {error}") from error
    assert revision is not None, settlement_id
    place = ChangePlace(time, ChangeKind(kind), settlement_id, number)
    return Change(
        place,
        revision,
        bool(is_reversed),
        known,
        visit_id,
        bill_number,
        institution_id,
        bool(is_by_other),
    )
