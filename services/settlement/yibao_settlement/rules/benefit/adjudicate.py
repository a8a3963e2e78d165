"""Adjudication: what a bill costs whom under a policy, given what the windows remember.

The same pure function serves trial, settlement, claims, audit and re-adjudication.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine, RefusedLine
from yibao_settlement.rules.benefit.conditions import FactValue
from yibao_settlement.rules.benefit.facts import PERSON_FACTS, Facts
from yibao_settlement.rules.benefit.layout import Layout, layout_of
from yibao_settlement.rules.benefit.leg import Leg, Span
from yibao_settlement.rules.benefit.memory import Memory, VisitSeen, joined_stay
from yibao_settlement.rules.benefit.names import ELIGIBLE
from yibao_settlement.rules.benefit.plan import Plan, ask, find_plan, plan_classify
from yibao_settlement.rules.benefit.policy import BenefitPolicy, Parameter, care_group_of
from yibao_settlement.rules.benefit.record import NOT_APPLIED
from yibao_settlement.rules.benefit.split import LegSplit, Split, Sums, check_sums
from yibao_settlement.rules.benefit.steps import GivenStep
from yibao_settlement.rules.benefit.windows import NewYear, year_of


class _Stay(NamedTuple):
    """A visit, the stay that it is of, and when that began."""

    visit: VisitSeen
    admission_date: dt.date


def adjudicate(policy: BenefitPolicy, bill: Bill, memory: Memory) -> Split:
    """Splits a bill among funds, other payers, account and person; changes nothing.

    Lines outside the visit, and those that the catalogue does not know, are refused by
    themselves and listed. Put the split's `change` behind `memory` for the next bill.

    Raises:
        RuleError: POLICY_NOT_IN_FORCE, LINE_NEGATIVE, LINE_OUT_OF_COVER, FACT_MISSING,
            PARAMETER_NOT_IN_FORCE, POLICY_NO_MATCHING_ROW, GIVEN_EXCEEDS_BASE,
            GIVEN_UNKNOWN.
        InvariantError: the calculation does not add up, a fault of ours.
    """
    _require_in_force(policy, bill.date)
    layout = layout_of(policy)
    stay = _stay_of(policy, bill, memory)
    lines, refused = _accepted(bill, stay.visit.admission_date)
    facts = bill.facts
    if policy.windows.facts_of_admission and bill.facts_at_admission is not None:
        then = bill.facts_at_admission._asdict()
        facts = facts._replace(**{fact: then[fact] for fact in PERSON_FACTS})
    given: dict[str, int] = {}
    for fund_type, fen in bill.given:
        given[fund_type] = given.get(fund_type, 0) + fen
    held = list(bill.balances) if bill.account_used else [0, 0, 0]
    if min(held) < 0:
        raise InvariantError(f"a purse holds {min(held)} fen")
    purses = list(held)
    care_group = care_group_of(policy, facts.care_type or "")
    legs: list[LegSplit] = []
    windows: dict[str, dict[str, int]] = {}
    seen = memory
    for span, leg_lines in _spans(layout, bill, stay, lines):
        if windows:
            seen = Memory({**memory.windows, **windows}, memory.visits)
        leg = _leg(layout, seen, facts, care_group, stay.visit.stay_id, span, given, purses)
        legs.append(_settle(leg, bill, leg_lines))
        windows.update(leg.remembered())
    _require_taken(policy, given)
    amounts = legs[0].amounts
    if len(legs) > 1:
        amounts = [sum(each) for each in zip(*(leg.amounts for leg in legs), strict=True)]
    return Split(
        layout=layout,
        legs=tuple(legs),
        amounts=amounts,
        sums=_sums(layout, amounts),
        refused_lines=tuple(refused),
        paid_by_purse=Balances(*[had - left for had, left in zip(held, purses, strict=True)]),
        change=Memory(windows, {bill.visit_id: stay.visit}),
    )


def _require_in_force(policy: BenefitPolicy, day: dt.date) -> None:
    if day < policy.start_date or (policy.end_date is not None and day > policy.end_date):
        raise RuleError(
            Reason.POLICY_NOT_IN_FORCE,
            f"policy {policy.policy_id} does not decide bills of {day}",
            date=str(day),
            policy_version=policy.version,
        )


def _stay_of(policy: BenefitPolicy, bill: Bill, memory: Memory) -> _Stay:
    """Returns the visit as it stands behind this bill; a transfer in time joins a stay."""
    known = memory.visits.get(bill.visit_id)
    admission = bill.admission_date
    if admission is None:
        admission = bill.date if known is None else known.admission_date
    if known is not None:
        stay_id = known.stay_id
    else:
        former = None if bill.transfer_from is None else memory.visits.get(bill.transfer_from)
        days = policy.windows.joins_transfers_within_days
        stay_id = joined_stay(bill.visit_id, admission, former, within_days=days)
    visit = VisitSeen(stay_id, admission, bill.date)
    if stay_id == bill.visit_id:
        return _Stay(visit, admission)
    return _Stay(visit, memory.visits[stay_id].admission_date)


def _accepted(bill: Bill, admission_date: dt.date) -> tuple[list[BillLine], list[RefusedLine]]:
    """Returns the lines that are adjudicated, and those that are refused by themselves."""
    accepted: list[BillLine] = []
    refused: list[RefusedLine] = []
    for line in bill.lines:
        if line.amount_fen < 0:
            raise RuleError(
                Reason.LINE_NEGATIVE,
                f"line {line.line_id} returns what a settled bill holds: refund that bill",
                line_id=line.line_id,
            )
        charged = line.charge_date
        if charged is not None and not admission_date <= charged <= bill.date:
            refused.append(RefusedLine(line.line_id, Reason.LINE_OUTSIDE_VISIT))
        elif line.catalogue_class is None:
            refused.append(RefusedLine(line.line_id, Reason.CATALOGUE_ITEM_UNKNOWN))
        else:
            accepted.append(line)
    return accepted, refused


def _spans(
    layout: Layout, bill: Bill, stay: _Stay, lines: Sequence[BillLine]
) -> list[tuple[Span, Sequence[BillLine]]]:
    """Cuts a bill into legs, in order, where windows differ inside it."""
    windows = layout.policy.windows
    admission, starts = stay.admission_date, windows.year_starts
    splits_year = windows.new_year is NewYear.SPLIT
    if not lines:
        # It can only have arrears decided: of its own day, and of no later period.
        return [(Span(bill.date, year_of(bill.date, starts), 0), lines)]
    day = admission if windows.new_year is NewYear.ADMISSION else bill.date
    if not (splits_year or layout.uses_periods):
        return [(Span(bill.date, year_of(day, starts), 0), lines)]
    length = windows.period_days if layout.uses_periods else None
    cut: dict[tuple[int, int], list[BillLine]] = {}
    for line in lines:
        when = line.charge_date or bill.date
        period = 0 if length is None else (when - admission).days // length
        leg = cut.setdefault((year_of(when if splits_year else day, starts), period), [])
        leg.append(line)
    spans: list[tuple[Span, Sequence[BillLine]]] = []
    for (year, period), own in sorted(cut.items(), key=lambda item: item[0]):
        last = bill.date
        if len(spans) < len(cut) - 1:
            last = max(line.charge_date or bill.date for line in own)
        spans.append((Span(last, year, period), own))
    return spans


def _settle(leg: Leg, bill: Bill, lines: Sequence[BillLine]) -> LegSplit:
    """Runs the steps of a leg."""
    layout, span = leg.layout, leg.span
    numbers = _numbers(leg)
    plan = _plan_of(leg, numbers, bill, lines)
    parts = plan.classify.split(lines, day=span.day, cover=bill.cover)
    leg.lots, opened = plan.classify.open_lots(parts, leg.amounts)
    records = leg.records
    records.append(opened)
    for step, grouped in zip(plan.steps, layout.grouped[1:], strict=True):
        if step is None:
            records.append(NOT_APPLIED)
            continue
        records.append(step.settle(leg))
        for position, (mask, also) in grouped:
            leg.amounts[position] = sum(
                lot.fen for lot in leg.lots if lot.bits & mask and lot.bits & also
            )
    _count(leg, plan, numbers)
    left = [(lot.bits, lot.fen) for lot in leg.lots if lot.fen]
    return LegSplit(span.day, plan, lines, parts, leg.amounts, records, leg.takes, left)


def new_leg(layout: Layout, memory: Memory, facts: Facts, *, stay_id: str, span: Span) -> Leg:
    """Returns a leg of a bill that has no lines yet, nor payments by others or an account."""
    care_group = care_group_of(layout.policy, facts.care_type or "")
    return _leg(layout, memory, facts, care_group, stay_id, span, {}, [0, 0, 0])


def find_leg_plan(leg: Leg) -> Plan:
    """Returns the rows that hold for a leg.

    Raises RuleError POLICY_NO_MATCHING_ROW, FACT_MISSING, PARAMETER_NOT_IN_FORCE.
    """
    return find_plan(*_asked(leg, _numbers(leg)))


def _leg(
    layout: Layout,
    memory: Memory,
    facts: Facts,
    care_group: str,
    stay_id: str,
    span: Span,
    given: dict[str, int],
    purses: list[int],
) -> Leg:
    return Leg(
        layout,
        memory,
        facts,
        care_group,
        stay_id,
        span,
        given,
        purses,
        [0] * len(layout.positions),
        [""] * len(layout.slots),
        [None] * len(layout.slots),
    )


def _asked(
    leg: Leg, numbers: tuple[int | str, ...]
) -> tuple[Layout, tuple[FactValue | None, ...], str, tuple[int | str, ...], tuple[int, ...]]:
    """Returns what the tables are asked with, as `find_plan` takes it."""
    layout = leg.layout
    epochs: tuple[int, ...] = ()
    if layout.policy.parameters:
        epochs = tuple(_epoch(each, leg.span.day) for each in layout.policy.parameters)
    facts = tuple([leg.facts[position] for position in layout.asked_positions])
    return layout, facts, leg.care_group, numbers, epochs


def _plan_of(
    leg: Leg, numbers: tuple[int | str, ...], bill: Bill, lines: Sequence[BillLine]
) -> Plan:
    """Returns the rows that hold; a line that is refused is told before a later table."""
    asked = _asked(leg, numbers)
    try:
        return find_plan(*asked)
    except RuleError:
        plan_classify(leg.layout, ask(*asked)).split(lines, day=leg.span.day, cover=bill.cover)
        raise


def _epoch(parameter: Parameter, day: dt.date) -> int:
    return bisect_right([value.start_date for value in parameter.values], day) - 1


def _numbers(leg: Leg) -> tuple[int | str, ...]:
    """Returns the number of this bill's window in each count, or the fact that it lacks."""
    numbers: list[int | str] = []
    for count, inner, outer, key in leg.layout.counts:
        missing = leg.missing(count.per)
        if missing:
            numbers.append(missing)
            continue
        last = leg.window(outer).get(key, 0)
        if count.care_groups is None or leg.care_group in count.care_groups:
            own = leg.window(inner).get(f"{key}@{leg.keys[outer]}")
            numbers.append(last + 1 if own is None else own)
        else:
            numbers.append(last)
    return tuple(numbers)


def _count(leg: Leg, plan: Plan, numbers: tuple[int | str, ...]) -> None:
    """Writes what counters and counts remember of the leg."""
    layout = leg.layout
    for counter, limiting in zip(layout.counters, plan.is_limiting, strict=True):
        counted = leg.counted(counter)
        if counted and (limiting or leg.can_open(counter.slot)):
            window = leg.window(counter.slot)
            window[counter.key] = window.get(counter.key, 0) + counted
    if not leg.amounts[layout.positions[ELIGIBLE]]:
        return
    # A bill for which no table asks the number takes none.
    for index in plan.asked_counts:
        count, inner, outer, key = layout.counts[index]
        number = numbers[index]
        assert isinstance(number, int)
        if count.care_groups is None or leg.care_group in count.care_groups:
            window = leg.window(outer)
            own = f"{key}@{leg.keys[outer]}"
            # Counted once by what is new, so that a bill which is taken back takes back one.
            if own not in leg.window(inner):
                leg.window(inner)[own] = number
                window[key] = window.get(key, 0) + 1


def _require_taken(policy: BenefitPolicy, given: dict[str, int]) -> None:
    """Refuses a bill of which other payers paid more than steps could take."""
    for fund_type, excess in given.items():
        if not excess:
            continue
        takes = (step.fund_types for step in policy.steps if isinstance(step, GivenStep))
        known = any(fund_type in fund_types for fund_types in takes)
        more = "more than there is to pay" if known else "that no step takes"
        raise RuleError(
            Reason.GIVEN_EXCEEDS_BASE if known else Reason.GIVEN_UNKNOWN,
            f"{fund_type} has paid {excess} fen {more}",
            fund_type=fund_type,
            excess_fen=excess,
        )


def _sums(layout: Layout, amounts: Sequence[int]) -> Sums:
    deductible, first_share, funds, arrears, account = [
        sum([amounts[position] for position in positions]) for positions in layout.sums
    ]
    total, eligible, first_self_pay, over_limit, excluded = amounts[:5]
    personal = total - funds
    sums = Sums(
        total,
        eligible,
        first_self_pay,
        over_limit,
        excluded,
        deductible,
        first_share,
        funds,
        arrears,
        personal,
        account,
        personal - account,
    )
    check_sums(sums)
    return sums
