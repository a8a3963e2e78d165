"""Credits and orders of accounts as stored: what a batch reads and writes, and what is read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credit.state import AccountClaims, AccountClosing
from yibao_settlement.rules.credit.credit import Credit, CreditState
from yibao_settlement.rules.credit.order import (
    AccountOrder,
    AccountOrderKind,
    AccountOrderState,
    PayOutCause,
)
from yibao_settlement.rules.ledger import receivable_account
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.merge import one_person, survivors_of

CREDIT_COLUMNS = Credit._fields
_CREDIT_CHANGING = ("state", "posting_id", "taken_back_fen")
ORDER_COLUMNS = AccountOrder._fields
_ORDER_CHANGING = (
    *("state", "checker", "close_time", "posting_id"),
    *("receivable_fen", "reject_reason"),
)
_CLOSING_COLUMNS = ("region", *AccountClosing._fields)


def credit_from(row: Row) -> Credit:
    """Returns the credit in a row of CREDIT_COLUMNS."""
    credit = Credit(*row)
    return credit._replace(state=CreditState(credit.state), is_carried=bool(credit.is_carried))


def order_from(row: Row) -> AccountOrder:
    """Returns the order in a row of ORDER_COLUMNS."""
    values: dict[str, Any] = dict(zip(ORDER_COLUMNS, row, strict=True))
    values["kind"] = AccountOrderKind(values["kind"])
    values["state"] = AccountOrderState(values["state"])
    values["cause"] = None if values["cause"] is None else PayOutCause(values["cause"])
    return AccountOrder(**values)


def read_claims(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads what commands said of credits and orders, under the persons' locks.

    Nothing where no command did so.
    """
    region, needs = working_set.region, wanted.needs
    persons = {*needs.account_person_ids, *(key.person_id for key in needs.credit_keys)}
    if not persons:
        return
    records = _records(connection, working_set, persons)
    ids = tuple(sorted(records))
    by_key: dict[str, set[str]] = defaultdict(set)
    for key in needs.credit_keys:
        by_key[key.business_key].update(
            each for each, holder in records.items() if holder == key.person_id
        )
    receivables = tuple(map(receivable_account, ids))
    orders, by_id, closed, owed, *keyed = execute(
        connection,
        [
            Select(
                tables.accounts.account_order,
                ORDER_COLUMNS,
                region,
                "person_id",
                ids,
            ),
            Select(
                tables.accounts.credit, CREDIT_COLUMNS, region, "credit_id", tuple(needs.credit_ids)
            ),
            _select_closed(region, ids),
            Select(tables.entry, ("account_id", "amount_fen"), region, "account_id", receivables),
            *(
                Select(
                    *(
                        tables.accounts.credit,
                        CREDIT_COLUMNS,
                        region,
                        "person_id",
                        tuple(sorted(among)),
                    ),
                    equal=("business_key", business_key),
                )
                for business_key, among in by_key.items()
            ),
        ],
    )
    state = working_set.credits
    state.orders.update((order.order_id, order) for order in map(order_from, orders))
    for rows in (by_id, *keyed):
        state.by_id.update((credit.credit_id, credit) for credit in map(credit_from, rows))
    for person_id, cause_id, close_time in closed:
        state.closed.setdefault(person_id, {})[cause_id] = close_time
    for account_id, fen in owed:
        state.receivables[account_id] = state.receivables.get(account_id, 0) + fen


def _select_closed(region: str, person_ids: tuple[str, ...]) -> Select:
    columns = ("person_id", "cause_id", "close_time")
    return Select(
        tables.accounts.account_closing,
        columns,
        region,
        "person_id",
        person_ids,
        null="reopen_time",
    )


def _records(
    connection: sa.Connection, working_set: WorkingSet, persons: Collection[str]
) -> dict[str, str]:
    """Returns every record of persons, each to who stands in its place, and notes these."""
    records = dict.fromkeys(persons, "")
    for each in persons:
        # Somebody who was merged is refused; nothing is read for it.
        records[each] = each
    asked = tuple(sorted(persons))
    while asked:
        select = Select(
            tables.person, ("person_id", "merged_into"), working_set.region, "merged_into", asked
        )
        (rows,) = execute(connection, [select])
        found = {person_id: records[into] for person_id, into in rows if person_id not in records}
        records.update(found)
        asked = tuple(sorted(found))
    working_set.survivors = {**records, **working_set.survivors}
    return records


def write_credits(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes credits, orders and closings that are new or changed."""
    region, state = working_set.region, working_set.credits
    yield Insert(
        tables.accounts.credit, CREDIT_COLUMNS, [tuple(state.by_id[each]) for each in state.added]
    )
    yield Update(
        tables.accounts.credit,
        ("region", "credit_id"),
        _CREDIT_CHANGING,
        list(_changes(region, ((each, state.by_id[each]) for each in sorted(state.changed)))),
    )
    yield Insert(
        tables.accounts.account_order,
        ORDER_COLUMNS,
        [tuple(state.orders[each]) for each in state.proposed],
    )
    orders = (state.orders[each] for each in sorted(state.orders_changed))
    yield Update(
        tables.accounts.account_order,
        ("region", "order_id"),
        _ORDER_CHANGING,
        [
            (region, order.order_id, *(getattr(order, name) for name in _ORDER_CHANGING))
            for order in orders
        ],
    )
    yield Insert(
        tables.accounts.account_closing,
        _CLOSING_COLUMNS,
        [(region, *each) for each in state.closings],
    )
    yield Update(
        tables.accounts.account_closing,
        ("region", "person_id", "cause_id"),
        ("reopen_time",),
        [(region, *each) for each in state.reopened],
    )


def _changes(region: str, changed: Iterable[tuple[str, Credit]]) -> Iterator[Row]:
    for credit_id, credit in changed:
        yield (region, credit_id, *(getattr(credit, name) for name in _CREDIT_CHANGING))


def find_credit(connection: sa.Connection, region: str, credit_id: str) -> Credit | None:
    """Returns a credit with who holds its account by now as its person, or None."""
    select = Select(tables.accounts.credit, CREDIT_COLUMNS, region, "credit_id", (credit_id,))
    (rows,) = execute(connection, [select])
    if not rows:
        return None
    credit = credit_from(rows[0])
    holder = survivors_of(connection, region, (credit.person_id,))
    return credit._replace(person_id=holder.get(credit.person_id, credit.person_id))


def list_credits(
    connection: sa.Connection, region: str, person_id: str, *, before: str | None, limit: int
) -> list[Credit]:
    """Returns at most `limit` credits of all records of a person, the newest first."""
    credit = tables.accounts.credit.c
    query = (
        sa.select(*(credit[name] for name in CREDIT_COLUMNS))
        .where(
            credit.region == region,
            credit.person_id.in_(one_person(connection, region, person_id)),
        )
        .order_by(credit.credit_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(credit.credit_id < before)
    return [credit_from(tuple(row)) for row in connection.execute(query)]


def find_order(connection: sa.Connection, region: str, order_id: str) -> AccountOrder | None:
    """Returns an order, or None."""
    select = Select(tables.accounts.account_order, ORDER_COLUMNS, region, "order_id", (order_id,))
    (rows,) = execute(connection, [select])
    return order_from(rows[0]) if rows else None


def list_orders(
    connection: sa.Connection,
    region: str,
    state: AccountOrderState | None,
    *,
    after: str | None,
    limit: int,
) -> list[AccountOrder]:
    """Returns at most `limit` orders, the one proposed first at the head."""
    order = tables.accounts.account_order.c
    query = (
        sa.select(*(order[name] for name in ORDER_COLUMNS))
        .where(order.region == region)
        .order_by(order.order_id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(order.state == int(state))
    if after is not None:
        query = query.where(order.order_id > after)
    return [order_from(tuple(row)) for row in connection.execute(query)]


def count_waiting(connection: sa.Connection, region: str) -> int:
    """Returns how many orders wait for their checker."""
    order = tables.accounts.account_order.c
    query = sa.select(sa.func.count()).where(
        order.region == region, order.state == int(AccountOrderState.PROPOSED)
    )
    return int(connection.execute(query).scalar_one())


def find_claims(connection: sa.Connection, region: str, person_id: str) -> AccountClaims:
    """Returns what is owed of a person's account, and whether it is closed."""
    ids = tuple(one_person(connection, region, person_id))
    owed, closed = execute(
        connection,
        [
            Select(
                *(tables.entry, ("amount_fen",), region, "account_id"),
                tuple(map(receivable_account, ids)),
            ),
            _select_closed(region, (person_id,)),
        ],
    )
    return AccountClaims(-sum(fen for (fen,) in owed), bool(closed))


class StoredCredits:
    """See `application.credit.find.CreditRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._at = connection, region

    def credit(self, credit_id: str) -> Credit | None:
        """Returns a credit with who holds its account by now as its person, or None."""
        return find_credit(*self._at, credit_id)

    def credits(self, person_id: str, *, before: str | None, limit: int) -> list[Credit]:
        """Returns at most `limit` credits of all records of a person, the newest first."""
        return list_credits(*self._at, person_id, before=before, limit=limit)

    def order(self, order_id: str) -> AccountOrder | None:
        """Returns an order, or None."""
        return find_order(*self._at, order_id)

    def orders(
        self, state: AccountOrderState | None, *, after: str | None, limit: int
    ) -> list[AccountOrder]:
        """Returns at most `limit` orders, the one proposed first at the head."""
        return list_orders(*self._at, state, after=after, limit=limit)

    def count_waiting(self) -> int:
        """Returns how many orders wait for their checker."""
        return count_waiting(*self._at)
