"""Makes messages of any type of the contract: mostly in form, with known ids, and now and
then wrong in each way that a field can be.
"""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from yibao.common.v1 import validation_pb2 as pb
from yibao_common.rpc.field_checks import is_repeated, rules_of
from yibao_common.values.ids import new_id

_DATE, _TIMESTAMP = "yibao.common.v1.Date", "google.protobuf.Timestamp"
_DEEPEST = 6
# What a request needs although a rule of its own, and no form, demands it.
_MOSTLY_THERE = ("line_ids", "lines")
# How often a request id is one of before; a field that has to be there is not, one that may
# be absent is there, a value is none of those known, and one is not even of its form.
_REPEATED = 0.08
_ABSENT, _PRESENT, _UNKNOWN, _MALFORMED = 0.004, 0.4, 0.04, 0.006

_ODD_TEXTS = (
    *("", " ", "\x00", "\n", "\u200b", "\u202e", "\ufffd", "e\u0301", "甲", "𠮷" * 9, "-", "0"),
    *("null", "1e3", "%s", "../", "'--", "1" * 41, "x" * 5_000, "\U000e0001", "=1+1"),
)
_CODES = "ABCXYZ019-_.:/"
_UNIT_PRICES = ("0", "1", "100.00", "1.958333", "0.000001", "9999999999.999999")
_QUANTITIES = ("1", "7", "0.0001", "90", "99999999.9999")
_SCALARS: dict[int, Callable[[random.Random], Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: lambda rng: rng.random() < 0.5,
    FieldDescriptor.CPPTYPE_FLOAT: lambda rng: rng.choice((0.0, -1.0, 1e30)),
    FieldDescriptor.CPPTYPE_DOUBLE: lambda rng: rng.choice((0.0, -1.0, 1e300)),
}
_KINDS: dict[int, type] = {FieldDescriptor.TYPE_STRING: str, FieldDescriptor.TYPE_BYTES: bytes}


class Messages:
    """Messages at random, with what is known of the services by the names of fields."""

    def __init__(self, rng: random.Random, *, now: Callable[[], dt.datetime]) -> None:
        """Begins without any known value."""
        self._rng = rng
        self._now = now
        self._known: dict[str, list[Any]] = defaultdict(list)

    def learn(self, name: str, *values: Any) -> None:
        """Has fields of a name filled with these values, too."""
        self._known[name].extend(values)
        # The newest count most, and so many are enough.
        del self._known[name][:-40]

    def learn_from(self, answer: Message) -> None:
        """Learns the ids that an answer tells."""
        for field, value in answer.ListFields():
            if field.type == FieldDescriptor.TYPE_STRING and not is_repeated(field):
                if field.name in self._known and value not in self._known[field.name]:
                    self.learn(field.name, value)
            elif field.message_type is not None:
                for each in list(value)[:5] if is_repeated(field) else (value,):
                    if isinstance(each, Message):
                        self.learn_from(each)

    def make(self, descriptor: Descriptor, *, depth: int = 0) -> Any:
        """Returns a message of a type."""
        message = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            self._fill(message, field, depth)
        return message

    def _fill(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        rules = rules_of(field)
        share = _PRESENT
        if rules.output_only:
            share = _ABSENT
        elif rules.required or rules.min_items or field.name in _MOSTLY_THERE:
            share = 1 - _ABSENT
        if self._rng.random() >= share or depth > _DEEPEST:
            return
        if is_repeated(field):
            most = rules.max_items if rules.HasField("max_items") else 3
            count = self._rng.choice((1, 1, 2, 3))
            if self._rng.random() < _MALFORMED:
                count = min(most + 1, 60)
            values = [self._value(field, depth) for _ in range(count)]
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(self._value(field, depth))
        else:
            setattr(message, field.name, self._value(field, depth))

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            if field.message_type.full_name == _DATE:
                return self._date(field.message_type)
            if field.message_type.full_name == _TIMESTAMP:
                return self._instant(field.message_type)
            return self.make(field.message_type, depth=depth + 1)
        kind = _KINDS.get(field.type, Message)
        if field.name == "request_id" and self._rng.random() >= _REPEATED:
            self.learn(field.name, new := new_id())
            return new
        known = [each for each in self._known.get(field.name, ()) if isinstance(each, kind)]
        if known and self._rng.random() >= _UNKNOWN:
            return self._rng.choice(known)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(rules_of(field))
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._rng.randbytes(self._rng.choice((0, 1, 8, 32, 400)))
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            assert field.enum_type is not None
            numbers = [each.number for each in field.enum_type.values]
            if rules_of(field).required and self._rng.random() >= _ABSENT:
                numbers = numbers[1:]
            return self._rng.choice(numbers if self._rng.random() < 0.97 else (99, 2**31 - 1, -1))
        made = _SCALARS.get(field.cpp_type)
        return self._number(field) if made is None else made(self._rng)

    def _number(self, field: FieldDescriptor) -> int:
        rules = rules_of(field)
        is_unsigned = field.cpp_type in (
            FieldDescriptor.CPPTYPE_UINT32,
            FieldDescriptor.CPPTYPE_UINT64,
        )
        is_wide = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
        ends = (0, 2**31 - 1) if is_unsigned else (-(2**31), 2**31 - 1)
        if is_wide:
            ends = (0 if is_unsigned else -(2**63), 2**63 - 1)
        if self._rng.random() < _MALFORMED:
            return self._rng.choice(ends)
        least = rules.minimum if rules.HasField("minimum") else 0
        most = rules.maximum if rules.HasField("maximum") else least + 10_000
        return self._rng.choice((least, min(least + 1, most), most, self._rng.randint(least, most)))

    def _text(self, rules: pb.FieldRules) -> str:
        rng = self._rng
        if rng.random() < _MALFORMED:
            return rng.choice(_ODD_TEXTS)
        least = max(rules.min_length, 1)
        most = min(rules.max_length, 40) if rules.HasField("max_length") else 12
        size = rng.choice((least, max(least, most), rng.randint(least, max(least, most))))
        match rules.format:
            case pb.FORMAT_UUID:
                return new_id()
            case pb.FORMAT_REGION:
                return rng.choice(("500100", "999019", "110000"))
            case pb.FORMAT_CITIZEN_NUMBER:
                return "11010519491231002X"
            case pb.FORMAT_INSTITUTION:
                return rng.choice("HP") + "".join(rng.choices("0123456789", k=11))
            case pb.FORMAT_UNIT_PRICE:
                return rng.choice(_UNIT_PRICES)
            case pb.FORMAT_QUANTITY:
                return rng.choice(_QUANTITIES)
            case pb.FORMAT_SIGNED_QUANTITY:
                return rng.choice(("", "-")) + rng.choice(_QUANTITIES)
            case pb.FORMAT_DIGITS:
                return "".join(rng.choices("0123456789", k=size))
            case pb.FORMAT_CODE | pb.FORMAT_SERIAL:
                return "".join(rng.choices(_CODES, k=size))
            case _:
                return "".join(rng.choices("甲乙丙示例AB1（）·", k=size - 1)) + "甲"

    def _date(self, descriptor: Descriptor) -> Any:
        day = self._now().date() + dt.timedelta(days=self._rng.choice((0, 0, 0, -1, 1, -20, -400)))
        date: Any = GetMessageClass(descriptor)(year=day.year, month=day.month, day=day.day)
        chance = self._rng.random()
        if chance < 0.06:
            date.year, date.month, date.day = self._rng.choice(
                ((1900, 1, 1), (2999, 12, 31), (1970, 1, 1), (2024, 2, 29))
            )
        elif chance < 0.06 + _MALFORMED:
            date.year = self._rng.choice((0, -1, 1, 1899, 3000, 9999, 2**31 - 1))
        return date

    def _instant(self, descriptor: Descriptor) -> Any:
        seconds = int(self._now().timestamp()) + self._rng.choice((0, 0, -5, -70, 70, -86_400))
        if self._rng.random() < 0.06:
            seconds = self._rng.choice((0, -2_208_988_800, 32_503_679_999, 2**62, -(2**62)))
        nanos = self._rng.choice((0, 1, 999_999_999, 10**9)) if self._rng.random() < 0.1 else 0
        return GetMessageClass(descriptor)(seconds=seconds, nanos=nanos)
