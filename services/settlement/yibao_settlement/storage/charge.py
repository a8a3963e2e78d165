"""Lines with ids as stored: what a batch reads of them and writes.

A line is a JSON array in the order of `ChargedLine`, with its details as an array in that
of `LineDetails`; both only ever grow at their end.
"""

from collections.abc import Collection, Iterator

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, select_rows
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.charge import Charge
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_encode = msgspec.json.Encoder().encode
_line = msgspec.json.Decoder(ChargedLine).decode

_KEYS = ("region", "visit_id", "line_id")
_VALUES = ("charge_batch_id", "upload_time", "is_uploaded", "settlement_id", "line")
_COLUMNS = ("visit_id", *_VALUES)


def read_charges(wanted: Wanted) -> tuple[Read, Read]:
    """Reads the lines of the visits that need them, and those that settlements took."""
    needs = wanted.needs
    return (
        Read(
            wanted.select(tables.charge, _COLUMNS, "visit_id", needs.charged_visit_ids),
            keep_charges,
        ),
        Read(
            wanted.select(
                tables.charge, _COLUMNS, "settlement_id", {*needs.settlement_ids, *needs.hold_ids}
            ),
            keep_charges,
        ),
    )


def select_taken(region: str, settlement_ids: Collection[str]) -> Select:
    """Returns the look-up of the lines that settlements or holds took."""
    return Select(tables.charge, _COLUMNS, region, "settlement_id", tuple(settlement_ids))


def keep_charges(working_set: WorkingSet, rows: list[Row]) -> None:
    """Keeps lines in the working set."""
    for row in rows:
        charge = charge_from(row)
        line_id = charge.line.line_id
        working_set.charges.setdefault(charge.visit_id, {})[line_id] = charge
        working_set.stored_charges.add((charge.visit_id, line_id))


def charges_of(connection: sa.Connection, region: str, visit_id: str) -> list[Charge]:
    """Returns the lines with ids of a visit."""
    rows = select_rows(
        connection, tables.charge, _COLUMNS, region=region, key="visit_id", among=[visit_id]
    )
    return [charge_from(row) for row in rows]


def charge_from(row: Row) -> Charge:
    """Returns the line in a row of `_COLUMNS`."""
    visit_id, charge_batch_id, upload_time, is_uploaded, settlement_id, line = row
    return Charge(visit_id, _line(line), charge_batch_id, upload_time, is_uploaded, settlement_id)


def write_charges(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes lines that are new or changed, then which settlements took the others."""
    changes, stored = working_set.changes, working_set.stored_charges
    yield Insert(
        tables.charge,
        _KEYS + _VALUES,
        [_row(working_set, key) for key in sorted(changes.charges - stored)],
    )
    yield Update(
        tables.charge,
        _KEYS,
        _VALUES,
        [_row(working_set, key) for key in sorted(changes.charges & stored)],
    )
    yield Update(
        tables.charge,
        _KEYS,
        ("settlement_id",),
        [
            (working_set.region, *key, working_set.charges[key[0]][key[1]].settlement_id)
            for key in sorted(changes.charges_taken - changes.charges)
        ],
    )


def _row(working_set: WorkingSet, key: tuple[str, str]) -> Row:
    charge = working_set.charges[key[0]][key[1]]
    return (
        working_set.region,
        *key,
        charge.charge_batch_id,
        charge.upload_time,
        charge.is_uploaded,
        charge.settlement_id,
        _encode(charge.line).decode(),
    )
