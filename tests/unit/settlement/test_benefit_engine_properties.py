"""What holds for every policy of `yibao-policy/2` and every year of bills."""

import copy
import datetime as dt
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.benefit_cases.cases import case
from support.benefit_examples import bill_of
from support.benefit_text import load

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.answers import figures_by_line
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.trace import trace_sha256

SEEDS = st.integers(0, 2**40)
HELD = Balances(5_000, 20_000, 300)


def settled(seed: int) -> list[tuple[BenefitPolicy, Bill, Memory, Split]]:
    """Returns the bills of a generated year with what was remembered before each."""
    made = case(seed)
    policy, memory, found = load(made.policy_text), NOTHING_YET, []
    for number, said in enumerate(made.bills["bills"]):
        bill = bill_of(said, HELD, number=number)
        try:
            split = adjudicate(policy, bill, memory)
        except RuleError:
            continue
        found.append((policy, bill, memory, split))
        memory = memory.after(split.change)
    return found


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_every_fen_is_borne_by_exactly_one_party(seed: int) -> None:
    for _, bill, _, split in settled(seed):
        sums = split.sums
        assert min(sums) >= 0
        assert min(split.amounts) >= 0
        refused = {line.line_id for line in split.refused_lines}
        charged = sum(line.amount_fen for line in bill.lines if line.line_id not in refused)
        assert sums.total_fen == charged
        assert sums.total_fen == sums.fund_total_fen + sums.account_fen + sums.cash_fen
        assert sums.account_fen == sum(split.paid_by_purse)
        assert sums.fund_total_fen == sum(each.amount_fen for each in split.payments())
        lines = figures_by_line(split)
        for line in lines:
            assert min(line.fund_fen, line.account_fen, line.cash_fen, line.deductible_fen) >= 0
            parts = (line.eligible_fen, line.first_self_pay_fen, line.over_limit_fen)
            assert sum(parts) + line.excluded_fen == line.amount_fen
        assert sum(line.fund_fen for line in lines) == sums.fund_total_fen
        assert sum(line.account_fen for line in lines) == sums.account_fen


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_every_limit_is_held(seed: int) -> None:
    for policy, _, memory, split in settled(seed):
        for counter in policy.counters:
            # What is only counted may exceed a limit, and a row may lower one.
            limits = [row.value for row in counter.table.rows]
            if counter.counts or len(limits) != 1 or not isinstance(limits[0], int):
                continue
            # Fee and payment of one step in one counter each get all that is left of it.
            if len({name.split(".")[0] for name in counter.limits}) < len(counter.limits):
                continue
            key = f"counter.{counter.name}"
            windows = memory.after(split.change).windows.values()
            assert max((window.get(key, 0) for window in windows), default=0) <= limits[0]
            if counter.window.value == "bill" and len(split.legs) == 1:
                paid = sum(split.amount_fen(name) for name in counter.limits)
                arrears = sum(each.arrears_fen for each in split.payments())
                assert paid <= limits[0] + arrears


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_the_order_of_lines_changes_no_sum(seed: int) -> None:
    for policy, bill, memory, split in settled(seed):
        lines = list(bill.lines)
        random.Random(seed).shuffle(lines)
        again = adjudicate(policy, bill._replace(lines=tuple(lines)), memory)
        assert (again.sums, list(again.amounts)) == (split.sums, list(split.amounts))
        assert again.change == split.change


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_a_trial_is_the_settlement_and_changes_nothing(seed: int) -> None:
    for policy, bill, memory, split in settled(seed):
        before = copy.deepcopy(memory.plain())
        again = adjudicate(policy, bill, Memory.of_plain(memory.plain()))
        assert (again.sums, again.change) == (split.sums, split.change)
        assert trace_sha256(again) == trace_sha256(split)
        assert memory.plain() == before


# Deductible, pool, large amounts and a layer over the year: windows of stay and year, and
# nothing that is decided by the bill alone.
POLICY = load(
    """\
format: yibao-policy/2
policy_id: t
title: t
title_zh: t
region: "999001"
insurance_type: "310"
start_date: 2020-01-01
sources: {page: {title: t}}
care_groups: {inpatient: ["2*"], outpatient: ["*"]}
counts: {stays: {of: stay, care_groups: [inpatient]}}
counters: {pool: {window: year, limits: [P1.paid], rows: [limit: 300_000]}}
steps:
  - classify: {id: S1, rows: [{shares: {"01": 0, "02": 100_000, "03": own_cost}}]}
  - deductible:
      id: D1
      base: [eligible]
      window: stay
      by: [count.stays]
      rows:
        - {when: {count.stays: 1}, amount: 90_001}
        - {when: otherwise, amount: 45_000}
  - tiers:
      id: P1
      fund_type: "310100"
      base: [D1.rest]
      window: stay
      on_top_of: [D1.paid]
      rows:
        - brackets:
            - {over_fen: 0, upto_fen: 200_000, ratio_ppm: 854_321}
            - {over_fen: 200_000, upto_fen: 400_000, ratio_ppm: 912_345}
  - tiers:
      id: L1
      fund_type: "330100"
      base: [P1.overflow]
      window: year
      rows: [{brackets: [{over_fen: 0, ratio_ppm: 666_667}]}]
  - tiers:
      id: X1
      fund_type: "390200"
      base: [eligible, first_self_pay]
      window: year
      rows: [{threshold: 60_000, brackets: [{over_fen: 0, ratio_ppm: 600_001}]}]
"""
)
DAY = dt.date(2024, 3, 1)
LINES = st.lists(
    st.tuples(st.integers(0, 150_000), st.sampled_from(["01", "02", "03"])),
    min_size=1,
    max_size=8,
)


def stay_bill(lines: list[tuple[int, str]], *, visit: str, day: int) -> Bill:
    made = tuple(BillLine(str(n), fen, code) for n, (fen, code) in enumerate(lines))
    facts = Facts(care_type="2101")
    return Bill(visit, DAY + dt.timedelta(day), made, facts, admission_date=DAY)


@settings(deadline=None, max_examples=120)
@given(LINES, LINES, st.lists(st.integers(0, 8), max_size=3))
def test_interim_bills_of_a_stay_come_to_what_one_bill_would(
    earlier: list[tuple[int, str]], lines: list[tuple[int, str]], cuts: list[int]
) -> None:
    memory = NOTHING_YET.after(
        adjudicate(POLICY, stay_bill(earlier, visit="V0", day=0), NOTHING_YET).change
    )
    whole = adjudicate(POLICY, stay_bill(lines, visit="V1", day=9), memory)
    ends = [*sorted(min(each, len(lines)) for each in cuts), len(lines)]
    amounts, start = [0] * len(whole.amounts), 0
    for day, end in enumerate(ends, start=1):
        split = adjudicate(POLICY, stay_bill(lines[start:end], visit="V1", day=day), memory)
        memory, start = memory.after(split.change), end
        amounts = [sum(each) for each in zip(amounts, split.amounts, strict=True)]
    assert amounts == list(whole.amounts)


@settings(deadline=None, max_examples=60)
@given(LINES, st.integers(1, 50_000))
def test_a_higher_fee_lowers_no_sum_of_funds_on_a_first_bill(
    lines: list[tuple[int, str]], more: int
) -> None:
    base = adjudicate(POLICY, stay_bill(lines, visit="V1", day=1), NOTHING_YET).sums
    higher = adjudicate(POLICY, stay_bill([*lines, (more, "01")], visit="V1", day=1), NOTHING_YET)
    assert higher.sums.fund_total_fen >= base.fund_total_fen
    assert higher.sums.personal_fen >= base.personal_fen


def test_a_bill_of_twenty_thousand_lines_is_adjudicated_with_figures_of_every_line() -> None:
    lines = [(100 + n % 977, ("01", "02", "03")[n % 3]) for n in range(20_000)]
    split = adjudicate(POLICY, stay_bill(lines, visit="V1", day=1), NOTHING_YET)
    figures = figures_by_line(split)
    assert len(figures) == 20_000
    assert sum(line.fund_fen for line in figures) == split.sums.fund_total_fen
