"""Overrides as stored: what a batch reads of them and writes, and what is read alone."""

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.override import (
    Override,
    OverrideKind,
    OverrideState,
    OverrideSums,
)
from yibao_settlement.storage import tables

_SUMS = OverrideSums._fields
_CHANGING = ("state", "checker", "close_time", "taken_back_id")
_OTHERS = tuple(name for name in Override._fields if name != "sums")
OVERRIDE_COLUMNS = (*_OTHERS, *_SUMS)


def override_from(row: Row) -> Override:
    """Returns the override in a row of OVERRIDE_COLUMNS."""
    values: dict[str, Any] = dict(zip(OVERRIDE_COLUMNS, row, strict=True))
    sums = OverrideSums(*(values.pop(name) for name in _SUMS))
    values["kind"] = OverrideKind(values["kind"])
    values["state"] = OverrideState(values["state"])
    values["told"] = bytes(values["told"])
    return Override(sums=sums, **values)


def find_overrides(
    connection: sa.Connection, region: str, override_ids: Collection[str]
) -> dict[str, Override]:
    """Returns those of some overrides that there are, by id."""
    select = Select(tables.override, OVERRIDE_COLUMNS, region, "override_id", tuple(override_ids))
    (rows,) = execute(connection, [select])
    return {override.override_id: override for override in map(override_from, rows)}


def list_overrides(
    connection: sa.Connection,
    region: str,
    state: OverrideState | None,
    *,
    after: str | None,
    limit: int,
) -> list[Override]:
    """Returns at most `limit` overrides, the one proposed first at the head."""
    override = tables.override.c
    query = (
        sa.select(*(override[name] for name in OVERRIDE_COLUMNS))
        .where(override.region == region)
        .order_by(override.override_id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(override.state == int(state))
    if after is not None:
        query = query.where(override.override_id > after)
    return [override_from(tuple(row)) for row in connection.execute(query)]


def write_overrides(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the overrides that were proposed, carried out or withdrawn."""
    overrides = working_set.overrides
    yield Insert(
        tables.override,
        OVERRIDE_COLUMNS,
        [_row(overrides.known[each]) for each in overrides.proposed],
    )
    yield Update(
        tables.override,
        ("region", "override_id"),
        _CHANGING,
        [
            (
                working_set.region,
                each,
                *(getattr(overrides.known[each], name) for name in _CHANGING),
            )
            for each in overrides.changed
        ],
    )


def _row(override: Override) -> Row:
    return (*(getattr(override, name) for name in _OTHERS), *override.sums)
