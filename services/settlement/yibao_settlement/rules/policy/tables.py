"""Tables of a policy: rows chosen by facts of the person, the institution and the visit.

A row matches by a condition on every fact that the table asks for. No two rows of a
table may match the same facts; `overlap` lets the loader refuse them. The one exception
are entitlement groups, since a person can belong to several: rows that name different
groups stand in order of precedence, and the first that matches holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_settlement.rules.policy.split import Facts

CARE_TYPE = "care_type"
CARE_GROUP = "care_group"
PERSON_CLASS = "person_class"
ENTITLEMENT_GROUPS = "entitlement_groups"
INSTITUTION_LEVEL = "institution_level"
AGE = "age"
COUNT = "count."


@dataclass(frozen=True, slots=True)
class CareGroup:
    """Care types that a policy treats alike, such as all inpatient ones.

    A pattern is a care type or, with a `*` at its end, the beginning of some. A care
    type is of the first group of the policy that has a pattern for it.
    """

    name: str
    patterns: tuple[str, ...]

    def holds(self, care_type: str) -> bool:
        """Tells whether a pattern fits."""
        return any(
            care_type.startswith(pattern[:-1]) if pattern.endswith("*") else care_type == pattern
            for pattern in self.patterns
        )


def care_group_of(care_type: str, groups: Sequence[CareGroup]) -> str:
    """Returns the name of the first group that holds `care_type`, empty without one."""
    return next((group.name for group in groups if group.holds(care_type)), "")


@dataclass(frozen=True, slots=True)
class Asked:
    """The facts of one bill, complete: with its care group and its numbers in the year.

    `counts` has for each counted care group how many bills of it the year holds, this
    one included if it is of the group.
    """

    facts: Facts
    care_group: str
    counts: Mapping[str, int]

    def value(self, fact: str) -> str | int | tuple[str, ...]:
        """Returns the value of a fact by its name in policy files."""
        if fact == CARE_GROUP:
            return self.care_group
        if fact.startswith(COUNT):
            return self.counts[fact.removeprefix(COUNT)]
        value: str | int | tuple[str, ...] = getattr(self.facts, fact)
        return value


@dataclass(frozen=True, slots=True)
class Anything:
    """Matches whatever the fact is."""

    def matches(self, value: object) -> bool:
        """Tells that it matches."""
        return True


@dataclass(frozen=True, slots=True)
class Among:
    """Matches any of some codes."""

    codes: frozenset[str]

    def matches(self, value: object) -> bool:
        """Tells whether `value` is one of the codes."""
        return value in self.codes


@dataclass(frozen=True, slots=True)
class Between:
    """Matches whole numbers from `low` to `high`, both included; None is without end."""

    low: int
    high: int | None

    def matches(self, value: object) -> bool:
        """Tells whether `value` lies between."""
        assert isinstance(value, int)
        return self.low <= value and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Member:
    """Matches a person who belongs to at least one of some groups."""

    groups: frozenset[str]

    def matches(self, value: object) -> bool:
        """Tells whether the person's groups meet these."""
        assert isinstance(value, tuple)
        return not self.groups.isdisjoint(value)


@dataclass(frozen=True, slots=True)
class NotMember:
    """Matches a person who belongs to none of some groups."""

    groups: frozenset[str]

    def matches(self, value: object) -> bool:
        """Tells whether the person's groups do not meet these."""
        assert isinstance(value, tuple)
        return self.groups.isdisjoint(value)


Matcher = Anything | Among | Between | Member | NotMember


@dataclass(frozen=True, slots=True)
class Condition:
    """A matcher for each of some facts; without any it holds for every bill."""

    matchers: tuple[tuple[str, Matcher], ...] = ()

    def holds(self, asked: Asked) -> bool:
        """Tells whether every matcher fits."""
        return all(matcher.matches(asked.value(fact)) for fact, matcher in self.matchers)


class Row(Protocol):
    """What every row of every table has."""

    @property
    def when(self) -> Condition:
        """Returns the condition under which the row holds."""
        ...


def find_row(rows: Sequence[Row], asked: Asked) -> int | None:
    """Returns the index of the first row that holds, None without one."""
    return next((index for index, row in enumerate(rows) if row.when.holds(asked)), None)


def overlap(first: Condition, second: Condition) -> bool:
    """Tells whether two conditions on the same facts can both hold, other than through
    a person's belonging to two entitlement groups.
    """
    theirs = dict(second.matchers)
    return all(_overlap(matcher, theirs[fact]) for fact, matcher in first.matchers)


def _overlap(first: Matcher, second: Matcher) -> bool:
    match first, second:
        case (Anything(), _) | (_, Anything()):
            return True
        case Among(), Among():
            return not first.codes.isdisjoint(second.codes)
        case Between(), Between():
            return (second.high is None or first.low <= second.high) and (
                first.high is None or second.low <= first.high
            )
        case Member(), Member():
            return not first.groups.isdisjoint(second.groups)
        case Member(), NotMember():
            return not first.groups <= second.groups
        case NotMember(), Member():
            return not second.groups <= first.groups
        case _:
            return True
