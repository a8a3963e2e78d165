"""Declared months as stored, with their acts."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Id, Insert, Row, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.declaration.rows import (
    ActsOf,
    CareSum,
    DeclarationWish,
    FoundSums,
)
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts, DaySpan
from yibao_settlement.rules.declaration.month import (
    Declaration,
    DeclarationState,
    MonthOf,
    MonthSums,
)
from yibao_settlement.rules.declaration.order import OrderState
from yibao_settlement.storage import tables
from yibao_settlement.storage.declaration import tables as declared
from yibao_settlement.storage.declaration.acts import (
    DECLARED_COLUMNS,
    care_sums,
    chosen_acts,
    sums_of_acts,
)

COLUMNS = Declaration._fields
_CHANGING = COLUMNS[COLUMNS.index("state") :]
_declaration, _act = declared.declaration.c, declared.declared_act.c
_ACT = ("act_id", "kind", "settlement_id", "act_time", *DayAmounts._fields)


def declaration_from(row: Row) -> Declaration:
    """Returns the declaration in a row of COLUMNS."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Declaration(**{**values, "state": DeclarationState(values["state"])})


class StoredDeclarations:
    """See `application.declaration.rows.DeclarationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self, declaration_ids: Collection[str]) -> dict[str, Declaration]:
        """Returns those of some declarations that there are, locked in the order of their ids."""
        query = (
            self._select(_declaration.declaration_id.in_(sorted(declaration_ids)))
            .order_by(_declaration.declaration_id)
            .with_for_update()
        )
        return {each.declaration_id: each for each in self._found(query)}

    def find(self, declaration_id: str) -> Declaration | None:
        """Returns a declaration, or None."""
        found = self._found(self._select(_declaration.declaration_id == declaration_id))
        return found[0] if found else None

    def standing(self, of: MonthOf) -> Declaration | None:
        """Returns the declaration of a month that is neither withdrawn nor rejected, or None."""
        own = [_declaration[name] == value for name, value in of._asdict().items()]
        found = self._found(self._select(*own, _declaration.end_time.is_(None)))
        return found[0] if found else None

    def page(self, wish: DeclarationWish, *, after: str | None, limit: int) -> list[Declaration]:
        """Returns at most `limit` declarations behind one, by their ids."""
        query = self._select().order_by(_declaration.declaration_id).limit(limit)
        for name, value in wish._asdict().items():
            if value is not None:
                query = query.where(_declaration[name] == value)
        if after is not None:
            query = query.where(_declaration.declaration_id > sa.literal(after, Id))
        return self._found(query)

    def acts(self, declaration_id: str, *, after: str | None, limit: int) -> list[DayAct]:
        """Returns at most `limit` acts of a declaration behind one, by their ids."""
        query = (
            sa.select(*(_act[name] for name in _ACT))
            .where(_act.region == self._region, _act.declaration_id == declaration_id)
            .order_by(_act.act_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(_act.act_id > sa.literal(after, Id))
        return [_act_from(row) for row in self._connection.execute(query)]

    def month_sums(self, institution_id: str, span: DaySpan) -> list[CareSum]:
        """Returns what all acts come to, by insurance type and care type."""
        return list(care_sums(self._connection, self._region, institution_id, span))

    def sums(self, acts: ActsOf) -> FoundSums:
        """Returns what some acts come to."""
        return sums_of_acts(self._connection, self._region, acts)

    def insert(
        self, declaration: Declaration, payers: Mapping[str, int], acts: ActsOf
    ) -> MonthSums:
        """Stores a declaration with what payers owe and its acts; returns what these come to."""
        declaration_id = declaration.declaration_id
        shares = [
            (self._region, declaration_id, account_id, fen)
            for account_id, fen in sorted(payers.items())
        ]
        columns = ("region", "declaration_id", "account_id", "declared_fen")
        execute(
            self._connection,
            [
                Insert(declared.declaration, COLUMNS, [tuple(declaration)]),
                Insert(declared.declaration_share, columns, shares),
            ],
        )
        chosen = chosen_acts(self._region, acts).subquery("chosen")
        own = sa.literal(self._region), sa.literal(declaration_id, Id)
        selected = sa.select(*own, *(chosen.c[name] for name in DECLARED_COLUMNS))
        # Whole in one statement, however many there are.
        self._connection.execute(
            sa.insert(declared.declared_act).from_select(
                ["region", "declaration_id", *DECLARED_COLUMNS], selected
            )
        )
        kept = sa.select(
            sa.func.count(), *(sa.func.sum(_act[name]) for name in MonthSums._fields[1:])
        ).where(_act.region == self._region, _act.declaration_id == declaration_id)
        return MonthSums(*(int(each or 0) for each in self._connection.execute(kept).one()))

    def update(self, declaration: Declaration, *, are_acts_free: bool = False) -> None:
        """Stores what changes of a declaration; its acts may be declared again where it ended."""
        changed = self._connection.execute(
            sa.update(declared.declaration)
            .where(
                _declaration.region == self._region,
                _declaration.declaration_id == declaration.declaration_id,
            )
            .values({name: getattr(declaration, name) for name in _CHANGING})
        )
        if changed.rowcount != 1:
            raise InvariantError(f"declaration {declaration.declaration_id} is gone")
        if are_acts_free:
            self._connection.execute(
                sa.update(declared.declared_act)
                .where(
                    _act.region == self._region,
                    _act.declaration_id == declaration.declaration_id,
                )
                .values(free_time=declaration.end_time)
            )

    def declared(self, declaration_ids: Collection[str]) -> dict[str, dict[str, int]]:
        """Returns what payers owe by declarations, by account."""
        share = declared.declaration_share.c
        query = sa.select(share.declaration_id, share.account_id, share.declared_fen).where(
            share.region == self._region, share.declaration_id.in_(sorted(declaration_ids))
        )
        found: dict[str, dict[str, int]] = {}
        for declaration_id, account_id, fen in self._connection.execute(query):
            found.setdefault(declaration_id, {})[account_id] = fen
        return found

    def fund_left_fen(
        self, institution_id: str, settlement_id: str, *, beside: str | None = None
    ) -> int | None:
        """Returns what funds pay of a settlement less what is or is to be deducted; locks it."""
        settlement, deduction = tables.settlement.c, declared.deduction.c
        is_declared = sa.exists().where(
            _act.region == self._region,
            _act.settlement_id == settlement.settlement_id,
            _act.free_time.is_(None),
        )
        query = sa.select(settlement.fund_total_fen, settlement.reversal_id).where(
            settlement.region == self._region,
            settlement.settlement_id == settlement_id,
            settlement.institution_id == institution_id,
            is_declared,
        )
        # Locked: its deductions may be of declarations that are locked by themselves.
        found = self._connection.execute(query.with_for_update()).one_or_none()
        if found is None:
            return None
        others = [] if beside is None else [deduction.deduction_id != beside]
        deducted = self._connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(deduction.amount_fen), 0)).where(
                *others,
                deduction.region == self._region,
                deduction.settlement_id == settlement_id,
                deduction.state != int(OrderState.WITHDRAWN),
                # What is to be given back is not there until it is confirmed.
                sa.or_(deduction.amount_fen > 0, deduction.state == int(OrderState.CARRIED_OUT)),
            )
        ).scalar_one()
        # What was reversed takes itself back, with the month in which that was done.
        return 0 if found.reversal_id else max(found.fund_total_fen - int(deducted), 0)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        columns = [_declaration[name] for name in COLUMNS]
        return sa.select(*columns).where(_declaration.region == self._region, *conditions)

    def _found(self, query: sa.Select[Any]) -> list[Declaration]:
        return [declaration_from(tuple(row)) for row in self._connection.execute(query)]


def _act_from(row: sa.Row[Any]) -> DayAct:
    """Returns the act in a row of _ACT: of a declaration no more is told of it."""
    act_id, kind, settlement_id, act_time, *amounts = tuple(row)
    return DayAct(
        "",
        DayActKind(kind),
        settlement_id,
        "",
        DayAmounts(*amounts),
        act_id,
        act_time,
        "",
    )
