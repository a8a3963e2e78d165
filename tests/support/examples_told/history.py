"""What a folder of `tests/vectors/policy` says, as things that happen to a person on days."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.benefit_examples import history_in

from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.facts import PERSON_FACTS
from yibao_settlement.rules.benefit.steps import DeductibleStep

Json = dict[str, Any]
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Said:
    """Facts of a person that hold from a day on."""

    day: dt.date
    facts: Mapping[str, Any]

    @property
    def diseases(self) -> tuple[str, ...]:
        """The diseases that the person is registered with."""
        return tuple(self.facts.get("diseases", ()))


@dataclass(frozen=True, slots=True)
class ToldBill:
    """A bill of an example; `admitted` is the first day of its visit.

    `is_interim` where further bills of the visit follow, `follows_interim` where some came
    before. The facts are those of visit and institution; `said` has those of the person.
    """

    number: int
    date: dt.date
    visit: str
    admitted: dt.date
    transfer_from: str | None
    is_interim: bool
    follows_interim: bool
    facts: Mapping[str, Any]
    given: tuple[tuple[str, int], ...]
    account_used: bool
    lines: tuple[Json, ...]
    expected: Mapping[str, int | str]
    refused: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """An example: its policy file, what the person's account holds, and bills in their order."""

    name: str
    policy_file: bytes
    purses: Mapping[str, int]
    said: tuple[Said, ...]
    cover: tuple[tuple[dt.date, dt.date | None], ...] | None
    bills: tuple[ToldBill, ...]

    @property
    def first_share_steps(self) -> tuple[str, ...]:
        """The steps whose amounts are told under the first self-pay share."""
        policy = load_benefit_policy(self.policy_file, name=self.name)
        return tuple(
            step.id
            for step in policy.steps
            if isinstance(step, DeductibleStep) and step.as_first_self_pay
        )

    @property
    def first_day(self) -> dt.date:
        """The first day of the history."""
        return min(bill.admitted for bill in self.bills)

    @property
    def last_day(self) -> dt.date:
        """The last day of the history."""
        return max(bill.date for bill in self.bills)


def example_in(folder: Path) -> Example:
    """Returns the example of a folder."""
    history = history_in(folder)
    said_bills: list[Json] = history["bills"]
    names = [_visit_of(bill, number) for number, bill in enumerate(said_bills)]
    admitted = _admissions(said_bills, names)
    bills = tuple(
        _bill(number, bill, names, admitted[names[number]])
        for number, bill in enumerate(said_bills)
    )
    covers = [bill["cover"] for bill in said_bills if "cover" in bill]
    assert all(cover == covers[0] for cover in covers), f"{folder.name}: several kinds of cover"
    return Example(
        name=folder.name,
        policy_file=(folder / "policy.yaml").read_bytes(),
        purses=history.get("purses") or {},
        said=_said(said_bills, bills),
        cover=tuple((c["from"], c.get("to")) for c in covers[0]) if covers else None,
        bills=bills,
    )


def _visit_of(bill: Json, number: int) -> str:
    """Returns the visit of a bill; one without is a visit of its own."""
    return str(bill.get("visit", f"bill {number}"))


def _admissions(bills: list[Json], names: list[str]) -> dict[str, dt.date]:
    """Returns the first day of each visit.

    Where a person's facts at admission are others than on the same day, the visit began the
    day before: nobody is two things on one day.
    """
    days: dict[str, dt.date] = {}
    for bill, name in zip(bills, names, strict=True):
        day: dt.date = bill["admitted"] if "admitted" in bill else bill["date"]
        if "facts_at_admission" in bill and day == bill["date"]:
            day -= _DAY
        days.setdefault(name, day)
    return days


def _bill(number: int, bill: Json, names: list[str], admitted: dt.date) -> ToldBill:
    name = names[number]
    transfer = bill.get("transfer_from")
    facts = {k: v for k, v in bill.get("facts", {}).items() if k not in PERSON_FACTS}
    return ToldBill(
        number=number + 1,
        date=bill["date"],
        visit=name,
        admitted=admitted,
        transfer_from=None if transfer is None else str(transfer),
        is_interim=name in names[number + 1 :],
        follows_interim=name in names[:number],
        facts=facts,
        given=tuple((each["fund_type"], each["fen"]) for each in bill.get("given", [])),
        account_used=bool(bill.get("use_account")),
        lines=tuple(bill["lines"]),
        expected=bill.get("expected") or {},
        refused=bill.get("refused"),
    )


def _said(said_bills: list[Json], bills: tuple[ToldBill, ...]) -> tuple[Said, ...]:
    """Returns what is said of the person, by days, and only where it changes."""
    by_day: dict[dt.date, Json] = {}
    for told, bill in zip(bills, said_bills, strict=True):
        facts = {k: v for k, v in bill.get("facts", {}).items() if k in PERSON_FACTS}
        days = {told.date: facts}
        if "facts_at_admission" in bill:
            days[told.admitted] = {**facts, **bill["facts_at_admission"]}
        for day, of_day in days.items():
            assert by_day.setdefault(day, of_day) == of_day, f"{day}: two kinds of person"
    said: list[Said] = []
    for day, facts in sorted(by_day.items()):
        if not said or said[-1].facts != facts:
            said.append(Said(day, facts))
    return tuple(said)
