"""What was posted in periods, summed from the entries."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from yibao_settlement.rules.ledger import CLEARING_KINDS
from yibao_settlement.rules.period.close import Period, PeriodSum
from yibao_settlement.storage import tables

# Whose accounts are summed together: a person's own, and the bank's payments, one an order.
SUMMED = ("person:", "carried:", "difference:", "due:", "payment:")
# What pays institutions beside persons' own accounts.
_PAYERS = ("fund:", "bearer:")
_PAYABLE, _PERSONS = "payable:", "person:"
# What is paid of an earlier month is no part of what a month came to.
_CLEARING = tuple(map(int, CLEARING_KINDS))
Sums = Mapping[Period, list[PeriodSum]]


def sums_of(connection: sa.Connection, region: str, period: Period) -> list[PeriodSum]:
    """Returns the sums of a period, see `application.period.rows.PeriodRows.sums`."""
    entry = tables.entry.c
    is_of_month = entry.month == period.month
    if not period.institution_id:
        return fund_sums(connection, region, is_of_month).get(period, [])
    is_own = entry.account_id == f"{_PAYABLE}{period.institution_id}"
    return institution_sums(connection, region, is_own, is_of_month).get(period, [])


def fund_sums(connection: sa.Connection, region: str, *conditions: sa.ColumnElement[bool]) -> Sums:
    """Returns the sums of each month of all entries, or of those that conditions choose."""
    entry = tables.entry
    query = _grouped(entry, sa.literal(""), _label(entry.c.account_id), entry)
    return _sums_from(connection, query.where(entry.c.region == region, *conditions))


def institution_sums(
    connection: sa.Connection, region: str, *conditions: sa.ColumnElement[bool]
) -> Sums:
    """Returns the sums of each month of each institution; conditions choose their entries."""
    entry, payer = tables.entry, tables.entry.alias("payer")
    institution = sa.func.substr(entry.c.account_id, len(_PAYABLE) + 1)
    own = sa.and_(
        entry.c.region == region,
        # A range reads the primary key in order. ';' follows ':'.
        entry.c.account_id >= _PAYABLE,
        entry.c.account_id < _PAYABLE.replace(":", ";"),
        entry.c.kind.not_in(_CLEARING),
        *conditions,
    )
    found = dict(
        _sums_from(connection, _grouped(entry, institution, entry.c.account_id).where(own))
    )
    payers = [each for prefix in _PAYERS for each in named_accounts(connection, region, prefix)]
    paid = _grouped(entry, institution, payer.c.account_id, payer).join(
        payer,
        sa.and_(
            payer.c.region == entry.c.region,
            payer.c.account_id.in_(payers),
            payer.c.posting_id == entry.c.posting_id,
        ),
    )
    for period, sums in _sums_from(connection, paid.where(own)).items():
        found[period] = found[period] + sums
    return {period: sorted(sums + _of_persons(sums)) for period, sums in found.items()}


def _of_persons(sums: list[PeriodSum]) -> list[PeriodSum]:
    """Returns what persons' own accounts paid: what funds and bearers did not."""
    rest: dict[tuple[int, int], int] = {}
    for each in sums:
        key = each.kind, each.original_month
        rest[key] = rest.get(key, 0) - each.amount_fen
    return [PeriodSum(_PERSONS, *key, 0, fen) for key, fen in rest.items() if fen]


def _label(account_id: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Returns an account's own name, or that of its kind where persons have one each."""
    kinds = [(account_id.startswith(each), sa.literal(each)) for each in SUMMED]
    return sa.case(*kinds, else_=account_id)


def _grouped(
    entry: sa.FromClause,
    institution: sa.ColumnElement[str],
    account: sa.ColumnElement[str],
    summed: sa.FromClause | None = None,
) -> sa.Select[Any]:
    """Returns a query of the sums of periods, by account, kind and original month."""
    summed = entry if summed is None else summed
    keys = (
        *(institution, entry.c.month, account, summed.c.kind),
        sa.func.coalesce(summed.c.original_month, 0),
    )
    sums = sa.func.count(), sa.func.sum(summed.c.amount_fen)
    # By their places: a literal is no column to group by.
    return sa.select(*keys, *sums).select_from(entry).group_by(*map(sa.text, "12345"))


def _sums_from(connection: sa.Connection, query: sa.Select[Any]) -> dict[Period, list[PeriodSum]]:
    found: dict[Period, list[PeriodSum]] = {}
    for institution_id, month, account_id, kind, original, count, fen in connection.execute(query):
        # PostgreSQL sums to a number without a limit.
        each = PeriodSum(account_id, kind, original, count, int(fen))
        found.setdefault(Period(institution_id, month), []).append(each)
    return {period: sorted(sums) for period, sums in found.items()}


def named_accounts(connection: sa.Connection, region: str, prefix: str) -> Iterator[str]:
    """Yields the accounts that begin with `prefix`, each found by the key: they are few."""
    entry = tables.entry.c
    last, end = prefix, prefix.replace(":", ";")
    while True:
        query = sa.select(sa.func.min(entry.account_id)).where(
            entry.region == region, entry.account_id > last, entry.account_id < end
        )
        found = connection.execute(query).scalar_one()
        if found is None:
            return
        last = found
        yield found


def payables_of(connection: sa.Connection, region: str, month: int) -> dict[str, tuple[int, int]]:
    """Returns what institutions are owed for a month, in fen and in how many entries."""
    entry = tables.entry.c
    rows = connection.execute(
        sa.select(entry.account_id, sa.func.sum(entry.amount_fen), sa.func.count())
        .where(
            entry.region == region,
            entry.account_id >= _PAYABLE,
            entry.account_id < _PAYABLE.replace(":", ";"),
            entry.month == month,
            entry.kind.not_in(_CLEARING),
        )
        .group_by(entry.account_id)
    )
    return {
        account_id.removeprefix(_PAYABLE): (int(amount_fen), count)
        for account_id, amount_fen, count in rows
    }
