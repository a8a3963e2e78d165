"""What a bill is refused for, what it leaves behind, and what its lines may be."""

import datetime as dt
import json
from typing import Any

import pytest
from support.benefit_text import load

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.answers import figures_by_group, figures_by_line
from yibao_settlement.rules.benefit.bill import (
    Attested,
    Balances,
    Bill,
    BillLine,
    CoverPeriod,
    Given,
)
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.split import Split

DAY = dt.date(2024, 5, 6)
HEAD = """\
format: yibao-policy/2
policy_id: t
title: t
title_zh: t
region: "999001"
insurance_type: "310"
start_date: 2020-01-01
end_date: 2024-12-31
sources: {page: {title: t}}
care_groups: {inpatient: ["2*"], chronic: ["14"], outpatient: ["*"]}
"""
CLASSIFY = 'classify: {id: S1, rows: [{shares: {"01": 0, "02": by_item}}]}'
FACTS = Facts(care_type="2101", institution_level="3", institution="H1", age=40)


def split_of(
    steps: str,
    bill: Bill,
    memory: Memory = NOTHING_YET,
    *,
    head: str = "",
    classify: str = CLASSIFY,
) -> Split:
    """Adjudicates a bill by a policy with these steps, one a line, behind `classify`."""
    listed = "".join(f"  - {step}\n" for step in (classify, *steps.splitlines()))
    return adjudicate(load(f"{HEAD}{head}steps:\n{listed}"), bill, memory)


def bill(*lines: BillLine, **said: Any) -> Bill:
    """Returns a bill of one visit of ten days."""
    made = Bill("V1", DAY, lines, FACTS, admission_date=DAY - dt.timedelta(10))
    return made._replace(**said)


def line(fen: int, **said: Any) -> BillLine:
    """Returns a line of class A."""
    return BillLine("1", fen, "01")._replace(**said)


D1 = "deductible: {id: D1, base: [eligible], window: stay, rows: [amount: 1000]}"
GIVEN = 'given: {id: G1, base: [eligible], fund_types: ["999"]}'


@pytest.mark.parametrize(
    ("steps", "said", "reason", "metadata"),
    [
        (D1, {"date": dt.date(2025, 1, 1)}, Reason.POLICY_NOT_IN_FORCE, {"date": "2025-01-01"}),
        (D1, {"date": dt.date(2019, 12, 31)}, Reason.POLICY_NOT_IN_FORCE, {"date": "2019-12-31"}),
        (D1, {"lines": (line(-1),)}, Reason.LINE_NEGATIVE, {"line_id": "1"}),
        (
            D1,
            {"lines": (line(1, catalogue_class="02"),)},
            Reason.POLICY_NO_MATCHING_ROW,
            {"step_id": "S1", "key": "catalogue_class=02", "line_id": "1"},
        ),
        (
            D1,
            {"lines": (line(1, catalogue_class="03"),)},
            Reason.POLICY_NO_MATCHING_ROW,
            {"step_id": "S1", "key": "catalogue_class=03", "line_id": "1"},
        ),
        (
            "deductible: {id: D1, base: [eligible], by: [age, institution_level], rows: "
            '[{when: {age: {from: 41}, institution_level: "3"}, amount: 0}]}',
            {},
            Reason.POLICY_NO_MATCHING_ROW,
            {"step_id": "D1", "key": "age=40, institution_level=3"},
        ),
        (
            "deductible: {id: D1, base: [eligible], by: [tier], "
            'rows: [{when: {tier: "1"}, amount: 0}]}',
            {},
            Reason.FACT_MISSING,
            {"fact": "tier"},
        ),
        (
            "deductible: {id: D1, base: [eligible], window: day, per: [disease], "
            "rows: [amount: 0]}",
            {},
            Reason.FACT_MISSING,
            {"fact": "disease"},
        ),
        (
            "deductible: {id: D1, base: [eligible], applies: {months_insured: 1}, "
            "rows: [amount: 0]}",
            {},
            Reason.FACT_MISSING,
            {"fact": "months_insured"},
        ),
        (
            D1,
            {"given": (Given("999", 5),)},
            Reason.GIVEN_UNKNOWN,
            {"fund_type": "999", "excess_fen": "5"},
        ),
        (
            GIVEN,
            {"given": (Given("999", 5_000), Given("999", 1))},
            Reason.GIVEN_EXCEEDS_BASE,
            {"fund_type": "999", "excess_fen": "1"},
        ),
    ],
)
def test_a_bill_is_refused_with_its_reason(
    steps: str, said: dict[str, Any], reason: Reason, metadata: dict[str, str]
) -> None:
    with pytest.raises(RuleError) as refusal:
        split_of(steps, bill(line(5_000))._replace(**said))
    assert refusal.value.reason is reason
    assert metadata.items() <= refusal.value.metadata.items()


def test_a_parameter_without_a_value_yet_refuses_the_bill() -> None:
    steps = "deductible: {id: D1, base: [eligible], rows: [amount: {of: wage}]}"
    head = "parameters: {wage: [{from: 2024-05-07, fen: 3}]}\n"
    with pytest.raises(RuleError) as refusal:
        split_of(steps, bill(line(5)), head=head)
    assert refusal.value.reason is Reason.PARAMETER_NOT_IN_FORCE
    assert refusal.value.metadata == {"parameter": "wage", "date": "2024-05-07"}
    in_force = split_of(steps, bill(line(5), date=dt.date(2024, 5, 7)), head=head)
    assert in_force.sums.deductible_fen == 3


def test_lines_outside_the_visit_or_the_catalogue_are_refused_by_themselves() -> None:
    split = split_of(
        D1,
        bill(
            line(1, line_id="early", charge_date=DAY - dt.timedelta(11)),
            line(2, line_id="late", charge_date=DAY + dt.timedelta(1)),
            line(4, line_id="unknown", catalogue_class=None),
            line(8, line_id="first", charge_date=DAY - dt.timedelta(10)),
            line(16, line_id="last", charge_date=DAY),
        ),
    )
    assert split.sums.total_fen == 24
    assert split.refused_lines == (
        ("early", Reason.LINE_OUTSIDE_VISIT),
        ("late", Reason.LINE_OUTSIDE_VISIT),
        ("unknown", Reason.CATALOGUE_ITEM_UNKNOWN),
    )
    assert [each.line_id for each in figures_by_line(split)] == ["first", "last"]


def test_a_bill_without_a_line_that_counts_comes_to_nothing_and_counts_nothing() -> None:
    head = "counts: {stays: {of: stay}}\n"
    split = split_of(D1, bill(line(0), line(9, catalogue_class=None)), head=head)
    assert max(split.sums) == 0
    assert split.change.windows == {}
    assert list(split.change.visits) == ["V1"]


def test_a_line_out_of_cover_is_own_cost() -> None:
    cover = (CoverPeriod(DAY + dt.timedelta(1), None), CoverPeriod(DAY, DAY))
    split = split_of(D1, bill(line(5, charge_date=DAY - dt.timedelta(1)), line(2), cover=cover))
    assert (split.sums.excluded_fen, split.sums.eligible_fen) == (5, 2)


def test_a_line_out_of_cover_refuses_the_bill_where_the_policy_says() -> None:
    classify = CLASSIFY.replace("id: S1,", "id: S1, out_of_cover: refuse,")
    cover = (CoverPeriod(DAY + dt.timedelta(1), None),)
    with pytest.raises(RuleError) as refusal:
        split_of(D1, bill(line(5), cover=cover), classify=classify)
    assert refusal.value.reason is Reason.LINE_OUT_OF_COVER
    assert refusal.value.metadata == {"line_id": "1", "date": "2024-05-06"}


def test_the_catalogue_of_the_place_of_treatment_is_asked_where_the_policy_says() -> None:
    attested = line(1_000, attested=Attested("02", 100_000, 200))
    classify = CLASSIFY.replace("by_item}", "by_item}, catalogue: treatment_place")
    assert split_of(D1, bill(attested)).sums.eligible_fen == 1_000
    there = split_of(D1, bill(attested), classify=classify).sums
    assert (there.eligible_fen, there.first_self_pay_fen, there.over_limit_fen) == (720, 80, 200)


def test_a_counter_by_a_fact_that_a_bill_lacks_counts_nothing_of_it() -> None:
    tiers = (
        'tiers: {id: P1, base: [eligible], fund_type: "310100", applies: {care_group: chronic}, '
        "rows: [brackets: [{over_fen: 0, ratio_ppm: 500000}]]}"
    )
    head = (
        "counters: {quota: {window: month, per: [disease], limits: [P1.covered], "
        "counts: [excluded], rows: [limit: 100]}}\n"
    )
    own = line(500, catalogue_class="02", first_self_pay_ppm=0)
    assert split_of(tiers, bill(own), head=head).sums.cash_fen == 500
    chronic = FACTS._replace(care_type="14")
    with pytest.raises(RuleError) as refusal:
        split_of(tiers, bill(own, facts=chronic), head=head)
    assert refusal.value.reason is Reason.FACT_MISSING
    split = split_of(tiers, bill(own, facts=chronic._replace(disease="M039")), head=head)
    assert split.amount_fen("P1.covered") == 100
    assert split.change.windows == {"month:2024-05|disease=M039": {"counter.quota": 100}}


def test_purses_pay_in_order_and_only_where_the_bill_lets_them() -> None:
    steps = "account: {id: Z1, base: [eligible], purses: [family, current_year]}"
    balances = Balances(current_year_fen=7, carried_fen=100, family_fen=3)
    asked = split_of(steps, bill(line(9), account_used=True, balances=balances))
    assert asked.paid_by_purse == Balances(current_year_fen=6, family_fen=3)
    assert (asked.sums.account_fen, asked.sums.cash_fen) == (9, 0)
    unasked = split_of(steps, bill(line(9), balances=balances))
    assert unasked.paid_by_purse == Balances()
    with pytest.raises(InvariantError):
        split_of(steps, bill(line(9), account_used=True, balances=Balances(family_fen=-1)))


def test_what_windows_remember_can_be_kept_as_json() -> None:
    head = (
        "counts: {stays: {of: stay}}\n"
        "counters: {all: {window: year, limits: [D1.paid], rows: [limit: none]}}\n"
    )
    row = "by: [count.stays], rows: [{when: {count.stays: any}, amount: 1000}]"
    counted = D1.replace("rows: [amount: 1000]", row)
    first = split_of(counted, bill(line(700)), head=head)
    assert first.change.plain() == {
        "windows": {
            "stay:V1": {"D1.paid": 700, "count.stays@year:2024": 1},
            "year:2024": {"counter.all": 700, "count.stays": 1},
        },
        "visits": {"V1": ["V1", "2024-04-26", "2024-05-06"]},
    }
    kept = Memory.of_plain(json.loads(json.dumps(NOTHING_YET.after(first.change).plain())))
    second = split_of(counted, bill(line(700)), kept, head=head)
    assert second.sums.deductible_fen == 300
    assert second.change.windows["stay:V1"]["D1.paid"] == 1_000


def test_a_refused_bill_changes_nothing_of_what_it_was_given() -> None:
    memory = Memory({"stay:V1": {"D1.paid": 1}, "year:2024": {}})
    with pytest.raises(RuleError):
        split_of(f"{D1}\n{GIVEN}", bill(line(5), given=(Given("999", 50),)), memory)
    assert memory == Memory({"stay:V1": {"D1.paid": 1}, "year:2024": {}})


def test_figures_by_line_and_group_come_to_those_of_the_bill() -> None:
    tiers = (
        'tiers: {id: P1, base: [D1.rest], fund_type: "310100", '
        "rows: [brackets: [{over_fen: 0, ratio_ppm: 333333}]]}"
    )
    lines = (line(701), line(1_000, item_group="x"), line(5, item_group="x"))
    head = "line_groups: {x: {item_groups: [x]}}\n"
    split = split_of(f"{D1}\n{tiers}", bill(*lines), head=head)
    by_line = figures_by_line(split)
    x, rest = figures_by_group(split.layout, by_line)
    assert (x.group, rest.group) == ("x", "rest")
    assert x.amount_fen + rest.amount_fen == split.sums.total_fen
    assert x.fund_fen + rest.fund_fen == split.sums.fund_total_fen
    assert x.deductible_fen + rest.deductible_fen == split.sums.deductible_fen
    assert sum(each.cash_fen for each in by_line) == split.sums.cash_fen
