"""A mapping in a policy file: what stands in it, read with every mistake noted.

Every reader returns something that can be used, so that reading goes on behind a mistake;
what is missing is noted once, when the mapping is opened.
"""

import datetime as dt
import enum
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from yibao_common.files.yaml_file import Path, YamlFile
from yibao_common.files.yaml_model import shown
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.money import PPM

MOST_FEN = 10**13
_MOST_DIGITS = 40
_MONEY_KEYS = {"amount", "limit", "threshold", "fen"}
CODE_EXPECTED = "expected a code in quotes, a list of codes or any"

Choice = TypeVar("Choice", bound=enum.Enum)


def _unit_hint(value: object, key: str, *, high: int) -> str:
    """Returns how to write what is no whole number: its digits, or the unit of its key."""
    # What is longer is no number; in form NFKC it takes a time, and a room, of its own.
    is_short = isinstance(value, str) and len(value) <= _MOST_DIGITS
    if is_short and value != (plain := unicodedata.normalize("NFKC", str(value))):
        return f"; its digits are full-width: write {plain}"
    if high == PPM or key.endswith("ppm"):
        return "; ratios are in millionths: 75 % is 750_000"
    if key in _MONEY_KEYS or key.endswith("_fen"):
        return "; money is in fen: 200 yuan is 20_000"
    return ""


@dataclass(slots=True)
class Faults:
    """The mistakes of a file so far."""

    file: YamlFile
    found: list[FieldFault]

    def note(self, path: Path, message: str) -> None:
        """Notes a mistake at `path`."""
        self.found.append(self.file.fault(path, message))

    def refuse(self) -> None:
        """Refuses a file with mistakes, telling all of them in the order of lines.

        Raises RuleError with the reason of the file.
        """
        self.found.sort(key=lambda fault: self._line(fault.field))
        refuse_faults(self.found)

    def _line(self, field: str) -> int:
        return int(field.removeprefix(f"{self.file.name}:").partition(" ")[0])

    def whole(self, value: object, path: Path, *, low: int = 0, high: int = MOST_FEN) -> int:
        """Returns a whole number from `low` to `high`."""
        if type(value) is int and low <= value <= high:
            return value
        text = f"expected a whole number from {low} to {high}, got {shown(value)}"
        self.note(path, text + _unit_hint(value, str(path[-1]), high=high))
        return max(low, 0)

    def day(self, value: object, path: Path) -> dt.date:
        """Returns a day."""
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                pass
        self.note(path, f"expected a day such as 2024-01-31, got {shown(value)}")
        return dt.date.min

    def codes(self, value: object, path: Path) -> tuple[str, ...]:
        """Returns a code or a list of codes as a tuple, empty where neither is there."""
        listed = value if isinstance(value, list) else [value]
        if listed and all(isinstance(item, str) and item for item in listed):
            return tuple(listed)
        wrong = next((item for item in listed if not isinstance(item, str) or not item), value)
        self.note(path, f"{CODE_EXPECTED}, got {shown(wrong)}")
        return ()


@dataclass(frozen=True, slots=True)
class Body:
    """A mapping at a path of a file; keys that it lacks read as their defaults."""

    faults: Faults
    path: Path
    data: dict[str, object]

    @classmethod
    def open(
        cls,
        faults: Faults,
        value: object,
        path: Path,
        *,
        need: Sequence[str] = (),
        may: Sequence[str] = (),
    ) -> "Body":
        """Opens the mapping `value`; notes keys that are missing and keys that are none."""
        if not isinstance(value, dict):
            faults.note(path, f"expected a mapping, got {shown(value)}")
            return cls(faults, path, {})
        for key in need:
            if key not in value:
                faults.note((*path, key), "is missing")
        known = (*need, *may)
        for key in value:
            if key not in known:
                message = f"is not a key here; known: {', '.join(known) or 'none'}"
                faults.note((*path, key), message)
        return cls(faults, path, {key: value[key] for key in value if key in known})

    def at(self, key: str) -> Path:
        """Returns the path of a key."""
        return (*self.path, key)

    def fault(self, key: str, message: str) -> None:
        """Notes a mistake at a key."""
        self.faults.note(self.at(key), message)

    def inner(self, key: str, *, need: Sequence[str] = (), may: Sequence[str] = ()) -> "Body":
        """Opens the mapping at a key; one that is not there is empty and lacks nothing."""
        if key not in self.data:
            return Body(self.faults, self.at(key), {})
        return Body.open(self.faults, self.data[key], self.at(key), need=need, may=may)

    def named(self, key: str, pattern: str, what: str) -> Iterator[tuple[str, object, Path]]:
        """Yields name, value and path of what the mapping at a key declares."""
        if key not in self.data:
            return
        value = self.data[key]
        if not isinstance(value, dict):
            self.fault(key, f"expected a mapping, got {shown(value)}")
            return
        for name, item in value.items():
            path = (*self.at(key), name)
            if not re.fullmatch(pattern, name):
                self.faults.note(path, f"expected {what}, got {shown(name)}")
            yield name, item, path

    def items(self, key: str, what: str) -> list[tuple[object, Path]]:
        """Returns the entries of the list at a key with their paths; an empty one is none."""
        if key not in self.data:
            return []
        value = self.data[key]
        if not isinstance(value, list) or not value:
            self.fault(key, f"expected a list of {what}, got {shown(value)}")
            return []
        return [(item, (*self.at(key), index)) for index, item in enumerate(value)]

    def whole(self, key: str, *, low: int = 0, high: int = MOST_FEN, default: int = 0) -> int:
        """Returns a whole number from `low` to `high`."""
        if key not in self.data:
            return default
        return self.faults.whole(self.data[key], self.at(key), low=low, high=high)

    def whole_or_none(self, key: str, *, low: int = 0) -> int | None:
        """Returns a whole number of at least `low`, None where there is none."""
        return self.whole(key, low=low) if key in self.data else None

    def flag(self, key: str, *, default: bool) -> bool:
        """Returns true or false."""
        value = self.data.get(key, default)
        if isinstance(value, bool):
            return value
        self.fault(key, f"expected one of true, false, got {shown(value)}")
        return default

    def one_of(self, key: str, choices: Sequence[object], default: str) -> str:
        """Returns one of some words."""
        value = self.data.get(key, default)
        # A word in quotes and a number are alike in a message, never here.
        if any(value == choice and type(value) is type(choice) for choice in choices):
            return str(value)
        self.fault(key, f"expected one of {', '.join(map(str, choices))}, got {shown(value)}")
        return default

    def choice(self, key: str, kind: type[Choice], default: Choice) -> Choice:
        """Returns one of the values of an enumeration."""
        return kind(self.one_of(key, [each.value for each in kind], str(default.value)))

    def text(self, key: str, *, most: int = 200) -> str:
        """Returns a text that is not empty, or nothing where there is none."""
        if key not in self.data:
            return ""
        value = self.data[key]
        if isinstance(value, str) and value.strip() and len(value) <= most:
            return value
        self.fault(key, f"expected a text of 1 to {most} characters, got {shown(value)}")
        return ""

    def code(self, key: str, pattern: str, what: str) -> str:
        """Returns a text that `pattern` matches as a whole."""
        value = self.data.get(key)
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        if key in self.data:
            in_quotes = ", in quotes" if type(value) is int else ""
            if isinstance(value, str) and set(value) & set("“”‘’"):
                in_quotes = ", in straight quotation marks"
            self.fault(key, f"expected {what}{in_quotes}, got {shown(value)}")
        return ""

    def codes(self, key: str) -> tuple[str, ...] | None:
        """Returns the list of codes at a key, None where there is none."""
        if key not in self.data:
            return None
        if not isinstance(self.data[key], list):
            self.fault(key, f"expected a list of codes, got {shown(self.data[key])}")
            return ()
        return self.faults.codes(self.data[key], self.at(key))

    def day(self, key: str) -> dt.date:
        """Returns a day."""
        if key not in self.data:
            return dt.date.min
        return self.faults.day(self.data[key], self.at(key))
