"""Lists of audit tasks and holds, what is due first at the head."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_offsite.application.audit_task.rows import HoldWish, Place, TaskWish
from yibao_offsite.rules.audit_task.states import OPEN_STATES
from yibao_offsite.storage import tables

_task = tables.audit_tasks.audit_task
_check = tables.audit_tasks.assistance_check
_hold = tables.audit_tasks.audit_hold

_OPEN = [int(each) for each in OPEN_STATES]


def task_rows(
    connection: sa.Connection, region: str, wish: TaskWish, *, after: Place | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Returns at most `limit` rows of tasks."""
    conditions: list[sa.ColumnElement[bool]] = [_task.c.region == region]
    if wish.due_until is not None:
        conditions.append(_task.c.due_date <= wish.due_until)
    if wish.only_open:
        conditions.append(_task.c.state.in_(_OPEN))
    named = {
        "state": wish.state,
        "assignee": wish.assignee,
        "type": wish.type,
        "institution_id": wish.institution_id,
    }
    if wish.person_ids:
        conditions.append(_task.c.person_id.in_(wish.person_ids))
    conditions += [_task.c[name] == value for name, value in named.items() if value is not None]
    place = (_task.c.due_date, _task.c.task_id)
    query = sa.select(_task).where(*conditions, *_behind(place, after))
    return connection.execute(query.order_by(*place).limit(limit)).all()


def hold_rows(
    connection: sa.Connection, region: str, wish: HoldWish, *, after: Place | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Returns at most `limit` rows of holds that stand, with the due day of their tasks."""
    conditions: list[sa.ColumnElement[bool]] = [
        _hold.c.region == region,
        _hold.c.lift_time.is_(None),
        _task.c.region == region,
        _task.c.task_id == _hold.c.task_id,
    ]
    if wish.due_before is not None:
        conditions.append(_task.c.due_date < wish.due_before)
    if wish.visit_id is not None:
        conditions.append(_hold.c.visit_id == wish.visit_id)
    place = (_task.c.due_date, _hold.c.hold_id)
    query = sa.select(_hold, _task.c.due_date).where(*conditions, *_behind(place, after))
    return connection.execute(query.order_by(*place).limit(limit)).all()


def asked_rows(
    connection: sa.Connection,
    treatment_region: str,
    *,
    only_unanswered: bool,
    after: Place | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Returns at most `limit` rows of tasks of all regions that ask a place of treatment."""
    unanswered = _check.c.answer.is_(None)
    is_open = _task.c.state.in_(_OPEN)
    conditions: list[sa.ColumnElement[bool]] = [
        _check.c.treatment_region == treatment_region,
        _task.c.region == _check.c.region,
        _task.c.task_id == _check.c.task_id,
        sa.and_(unanswered, is_open) if only_unanswered else sa.or_(~unanswered, is_open),
    ]
    place = (_check.c.answer_due_date, _check.c.task_id)
    query = sa.select(_task).where(*conditions, *_behind(place, after))
    return connection.execute(query.order_by(*place).limit(limit)).all()


def overdue_counts(connection: sa.Connection, day: Any) -> dict[str, int]:
    """Returns by region how many holds stand whose task was due before a day."""
    query = (
        sa.select(_hold.c.region, sa.func.count())
        .where(
            _hold.c.lift_time.is_(None),
            _task.c.region == _hold.c.region,
            _task.c.task_id == _hold.c.task_id,
            _task.c.due_date < day,
        )
        .group_by(_hold.c.region)
    )
    return {region: count for region, count in connection.execute(query)}


def _behind(
    place: tuple[sa.Column[Any], sa.Column[Any]], after: Place | None
) -> list[sa.ColumnElement[bool]]:
    if after is None:
        return []
    reached = [sa.literal(value, column.type) for value, column in zip(after, place, strict=True)]
    return [sa.tuple_(*place) > sa.tuple_(*reached)]
