"""Small translations between the shared proto types, stored bytes and Python values."""

import datetime as dt
from collections.abc import Mapping
from typing import TypeVar, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.common.v1.date_pb2 import Date
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason

AnswerT = TypeVar("AnswerT", bound=Message)
ValueT = TypeVar("ValueT")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def to_date(date: Date) -> dt.date:
    """Returns the day; the gate has checked that it exists."""
    return dt.date(date.year, date.month, date.day)


def to_optional_date(message: object, field: str) -> dt.date | None:
    """Returns the day in `field` of a message, or None where it is absent."""
    present = message.HasField(field)  # type: ignore[attr-defined]
    return to_date(getattr(message, field)) if present else None


def from_date(day: dt.date) -> Date:
    """Returns the day as sent."""
    return Date(year=day.year, month=day.month, day=day.day)


def to_instant(timestamp: Timestamp) -> dt.datetime:
    """Returns the instant, aware, in UTC, cut to microseconds."""
    return timestamp.ToDatetime(tzinfo=dt.UTC)


def from_instant(instant: dt.datetime) -> Timestamp:
    """Returns an aware instant as sent."""
    microseconds = (instant - _EPOCH) // _MICROSECOND
    seconds, rest = divmod(microseconds, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def as_sent(answer: type[AnswerT], serialized: bytes) -> AnswerT:
    """Returns the bytes of a stored answer where the stub's type wants the message.

    The gate sends bytes as they are, so that a repeated request gets the very same ones.
    """
    del answer  # It only names the type.
    return cast(AnswerT, serialized)


def known(values: Mapping[int, ValueT], number: int, *, field: str, what: str) -> ValueT:
    """Returns what a number of an open enum, which is in `field`, stands for.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE; it is of a newer contract.
    """
    value = values.get(number)
    if value is None:
        message = f"is no {what} that this version knows"
        fault = FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)
        raise RuleError(fault.reason, f"{field}: {message}", faults=[fault])
    return value


def length_delimited(number: int, contents: bytes) -> bytes:
    """Returns field `number` with `contents`, as protobuf writes it.

    So serialized messages are joined without being read and written again.
    """
    size, length = len(contents), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes((number << 3 | 2, *length)) + contents
