"""Audit tasks as rows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_common.keys.vault import Vault
from yibao_offsite.application.audit_task.rows import DueHold, HoldWish, Place, TaskWish
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.task import AuditTask, Finding, TaskEvent
from yibao_offsite.storage import tables
from yibao_offsite.storage.audit_task import listing, values
from yibao_offsite.storage.audit_task.texts import Texts

_tables = tables.audit_tasks


class StoredAuditTasks:
    """See `application.audit_task.rows.AuditTaskRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection, and what texts are sealed with."""
        self._connection = connection
        self._region = region
        self._texts = Texts(vault, region)

    def find(self, task_id: str) -> AuditTask | None:
        """Returns a task, or None."""
        return self._one(task_id, for_update=False)

    def lock(self, task_id: str) -> AuditTask | None:
        """Locks a task and returns it, or None."""
        return self._one(task_id, for_update=True)

    def insert(self, task: AuditTask) -> None:
        """Stores a new task."""
        self._insert(_tables.audit_task, values.task_values(task, self._texts))
        if task.assistance is not None:
            row = {"task_id": task.task_id, **values.assistance_values(task.assistance)}
            self._insert(_tables.assistance_check, row)

    def update(self, task: AuditTask) -> None:
        """Stores what became of a task."""
        changed = values.task_values(task, self._texts)
        self._update(_tables.audit_task, {"task_id": changed.pop("task_id")}, changed)
        if task.assistance is not None:
            told = values.assistance_values(task.assistance)
            self._update(_tables.assistance_check, {"task_id": task.task_id}, told)

    def add_event(self, task_id: str, event: TaskEvent) -> None:
        """Stores what was done to a task."""
        self._insert(_tables.audit_task_event, values.event_values(task_id, event))

    def events(self, task_id: str) -> Sequence[TaskEvent]:
        """Returns what was done to a task."""
        rows = self._of_task(_tables.audit_task_event, task_id, "number")
        return [values.event_from(row) for row in rows]

    def add_finding(self, task_id: str, finding: Finding) -> None:
        """Stores a finding."""
        row = values.finding_values(task_id, finding, self._texts)
        self._insert(_tables.audit_finding, row)

    def findings(self, task_id: str) -> Sequence[Finding]:
        """Returns the findings of a task."""
        rows = self._of_task(_tables.audit_finding, task_id, "number")
        return [values.finding_from(row, self._texts) for row in rows]

    def add_evidence(self, task_id: str, evidence: Evidence) -> None:
        """Stores a piece of evidence."""
        self._insert(_tables.audit_evidence, values.evidence_values(task_id, evidence))

    def evidence(self, task_id: str) -> Sequence[Evidence]:
        """Returns the evidence of a task."""
        rows = self._of_task(_tables.audit_evidence, task_id, "number")
        return [values.evidence_from(row) for row in rows]

    def insert_hold(self, hold: PlacedHold) -> None:
        """Stores a new hold."""
        self._insert(_tables.audit_hold, values.hold_values(hold))

    def update_hold(self, hold: PlacedHold) -> None:
        """Stores that a hold was lifted."""
        changed = values.hold_values(hold)
        self._update(_tables.audit_hold, {"hold_id": changed.pop("hold_id")}, changed)

    def find_hold(self, hold_id: str) -> PlacedHold | None:
        """Returns a hold, or None."""
        hold = _tables.audit_hold
        query = sa.select(hold).where(hold.c.region == self._region, hold.c.hold_id == hold_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else values.hold_from(row)

    def holds(self, task_id: str) -> Sequence[PlacedHold]:
        """Returns the holds of a task."""
        rows = self._of_task(_tables.audit_hold, task_id, "place_time", "hold_id")
        return [values.hold_from(row) for row in rows]

    def page(self, wish: TaskWish, *, after: Place | None, limit: int) -> Sequence[AuditTask]:
        """Returns at most `limit` tasks, without their reports."""
        rows = listing.task_rows(self._connection, self._region, wish, after=after, limit=limit)
        found = self._assistance([(row.region, row.task_id) for row in rows])
        return [values.task_from(row, None, found.get(row.task_id)) for row in rows]

    def standing_holds(
        self, wish: HoldWish, *, after: Place | None, limit: int
    ) -> Sequence[DueHold]:
        """Returns at most `limit` holds that stand."""
        rows = listing.hold_rows(self._connection, self._region, wish, after=after, limit=limit)
        return [DueHold(values.hold_from(row), row.due_date) for row in rows]

    def asked_of(
        self, treatment_region: str, *, only_unanswered: bool, after: Place | None, limit: int
    ) -> Sequence[AuditTask]:
        """Returns at most `limit` tasks that a place is asked about, without their reports."""
        rows = listing.asked_rows(
            self._connection,
            treatment_region,
            only_unanswered=only_unanswered,
            after=after,
            limit=limit,
        )
        found = self._assistance([(row.region, row.task_id) for row in rows])
        return [values.task_from(row, None, found.get(row.task_id)) for row in rows]

    def _one(self, task_id: str, *, for_update: bool) -> AuditTask | None:
        task = _tables.audit_task
        query = sa.select(task).where(task.c.region == self._region, task.c.task_id == task_id)
        if for_update:
            query = query.with_for_update()
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        found = self._assistance([(self._region, task_id)])
        return values.task_from(row, self._texts, found.get(task_id))

    def _assistance(self, keys: Sequence[tuple[str, str]]) -> dict[str, Assistance]:
        """Returns what is asked by tasks of some regions, by their ids."""
        if not keys:
            return {}
        check = _tables.assistance_check
        regions, ids = {region for region, _ in keys}, [task_id for _, task_id in keys]
        query = sa.select(check).where(
            check.c.region.in_(sorted(regions)), check.c.task_id.in_(ids)
        )
        rows = self._connection.execute(query)
        return {row.task_id: values.assistance_from(row) for row in rows}

    def _of_task(self, table: sa.Table, task_id: str, *order: str) -> Sequence[sa.Row[Any]]:
        query = (
            sa.select(table)
            .where(table.c.region == self._region, table.c.task_id == task_id)
            .order_by(*(table.c[name] for name in order))
        )
        return self._connection.execute(query).all()

    def _insert(self, table: sa.Table, row: dict[str, Any]) -> None:
        columns, told = ("region", *row), (self._region, *row.values())
        insert_rows(self._connection, table, columns, [told])

    def _update(self, table: sa.Table, key: dict[str, Any], row: dict[str, Any]) -> None:
        named = {"region": self._region, **key}
        conditions = [table.c[name] == value for name, value in named.items()]
        changed = self._connection.execute(sa.update(table).where(*conditions).values(**row))
        assert changed.rowcount == 1, (table.name, key)
