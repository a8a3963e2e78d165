"""Rechecks as rows: why the person is called and what was seen are sealed."""

from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_offsite.application.recheck import RecheckWish
from yibao_offsite.rules.recheck import Recheck, RecheckState
from yibao_offsite.storage import tables

_TABLE = tables.evaluations.recheck


class StoredRechecks:
    """See `application.recheck.RecheckRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection; without a vault, nothing may be asked for."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def find(self, recheck_id: str) -> Recheck | None:
        """Returns a recheck, or None."""
        query = sa.select(_TABLE).where(*self._is(recheck_id))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._recheck_from(row)

    def of_evaluation(self, evaluation_id: str) -> list[Recheck]:
        """Returns the rechecks of an evaluation, the first one at the head."""
        query = (
            sa.select(_TABLE)
            .where(_TABLE.c.region == self._region, _TABLE.c.evaluation_id == evaluation_id)
            .order_by(_TABLE.c.recheck_id)
        )
        return [self._recheck_from(row) for row in self._connection.execute(query)]

    def listed(self, wish: RecheckWish, *, limit: int) -> list[Recheck]:
        """Returns rechecks by their due days, then by their ids."""
        query = sa.select(_TABLE).where(_TABLE.c.region == self._region)
        if wish.state is not None:
            query = query.where(_TABLE.c.state == wish.state.value)
        if wish.person_ids:
            query = query.where(_TABLE.c.person_id.in_(wish.person_ids))
        if wish.due_by is not None:
            query = query.where(_TABLE.c.is_due.is_(True), _TABLE.c.due_date <= wish.due_by)
        if wish.after is not None:
            query = query.where(sa.tuple_(_TABLE.c.due_date, _TABLE.c.recheck_id) > wish.after)
        query = query.order_by(_TABLE.c.due_date, _TABLE.c.recheck_id).limit(limit)
        return [self._recheck_from(row) for row in self._connection.execute(query)]

    def insert(self, recheck: Recheck) -> None:
        """Stores a new recheck."""
        self._connection.execute(
            sa.insert(_TABLE).values(
                region=self._region,
                recheck_id=recheck.recheck_id,
                evaluation_id=recheck.evaluation_id,
                person_id=recheck.person_id,
                state=recheck.state.value,
                due_date=recheck.due_date,
                is_due=recheck.state is RecheckState.CALLED,
                sealed_reason=self._seal(recheck.reason, recheck.recheck_id, "reason"),
                called_by=recheck.called_by,
                call_time=recheck.call_time,
            )
        )

    def update(self, recheck: Recheck) -> None:
        """Stores what came of a recheck that waited."""
        changed = self._connection.execute(
            sa.update(_TABLE)
            .where(*self._is(recheck.recheck_id), _TABLE.c.is_due.is_(True))
            .values(
                state=recheck.state.value,
                is_due=recheck.state is RecheckState.CALLED,
                sealed_findings=self._seal(recheck.findings, recheck.recheck_id, "findings"),
                closed_by=recheck.closed_by,
                close_time=recheck.close_time,
            )
        )
        assert changed.rowcount == 1

    def _is(self, recheck_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return _TABLE.c.region == self._region, _TABLE.c.recheck_id == recheck_id

    @property
    def _keys(self) -> Vault:
        assert self._vault is not None, "who has no keys asks for nothing sealed"
        return self._vault

    def _seal(self, text: str, recheck_id: str, what: str) -> bytes:
        return self._keys.seal(text.encode(), place=self._place(recheck_id, what))

    def _open(self, sealed: bytes | None, recheck_id: str, what: str) -> str:
        if sealed is None:
            return ""
        return self._keys.open(bytes(sealed), place=self._place(recheck_id, what)).decode()

    def _place(self, recheck_id: str, what: str) -> str:
        return f"{self._region}/recheck/{recheck_id}/{what}"

    def _recheck_from(self, row: sa.Row[Any]) -> Recheck:
        return Recheck(
            row.region,
            row.recheck_id,
            row.evaluation_id,
            row.person_id,
            RecheckState(row.state),
            row.due_date,
            self._open(row.sealed_reason, row.recheck_id, "reason"),
            row.called_by,
            row.call_time,
            self._open(row.sealed_findings, row.recheck_id, "findings"),
            row.closed_by,
            row.close_time,
        )
