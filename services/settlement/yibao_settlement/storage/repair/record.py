"""Repairs as stored: what a batch reads of them and writes, and what is read alone."""

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.repair import Repair, RepairState
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person

REPAIR_COLUMNS = Repair._fields
_CHANGING = ("state", "checker", "close_time")


def repair_from(row: Row) -> Repair:
    """Returns the repair in a row of REPAIR_COLUMNS."""
    values: dict[str, Any] = dict(zip(REPAIR_COLUMNS, row, strict=True))
    return Repair(**{**values, "state": RepairState(values["state"])})


def find_repairs(
    connection: sa.Connection, region: str, repair_ids: Collection[str]
) -> dict[str, Repair]:
    """Returns those of some repairs that there are, by id."""
    select = Select(tables.repair, REPAIR_COLUMNS, region, "repair_id", tuple(repair_ids))
    (rows,) = execute(connection, [select])
    return {repair.repair_id: repair for repair in map(repair_from, rows)}


def first_settlement_id(connection: sa.Connection, region: str, person_id: str) -> str | None:
    """Returns the first settlement of a person that stands, by the order of places, or None."""
    visit, settlement = tables.visit.c, tables.settlement.c
    place = sa.func.coalesce(settlement.former_place, settlement.settlement_id)
    found: str | None = connection.execute(
        sa.select(settlement.settlement_id)
        .join_from(
            tables.visit,
            tables.settlement,
            sa.and_(visit.region == settlement.region, visit.visit_id == settlement.visit_id),
        )
        .where(
            visit.region == region,
            visit.person_id.in_(one_person(connection, region, person_id)),
            settlement.reversal_id.is_(None),
        )
        .order_by(place)
        .limit(1)
    ).scalar_one_or_none()
    return found


def list_repairs(
    connection: sa.Connection,
    region: str,
    state: RepairState | None,
    *,
    after: str | None,
    limit: int,
) -> list[Repair]:
    """Returns at most `limit` repairs, the one proposed first at the head."""
    repair = tables.repair.c
    query = (
        sa.select(*(repair[name] for name in REPAIR_COLUMNS))
        .where(repair.region == region)
        .order_by(repair.repair_id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(repair.state == int(state))
    if after is not None:
        query = query.where(repair.repair_id > after)
    return [repair_from(tuple(row)) for row in connection.execute(query)]


def write_repairs(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the repairs that were proposed, carried out or withdrawn."""
    repairs = working_set.repairs
    yield Insert(
        tables.repair, REPAIR_COLUMNS, [(*repairs.known[each],) for each in repairs.proposed]
    )
    yield Update(
        tables.repair,
        ("region", "repair_id"),
        _CHANGING,
        [
            (working_set.region, each, *(getattr(repairs.known[each], name) for name in _CHANGING))
            for each in repairs.changed
        ],
    )
