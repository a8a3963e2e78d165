"""A trace lets anybody check any fen by hand: its formulas are calculated again here."""

import re
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.former_policies import former_region
from support.policies import (
    FACTS,
    account,
    classify,
    deductible,
    head,
    line,
    policy_of,
    split_of,
    tiers,
    year_after,
)

from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split
from yibao_settlement.rules.policy.trace import NamedAmount, TraceNode, explain

ELIGIBLE = {"add": ["eligible"]}


def calculated(expression: str) -> Decimal:
    """The value of a formula's left side, in yuan, rounded half up to fen."""
    text = re.sub(r"([0-9.]+)%", r"(\1 / 100)", expression.replace(" x ", " * "))
    text = re.sub(r"[0-9]+(\.[0-9]+)?", lambda number: f"Decimal('{number[0]}')", text)
    assert re.fullmatch(r"[-0-9.+*/(), 'Decimalnx]*", text)
    value: Decimal = eval(text, {"Decimal": Decimal, "min": min, "max": max})
    # Half up is towards more, also of a fraction that lies below zero.
    return (value * 100 + Decimal("0.5")).to_integral_value(ROUND_FLOOR) / 100


def check_formula(node: TraceNode) -> None:
    if node.formula == "does not apply":
        assert node.amount_fen == 0
        return
    main = None
    for part in node.formula.split("; "):
        left, right = part.removeprefix("overflow ").split(" = ")
        if "rounded on each" not in right:
            assert calculated(left) == Decimal(right), part
        if not part.startswith("overflow "):
            main = right
    assert main is not None
    assert Decimal(main) * 100 == node.amount_fen


def check_trace(policy: Policy, split: Split) -> tuple[TraceNode, ...]:
    """Checks that every node calculates and that the payments are those of the split."""
    nodes = explain(policy, split)
    assert [node.step_id for node in nodes] == [step.id for step in policy.steps]
    for node in nodes:
        check_formula(node)
    amounts = {node.step_id: node.amount_fen for node in nodes}
    for payment in split.fund_payments:
        assert amounts[payment.step_id] == payment.amount_fen
    assert nodes[0].amount_fen == split.eligible_fen
    return nodes


def sample_split(region_name: str) -> tuple[Policy, Split]:
    region = former_region(region_name)
    policy = load_policy(region.policy_file, name=region.policy_name)
    bill = region.sample_bill
    items = {item.item_code: item for item in region.items}
    lines = tuple(
        PricedLine(
            each.line_number,
            each.item_code,
            items[each.item_code].catalogue_class,
            each.amount_fen,
            0,
            None,
        )
        for each in bill.lines
    )
    facts = Facts(
        bill.care_type,
        bill.person.person_class,
        bill.person.entitlement_groups,
        region.institutions[0].institution_level,
        bill.person.age,
    )
    return policy, split_of(policy, *lines, facts=facts)


@pytest.mark.parametrize(
    ("region_name", "formulas"),
    [
        (
            "999019",
            {
                "S1": "20000.00 x 3% = 600.00; 100000.00 - 10000.00 - 600.00 = 89400.00",
                "D1": "min(900.00, 89400.00) = 900.00",
                "P1": (
                    "(20000.00 - 900.00) x 68% + (40000.00 - 20000.00) x 73% "
                    "+ (89400.00 - 40000.00) x 78% = 66120.00"
                ),
                "K1": "(900.00 + 22380.00 - 20000.00) x 50% = 1640.00",
            },
        ),
        (
            "500112",
            {
                "S1": "52000.00 - 2000.00 = 50000.00",
                "D1": "min(300.00, 50000.00) = 300.00",
                "P1": "(50000.00 - 300.00) x 70% = 34790.00",
                "A1": "(50000.00 - 34790.00) x 70% = 10647.00",
                "A2": "(50000.00 - 34790.00 - 10647.00 - 3000.00) x 60% = 937.80",
            },
        ),
        (
            "999029",
            {
                "S1": "129365.41 = 129365.41",
                "D1": "min(1300.00, 129365.41) = 1300.00",
                "P1": (
                    "min((10000.00 - 1300.00) x 80% + (30000.00 - 10000.00) x 85% "
                    "+ (40000.00 - 30000.00) x 90% + (129365.41 - 40000.00) x 95%, 50000.00) "
                    "= 50000.00; overflow 129365.41 - 57936.84 = 71428.57"
                ),
                "L1": "71428.57 x 70% = 50000.00",
                "Z1": "min(28065.41 + 1300.00, 0.00) = 0.00",
            },
        ),
    ],
)
def test_a_published_bill_is_explained_by_its_published_calculation(
    region_name: str, formulas: dict[str, str]
) -> None:
    policy, split = sample_split(region_name)
    nodes = check_trace(policy, split)
    assert {node.step_id: node.formula for node in nodes} == formulas
    assert all(node.title and node.title_zh for node in nodes)
    assert all(node.clause.count(": ") >= 1 for node in nodes)


def test_a_node_names_its_step_clause_and_inputs() -> None:
    policy = policy_of(
        classify(),
        deductible(300),
        tiers("P1", {**ELIGIBLE, "subtract": ["D1.paid"]}, [(0, None, 700_000)]),
    )
    assert explain(policy, split_of(policy, line(1_000)))[2] == TraceNode(
        step_id="P1",
        title="Step P1",
        title_zh="步骤P1",
        clause="某文件: clause of P1 <http://example.invalid/page>",
        inputs=(NamedAmount("eligible", 1_000), NamedAmount("D1.paid", 300)),
        formula="(10.00 - 3.00) x 70% = 4.90",
        amount_fen=490,
    )


def test_a_row_that_cites_its_own_clause_is_explained_by_it() -> None:
    rows = [
        {"when": {"age": {"to": 59}}, "amount_fen": 1},
        {
            "when": {"age": {"from": 60}},
            "amount_fen": 2,
            "cites": {"source": "page", "clause": "第八条"},
        },
    ]
    body = {**head("D1"), "basis": "per_bill", "by": ["age"], "rows": rows}
    policy = policy_of(classify(), {"deductible": body})
    clauses = [
        explain(policy, split_of(policy, line(9), facts=replace(FACTS, age=age)))[1].clause
        for age in (59, 60)
    ]
    assert [clause.split(" <")[0] for clause in clauses] == [
        "某文件: clause of D1",
        "某文件: 第八条",
    ]


def test_a_step_that_does_not_apply_is_explained_as_such() -> None:
    aid = tiers("A1", ELIGIBLE, [(0, None, 1_000_000)], applies={"entitlement_groups": "2305"})
    policy = policy_of(classify(), aid)
    node = check_trace(policy, split_of(policy, line(1_000)))[1]
    assert (node.formula, node.inputs, node.amount_fen) == ("does not apply", (), 0)


def test_an_account_that_may_pay_nothing_is_explained() -> None:
    policy = policy_of(classify(), {"account": {**head("Z1"), "rows": [{"pays": []}]}})
    node = check_trace(policy, split_of(policy, line(1_000), balance_fen=700))[1]
    assert (node.formula, node.amount_fen) == ("min(0.00, 7.00) = 0.00", 0)


def test_the_second_bill_of_a_year_shows_what_the_year_had_used() -> None:
    policy = policy_of(
        classify(),
        deductible(50_000, basis="per_year"),
        tiers(
            "P1",
            {**ELIGIBLE, "subtract": ["D1.paid"]},
            [(0, 100_000, 500_000), (100_000, None, 800_000)],
            accumulates="per_year",
            cap_fen=70_000,
        ),
    )
    year = year_after({}, split_of(policy, line(120_003)))
    nodes = check_trace(policy, split_of(policy, line(60_000), year=year))
    assert [node.formula for node in nodes[1:]] == [
        "min(500.00 - 500.00, 600.00) = 0.00",
        "min((1000.00 - 700.03) x 50% + (1300.03 - 1000.00) x 80% - 0.005, 700.00 - 350.02)"
        " = 349.98; overflow 1300.03 - 1250.00 = 50.03",
    ]
    assert nodes[2].inputs == (
        NamedAmount("eligible", 60_000),
        NamedAmount("D1.paid", 0),
        NamedAmount("base.P1", 70_003),
        NamedAmount("fund.390100", 35_002),
    )


def test_shares_rounded_on_each_line_say_so() -> None:
    policy = policy_of(classify())
    split = split_of(policy, line(5, "02"), line(5, "02", number=2))
    (node,) = check_trace(policy, split)
    assert node.formula == "0.10 x 10% = 0.02 (rounded on each of 2 lines); 0.10 - 0.02 = 0.08"


@pytest.mark.parametrize(
    ("ratio_ppm", "text"),
    [
        (0, "0%"),
        (1, "0.0001%"),
        (112_000, "11.2%"),
        (333_333, "33.3333%"),
        (700_000, "70%"),
        (1_000_000, "100%"),
    ],
)
def test_ratios_are_told_in_per_cent(ratio_ppm: int, text: str) -> None:
    assert percent(ratio_ppm) == text


@given(
    st.integers(0, 3_000_00),
    st.lists(st.integers(0, 20_000_00), min_size=1, max_size=3),
    st.tuples(*[st.integers(0, 1_000_000)] * 3),
    st.sampled_from(["per_bill", "per_year"]),
    st.booleans(),
    st.none() | st.integers(1, 9_000_00),
    st.booleans(),
)
def test_every_formula_comes_to_its_amount(
    amount_fen: int,
    fees: list[int],
    ratios: tuple[int, int, int],
    basis: str,
    on_fee: bool,
    cap_fen: int | None,
    is_closed: bool,
) -> None:
    top = 15_000_00 if is_closed else None
    made = [(0, 5_000_00, ratios[0]), (5_000_00, top, ratios[1])]
    if on_fee:
        pool = tiers(
            "P1",
            ELIGIBLE,
            made,
            cap_fen=cap_fen,
            axis="covered_fee",
            deductible="D1",
            accumulates=basis,
        )
    else:
        base = {**ELIGIBLE, "subtract": ["D1.paid"]}
        pool = tiers("P1", base, made, cap_fen=cap_fen, threshold_fen=100_00, accumulates=basis)
    rest = {"add": ["D1.paid", "P1.copay"]}
    policy = policy_of(
        classify(),
        deductible(amount_fen, basis=basis),
        pool,
        tiers("K1", rest, [(0, None, ratios[2])], threshold_fen=2_000_00, accumulates=basis),
        tiers("L1", {"add": ["P1.overflow"]}, [(0, None, ratios[2])]),
        account(),
    )
    year: dict[str, int] = {}
    for fee in fees:
        split = split_of(
            policy, line(fee), line(fee // 3, "02", number=2), year=year, balance_fen=700_00
        )
        check_trace(policy, split)
        year = year_after(year, split)
