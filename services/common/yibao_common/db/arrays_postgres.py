"""The values of a column as one parameter for PostgreSQL: an array, as text or in binary.

The driver's own arrays look at every value with a regular expression, which costs more than
the rest of a small statement. The server reads the text of a number as fast as its binary form,
that of a UUID or an instant three times as slowly.
"""

import datetime as dt
import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from yibao_common.db.rows import Instant
from yibao_common.db.trip_postgres import Binary
from yibao_common.values.errors import InvariantError

ArrayWriter = Callable[[Sequence[Any]], bytes]

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]


def array_type(column: "sa.Column[Any]") -> str:
    """Returns the type of an array of the column's values, such as `UUID[]`."""
    kind = column.type.dialect_impl(_POSTGRES)
    # The column itself enforces its length and collation.
    if isinstance(kind, sa.String):
        return "text[]"
    return f"{column.type.compile(dialect=_POSTGRES)}[]"


@functools.cache
def array_writer(column: "sa.Column[Any]") -> ArrayWriter:
    """Returns what writes at least one value of the column, each of which may be None.

    It raises InvariantError where a text holds a zero character or an identifier is no UUID.
    """
    if isinstance(column.type.dialect_impl(_POSTGRES), sa.Uuid):
        return _uuid_array
    match column.type:
        case sa.LargeBinary():
            return _bytes_array
        case sa.Text():
            return _long_text_array
        case sa.String():
            return _text_array
        case Instant():
            return _instant_array
        case sa.Date():
            return _date_array
        case _:
            return _plain_array


def text_value(value: str) -> bytes:
    """Writes a text by itself, which ends with the first zero character for the server."""
    if "\x00" in value:
        raise InvariantError("text holds a zero character")
    return value.encode()


def _plain_array(values: Sequence[Any]) -> bytes:
    """Writes numbers and truth values: nothing in them needs quotes."""
    first = values[0]
    # The rows of a batch share many, whose texts take long to write.
    if first is not None and values.count(first) == len(values):
        return ("{" + ",".join([str(first)] * len(values)) + "}").encode()
    texts = ["NULL" if value is None else str(value) for value in values]
    return ("{" + ",".join(texts) + "}").encode()


def _text_array(values: Sequence[str | None]) -> bytes:
    """Writes text as an array literal, each value in quotes."""
    if None in values:
        quoted = ["NULL" if value is None else f'"{_escape(value)}"' for value in values]
        return ("{" + ",".join(quoted) + "}").encode()
    joined = "\x00".join(values)  # type: ignore[arg-type]  # the line above took None
    # PostgreSQL holds no zero character in text, so it can part the values here.
    if joined.count("\x00") != len(values) - 1:
        raise InvariantError("text holds a zero character")
    return ('{"' + _escape(joined).replace("\x00", '","') + '"}').encode()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _oid(name: str) -> int:
    return psycopg.adapters.types[name].oid


_TEXT, _BYTES, _UUID = _oid("text"), _oid("bytea"), _oid("uuid")
_INSTANT, _DATE = _oid("timestamptz"), _oid("date")

# Dimensions, whether any value is null, type of the values, their number, the first index.
_pack_head = struct.Struct("!iiIii").pack
# Each value follows its length, of which less than none says null.
_pack_length = struct.Struct("!i").pack
_pack_instant = struct.Struct("!iq").pack
_pack_date = struct.Struct("!ii").pack
_NULL = _pack_length(-1)

_UUID_LENGTH_HEX = _pack_length(16).hex()
_UUID_WRITTEN = 4 + 16

# PostgreSQL counts from the first instant of 2000.
_FIRST_INSTANT = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_FIRST_DAY = dt.date(2000, 1, 1).toordinal()
_MICROSECOND = dt.timedelta(microseconds=1)


def _long_text_array(values: Sequence[str | None]) -> Binary:
    """Writes long texts by their lengths: looking for quotes in them costs ten times as much."""
    return _bytes_of(_TEXT, [None if value is None else value.encode() for value in values])


def _bytes_array(values: Sequence[bytes | None]) -> Binary:
    """Writes bytes as they are: their text form would be twice as long."""
    return _bytes_of(_BYTES, values)


def _bytes_of(oid: int, values: Sequence[bytes | None]) -> Binary:
    parts = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += (_pack_length(len(value)), value)
    return _binary(oid, values, b"".join(parts))


def _uuid_array(values: Sequence[str | None]) -> Binary:
    if None in values:
        parts = [_NULL if value is None else _uuids([value]) for value in values]
        return _binary(_UUID, values, b"".join(parts))
    return _binary(_UUID, values, _uuids(values))  # type: ignore[arg-type]  # as with texts


def _uuids(values: Sequence[str]) -> bytes:
    # All digits at once, with the length before each.
    digits = _UUID_LENGTH_HEX.join(["", *values]).replace("-", "")
    try:
        written = bytes.fromhex(digits)
    except ValueError:
        written = b""
    if len(written) != _UUID_WRITTEN * len(values):
        raise InvariantError("an identifier is no UUID")
    return written


def _instant_array(values: Sequence[dt.datetime | None]) -> Binary:
    return _fixed(_INSTANT, values, _instant)


def _instant(value: dt.datetime) -> bytes:
    return _pack_instant(8, (value - _FIRST_INSTANT) // _MICROSECOND)


def _date_array(values: Sequence[dt.date | None]) -> Binary:
    return _fixed(_DATE, values, _date)


def _date(value: dt.date) -> bytes:
    return _pack_date(4, value.toordinal() - _FIRST_DAY)


def _fixed(oid: int, values: Sequence[Any], written: Callable[[Any], bytes]) -> Binary:
    # The rows of a batch share many.
    first = values[0]
    if first is not None and values.count(first) == len(values):
        return _binary(oid, values, written(first) * len(values))
    parts = [_NULL if value is None else written(value) for value in values]
    return _binary(oid, values, b"".join(parts))


def _binary(oid: int, values: Sequence[Any], written: bytes) -> Binary:
    """Writes an array in the protocol's binary form, of values that follow their lengths."""
    return Binary(_pack_head(1, None in values, oid, len(values), 1) + written)
