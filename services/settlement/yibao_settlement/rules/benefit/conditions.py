"""Conditions on facts: what the rows of a table and the steps of a policy demand of a bill."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FactValue = str | int | frozenset[str]
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Anything:
    """Matches whatever the fact is."""

    def matches(self, value: FactValue) -> bool:
        """Tells that it matches."""
        return True


@dataclass(frozen=True, slots=True)
class Among:
    """Matches any of some codes."""

    codes: tuple[str, ...]

    def matches(self, value: FactValue) -> bool:
        """Tells whether `value` is one of the codes."""
        return value in self.codes


@dataclass(frozen=True, slots=True)
class Between:
    """Matches whole numbers from `low` to `high`, both included; None is without end."""

    low: int
    high: int | None

    def matches(self, value: FactValue) -> bool:
        """Tells whether `value` lies between."""
        assert isinstance(value, int)
        return self.low <= value and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Members:
    """Matches a set that holds all of some codes, at least one of others, none of others.

    An empty demand is none. `none` of a file stands here as all codes that its table names.
    """

    all_of: frozenset[str] = NOTHING
    any_of: frozenset[str] = NOTHING
    none_of: frozenset[str] = NOTHING

    def matches(self, value: FactValue) -> bool:
        """Tells whether the codes of a person or bill meet the demands."""
        assert isinstance(value, frozenset)
        return (
            self.all_of <= value
            and (not self.any_of or not self.any_of.isdisjoint(value))
            and self.none_of.isdisjoint(value)
        )

    def excludes(self, other: "Members") -> bool:
        """Tells whether no set can meet both."""
        return bool(
            self.all_of & other.none_of
            or other.all_of & self.none_of
            or (self.any_of and self.any_of <= other.none_of)
            or (other.any_of and other.any_of <= self.none_of)
        )

    def hides(self, later: "Members") -> bool:
        """Tells whether a row that demands this leaves nothing to a later one."""
        if self == later:
            return True
        plain = not self.all_of and not self.none_of
        return plain and bool(later.any_of) and later.any_of <= self.any_of


Matcher = Anything | Among | Between | Members


@dataclass(frozen=True, slots=True)
class Condition:
    """A matcher for each of some facts; without any it holds for every bill."""

    matchers: tuple[tuple[str, Matcher], ...] = ()

    def holds(self, value_of: Callable[[str], FactValue]) -> bool:
        """Tells whether every matcher fits; asks for facts up to the first that does not."""
        return all(matcher.matches(value_of(fact)) for fact, matcher in self.matchers)


EVERYBODY = Condition()


def collide(first: Condition, later: Condition) -> bool:
    """Tells whether two rows of one table, in this order, could both decide a bill.

    Rows that differ in a set stand in order, because a person may be in several groups:
    they collide only where the first leaves the later nothing.
    """
    theirs = dict(later.matchers)
    return all(_collide(matcher, theirs[fact]) for fact, matcher in first.matchers)


def exclusive(first: Condition, second: Condition) -> bool:
    """Tells whether no bill can meet both."""
    theirs = dict(second.matchers)
    return any(_apart(matcher, theirs[fact]) for fact, matcher in first.matchers if fact in theirs)


def _apart(first: Matcher, second: Matcher) -> bool:
    if isinstance(first, Members) and isinstance(second, Members):
        return first.excludes(second)
    return not _collide(first, second)


def _collide(first: Matcher, later: Matcher) -> bool:
    match first, later:
        case (Anything(), _) | (_, Anything()):
            return True
        case Among(), Among():
            return not set(first.codes).isdisjoint(later.codes)
        case Between(), Between():
            return (later.high is None or first.low <= later.high) and (
                first.high is None or later.low <= first.high
            )
        case Members(), Members():
            return not first.excludes(later) and first.hides(later)
        case _:
            raise AssertionError(f"one fact is asked as {first} and as {later}")
