"""Acts of a month: what they come to, and what each payer of the ledger pays of them.

What the ledger posts for a settlement may hold arrears, which payers owe the person for earlier
bills and the institution is not owed: of such acts payers are told by the settlement's record.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from yibao_settlement.application.declaration.rows import ActsOf, CareSum, FoundSums
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.day.act import DayActKind, DaySpan
from yibao_settlement.rules.day.clearing_type import CareTypes
from yibao_settlement.rules.declaration.month import MonthSums
from yibao_settlement.storage import tables
from yibao_settlement.storage.day.acts import acts_of
from yibao_settlement.storage.period.sums import named_accounts
from yibao_settlement.storage.refund.record import REFUND_COLUMNS, each_left
from yibao_settlement.storage.settlement.sequence import records_of

_FUND, _BEARER, _PAYABLE = "fund:", "bearer:", "payable:"
_SUMS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
# The columns of an act that a declaration keeps.
DECLARED_COLUMNS = ("act_id", "undone_id", "kind", "settlement_id", "act_time", *_SUMS)
Payers = dict[str, int]


def chosen_acts(region: str, acts: ActsOf) -> sa.Select[Any]:
    """Selects DECLARED_COLUMNS of some acts."""
    found = _acts_in(region, acts.institution_id, acts.span)
    visit = tables.visit.c
    is_own = sa.and_(visit.region == region, visit.visit_id == found.c.visit_id)
    return (
        sa.select(*(found.c[name] for name in DECLARED_COLUMNS))
        .select_from(found.join(tables.visit, is_own))
        .where(
            found.c.insurance_type == acts.insurance_type,
            _is_of(visit.care_type, acts.care_types),
        )
    )


def sums_of_acts(connection: sa.Connection, region: str, acts: ActsOf) -> FoundSums:
    """Returns what some acts come to, and what each payer pays."""
    chosen = chosen_acts(region, acts).subquery("chosen")
    sums = connection.execute(
        sa.select(sa.func.count(), *(sa.func.sum(chosen.c[name]) for name in _SUMS))
    ).one()
    payers = payers_of(connection, region, acts.institution_id, chosen)
    # PostgreSQL sums to a number without a limit; of nothing both sum to none.
    return FoundSums(MonthSums(*(int(each or 0) for each in sums)), payers)


def payers_of(
    connection: sa.Connection, region: str, institution_id: str, acts: sa.FromClause
) -> Payers:
    """Returns what funds and bearers pay an institution of acts, a table of DECLARED_COLUMNS."""
    names = [each for kind in (_FUND, _BEARER) for each in named_accounts(connection, region, kind)]
    payers: Payers = {}
    entry = tables.entry.c
    for posted in _entries_of(region, acts, names):
        query = posted.with_only_columns(entry.account_id, sa.func.sum(entry.amount_fen))
        for account_id, fen in connection.execute(query.group_by(entry.account_id)):
            payers[account_id] = payers.get(account_id, 0) - int(fen)
    for change, sign in _late(connection, region, acts, [*names, f"{_PAYABLE}{institution_id}"]):
        for account_id, fen in change.items():
            payers[account_id] = payers.get(account_id, 0) + sign * fen
    return {account_id: fen for account_id, fen in payers.items() if fen}


def care_sums(
    connection: sa.Connection, region: str, institution_id: str, span: DaySpan
) -> Iterator[CareSum]:
    """Yields what acts come to, by insurance type and care type."""
    act, visit = _acts_in(region, institution_id, span), tables.visit.c
    is_own = sa.and_(visit.region == region, visit.visit_id == act.c.visit_id)
    keys = act.c.insurance_type, visit.care_type
    query = (
        sa.select(*keys, sa.func.count(), *(sa.func.sum(act.c[name]) for name in _SUMS))
        .select_from(act.join(tables.visit, is_own))
        .group_by(*keys)
        .order_by(*keys)
    )
    for insurance_type, care_type, *sums in connection.execute(query).all():
        acts = ActsOf(institution_id, span, insurance_type, CareTypes((care_type,)))
        chosen = chosen_acts(region, acts).subquery("chosen")
        payers = payers_of(connection, region, institution_id, chosen)
        funds = {
            account_id.removeprefix(_FUND): fen
            for account_id, fen in payers.items()
            if account_id.startswith(_FUND)
        }
        yield CareSum(insurance_type, care_type, MonthSums(*map(int, sums)), funds)


def _acts_in(region: str, institution_id: str, span: DaySpan) -> sa.Subquery:
    return acts_of(
        region, institution_id, lambda time: sa.and_(time >= span.start, time < span.end)
    )


def _is_of(column: sa.ColumnElement[str], care_types: CareTypes) -> sa.ColumnElement[bool]:
    among = column.in_(care_types.among)
    return sa.not_(among) if care_types.are_others else among


def _entries_of(
    region: str, acts: sa.FromClause, account_ids: Collection[str]
) -> Iterator[sa.Select[Any]]:
    """Yields selections of acts with their entries of some accounts; of a correction there are two.

    Entries are found by account and posting, so that it does not matter how many others there are.
    """
    entry = tables.entry.c
    for posted in ("act_id", "undone_id"):
        is_posted = sa.and_(
            entry.region == region,
            entry.account_id.in_(sorted(account_ids)),
            entry.posting_id == acts.c[posted],
        )
        yield sa.select(sa.literal(1)).select_from(acts.join(tables.entry, is_posted))


def _late(
    connection: sa.Connection, region: str, acts: sa.FromClause, account_ids: Collection[str]
) -> Iterator[tuple[Mapping[str, int], int]]:
    """Yields what corrects what payers post of acts with arrears to what they pay of the bills.

    Each with its sign. Payers, accounts and arrears of a posting sum to what the institution is
    owed, so what is missing in that sum is arrears.
    """
    entry, columns = tables.entry.c, [acts.c[name] for name in (*DECLARED_COLUMNS,)]
    parts = [
        posted.with_only_columns(*columns, entry.amount_fen.label("posted_fen"))
        for posted in _entries_of(region, acts, account_ids)
    ]
    posted = sa.union_all(*parts).subquery("posted")
    keys = [posted.c[name] for name in DECLARED_COLUMNS]
    query = (
        sa.select(*keys)
        .group_by(*keys)
        .having(sa.func.sum(posted.c.posted_fen) != posted.c.account_fen)
    )
    for act in connection.execute(query).all():
        own: Payers = {}
        for account_id, fen in connection.execute(
            sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
            .where(
                entry.region == region,
                entry.account_id.in_(sorted(account_ids)),
                entry.posting_id.in_([each for each in (act.act_id, act.undone_id) if each]),
            )
            .group_by(entry.account_id)
        ):
            if not account_id.startswith(_PAYABLE):
                own[account_id] = int(fen)
        # What was posted is taken out again, and what the records tell comes in its place.
        yield own, 1
        for record, sign in _records_of(connection, region, act):
            yield _payers_in(record), sign


def _records_of(
    connection: sa.Connection, region: str, act: sa.Row[Any]
) -> Iterator[tuple[SettlementRecord, int]]:
    """Yields what an act made of settlements, positive, and what it took away, negative."""
    kind = DayActKind(act.kind)
    left = _all_left(connection, region, act.settlement_id)
    if kind is DayActKind.SETTLED:
        yield left[0], 1
    elif kind is DayActKind.REVERSED:
        yield left[-1], -1
    elif kind is DayActKind.REFUNDED:
        at = [each.refunds[-1].refund_id if each.refunds else "" for each in left].index(act.act_id)
        yield left[at], 1
        yield left[at - 1], -1
    else:
        yield left[0], 1
        yield _all_left(connection, region, _corrected_by(connection, region, act))[-1], -1


def _corrected_by(connection: sa.Connection, region: str, act: sa.Row[Any]) -> str:
    """Returns the settlement whose place the one of an act took."""
    correction = tables.correction.c
    corrected_id: str = connection.execute(
        sa.select(correction.corrected_id).where(
            correction.region == region, correction.settlement_id == act.settlement_id
        )
    ).scalar_one()
    return corrected_id


def _all_left(connection: sa.Connection, region: str, settlement_id: str) -> list[SettlementRecord]:
    """Returns a settlement as it was settled, and as each refund left it."""
    refund = tables.refund.c
    settled = records_of(connection, region, [settlement_id])[settlement_id].as_settled
    rows = connection.execute(
        sa.select(*(refund[name] for name in REFUND_COLUMNS)).where(
            refund.region == region, refund.settlement_id == settlement_id
        )
    )
    return [settled, *each_left(settled, [tuple(row) for row in rows])]


def _payers_in(record: SettlementRecord) -> Payers:
    """Returns what funds and bearers pay of a bill to its institution, by their accounts."""
    counter, payers = record.counter, Payers()
    for fund in counter.fund_payments:
        key = f"{_FUND}{fund.fund_type}"
        payers[key] = payers.get(key, 0) + fund.amount_fen
    for other in counter.other_payments:
        if other.is_bearer:
            key = f"{_BEARER}{other.payer}"
            payers[key] = payers.get(key, 0) + other.amount_fen
    return payers
