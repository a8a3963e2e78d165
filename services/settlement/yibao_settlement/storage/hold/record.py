"""Holds as stored: read and written in the columns and forms of settlements."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.settlement.record import Adjustment
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.rules.review import Finding
from yibao_settlement.storage import tables
from yibao_settlement.storage.settlement.adjustment import adjustment_from, adjustment_row
from yibao_settlement.storage.settlement.record import (
    SETTLEMENT_COLUMNS,
    WRITTEN_COLUMNS,
    lines_rows,
    record_from,
    settlement_row,
    stored_lines,
)

# What is called otherwise of a settlement.
_NAMES = {"settlement_id": "hold_id", "settled_by": "held_by", "settle_time": "hold_time"}
_OF_RECORD = tuple(
    _NAMES.get(name, name) for name in WRITTEN_COLUMNS if _NAMES.get(name, name) in tables.hold.c
)
ADJUSTMENT_VALUES = ("adjust_time", "cause", "cause_id", "effective")
_OF_END = ("state", "end_time", "end_reason", "ended_by", "settlement_id")
_ONCE = (*_OF_RECORD, "further_lines", "findings", "expire_time")
_CHANGING = ("holder_id", *ADJUSTMENT_VALUES, *_OF_END)
HOLD_COLUMNS = (*_ONCE, *_CHANGING)

_encode = msgspec.json.Encoder().encode
_findings = msgspec.json.Decoder(tuple[Finding, ...]).decode


def hold_from(row: Row) -> Hold:
    """Returns the hold in a row of HOLD_COLUMNS.

    Raises InvariantError where it is not what was written.
    """
    told: dict[str, Any] = dict(zip(HOLD_COLUMNS, row, strict=True))
    values = {name: told.get(_NAMES.get(name, name)) for name in SETTLEMENT_COLUMNS}
    hold_id = told["hold_id"]
    further = stored_lines(hold_id, told["further_lines"] or "[]")
    record = record_from(tuple(values.values()), further)
    try:
        findings = _findings(told["findings"])
    except msgspec.DecodeError as error:
        raise InvariantError(f"findings of hold {hold_id} cannot be read") from error
    return Hold(
        record._replace(adjustment=_adjustment_from(told), is_held=True),
        told["holder_id"],
        told["expire_time"],
        findings,
        HoldState(told["state"]),
        *(told[name] for name in _OF_END[1:]),
    )


def _adjustment_from(told: dict[str, Any]) -> Adjustment | None:
    if told["effective"] is None:
        return None
    adjust_time, cause, cause_id, effective = (told[name] for name in ADJUSTMENT_VALUES)
    return adjustment_from((told["hold_id"], 2, adjust_time, cause, cause_id, None, effective))


def _written_once(hold: Hold) -> Row:
    """Returns the values of `_ONCE`."""
    columns = dict(zip(WRITTEN_COLUMNS, settlement_row(hold.record), strict=True))
    del columns["former_place"]
    further = [text for *_, text in lines_rows(hold.record)]
    own = {_NAMES.get(name, name): value for name, value in columns.items()}
    return (
        *(own[name] for name in _OF_RECORD),
        # Arrays of a hundred lines each, as one.
        "[" + ",".join(text[1:-1] for text in further) + "]" if further else None,
        _encode(hold.findings).decode(),
        hold.expire_time,
    )


def _changing(hold: Hold) -> Row:
    """Returns the values of `_CHANGING`."""
    moved = adjustment_values(hold.record.adjustment)
    end = (int(hold.state), hold.end_time, hold.end_reason, hold.ended_by, hold.settlement_id)
    return (hold.holder_id, *moved, *end)


def adjustment_values(adjustment: Adjustment | None) -> Row:
    """Returns the values of ADJUSTMENT_VALUES, of what moved and is not posted."""
    if adjustment is None:
        return (None, None, None, None)
    _, _, adjust_time, cause, cause_id, _, effective = adjustment_row(adjustment)
    return (adjust_time, cause, cause_id, effective)


def write_holds(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes holds that are new or changed, and when the first of a person's runs out.

    One of a bill is held at a time: what ended goes first.
    """
    holds, region = working_set.holds, working_set.region
    changed = [holds.by_id[each] for each in sorted(holds.changed)]
    yield Update(
        tables.hold,
        ("region", "hold_id"),
        _CHANGING,
        [(region, each.hold_id, *_changing(each)) for each in changed],
    )
    new = [holds.by_id[each] for each in holds.new]
    yield Insert(
        tables.hold, HOLD_COLUMNS, [(*_written_once(each), *_changing(each)) for each in new]
    )
    yield Update(
        tables.person_standing,
        ("region", "person_id"),
        ("hold_expire_time",),
        [
            (region, person_id, working_set.standings[person_id].hold_expire_time)
            for person_id in sorted(holds.holder_ids)
        ],
    )


def select_held(region: str, key: str, among: Sequence[str]) -> Select:
    """Returns the look-up of what is held, by one of its columns."""
    return Select(tables.hold, HOLD_COLUMNS, region, key, tuple(among), "end_time")


def select_holds(region: str, hold_ids: Sequence[str]) -> Select:
    """Returns the look-up of holds in any state."""
    return Select(tables.hold, HOLD_COLUMNS, region, "hold_id", tuple(hold_ids))


def find_hold(connection: sa.Connection, region: str, hold_id: str) -> Hold | None:
    """Returns a hold, or None."""
    (rows,) = execute(connection, [select_holds(region, (hold_id,))])
    return hold_from(rows[0]) if rows else None


def held_by(connection: sa.Connection, region: str, holder_ids: Sequence[str]) -> list[Hold]:
    """Returns what persons hold, by those who hold the accounts, in the order of places."""
    (rows,) = execute(connection, [select_held(region, "holder_id", sorted(holder_ids))])
    return sorted(map(hold_from, rows), key=lambda hold: hold.hold_id)


def readable_of(
    connection: sa.Connection, region: str, holder_ids: Sequence[str]
) -> tuple[list[Hold], list[tuple[str, str]]]:
    """Returns what persons hold, and of holds that are not what was written id and holder."""
    (rows,) = execute(connection, [select_held(region, "holder_id", sorted(holder_ids))])
    found: list[Hold] = []
    lost: list[tuple[str, str]] = []
    for row in rows:
        try:
            found.append(hold_from(row))
        except (InvariantError, ValueError):
            told = dict(zip(HOLD_COLUMNS, row, strict=True))
            lost.append((told["hold_id"], told["holder_id"]))
    return sorted(found, key=lambda hold: hold.hold_id), lost


def run_out(connection: sa.Connection, region: str, now: dt.datetime, *, limit: int) -> list[str]:
    """Returns at most `limit` persons of whom holds ran out, those of longest ago first."""
    hold = tables.hold.c
    rows = connection.execute(
        sa.select(hold.holder_id)
        .where(hold.region == region, hold.end_time.is_(None), hold.expire_time <= now)
        .order_by(hold.expire_time)
        .limit(limit)
    )
    return list(dict.fromkeys(rows.scalars()))
