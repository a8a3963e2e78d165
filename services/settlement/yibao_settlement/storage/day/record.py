"""Acts of a day as stored: listed by their requests, and summed."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from yibao_settlement.application.day.rows import DayRows, DaySum
from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts, DaySpan
from yibao_settlement.storage import tables
from yibao_settlement.storage.day.acts import ACT_COLUMNS, OfTime, act_from, acts_of
from yibao_settlement.storage.outcome.find import find_answered, with_acts
from yibao_settlement.storage.period.sums import named_accounts

_FUND = "fund:"
_KINDS = tuple(DayActKind)
# As many keys as a statement is asked with at once.
_KEYS = 1_000


class StoredDays(DayRows):
    """Acts of a region's institutions; see `DayRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes a snapshot."""
        self._connection = connection
        self._region = region

    def acts(
        self, institution_id: str, span: DaySpan, *, after: str, until: str, limit: int
    ) -> list[DayAct]:
        """Returns at most `limit` acts behind `after`, up to and with `until`."""
        act = acts_of(self._region, institution_id, _within(span)).c
        query = sa.select(*(act[name] for name in ACT_COLUMNS))
        if after:
            query = query.where(act.request_id > after)
        if until:
            # One whose request is not known comes before all others.
            is_before = act.request_id <= until
            query = query.where(is_before if after else sa.or_(is_before, act.request_id.is_(None)))
        query = query.order_by(act.request_id.nulls_first(), act.act_time, act.act_id).limit(limit)
        return self._listed(query)

    def acts_of_settlements(
        self, institution_id: str, span: DaySpan, settlement_ids: Collection[str]
    ) -> list[DayAct]:
        """Returns the acts that concern some settlements."""
        act = acts_of(self._region, institution_id, _within(span)).c
        query = sa.select(*(act[name] for name in ACT_COLUMNS))
        return [
            each
            for some in _in_parts(settlement_ids)
            for each in self._listed(query.where(act.settlement_id.in_(some)))
        ]

    def sums(self, institution_id: str, span: DaySpan) -> list[DaySum]:
        """Returns what all acts come to, by insurance type and care type."""
        act = acts_of(self._region, institution_id, _within(span)).c
        counts = [sa.func.sum(sa.case((act.kind == int(kind), 1), else_=0)) for kind in _KINDS]
        amounts = [sa.func.sum(act[name]) for name in DayAmounts._fields]
        care_type = tables.visit.c.care_type
        query = self._by_types(act, act.insurance_type, care_type, *counts, *amounts)
        funds = self._funds(institution_id, span)
        family = self._family(institution_id, span)
        return [
            DaySum(
                row[0],
                row[1],
                # PostgreSQL sums to a number without a limit.
                (int(row[2]), int(row[3]), int(row[4]), int(row[5])),
                DayAmounts(*map(int, row[6:])),
                funds.get((row[0], row[1]), {}),
                family.get((row[0], row[1]), 0),
            )
            for row in self._connection.execute(query)
        ]

    def asked(
        self, institution_id: str, request_ids: Collection[str], before: dt.datetime
    ) -> dict[str, AskedRequest]:
        """Returns those of some requests that were answered before an instant."""
        found: dict[str, AskedRequest] = {}
        stored = (self._connection, self._region)
        for some in _in_parts(request_ids):
            answered = find_answered(*stored, some, before)
            found |= with_acts(*stored, institution_id, answered)
        return found

    def _listed(self, query: sa.Select[Any]) -> list[DayAct]:
        acts = map(act_from, self._connection.execute(query))
        return [act._replace(reverse_time=None) for act in acts]

    def _funds(
        self, institution_id: str, span: DaySpan
    ) -> Mapping[tuple[str, str], dict[str, int]]:
        """Returns what each fund pays by the ledger, by insurance type and care type.

        A correction posts twice: the settlement, and the reversal of the one before.
        """
        accounts = list(named_accounts(self._connection, self._region, _FUND))
        found: dict[tuple[str, str], dict[str, int]] = {}
        for posted in ("act_id", "undone_id"):
            act = acts_of(self._region, institution_id, _within(span)).c
            entry = tables.entry.c
            is_posted = sa.and_(
                entry.region == self._region,
                entry.account_id.in_(accounts),
                entry.posting_id == act[posted],
            )
            columns = (act.insurance_type, tables.visit.c.care_type, entry.account_id)
            query = self._by_types(act, *columns, sa.func.sum(entry.amount_fen), keys=3)
            rows = self._connection.execute(query.join(tables.entry, is_posted))
            for insurance_type, care_type, account_id, amount_fen in rows:
                funds = found.setdefault((insurance_type, care_type), {})
                fund_type = account_id.removeprefix(_FUND)
                funds[fund_type] = funds.get(fund_type, 0) - int(amount_fen)
        return found

    def _family(self, institution_id: str, span: DaySpan) -> Mapping[tuple[str, str], int]:
        """Returns what relatives' accounts pay, by insurance type and care type."""
        found: dict[tuple[str, str], int] = {}
        for posted in ("act_id", "undone_id"):
            act = acts_of(self._region, institution_id, _within(span)).c
            family = tables.family_act.c
            is_own = sa.and_(family.region == self._region, family.act_id == act[posted])
            columns = (act.insurance_type, tables.visit.c.care_type)
            query = self._by_types(act, *columns, sa.func.sum(family.amount_fen))
            rows = self._connection.execute(query.join(tables.family_act, is_own))
            for insurance_type, care_type, amount_fen in rows:
                key = insurance_type, care_type
                found[key] = found.get(key, 0) + int(amount_fen)
        return found

    def _by_types(self, act: Any, *columns: Any, keys: int = 2) -> sa.Select[Any]:
        """Selects columns of acts and their visits, grouped by the first `keys` of them."""
        visit = tables.visit.c
        is_own = sa.and_(visit.region == self._region, visit.visit_id == act.visit_id)
        query = sa.select(*columns).select_from(act.act_id.table).join(tables.visit, is_own)
        return query.group_by(*columns[:keys]).order_by(*columns[:keys])


def _within(span: DaySpan) -> OfTime:
    return lambda column: sa.and_(column >= span.start, column < span.end)


def _in_parts(keys: Collection[str]) -> list[list[str]]:
    ordered = sorted(keys)
    return [ordered[at : at + _KEYS] for at in range(0, len(ordered), _KEYS)]
