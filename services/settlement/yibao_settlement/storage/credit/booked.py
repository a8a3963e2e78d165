"""Credits and orders of accounts with their postings, read for the ledger checker."""

from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.credit.order import CONFIRM_METHOD
from yibao_settlement.rules.allocation import AllocatedState
from yibao_settlement.rules.credit.credit import ALLOCATION, Credit, CreditState
from yibao_settlement.rules.credit.order import AccountOrder
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.credit.record import (
    CREDIT_COLUMNS,
    ORDER_COLUMNS,
    credit_from,
    order_from,
)
from yibao_settlement.storage.ledger.facts import postings_of_kind
from yibao_settlement.storage.ledger.told import audit_pairs

# What is posted of accounts beside credits and bills, each by an order or by a credit.
POSTED = (
    *(PostingKind.CREDIT_TAKEN_BACK, PostingKind.RECEIVABLE_MET, PostingKind.PAID_OUT),
    *(PostingKind.TRANSFERRED_OUT, PostingKind.TRANSFER_PAID),
)
_IN_BOOKS = (int(CreditState.BOOKED), int(CreditState.TAKEN_BACK))


def untold_credits(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of credits that no row tells of."""
    entry, credit = tables.entry.c, tables.accounts.credit.c
    posted = sa.select(entry.posting_id).where(
        entry.region == region, entry.kind == int(PostingKind.CREDIT)
    )
    known = sa.select(credit.posting_id).where(
        credit.region == region, credit.posting_id.is_not(None)
    )
    return list(connection.execute(posted.except_(known)).scalars())


def unposted_credits(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields credits that say they are booked and whose posting is another one, or none."""
    credit = tables.accounts.credit.c
    person_id = sa.cast(credit.person_id, sa.Text)
    purse = sa.case(
        (credit.is_carried, sa.literal("carried:") + person_id),
        else_=sa.literal("person:") + person_id,
    )
    source = sa.literal("source:") + sa.cast(credit.source, sa.Text)
    got, gave = tables.entry.alias("got"), tables.entry.alias("gave")

    def joined(entry: sa.FromClause, account_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        return sa.and_(
            entry.c.region == credit.region,
            entry.c.account_id == account_id,
            entry.c.posting_id == credit.posting_id,
            entry.c.kind == int(PostingKind.CREDIT),
        )

    rows = connection.execute(
        sa.select(credit.credit_id)
        .select_from(tables.accounts.credit)
        .join(got, joined(got, purse), isouter=True)
        .join(gave, joined(gave, source), isouter=True)
        .where(
            credit.region == region,
            credit.state.in_(_IN_BOOKS),
            sa.or_(
                got.c.amount_fen.is_(None),
                got.c.amount_fen != credit.amount_fen,
                gave.c.amount_fen.is_(None),
            ),
        )
    )
    yield from rows.scalars()


def odd_credits(connection: sa.Connection, region: str) -> list[str]:
    """Returns credits that are posted and say otherwise, or that took back more than they are."""
    credit = tables.accounts.credit.c
    is_booked = credit.state.in_(_IN_BOOKS)
    is_whole = credit.taken_back_fen == credit.amount_fen
    rows = connection.execute(
        sa.select(credit.credit_id).where(
            credit.region == region,
            sa.or_(
                is_booked != credit.posting_id.is_not(None),
                credit.taken_back_fen > credit.amount_fen,
                credit.taken_back_fen < 0,
                is_whole != (credit.state == int(CreditState.TAKEN_BACK)),
            ),
        )
    )
    return list(rows.scalars())


def corrected_credits(connection: sa.Connection, region: str) -> list[Credit]:
    """Returns the credits of which something was taken back, or that needed a second person."""
    credit = tables.accounts.credit.c
    columns = [credit[name] for name in CREDIT_COLUMNS]
    is_of_order = sa.or_(credit.taken_back_fen != 0, credit.order_id.is_not(None))
    rows = connection.execute(sa.select(*columns).where(credit.region == region, is_of_order))
    return [credit_from(tuple(row)) for row in rows]


def credits_named(
    connection: sa.Connection, region: str, credit_ids: Iterable[str | None]
) -> dict[str, Credit]:
    """Returns credits by id."""
    among = tuple(sorted({each for each in credit_ids if each is not None}))
    (rows,) = execute(
        connection, [Select(tables.accounts.credit, CREDIT_COLUMNS, region, "credit_id", among)]
    )
    return {credit.credit_id: credit for credit in map(credit_from, rows)}


def all_orders(connection: sa.Connection, region: str) -> list[AccountOrder]:
    """Returns every order of accounts of a region."""
    order = tables.accounts.account_order.c
    columns = [order[name] for name in ORDER_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(order.region == region))
    return [order_from(tuple(row)) for row in rows]


def posted_of_orders(
    connection: sa.Connection, region: str
) -> dict[PostingKind, dict[str, dict[str, int]]]:
    """Returns the amounts by account of what was posted of orders and receivables, by kind."""
    return {kind: postings_of_kind(connection, region, kind) for kind in POSTED}


def closings(connection: sa.Connection, region: str) -> set[tuple[str, str]]:
    """Returns whose accounts were closed, and by what; also those that opened again."""
    closing = tables.accounts.account_closing.c
    query = sa.select(closing.person_id, closing.cause_id).where(closing.region == region)
    return {(row.person_id, row.cause_id) for row in connection.execute(query)}


def audited_orders(connection: sa.Connection, region: str) -> dict[str, dict[str, str]]:
    """Returns what the audit tells of orders that were confirmed, by order."""
    event = tables.audit.event.c
    rows = connection.execute(
        sa.select(event.detail).where(event.region == region, event.method == CONFIRM_METHOD)
    ).scalars()
    told = [audit_pairs(detail) for detail in rows]
    return {each.get("order", ""): each for each in told}


def odd_allocated(
    connection: sa.Connection, region: str, holder_of: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Returns persons of allocations who are told as credited, with the allocation, and are not.

    As by a credit of another person, month or amount. `holder_of` tells of records that were
    merged who stands in their place.
    """
    person, run, credit = (
        tables.accounts.allocated_person.c,
        tables.accounts.allocation.c,
        tables.accounts.credit.c,
    )
    states = [
        int(each)
        for each in (
            AllocatedState.CREDITED,
            AllocatedState.ALREADY_CREDITED,
            AllocatedState.WAITING,
        )
    ]
    is_other_credit = sa.or_(
        credit.credit_id.is_(None),
        credit.amount_fen != person.amount_fen,
        credit.source != ALLOCATION,
        credit.insurance_type != run.insurance_type,
        sa.cast(credit.business_key, sa.Text) != sa.cast(run.month, sa.Text),
    )
    rows = connection.execute(
        sa.select(
            person.person_id,
            person.allocation_id,
            credit.person_id.label("credited_id"),
            sa.case((is_other_credit, 1), else_=0).label("is_other_credit"),
        )
        .select_from(tables.accounts.allocated_person)
        .join(
            tables.accounts.allocation,
            sa.and_(run.region == person.region, run.allocation_id == person.allocation_id),
        )
        .join(
            tables.accounts.credit,
            sa.and_(credit.region == person.region, credit.credit_id == person.credit_id),
            isouter=True,
        )
        .where(
            person.region == region,
            person.state.in_(states),
            sa.or_(is_other_credit, credit.person_id != person.person_id),
        )
    )

    def holder(person_id: str) -> str:
        return holder_of.get(person_id, person_id)

    return [
        (row.person_id, row.allocation_id)
        for row in rows
        if row.is_other_credit or holder(row.credited_id) != holder(row.person_id)
    ]
