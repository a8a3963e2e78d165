"""Repricings as stored, and whose bills they are of."""

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_common.values.calendar import shanghai_midnight
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    Progress,
    RepricedPerson,
    RepricedTerm,
    Repricing,
    RepricingState,
    Scope,
)
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import survivors_of
from yibao_settlement.storage.repricing.person import insert_persons, persons_of, progress_of

_COLUMNS = Repricing._fields
_CHANGING = ("state", "checker", "close_time", "request_id")
_encode = msgspec.json.Encoder().encode
_scope = msgspec.json.Decoder(Scope).decode
_terms = msgspec.json.Decoder(tuple[RepricedTerm, ...]).decode


def repricing_from(row: Row) -> Repricing:
    """Returns the repricing in a row of columns by the names of `Repricing`."""
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    return Repricing(
        **{
            **values,
            "scope": _scope(values["scope"]),
            "terms": _terms(values["terms"]),
            "liability": Liability(values["liability"]),
            "state": RepricingState(values["state"]),
        }
    )


def find_repricings(
    connection: sa.Connection, region: str, repricing_ids: Collection[str]
) -> dict[str, Repricing]:
    """Returns those of some repricings that there are, by id."""
    if not repricing_ids:
        return {}
    among = tuple(sorted(repricing_ids))
    select = Select(tables.repricing, _COLUMNS, region, "repricing_id", among)
    (rows,) = execute(connection, [select])
    return {each.repricing_id: each for each in map(repricing_from, rows)}


def open_repricings(connection: sa.Connection, region: str) -> list[tuple[Repricing, int]]:
    """Returns the repricings with persons who wait for a step, and how many these are.

    The one proposed first at the head.
    """
    repricing, person = tables.repricing.c, tables.repriced_person.c
    due = sa.case(
        (repricing.state == int(RepricingState.CONFIRMED), int(PersonState.SIMULATED)),
        else_=int(PersonState.WAITING),
    )
    waiting = (
        sa.select(sa.func.count())
        .where(
            person.region == repricing.region,
            person.repricing_id == repricing.repricing_id,
            person.state == due,
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(*(repricing[name] for name in _COLUMNS), waiting)
        .where(
            repricing.region == region,
            repricing.state.in_([int(RepricingState.PROPOSED), int(RepricingState.CONFIRMED)]),
        )
        .order_by(repricing.repricing_id)
    )
    return [(repricing_from(tuple(row[:-1])), row[-1]) for row in rows if row[-1]]


class StoredRepricings:
    """See `application.repricing.orders.RepricingRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self, repricing_id: str) -> Repricing | None:
        """Returns a repricing, locked until the transaction ends, or None."""
        return self._find(repricing_id, is_locked=True)

    def find(self, repricing_id: str) -> Repricing | None:
        """Returns a repricing, or None."""
        return self._find(repricing_id, is_locked=False)

    def _find(self, repricing_id: str, *, is_locked: bool) -> Repricing | None:
        repricing = tables.repricing.c
        query = sa.select(*(repricing[name] for name in _COLUMNS)).where(
            repricing.region == self._region, repricing.repricing_id == repricing_id
        )
        row = self._connection.execute(query.with_for_update() if is_locked else query).first()
        return None if row is None else repricing_from(tuple(row))

    def page(self, *, before: str | None, limit: int) -> list[Repricing]:
        """Returns at most `limit` repricings, the one proposed last first."""
        repricing = tables.repricing.c
        query = (
            sa.select(*(repricing[name] for name in _COLUMNS))
            .where(repricing.region == self._region)
            .order_by(repricing.repricing_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(repricing.repricing_id < before)
        return [repricing_from(tuple(row)) for row in self._connection.execute(query)]

    def persons_of(self, scope: Scope, *, most_bills: int) -> tuple[list[str], int]:
        """Returns who the bills that stand are of, and how many bills these are.

        Of persons who were merged, who stands in their place. No more than `most_bills` are
        counted.
        """
        settlement = tables.settlement.c
        query = sa.select(settlement.person_id).where(
            settlement.region == self._region, settlement.reversal_id.is_(None)
        )
        period = scope.period
        if period is None:
            query = query.where(settlement.settlement_id.in_(scope.settlement_ids))
        else:
            query = query.where(
                # None is settled before its service date: the index by time is read from there.
                settlement.settle_time >= shanghai_midnight(period.start_date),
                settlement.insurance_type == period.insurance_type,
                settlement.service_date >= period.start_date,
                settlement.service_date <= period.end_date,
            )
        found = list(self._connection.execute(query.limit(most_bills)).scalars())
        treated = set(found)
        merged = survivors_of(self._connection, self._region, treated)
        return sorted({merged.get(each, each) for each in treated}), len(found)

    def insert(self, repricing: Repricing, person_ids: Collection[str]) -> None:
        """Stores a new repricing and whom it concerns."""
        self._connection.execute(sa.insert(tables.repricing).values(**_values(repricing)))
        insert_persons(self._connection, self._region, repricing.repricing_id, person_ids)

    def update(self, repricing: Repricing) -> None:
        """Stores that a repricing was confirmed or withdrawn, when and by whom."""
        column, values = tables.repricing.c, _values(repricing)
        changed = self._connection.execute(
            sa.update(tables.repricing)
            .where(column.region == self._region, column.repricing_id == repricing.repricing_id)
            .values({name: values[name] for name in _CHANGING})
        )
        assert changed.rowcount == 1

    def progress(self, repricing_id: str) -> Progress:
        """Returns how far a repricing came."""
        return progress_of(self._connection, self._region, repricing_id)

    def persons(
        self,
        repricing_id: str,
        states: Collection[PersonState],
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        """Returns at most `limit` persons of a repricing in one of some states, by their ids."""
        return persons_of(
            self._connection, self._region, repricing_id, states, after=after, limit=limit
        )


def _values(repricing: Repricing) -> dict[str, Any]:
    return {
        **repricing._asdict(),
        "scope": _encode(repricing.scope).decode(),
        "terms": _encode(repricing.terms).decode(),
        "liability": int(repricing.liability),
        "state": int(repricing.state),
    }
