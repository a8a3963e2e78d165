"""The engine, asked for answers."""

import functools
from collections.abc import Mapping
from typing import Any

from support.benefit_cases.cases import Case

from yibao_common.values.errors import RuleError
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.answers import (
    GroupFigures,
    LineFigures,
    figures_by_group,
    figures_by_line,
)
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine, CoverPeriod, Given
from yibao_settlement.rules.benefit.facts import PERSON_FACTS, Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Split, Sums

from .answers import Answer

PURSES = ("current_year", "carried", "family")
# What a deductible notes beside what it has paid, and under which number an inner window
# stands in an outer one: what comes of it is seen.
OWN_NOTES = (".amount", ".year")


@functools.lru_cache(4)
def _policy(text: str) -> BenefitPolicy:
    return load_benefit_policy(text.encode(), name="policy.yaml")


def answers(case: Case) -> list[Answer]:
    """Adjudicates the bills of a case in order."""
    policy = _policy(case.policy_text)
    purses = case.bills.get("purses") or {}
    balances = Balances(*(purses.get(purse, 0) for purse in PURSES))
    memory = NOTHING_YET
    found = []
    for written in case.bills["bills"]:
        try:
            split = adjudicate(policy, bill(written, balances), memory)
        except RuleError as refused:
            found.append(Answer(refused=refused.reason.name))
            continue
        memory = memory.after(split.change)
        left = zip(balances, split.paid_by_purse, strict=True)
        balances = Balances(*(held - paid for held, paid in left))
        found.append(_answer(split, memory, balances))
    return found


def bill(written: Mapping[str, Any], balances: Balances) -> Bill:
    """Returns a bill of `bills.yaml` as the engine takes it; lines are named by number."""
    cover = written.get("cover")
    at_admission = written.get("facts_at_admission")
    # What the visit says is not known of the admission, and not asked for.
    of_person = {fact: code for fact, code in written["facts"].items() if fact in PERSON_FACTS}
    return Bill(
        visit_id=written["visit"],
        date=written["date"],
        lines=tuple(_line(str(index), line) for index, line in enumerate(written["lines"])),
        facts=facts(written["facts"]),
        facts_at_admission=at_admission and facts({**of_person, **at_admission}),
        admission_date=written.get("admitted"),
        transfer_from=written.get("transfer_from"),
        cover=None
        if cover is None
        else tuple(CoverPeriod(each["from"], each.get("to")) for each in cover),
        given=tuple(Given(each["fund_type"], each["fen"]) for each in written.get("given", [])),
        account_used=written.get("use_account", False),
        balances=balances,
    )


def facts(written: Mapping[str, Any]) -> Facts:
    """Returns facts as the engine takes them."""
    said: dict[str, Any] = {
        fact: frozenset(value) if isinstance(value, list) else value
        for fact, value in written.items()
    }
    return Facts(**said)


def _line(line_id: str, line: Mapping[str, Any]) -> BillLine:
    return BillLine(
        line_id=line_id,
        amount_fen=line["fen"],
        catalogue_class=line["class"],
        charge_date=line.get("date"),
        first_self_pay_ppm=line.get("share_ppm"),
        over_limit_fen=line.get("over_fen", 0),
        item_group=line.get("item_group"),
    )


def _answer(split: Split, memory: Memory, balances: Balances) -> Answer:
    lines = figures_by_line(split)
    amounts = {name: split.amount_fen(name) for name in split.layout.positions}
    amounts |= _sums(split.sums)
    for group in figures_by_group(split.layout, lines):
        amounts |= _group(group)
    return Answer(
        amounts=amounts,
        lines={line.line_id: _figures(line) for line in lines},
        refused_lines=[line.line_id for line in split.refused_lines],
        purses=list(balances),
        memory=_memory(memory),
    )


def _sums(sums: Sums) -> dict[str, int]:
    return {name.removesuffix("_fen"): fen for name, fen in sums._asdict().items()}


def _group(group: GroupFigures) -> dict[str, int]:
    return {
        f"fund.{group.group}": group.fund_fen,
        f"personal.{group.group}": group.personal_fen,
        f"account.{group.group}": group.account_fen,
        f"deductible.{group.group}": group.deductible_fen,
    }


def _figures(line: LineFigures) -> dict[str, int | str]:
    return {
        "group": line.group,
        "eligible": line.eligible_fen,
        "first_self_pay": line.first_self_pay_fen,
        "over_limit": line.over_limit_fen,
        "excluded": line.excluded_fen,
        **dict(line.by_step),
        "fund": line.fund_fen,
        "account": line.account_fen,
        "cash": line.cash_fen,
        "deductible": line.deductible_fen,
    }


def _memory(memory: Memory) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for window, names in memory.windows.items():
        for name, value in names.items():
            if value and "@" not in name and not name.endswith(OWN_NOTES):
                found.setdefault(window, {})[name] = value
    return found
