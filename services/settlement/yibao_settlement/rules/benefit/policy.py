"""A benefit policy as its file says it: what is checked, shown in words and compiled."""

import datetime as dt
import functools
from dataclasses import dataclass, replace

from yibao_settlement.rules.benefit.amounts import Amount
from yibao_settlement.rules.benefit.steps import AnyStep
from yibao_settlement.rules.benefit.table import Table
from yibao_settlement.rules.benefit.windows import Count, Window, Windows


@dataclass(frozen=True, slots=True)
class CareGroup:
    """Care types that a policy treats alike.

    A pattern is a care type or, with a `*` at its end, the beginning of some. A care type is
    of the first group of the policy that has a pattern for it.
    """

    name: str
    patterns: tuple[str, ...]

    def holds(self, care_type: str) -> bool:
        """Tells whether a pattern fits."""
        return any(
            care_type.startswith(pattern[:-1]) if pattern.endswith("*") else care_type == pattern
            for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class LineGroup:
    """Lines that a policy treats alike, by class, item group or both; None asks for neither.

    A line is of the first group of the policy that fits, else of `rest`.
    """

    name: str
    classes: tuple[str, ...] | None
    item_groups: tuple[str, ...] | None

    def holds(self, catalogue_class: str, item_group: str | None) -> bool:
        """Tells whether a line fits."""
        return (self.classes is None or catalogue_class in self.classes) and (
            self.item_groups is None or item_group in self.item_groups
        )


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A value of a parameter, in force from `start_date` until the next one begins."""

    start_date: dt.date
    fen: int
    clause: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A dated amount, such as the average wage of the region, in the order of its days."""

    name: str
    values: tuple[ParameterValue, ...]


@dataclass(frozen=True, slots=True)
class Counter:
    """What limits amounts that it counts itself, in a window.

    `limits` are counted and limited, `counts` only counted. None in the table is no limit.
    """

    name: str
    title: str
    title_zh: str
    clause: str
    window: Window
    per: tuple[str, ...]
    limits: tuple[str, ...]
    counts: tuple[str, ...]
    table: Table[Amount | None]


@dataclass(frozen=True, slots=True, eq=False)
class BenefitPolicy:
    """A benefit policy (待遇政策) of a region and insurance type, for service dates from
    `start_date` to `end_date`, both included.

    `version` is the SHA-256 of the file in hexadecimal. Identity is the object's: two
    policies are the same if their versions are.
    """

    policy_id: str
    version: str
    region: str
    insurance_type: str
    start_date: dt.date
    end_date: dt.date | None
    title: str
    title_zh: str
    care_groups: tuple[CareGroup, ...]
    line_groups: tuple[LineGroup, ...]
    windows: Windows
    counts: tuple[Count, ...]
    parameters: tuple[Parameter, ...]
    counters: tuple[Counter, ...]
    steps: tuple[AnyStep, ...]


def on_any_day(policy: BenefitPolicy) -> BenefitPolicy:
    """Returns a policy that decides every day as it does its own, for trying it.

    On days before a parameter has a value its first one holds.
    """
    parameters = tuple(
        replace(each, values=(replace(each.values[0], start_date=dt.date.min), *each.values[1:]))
        for each in policy.parameters
    )
    return replace(policy, start_date=dt.date.min, end_date=None, parameters=parameters)


# A policy has a handful of groups, and care types are some dozens.
@functools.lru_cache(4_096)
def care_group_of(policy: BenefitPolicy, care_type: str) -> str:
    """Returns the name of the first group that holds `care_type`, empty without one."""
    return next((group.name for group in policy.care_groups if group.holds(care_type)), "")
