"""Tokens of pages: where a list goes on, bound to what it was asked with.

A token carries no rights: whoever presents one is answered within the own scope. It is not
signed either, so its place is read as strictly as any field of a request.
"""

import base64
import datetime as dt
import hashlib
import uuid
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason

PlaceT = TypeVar("PlaceT")

_DIGEST_BYTES = 12
# The largest number that every column of numbers holds.
_MOST = 2**31 - 1


def page_token(request: Message, place: str) -> str:
    """Returns the token by which the list that `request` asks for goes on after `place`."""
    return base64.urlsafe_b64encode(_digest(request) + place.encode()).decode()


def place_after(
    request: Message, token: str, place_of: Callable[[str], PlaceT], *, field: str = "page_token"
) -> PlaceT | None:
    """Returns the place after which the list goes on, or None from its start.

    `place_of` reads the text that `page_token` was given; it raises ValueError where the
    text is no place. `field` is the one that the token came in.

    Raises:
        RuleError: FIELD_MALFORMED where the token is not of a list with these arguments.
    """
    if not token:
        return None
    try:
        told = base64.b64decode(token, altchars=b"-_", validate=True)
        if told[:_DIGEST_BYTES] == _digest(request):
            return place_of(_storable(told[_DIGEST_BYTES:].decode()))
    except ValueError:
        # What is no token at all is refused as one of another list is.
        pass
    message = "is not of this list with these arguments"
    fault = FieldFault(field, Reason.FIELD_MALFORMED, message)
    raise RuleError(Reason.FIELD_MALFORMED, f"{field}: {message}", faults=[fault])


def id_place(text: str) -> str:
    """Returns the id that a place is in lists by ids, for `place_after`.

    Raises ValueError where the text is none in the form that is stored.
    """
    if str(uuid.UUID(text)) != text:
        raise ValueError("a place is an id")
    return text


def timed_place_text(instant: dt.datetime, id: str) -> str:
    """Returns a place in lists by time, then by id, for `page_token`."""
    return f"{instant.isoformat()}/{id}"


def timed_place(text: str) -> tuple[dt.datetime, str]:
    """Returns the instant and the id of a place in lists by time, for `place_after`.

    Raises ValueError where the text is not as `timed_place_text` writes it.
    """
    time, _, id = text.partition("/")
    instant, read = dt.datetime.fromisoformat(time), str(uuid.UUID(id))
    # Both readers take more forms than one, and a time without a zone.
    if instant.utcoffset() != dt.timedelta() or timed_place_text(instant, read) != text:
        raise ValueError("a place is a time in UTC and an id")
    return instant, read


def number_in_place(text: str) -> int:
    """Returns a number of a place, which a database can be asked about.

    Raises ValueError where the text is none, or less or more than any stored one.
    """
    number = int(text)
    if not 0 <= number <= _MOST:
        raise ValueError("a number in a place is one that is stored")
    return number


def _storable(text: str) -> str:
    """Returns a place; raises ValueError where it holds what PostgreSQL takes in no text."""
    if "\0" in text:
        raise ValueError("no stored text holds U+0000")
    return text


def _digest(request: Message) -> bytes:
    """Returns what stands for the arguments: all but the page."""
    arguments = type(request)()
    arguments.CopyFrom(request)
    for name in ("page_size", "page_token"):
        # A stream has neither.
        if name in request.DESCRIPTOR.fields_by_name:
            arguments.ClearField(name)
    kind = request.DESCRIPTOR.full_name.encode()
    serialized = arguments.SerializeToString(deterministic=True)
    return hashlib.sha256(kind + b"\n" + serialized).digest()[:_DIGEST_BYTES]
