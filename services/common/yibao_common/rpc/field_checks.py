"""Checks of single fields, compiled from their rules."""

import math
import operator
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from yibao.common.v1 import validation_pb2 as pb
from yibao_common.rpc.formats import Fault, form_of, length_fault
from yibao_common.values.reasons import Reason

# Tells whether the value of a field is certainly well formed.
Fits = Callable[[Any], object]
# Explains a value of a message, where it has a fault; the message tells presence, and is
# not looked at for an item of a list.
FindFault = Callable[[Any, Any], Fault | None]

REQUIRED: Fault = (Reason.FIELD_REQUIRED, "is required")

_INT_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def rules_of(field: FieldDescriptor) -> pb.FieldRules:
    """Returns the rules that the contract sets for `field`; empty where it sets none."""
    rules: pb.FieldRules = field.GetOptions().Extensions[pb.field]
    return rules


def is_repeated(field: FieldDescriptor) -> bool:
    """Tells whether `field` holds a list."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    label: int = getattr(field, "label")  # noqa: B009  # protobuf 5 has only this
    return label == FieldDescriptor.LABEL_REPEATED


def most_items(field: FieldDescriptor) -> float:
    """Returns how many items a list may have."""
    rules = rules_of(field)
    return rules.max_items if rules.HasField("max_items") else math.inf


def check_of(field: FieldDescriptor) -> tuple[Fits, FindFault]:
    """Returns the check of a field, or of an item of a list, that is no message."""
    rules = rules_of(field)
    if rules.output_only:
        return _output_only(field)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, rules)
    if field.cpp_type in _INT_RANGES:
        return _integer(field, rules)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string(rules)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(rules)
    assert not rules.required, f"{field.full_name}: its default cannot be told from absent"
    return lambda _value: True, lambda _message, _value: None


def is_present(field: FieldDescriptor) -> Callable[[Message], bool]:
    """Returns what tells whether a message has `field`: set, not empty, not zero.

    An item of a list is there, whatever its value.
    """
    name = field.name
    if is_repeated(field):
        return lambda _message: True
    if field.has_presence:
        return lambda message: message.HasField(name)
    read = operator.attrgetter(name)
    return lambda message: bool(read(message))


def _output_only(field: FieldDescriptor) -> tuple[Fits, FindFault]:
    present = is_present(field)

    def find_fault(message: Any, _value: object) -> Fault | None:
        if present(message):
            return Reason.FIELD_OUTPUT_ONLY, "is set by the service"
        return None

    # A value alone does not tell an explicit zero from an absent one.
    return lambda value: not value and not field.has_presence, find_fault


def _enum(field: FieldDescriptor, rules: pb.FieldRules) -> tuple[Fits, FindFault]:
    enum = field.enum_type
    assert enum is not None
    numbers = frozenset(value.number for value in enum.values)
    known = numbers - {0} if rules.required or is_repeated(field) else numbers

    def find_fault(_message: Any, value: int) -> Fault | None:
        if value in known:
            return None
        if value == 0:
            return REQUIRED
        return Reason.FIELD_OUT_OF_RANGE, f"{value} is no value of {enum.name}"

    return known.__contains__, find_fault


def _integer(field: FieldDescriptor, rules: pb.FieldRules) -> tuple[Fits, FindFault]:
    least, most = _INT_RANGES[field.cpp_type]
    expected = ""
    if rules.HasField("minimum"):
        least = rules.minimum
        expected = f"must be at least {least}"
    if rules.HasField("maximum"):
        most = rules.maximum
        both = rules.HasField("minimum")
        expected = f"must be from {least} to {most}" if both else f"must be at most {most}"
    legal = range(least, most + 1)
    present, required = is_present(field), rules.required

    def find_fault(message: Any, value: int) -> Fault | None:
        if not value and not present(message):
            return REQUIRED if required else None
        return None if value in legal else (Reason.FIELD_OUT_OF_RANGE, expected)

    if required and not is_repeated(field):
        # A value other than 0 is present for certain; 0 is left to `find_fault`.
        return range(max(least, 1), most + 1).__contains__, find_fault
    if 0 in legal or is_repeated(field) or field.has_presence:
        return legal.__contains__, find_fault
    return lambda value: not value or value in legal, find_fault


def _string(rules: pb.FieldRules) -> tuple[Fits, FindFault]:
    form = form_of(rules)
    fits, required = form.fits, rules.required

    def find_fault(_message: Any, value: str) -> Fault | None:
        if value:
            return form.find_fault(value)
        return REQUIRED if required else None

    return (fits if required else lambda value: not value or fits(value)), find_fault


def _bytes(rules: pb.FieldRules) -> tuple[Fits, FindFault]:
    least = max(rules.min_length, 1)
    most = rules.max_length if rules.HasField("max_length") else None
    required = rules.required

    def fits(value: bytes) -> bool:
        if not value:
            return not required
        return len(value) >= least and (most is None or len(value) <= most)

    def find_fault(_message: Any, value: bytes) -> Fault | None:
        if fits(value):
            return None
        return length_fault(least, most, "bytes") if value else REQUIRED

    return fits, find_fault
