"""Proposals to merge duplicates as rows."""

import dataclasses
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from yibao_identity.rules.merge import Merge, MergeState
from yibao_identity.storage import tables

_merge = tables.person_merge.c


class StoredMerges:
    """See `application.merge.MergeRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, merge_id: str) -> Merge | None:
        """Returns a merge, or None."""
        return self._one(self._selected(_merge.merge_id == merge_id))

    def lock(self, merge_id: str) -> Merge | None:
        """Locks a merge and returns it, or None."""
        return self._one(self._selected(_merge.merge_id == merge_id).with_for_update())

    def waiting(self, person_ids: Collection[str]) -> Merge | None:
        """Returns the first proposal that waits and that one of the persons is in, or None."""
        takes_part = sa.or_(
            _merge.retired_person_id.in_(person_ids), _merge.surviving_person_id.in_(person_ids)
        )
        is_waiting = _merge.state == MergeState.PROPOSED.value
        query = self._selected(takes_part, is_waiting).order_by(_merge.propose_time)
        return self._one(query.limit(1))

    def insert(self, merge: Merge) -> None:
        """Stores a new proposal."""
        values = dataclasses.asdict(merge) | {"state": merge.state.value}
        self._connection.execute(sa.insert(tables.person_merge).values(**values))

    def decide(self, merge: Merge) -> None:
        """Stores what was decided of a merge that was locked."""
        changed = self._connection.execute(
            sa.update(tables.person_merge)
            .where(_merge.region == self._region, _merge.merge_id == merge.merge_id)
            .values(
                state=merge.state.value,
                checker=merge.checker,
                decide_time=merge.decide_time,
                decision_note=merge.decision_note,
            )
        )
        assert changed.rowcount == 1

    def page(self, *, state: MergeState | None, before: Merge | None, limit: int) -> list[Merge]:
        """Returns at most `limit` merges, the newest first, those older than `before`."""
        query = self._selected()
        if state is not None:
            query = query.where(_merge.state == state.value)
        if before is not None:
            query = query.where(_is_older(before))
        query = query.order_by(_merge.propose_time.desc(), _merge.merge_id.desc()).limit(limit)
        return [_merge_from(row) for row in self._connection.execute(query)]

    def _selected(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return sa.select(tables.person_merge).where(_merge.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> Merge | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _merge_from(row)


def _is_older(than: Merge) -> sa.ColumnElement[bool]:
    return sa.or_(
        _merge.propose_time < than.propose_time,
        sa.and_(_merge.propose_time == than.propose_time, _merge.merge_id < than.merge_id),
    )


def _merge_from(row: sa.Row[Any]) -> Merge:
    values = dict(row._mapping)
    return Merge(**values | {"state": MergeState(row.state)})
