"""Puts the texts of a request into the one way in which they are written.

What that is, each form of field says (`formats.Form.canonical`).
"""

import operator
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from yibao_common.rpc.field_checks import is_repeated, most_items, rules_of
from yibao_common.rpc.formats import form_of

# Mends what one field of a message holds, and tells whether anything was changed.
Mend = Callable[[Any], bool]


def canonical_texts(descriptor: Descriptor, *, except_items: bool = False) -> Mend:
    """Returns what mends messages of this type, and the messages inside, in place.

    `except_items` leaves the contents of the field `items` alone. A list with more items than
    it may have is refused however its texts are written, and is not mended.
    """
    return _Texts(descriptor, {}, except_items=except_items).mend


class _Texts:
    """The fields of one message type that hold texts, itself or deeper."""

    def __init__(
        self, descriptor: Descriptor, known: dict[str, "_Texts"], *, except_items: bool = False
    ) -> None:
        """Compiles; `known` ties the knot where a message contains its own type."""
        known[descriptor.full_name] = self
        self._mends: list[Mend] = []
        for field in descriptor.fields:
            if except_items and field.name == "items":
                continue
            if field.message_type is not None:
                self._mends.append(_of_message(field, field.message_type, known))
            elif field.type == FieldDescriptor.TYPE_STRING:
                self._mends.append(_of_text(field, form_of(rules_of(field)).canonical))

    def mend(self, message: Any) -> bool:
        """Mends all fields of `message`, and tells whether anything was changed."""
        changed = False
        for mend in self._mends:
            changed |= mend(message)
        return changed


def _of_message(field: FieldDescriptor, type_: Descriptor, known: dict[str, _Texts]) -> Mend:
    name, read = field.name, operator.attrgetter(field.name)
    texts = known.get(type_.full_name) or _Texts(type_, known)
    if is_repeated(field):
        most = most_items(field)

        def mend_all(message: Any) -> bool:
            items = read(message)
            if len(items) > most:
                return False
            # Every item is mended, whatever came of those before.
            return any([texts.mend(item) for item in items])

        return mend_all
    return lambda message: message.HasField(name) and texts.mend(read(message))


def _of_text(field: FieldDescriptor, canonical: Callable[[str], str]) -> Mend:
    name = field.name
    many = is_repeated(field)
    most = most_items(field)

    def mend(message: Message) -> bool:
        value = getattr(message, name)
        if many and len(value) > most:
            return False
        mended: Any = [canonical(text) for text in value] if many else canonical(value)
        if mended == value:
            return False
        if many:
            value[:] = mended
        else:
            setattr(message, name, mended)
        return True

    return mend
