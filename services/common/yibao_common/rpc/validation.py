"""The form of requests, checked from the field rules in the contract.

`Validator` compiles the rules of a message once. A request passes in two steps: `fits`
runs C functions over all its values and is all that a well-formed request costs; only
where it says no is the request walked again to name every fault with its path. `fits`
may say no to a request without a fault; it never says yes to one with a fault.

A request with faults gets a second chance: its texts are put into their canonical form,
so that a line end from a scanner or a UUID in capitals refuses nobody. That is done to the
message itself and before anything else reads it: the digest of a request, what is stored
and what is answered know the canonical form alone.
"""

import datetime as dt
import itertools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from yibao.common.v1 import date_pb2, item_error_pb2
from yibao_common.rpc.canonical import canonical_texts
from yibao_common.rpc.field_checks import (
    REQUIRED,
    FindFault,
    Fits,
    check_of,
    is_present,
    is_repeated,
    rules_of,
)
from yibao_common.rpc.formats import length_fault
from yibao_common.rpc.unknown_fields import MOST_NAMED_BYTES, unknown_bytes, unknown_paths
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason

# More faults than this are counted and not told: they help nobody.
MOST_FAULTS = 100


class Faults:
    """The faults of a request: how many there are, and the first hundred of them."""

    __slots__ = ("first", "total")

    def __init__(self) -> None:
        """Begins with none."""
        self.first: list[FieldFault] = []
        self.total = 0

    def add(self, path: str, reason: Reason, message: str, message_zh: str = "") -> None:
        """Adds the fault of the field at `path`; see `FieldFault`."""
        self.total += 1
        if self.total <= MOST_FAULTS:
            self.first.append(FieldFault(path, reason, message, message_zh))


# Adds the faults of a message; the prefix begins each path: "", "bill.", "lines[3].".
Walk = Callable[[Any, str, Faults], None]
# Adds the faults of a value that stands at a path.
WalkAt = Callable[[Any, str, Faults], None]

_DATE = date_pb2.Date.DESCRIPTOR.full_name
_ITEM_ERROR = item_error_pb2.ItemError.DESCRIPTOR.full_name
_TIMESTAMP = "google.protobuf.Timestamp"
# Days that calendars, both databases and every sum of days and months can hold: whatever is
# added to one of these stays inside the years 1 to 9999.
_YEARS = range(1900, 3000)
# The same years of instants: 1900-01-01 to 2999-12-31, in UTC.
_SECONDS = range(-2_208_988_800, 32_503_680_000)
_NANOS = range(1_000_000_000)


class Validator:
    """Checks messages of one type against their field rules.

    `except_items` leaves the contents of the field `items` alone: a bulk request is
    answered item by item, so each item is validated on its own. `refuse_unknown` is for
    requests that change something: no field may be unknown here, at any depth.
    """

    def __init__(
        self, descriptor: Descriptor, *, except_items: bool = False, refuse_unknown: bool = False
    ) -> None:
        """Compiles the rules of `descriptor` and of the messages inside it."""
        self._shape = _Shape(descriptor, {}, except_items=except_items)
        self._except_items = except_items
        self._refuse_unknown = refuse_unknown
        self._mend = canonical_texts(descriptor, except_items=except_items)
        self.fits = self._shape.fits

    def faults(self, message: Message) -> Faults:
        """Returns the faults of `message`: unknown fields, then those known in their order."""
        found = Faults()
        if self._unknown_bytes(message):
            for path in unknown_paths(message, except_items=self._except_items):
                found.add(path, Reason.FIELD_UNKNOWN, "is a field that this version does not know")
        if not self.fits(message):
            self._shape.walk(message, "", found)
        return found

    def check(self, message: Message) -> None:
        """Puts the texts of `message` into canonical form where that is all that it lacks.

        Raises one RuleError with the faults that stay, if there is any.
        """
        unknown = self._unknown_bytes(message)
        if self.fits(message) and not unknown:
            return
        if unknown > MOST_NAMED_BYTES:
            told = f"over {MOST_NAMED_BYTES} bytes are fields that this version does not know"
            raise RuleError(Reason.FIELD_UNKNOWN, told)
        found = self.faults(message)
        if found.total and self._mend(message):
            found = self.faults(message)
        refuse_faults(found.first, total=found.total)

    def _unknown_bytes(self, message: Message) -> int:
        if not self._refuse_unknown:
            return 0
        return unknown_bytes(message, except_items=self._except_items)


def answers_per_item(response: Descriptor) -> bool:
    """Tells whether a method's answer holds a result for each item of its request."""
    return any(
        inner.message_type is not None and inner.message_type.full_name == _ITEM_ERROR
        for field in response.fields
        if is_repeated(field) and field.message_type is not None
        for inner in field.message_type.fields
    )


@dataclass(frozen=True, slots=True)
class _Contents:
    """Checks of what stands at a path: one value, many values, and why one does not fit."""

    fits: Fits
    all_fit: Fits
    walk: WalkAt


class _Shape:
    """The compiled rules of one message type."""

    def __init__(
        self, descriptor: Descriptor, known: dict[str, "_Shape"], *, except_items: bool = False
    ) -> None:
        """Compiles; `known` ties the knot where a message contains its own type."""
        known[descriptor.full_name] = self
        tests: list[Fits] = []
        self._message_tests: list[Fits] = []
        self._walks: list[Walk] = []
        names: list[str] = []
        # Whether each of them may be absent, and the messages that may be.
        absent_fit: list[bool] = []
        seldom: list[str] = []
        for field in descriptor.fields:
            if is_repeated(field):
                opaque = except_items and field.name == "items"
                self._add(*_list(field, known, opaque=opaque))
            elif field.message_type is not None:
                self._add(*_single_message(field, known))
                if not rules_of(field).required:
                    seldom.append(field.name)
            else:
                fits, find_fault = check_of(field)
                names.append(field.name)
                tests.append(fits)
                absent_fit.append(bool(fits(field.default_value)))
                self._walks.append(_scalar_walk(field.name, find_fault))
        # Tell whether a message, or each of many, is certainly well formed.
        self.fits = _fits_of(_reader(names), tests, self._message_tests)
        self.all_fit = _all_fit(self.fits)
        if len(self._message_tests) == len(seldom):
            flat = _columns_fit(_reader(names), tests, absent_fit)
            self.all_fit = _flat_unless(seldom, flat, self.all_fit)

    def walk(self, message: Any, prefix: str, faults: Faults) -> None:
        """Adds the faults of `message` to `faults`."""
        for walk in self._walks:
            walk(message, prefix, faults)

    def walk_at(self, message: Any, path: str, faults: Faults) -> None:
        """Adds the faults of the message that stands at `path`."""
        # An item of a list may be walked for the sake of its neighbour.
        if not self.fits(message):
            self.walk(message, f"{path}.", faults)

    def _add(self, fits: Callable[[Any], object], walk: Walk) -> None:
        self._message_tests.append(fits)
        self._walks.append(walk)


def _fits_of(
    read: Callable[[Any], Iterable[Any]], tests: list[Fits], message_tests: list[Fits]
) -> Callable[[Any], bool]:
    """Returns what runs all tests of a message without a loop of Python."""
    call = operator.call
    if not message_tests:
        return lambda message: all(map(call, tests, read(message)))

    def fits(message: Any) -> bool:
        return all(map(call, tests, read(message))) and all(
            map(call, message_tests, itertools.repeat(message))
        )

    return fits


def _all_fit(fits: Fits) -> Fits:
    return lambda items: all(map(fits, items))


def _columns_fit(
    read: Callable[[Any], Iterable[Any]], tests: list[Fits], absent_fit: list[bool]
) -> Fits:
    """Returns what tests many flat messages field by field: that costs a third less.

    A field that may be absent, and is so from all of them, costs next to nothing.
    """

    def column_fits(test: Fits, absent_fits: bool, column: Iterable[Any]) -> bool:
        return (absent_fits and not any(column)) or all(map(test, column))

    return lambda items: all(
        map(column_fits, tests, absent_fit, zip(*map(read, items), strict=True))
    )


def _flat_unless(seldom: list[str], flat: Fits, deep: Fits) -> Fits:
    """Returns what tests many messages as flat ones unless some have a message in them."""
    if not seldom:
        return flat
    present = [operator.methodcaller("HasField", name) for name in seldom]

    def fits(items: Any) -> object:
        # Every walk over the field itself makes each of its messages anew.
        messages = list(items)
        for has in present:
            if any(map(has, messages)):
                return deep(messages)
        return flat(messages)

    return fits


def _reader(names: list[str]) -> Callable[[Any], Iterable[Any]]:
    """Returns what reads all the named fields at once."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    # attrgetter with one name gives no tuple, and with none does not work.
    return lambda message: [getattr(message, name) for name in names]


def _scalar_walk(name: str, find_fault: FindFault) -> Walk:
    read = operator.attrgetter(name)

    def walk(message: Any, prefix: str, faults: Faults) -> None:
        fault = find_fault(message, read(message))
        if fault is not None:
            faults.add(prefix + name, *fault)

    return walk


def _single_message(field: FieldDescriptor, known: dict[str, _Shape]) -> tuple[Fits, Walk]:
    rules = rules_of(field)
    name, read, present = field.name, operator.attrgetter(field.name), is_present(field)
    if rules.output_only:
        _, find_fault = check_of(field)
        return lambda message: not present(message), _scalar_walk(name, find_fault)
    required = rules.required
    inner = _contents(field, known)

    def fits_message(message: Any) -> object:
        return inner.fits(read(message)) if message.HasField(name) else not required

    def walk(message: Any, prefix: str, faults: Faults) -> None:
        if message.HasField(name):
            inner.walk(read(message), prefix + name, faults)
        elif required:
            faults.add(prefix + name, *REQUIRED)

    return fits_message, walk


def _list(field: FieldDescriptor, known: dict[str, _Shape], *, opaque: bool) -> tuple[Fits, Walk]:
    rules = rules_of(field)
    name, read = field.name, operator.attrgetter(field.name)
    least = max(rules.min_items, 1 if rules.required else 0)
    most = rules.max_items if rules.HasField("max_items") else None
    if rules.output_only:
        least, most = 0, 0
    size_fault = length_fault(least, most, "items")
    if rules.output_only:
        size_fault = (Reason.FIELD_OUTPUT_ONLY, "is set by the service")
    inner = _contents(field, known)

    def size_fits(size: int) -> bool:
        return size >= least and (most is None or size <= most)

    def fits(message: Any) -> bool:
        items = read(message)
        return size_fits(len(items)) and bool(opaque or inner.all_fit(items))

    def walk(message: Any, prefix: str, faults: Faults) -> None:
        items = read(message)
        if not size_fits(len(items)):
            # The items of an oversized list are not looked at.
            faults.add(prefix + name, *size_fault)
        elif not opaque:
            for index, item in enumerate(items):
                inner.walk(item, f"{prefix}{name}[{index}]", faults)

    return fits, walk


def _contents(field: FieldDescriptor, known: dict[str, _Shape]) -> _Contents:
    """Returns the check of what one field or one item of a list contains."""
    descriptor = field.message_type
    if descriptor is None:
        return _list_item(field)
    if descriptor.full_name == _DATE:
        expected = "is no day of the years 1900 to 2999"
        return _tested(_day_exists, Reason.DATE_INVALID, expected)
    if descriptor.full_name == _TIMESTAMP:
        expected = "is no instant of the years 1900 to 2999"
        return _tested(_is_instant, Reason.FIELD_OUT_OF_RANGE, expected)
    assert not descriptor.GetOptions().map_entry, f"{field.full_name}: a request has no map"
    shape = known.get(descriptor.full_name)
    if shape is None:
        shape = _Shape(descriptor, known)
        return _Contents(shape.fits, shape.all_fit, shape.walk_at)
    # It may still be compiling, where a message contains its own type.
    return _Contents(
        lambda message: shape.fits(message),
        lambda messages: shape.all_fit(messages),
        shape.walk_at,
    )


def _list_item(field: FieldDescriptor) -> _Contents:
    fits, find_fault = check_of(field)

    def item_fits(value: Any) -> object:
        # An empty text in a list is a mistake, whatever the rules say of the list.
        return value not in ("", b"") and fits(value)

    def walk(value: Any, path: str, faults: Faults) -> None:
        fault = REQUIRED if value in ("", b"") else find_fault(None, value)
        if fault is not None:
            faults.add(path, *fault)

    return _Contents(item_fits, _all_fit(item_fits), walk)


def _tested(fits: Callable[[Any], bool], reason: Reason, message: str) -> _Contents:
    def walk(value: Any, path: str, faults: Faults) -> None:
        if not fits(value):
            faults.add(path, reason, message)

    return _Contents(fits, _all_fit(fits), walk)


def _day_exists(date: date_pb2.Date) -> bool:
    if date.year not in _YEARS:
        return False
    try:
        dt.date(date.year, date.month, date.day)
    except ValueError:
        return False
    return True


def _is_instant(timestamp: Any) -> bool:
    return timestamp.seconds in _SECONDS and timestamp.nanos in _NANOS
