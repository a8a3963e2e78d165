"""Fields that a request has and this version of the contract does not know.

A newer client may have said something with them that changes what it is charged: a
request that changes something is refused with them, wherever in it they stand.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from yibao_common.rpc.field_checks import is_repeated, most_items

# Unknown fields of more bytes are not named one by one: a message filled with them costs half a
# second to name, in the event loop that is there for others too.
MOST_NAMED_BYTES = 50_000


def unknown_bytes(message: Message, *, except_items: bool = False) -> int:
    """Returns about how many bytes of `message`, and of what it contains, are unknown fields.

    0 is exact. With `except_items` the field `items` is not looked into.
    """
    if except_items and "items" in message.DESCRIPTOR.fields_by_name:
        head = type(message)()
        head.CopyFrom(message)
        head.ClearField("items")
        return unknown_bytes(head)
    # All three run in C; a walk in Python costs twenty times more.
    whole = message.SerializeToString()
    message.DiscardUnknownFields()
    unknown = len(whole) - message.ByteSize()
    if unknown:
        message.ParseFromString(whole)
    return unknown


def unknown_paths(message: Message, *, except_items: bool = False) -> Iterator[str]:
    """Yields the path of each unknown field, by its number: `bill.lines[3].15`.

    Into lists with more items than they may have it does not look, which is a fault by itself.
    """
    return _paths(message, "", except_items=except_items)


def _paths(message: Message, prefix: str, *, except_items: bool = False) -> Iterator[str]:
    unknown = UnknownFieldSet(message)
    numbers = {unknown[place].field_number for place in range(len(unknown))}
    yield from (f"{prefix}{number}" for number in sorted(numbers))
    for field, value in message.ListFields():
        if field.message_type is None or (except_items and field.name == "items"):
            continue
        inner: Any = value
        if is_repeated(field):
            if len(inner) > most_items(field):
                continue
            for index, each in enumerate(inner):
                yield from _paths(each, f"{prefix}{field.name}[{index}].")
        else:
            yield from _paths(inner, f"{prefix}{field.name}.")
