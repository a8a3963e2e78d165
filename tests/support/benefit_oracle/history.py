"""A person's bills under one policy, settled in order."""

import fnmatch
from collections.abc import Mapping
from typing import Any

from .answer import Settled, roles, told
from .classify import classified, lots_of
from .counters import Counters
from .lots import PARTS, Split
from .memory import Memory
from .refusals import Refused
from .steps import Steps
from .tables import Facts
from .tiers import tiers
from .windows import Calendar, Leg, Line

PURSES = ("current_year", "carried", "family")


class History:
    """One person under one policy, which is the file read into dicts."""

    def __init__(self, policy: Mapping[str, Any], purses: Mapping[str, int] | None = None) -> None:
        """Begins with empty windows and with `purses` in the account."""
        self.policy = _spelled(policy)
        self.steps = [next(iter(step.items())) for step in self.policy["steps"]]
        self.roles = roles(self.steps)
        windows = self.policy.get("windows") or {}
        self.stay_rules = windows.get("stay") or {}
        year = windows.get("year") or {}
        mode = year.get("stay_over_new_year", "discharge")
        days = windows["period"]["days"] if self._uses_periods() else None
        self.calendar = Calendar(mode, year.get("starts", "01-01"), days)
        self.memory = Memory(mode == "split", year.get("deductible", "once"))
        self.memory.purses = {**dict.fromkeys(PURSES, 0), **(purses or {})}

    def _uses_periods(self) -> bool:
        users = [step for _, step in self.steps]
        users += (self.policy.get("counters") or {}).values()
        counts = (self.policy.get("counts") or {}).values()
        return any(user.get("window") == "period" for user in users) or any(
            "period" in (count["of"], count.get("in")) for count in counts
        )

    def settle(self, bill: Mapping[str, Any]) -> Settled:
        """Settles one bill and remembers it; raises `Refused` and remembers nothing."""
        before = self.memory.copy()
        try:
            return self._settled(bill)
        except Refused:
            self.memory = before
            raise

    def _settled(self, bill: Mapping[str, Any]) -> Settled:
        date = bill["date"]
        if not self.policy["start_date"] <= date <= self.policy.get("end_date", date):
            raise Refused("POLICY_NOT_IN_FORCE")
        if any(line["fen"] < 0 for line in bill["lines"]):
            raise Refused("LINE_NEGATIVE")
        settled = Settled()
        first = self.memory.stays.admission_of(bill)
        lines: list[tuple[int, Line]] = []
        for index, line in enumerate(bill["lines"]):
            if line["class"] is None or not first <= line.get("date", date) <= date:
                settled.refused_lines.append(index)
            else:
                lines.append((index, line))
        stay = self.memory.stays.enter(bill, self.stay_rules.get("joins_transfers_within_days"))
        since = self.memory.stays.admitted[stay]
        given: dict[str, int] = {}
        for each in bill.get("given", []):
            given[each["fund_type"]] = given.get(each["fund_type"], 0) + each["fen"]
        facts = self._facts(bill)
        for some, day, year, period in self.calendar.legs(bill, lines, stay, since):
            leg = Leg(some, day, year, period, stay, Facts(dict(facts)))
            self._settle_leg(leg, bill, given, settled)
        self._check_given(given)
        return settled

    def _facts(self, bill: Mapping[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = {"offsite": "local", "path": "counter", **bill["facts"]}
        if self.stay_rules.get("facts") == "admission":
            facts |= bill.get("facts_at_admission", {})
        for name, patterns in (self.policy.get("care_groups") or {}).items():
            if any(
                fnmatch.fnmatchcase(Facts(facts).of("care_type"), pattern) for pattern in patterns
            ):
                facts["care_group"] = name
                break
        return facts

    def _settle_leg(
        self, leg: Leg, bill: Mapping[str, Any], given: dict[str, int], settled: Settled
    ) -> None:
        line_groups = self.policy.get("line_groups") or {}
        counts = self.policy.get("counts") or {}
        for name, count in counts.items():
            if self.memory.can_count(count, leg):
                leg.facts.said[f"count.{name}"] = self.memory.number(name, count, leg, keep=False)
        lines = classified(self.steps[0][1], leg.lines, bill, leg.facts, line_groups)
        split = Split([*line_groups, "rest"], lots_of(lines, [*line_groups, "rest"]))
        for lot in split.lots:
            split.count(lot.part, lot.group, lot.fen)
        split.amounts["total"] = sum(split.amounts[part] for part in PARTS)
        counters = Counters(self.policy, leg, split, self.memory)
        steps = Steps(self.policy, leg, split, counters, self.memory)
        for kind, step in self.steps[1:]:
            if kind == "given":
                steps.given(step, given)
            elif kind == "account":
                steps.account(step, bill.get("use_account", False), self.memory.purses)
            elif kind == "deductible":
                steps.deductible(step)
            else:
                tiers(steps, step)
        counters.remember()
        for name, count in counts.items():
            if f"count.{name}" in leg.facts.asked and split.amounts["eligible"]:
                self.memory.number(name, count, leg, keep=True)
        settled.add(told(split, lines, self.roles), lines)

    def _check_given(self, left: Mapping[str, int]) -> None:
        """Refuses what others have paid and no step has taken."""
        known = {
            fund_type
            for kind, step in self.steps
            if kind == "given"
            for fund_type in step["fund_types"]
        }
        for fund_type, fen in left.items():
            if fund_type not in known and fen:
                raise Refused("GIVEN_UNKNOWN", fund_type)
            if fen:
                raise Refused("GIVEN_EXCEEDS_BASE", fund_type)


def _spelled(written: Any) -> Any:
    """Returns a policy with `prepay` for `first_self_pay`, which mean the same."""
    if isinstance(written, dict):
        return {key: _spelled(value) for key, value in written.items()}
    if isinstance(written, list):
        return [_spelled(value) for value in written]
    if isinstance(written, str) and written.split(".")[0] == "first_self_pay":
        return written.replace("first_self_pay", "prepay", 1)
    return written
