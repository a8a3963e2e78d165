"""Deductions and moves of deposits as stored, and their postings."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Id, Insert, Row, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.changes import Posting
from yibao_settlement.application.declaration.rows import OrderWish
from yibao_settlement.rules.declaration.order import (
    Deduction,
    DeductionType,
    DepositMove,
    DepositMoveKind,
    OrderState,
)
from yibao_settlement.rules.declaration.payment import PaymentState
from yibao_settlement.storage import tables
from yibao_settlement.storage.declaration import tables as declared

DEDUCTION_COLUMNS = Deduction._fields
# The payment of a release stands with the payment.
MOVE_COLUMNS = DepositMove._fields[:-1]
_CHANGING = ("state", "checker", "decide_time", "posting_id")
_deduction, _move = declared.deduction.c, declared.deposit_move.c


def deduction_from(row: Row) -> Deduction:
    """Returns the deduction in a row of DEDUCTION_COLUMNS."""
    values: dict[str, Any] = dict(zip(DEDUCTION_COLUMNS, row, strict=True))
    values["deduction_type"] = DeductionType(values["deduction_type"])
    values["state"] = OrderState(values["state"])
    return Deduction(**values)


def move_from(row: Row) -> DepositMove:
    """Returns the move in a row of MOVE_COLUMNS and the payment that it is in."""
    values: dict[str, Any] = dict(zip(DepositMove._fields, row, strict=True))
    values["move_kind"] = DepositMoveKind(values["move_kind"])
    values["state"] = OrderState(values["state"])
    return DepositMove(**values)


class StoredDeclarationOrders:
    """See `application.declaration.rows.DeclarationOrderRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find_deduction(self, deduction_id: str) -> Deduction | None:
        """Returns a deduction, or None."""
        found = self._deductions(_deduction.deduction_id == deduction_id)
        return found[0] if found else None

    def find_move(self, move_id: str) -> DepositMove | None:
        """Returns a move, or None."""
        found = self._moves(_move.move_id == move_id)
        return found[0] if found else None

    def deductions(self, declaration_ids: Collection[str]) -> list[Deduction]:
        """Returns the deductions of declarations that are not withdrawn."""
        return self._deductions(
            _deduction.declaration_id.in_(sorted(declaration_ids)),
            _deduction.state != int(OrderState.WITHDRAWN),
        )

    def moves(self, declaration_id: str) -> list[DepositMove]:
        """Returns the moves of a declaration that are not withdrawn."""
        return self._moves(
            _move.declaration_id == declaration_id, _move.state != int(OrderState.WITHDRAWN)
        )

    def is_revoked(self, deduction_id: str) -> bool:
        """Tells whether a deduction is given back or is to be."""
        return bool(
            self._deductions(
                _deduction.revoked_id == deduction_id,
                _deduction.state != int(OrderState.WITHDRAWN),
            )
        )

    def deduction_page(self, wish: OrderWish, *, after: str | None, limit: int) -> list[Deduction]:
        """Returns at most `limit` deductions behind one, by their ids."""
        return self._deductions(*_wished(_deduction, "deduction_id", wish, after), limit=limit)

    def move_page(self, wish: OrderWish, *, after: str | None, limit: int) -> list[DepositMove]:
        """Returns at most `limit` moves behind one, by their ids."""
        return self._moves(*_wished(_move, "move_id", wish, after), limit=limit)

    def insert(self, order: Deduction | DepositMove) -> None:
        """Stores what is proposed."""
        if isinstance(order, Deduction):
            insert = Insert(declared.deduction, DEDUCTION_COLUMNS, [tuple(order)])
        else:
            insert = Insert(declared.deposit_move, MOVE_COLUMNS, [tuple(order)[:-1]])
        execute(self._connection, [insert])

    def update(self, order: Deduction | DepositMove) -> None:
        """Stores what became of it."""
        table, key = declared.deposit_move, _move.move_id
        if isinstance(order, Deduction):
            table, key = declared.deduction, _deduction.deduction_id
        changed = self._connection.execute(
            sa.update(table)
            .where(
                table.c.region == self._region,
                key == order.order_id,
                table.c.state == int(OrderState.PROPOSED),
            )
            .values({name: getattr(order, name) for name in _CHANGING})
        )
        if changed.rowcount != 1:
            raise InvariantError(f"{order.order_id} does not wait")

    def post(self, posting: Posting, *, now: dt.datetime) -> None:
        """Appends a posting of a time to the ledger, where it has entries."""
        if not posting.entries:
            return
        own = (self._region, posting.posting_id, int(posting.kind))
        columns = ("region", "posting_id", "kind")
        execute(
            self._connection,
            [
                Insert(
                    tables.posting,
                    (*columns, "request_id", "post_time", "posted_by"),
                    [(*own, posting.request_id, now, posting.posted_by)],
                ),
                Insert(
                    tables.entry,
                    (*columns, "account_id", "amount_fen", "month", "original_month"),
                    [
                        (*own, *entry, posting.month, posting.original_month)
                        for entry in posting.entries
                    ],
                ),
            ],
        )

    def _deductions(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None
    ) -> list[Deduction]:
        query = (
            sa.select(*(_deduction[name] for name in DEDUCTION_COLUMNS))
            .where(_deduction.region == self._region, *conditions)
            .order_by(_deduction.deduction_id)
            .limit(limit)
        )
        return [deduction_from(tuple(row)) for row in self._connection.execute(query)]

    def _moves(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None
    ) -> list[DepositMove]:
        query = (
            sa.select(*(_move[name] for name in MOVE_COLUMNS), paid_with())
            .where(_move.region == self._region, *conditions)
            .order_by(_move.move_id)
            .limit(limit)
        )
        return [move_from(tuple(row)) for row in self._connection.execute(query)]


def paid_with() -> sa.ScalarSelect[Any]:
    """Returns the payment, not withdrawn, that a release is in."""
    line, payment = declared.institution_payment_line.c, declared.institution_payment.c
    return (
        sa.select(line.payment_id)
        .join_from(
            declared.institution_payment_line,
            declared.institution_payment,
            sa.and_(payment.region == line.region, payment.payment_id == line.payment_id),
        )
        .where(
            line.region == _move.region,
            line.item_id == _move.move_id,
            payment.state != int(PaymentState.WITHDRAWN),
        )
        .correlate(declared.deposit_move)
        .scalar_subquery()
    )


def _wished(
    columns: Any, key: str, wish: OrderWish, after: str | None
) -> list[sa.ColumnElement[bool]]:
    conditions = [
        columns[name] == value for name, value in wish._asdict().items() if value is not None
    ]
    if after is not None:
        conditions.append(columns[key] > sa.literal(after, Id))
    return conditions
