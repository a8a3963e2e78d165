"""Doubts by bills: made-up ones of every kind that the policy tells apart are decided.

A table alone does not know the codes of other tables, nor when parameters begin; bills do.
"""

import datetime as dt
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import Bill, BillLine
from yibao_settlement.rules.benefit.conditions import FactValue
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, Place, placed_steps
from yibao_settlement.rules.benefit.doubts.gaps import (
    doubts_of_tables,
    matchers_of,
    placed_tables,
    values_of,
)
from yibao_settlement.rules.benefit.facts import CARE_GROUP, COUNT, Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy, care_group_of

# Evenly spread over all that the policy tells apart, which may be millions.
_MOST_KINDS = 300
_STAYS = 3
# One far above the limits of most policies, and one below all of them.
_TOTALS_FEN = (100_000_000, 100)


class _Refused(NamedTuple):
    """Why a bill of some kind is refused, who refuses it, and what is told of it."""

    reason: Reason
    owner: str
    text: str
    facts: Facts


def doubts_of_bills(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields for each step or parameter, once, that it refuses a bill that may come.

    What a table lacks by itself is told as such and not here again.
    """
    known = {doubt.owner for doubt in doubts_of_tables(policy)}
    for facts in _kinds(policy):
        for day in _days(policy):
            found = _first_refusal(policy, facts, day)
            if found is not None and found.owner not in known:
                known.add(found.owner)
                yield _doubt(policy, found)


def _first_refusal(policy: BenefitPolicy, facts: Facts, day: dt.date) -> _Refused | None:
    """Returns why one of the first stays of a person is refused, None where none is."""
    memory = NOTHING_YET
    for stay in range(_STAYS):
        lines = tuple(
            BillLine(code, total, code, first_self_pay_ppm=PPM // 10)
            for code, total in zip(("01", "02"), _TOTALS_FEN, strict=True)
        )
        bill = Bill(f"stay {stay}", day, lines, facts)
        try:
            memory = memory.after(adjudicate(policy, bill, memory).change)
        except RuleError as refusal:
            said = refusal.metadata
            owner = said.get("step_id") or said.get("parameter") or ""
            return _Refused(refusal.reason, owner.removeprefix("counter "), refusal.message, facts)
        except InvariantError as error:
            return _Refused(Reason.INTERNAL, "", str(error), facts)
    return None


def _days(policy: BenefitPolicy) -> Sequence[dt.date]:
    """Returns the first and the last day that the policy decides, as far as it says one."""
    return sorted({policy.start_date, policy.end_date or policy.start_date})


def _kinds(policy: BenefitPolicy) -> Iterator[Facts]:
    """Yields facts between which the tables and steps of the policy tell."""
    conditions = [step.applies for step in policy.steps]
    asked = {fact for each in conditions for fact, _ in each.matchers}
    for placed in placed_tables(policy):
        asked |= set(placed.table.by)
        conditions += [row.when for row in placed.table.rows if row.when is not None]
    asked = {fact for fact in asked if not fact.startswith(COUNT) and fact != CARE_GROUP}
    # Whoever asks for nothing else may still know care by its group.
    names = sorted(asked | {"care_type"})
    choices: list[list[FactValue]] = [
        values_of(policy, fact, matchers_of(conditions, fact)) for fact in names
    ]
    care = choices[names.index("care_type")]
    care[:] = dict.fromkeys((*(each for each in care if each), *_care_types(policy))) or [""]
    total = math.prod(len(each) for each in choices)
    for number in range(0, total, max(1, total // _MOST_KINDS)):
        chosen = dict(zip(names, _combination(choices, number), strict=True))
        yield _OTHERWISE._replace(**chosen)  # type: ignore[arg-type]  # each by its kind


# Facts that no table asks for may be anything; those that a window is divided by are known.
_OTHERWISE = Facts(
    disease="D", institution="H", institution_level="3", person_class="11", tier="1", age=40
)


def _care_types(policy: BenefitPolicy) -> Iterator[str]:
    """Yields a care type of each group that has one of its own."""
    for group in policy.care_groups:
        for pattern in group.patterns:
            care_type = pattern.removesuffix("*") or "99"
            if care_group_of(policy, care_type) == group.name:
                yield care_type
                break


def _combination(choices: Sequence[Sequence[FactValue]], number: int) -> list[FactValue]:
    """Returns the combination of this number, in the order of `itertools.product`."""
    found: list[FactValue] = []
    for each in reversed(choices):
        number, place = divmod(number, len(each))
        found.append(each[place])
    return found[::-1]


def _doubt(policy: BenefitPolicy, found: _Refused) -> Doubt:
    care = found.facts.care_type or ""
    reason = found.reason
    return Doubt(
        DoubtKind.REFUSED_BILL,
        found.owner,
        _place(policy, found.owner),
        f"a bill of care type {care} would be refused: {found.text}",
        f"医疗类别 {care} 的单据将被拒绝：{reason.message_zh}（{found.text}）",
    )


def _place(policy: BenefitPolicy, owner: str) -> Place:
    steps = ((step.id, (*place, "rows")) for step, place in placed_steps(policy))
    counters = ((counter.name, ("counters", counter.name)) for counter in policy.counters)
    parameters = ((each.name, ("parameters", each.name)) for each in policy.parameters)
    places: dict[str, Place] = dict(itertools.chain(parameters, counters, steps))
    return places.get(owner, ("steps",))
