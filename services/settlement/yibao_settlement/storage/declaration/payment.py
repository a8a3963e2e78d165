"""Payments to institutions as stored."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Id, Insert, Row, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.declaration.rows import PaymentWish
from yibao_settlement.rules.declaration.payment import Payment, PaymentLine, PaymentState
from yibao_settlement.storage.declaration import tables as declared

COLUMNS = Payment._fields
LINE_COLUMNS = PaymentLine._fields
_CHANGING = COLUMNS[COLUMNS.index("state") :]
_payment, _line = declared.institution_payment.c, declared.institution_payment_line.c


def payment_from(row: Row) -> Payment:
    """Returns the payment in a row of COLUMNS."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Payment(**{**values, "state": PaymentState(values["state"])})


class StoredPayments:
    """See `application.declaration.rows.PaymentRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self, payment_id: str) -> Payment | None:
        """Returns a payment, locked until the transaction ends, or None."""
        query = self._select(_payment.payment_id == payment_id).with_for_update()
        return self._one(query)

    def find(self, payment_id: str) -> Payment | None:
        """Returns a payment, or None."""
        return self._one(self._select(_payment.payment_id == payment_id))

    def by_reference(self, bank_reference: str) -> Payment | None:
        """Returns the payment that was made under a reference of the bank, or None."""
        return self._one(self._select(_payment.bank_reference == bank_reference))

    def lines(self, payment_id: str) -> list[PaymentLine]:
        """Returns what a payment is of, in the order of items and accounts."""
        query = (
            sa.select(*(_line[name] for name in LINE_COLUMNS))
            .where(_line.region == self._region, _line.payment_id == payment_id)
            .order_by(_line.item_id, _line.account_id)
        )
        return [PaymentLine._make(row) for row in self._connection.execute(query)]

    def standing_lines(
        self, item_ids: Collection[str]
    ) -> dict[str, list[tuple[Payment, PaymentLine]]]:
        """Returns the lines of payments that are not withdrawn, by item."""
        query = (
            sa.select(
                *(_payment[name] for name in COLUMNS),
                *(_line[name].label(f"line_{name}") for name in LINE_COLUMNS),
            )
            .join_from(
                declared.institution_payment_line,
                declared.institution_payment,
                sa.and_(_payment.region == _line.region, _payment.payment_id == _line.payment_id),
            )
            .where(
                _line.region == self._region,
                _line.item_id.in_(sorted(item_ids)),
                _payment.state != int(PaymentState.WITHDRAWN),
            )
            .order_by(_line.item_id, _line.account_id)
        )
        found: dict[str, list[tuple[Payment, PaymentLine]]] = {}
        for row in self._connection.execute(query):
            payment, line = tuple(row)[: len(COLUMNS)], PaymentLine._make(row[len(COLUMNS) :])
            found.setdefault(line.item_id, []).append((payment_from(payment), line))
        return found

    def page(self, wish: PaymentWish, *, after: str | None, limit: int) -> list[Payment]:
        """Returns at most `limit` payments behind one, by their ids."""
        query = self._select().order_by(_payment.payment_id).limit(limit)
        for name, value in wish._asdict().items():
            if value is not None:
                query = query.where(_payment[name] == value)
        if after is not None:
            query = query.where(_payment.payment_id > sa.literal(after, Id))
        return [payment_from(tuple(row)) for row in self._connection.execute(query)]

    def insert(self, payment: Payment, lines: Sequence[PaymentLine]) -> None:
        """Stores what is proposed."""
        rows = [(self._region, payment.payment_id, *line) for line in lines]
        execute(
            self._connection,
            [
                Insert(declared.institution_payment, COLUMNS, [tuple(payment)]),
                Insert(
                    declared.institution_payment_line,
                    ("region", "payment_id", *LINE_COLUMNS),
                    rows,
                ),
            ],
        )

    def update(self, payment: Payment) -> None:
        """Stores what became of it."""
        changed = self._connection.execute(
            sa.update(declared.institution_payment)
            .where(_payment.region == self._region, _payment.payment_id == payment.payment_id)
            .values({name: getattr(payment, name) for name in _CHANGING})
        )
        if changed.rowcount != 1:
            raise InvariantError(f"payment {payment.payment_id} is gone")

    def _select(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        columns = [_payment[name] for name in COLUMNS]
        return sa.select(*columns).where(_payment.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> Payment | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else payment_from(tuple(row))
