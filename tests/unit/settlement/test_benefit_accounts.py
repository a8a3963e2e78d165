"""What the account pays by `yibao-policy/1`, and which rows of tables hold."""

from dataclasses import replace

import pytest
from support.policies import (
    FACTS,
    account,
    classify,
    deductible,
    head,
    line,
    paid_by,
    policy_of,
    split_of,
    tiers,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.split import Facts

ELIGIBLE = {"add": ["eligible"]}


AFTER_D1 = {"add": ["eligible"], "subtract": ["D1.paid"]}


WHOLE = (0, None, 1_000_000)


@pytest.mark.parametrize(
    ("balance_fen", "account_fen"), [(0, 0), (6_199, 6_199), (6_200, 6_200), (6_201, 6_200)]
)
def test_the_account_pays_its_parts_up_to_its_balance(balance_fen: int, account_fen: int) -> None:
    policy = policy_of(
        classify(), deductible(2_000), tiers("P1", AFTER_D1, [(0, None, 600_000)]), account()
    )
    # Of 10000 covered, 2000 deductible and 3200 copay; 1000 first self-pay; 5000 own cost.
    lines = (line(1_000), line(10_000, "02", number=2), line(5_000, "03", number=3))
    split = split_of(policy, *lines, balance_fen=balance_fen)
    assert split.personal_total_fen == 11_200
    assert (split.account_fen, split.cash_fen) == (account_fen, 11_200 - account_fen)


@pytest.mark.parametrize(
    ("parts", "account_fen"),
    [
        (["copay"], 3_000),
        (["deductible"], 2_000),
        (["prepay"], 100),
        (["over_limit"], 50),
        (["excluded"], 5_000),
        (["copay", "deductible", "prepay", "over_limit", "excluded"], 10_150),
    ],
)
def test_the_account_pays_only_the_parts_that_the_policy_names(
    parts: list[str], account_fen: int
) -> None:
    policy = policy_of(
        classify(),
        deductible(2_000),
        tiers("P1", AFTER_D1, [(0, None, 625_000)]),
        account(*parts),
    )
    lines = (
        line(9_150, over_limit_fen=50),
        line(1_000, "02", number=2),
        line(5_000, "03", number=3),
    )
    assert split_of(policy, *lines, balance_fen=100_000).account_fen == account_fen


def test_funds_relieve_the_copay_before_the_deductible() -> None:
    rest = {"add": ["eligible"], "subtract": ["P1.paid"]}
    steps = [
        classify(),
        deductible(2_000),
        tiers("P1", AFTER_D1, [(0, None, 500_000)]),
        tiers("A1", rest, [(0, None, 900_000)], fund_type="610100"),
        account("deductible"),
    ]
    # Of 10000 the pool pays 4000 and the aid 5400; the 600 left are deductible.
    split = split_of(policy_of(*steps), line(10_000), balance_fen=10_000)
    assert split.personal_total_fen == split.account_fen == 600


@pytest.mark.parametrize(("account_used", "account_fen"), [(True, 600), (False, 0)])
def test_an_account_pays_only_where_it_is_to_be_used(account_used: bool, account_fen: int) -> None:
    split = adjudicate(
        policy_of(classify(), account("copay")),
        facts=FACTS,
        lines=[line(1_000)],
        year={},
        account_used=account_used,
        account_balance_fen=600,
    )
    assert (split.account_fen, split.cash_fen) == (account_fen, 1_000 - account_fen)


def test_a_step_that_does_not_apply_leaves_zeros_and_no_payment() -> None:
    aid = tiers("A1", ELIGIBLE, [WHOLE], applies={"entitlement_groups": ["2303", "2305"]})
    layer = tiers("X1", {"add": ["eligible"], "subtract": ["A1.paid"]}, [(0, None, 500_000)])
    policy = policy_of(classify(), aid, layer)
    assert paid_by(split_of(policy, line(1_000))) == {"X1": 500}
    entitled = replace(FACTS, entitlement_groups=("2101", "2305"))
    assert paid_by(split_of(policy, line(1_000), facts=entitled)) == {"A1": 1_000, "X1": 0}


@pytest.mark.parametrize(
    ("step_by", "facts", "key"),
    [
        (["age"], replace(FACTS, age=60), "age=60"),
        (["care_group", "age"], replace(FACTS, age=60), "care_group=inpatient, age=60"),
    ],
)
def test_a_policy_without_a_matching_row_refuses_the_bill(
    step_by: list[str], facts: Facts, key: str
) -> None:
    when = {fact: "any" for fact in step_by} | {"age": {"from": 16, "to": 59}}
    row = {"when": when, "amount_fen": 1}
    policy = policy_of(
        classify(),
        {
            "deductible": {
                **head("D1"),
                "basis": "per_bill",
                "by": step_by,
                "rows": [row],
            }
        },
    )
    assert split_of(policy, line(9), facts=replace(FACTS, age=59)).deductible_fen == 1
    with pytest.raises(RuleError) as raised:
        split_of(policy, line(9), facts=facts)
    assert raised.value.reason is Reason.POLICY_NO_MATCHING_ROW
    assert raised.value.metadata == {"step_id": "D1", "key": key}


def test_a_class_without_a_share_of_its_own_or_the_items_refuses_the_bill() -> None:
    row = {"prepay_ppm": {"01": 0}, "by_item": ["02"], "own_cost": ["03"]}
    policy = policy_of({"classify": {**head("S1"), "rows": [row]}})
    assert split_of(policy, line(100, "02", ratio_ppm=0)).eligible_fen == 100
    with pytest.raises(RuleError) as raised:
        split_of(policy, line(100, "02"))
    assert raised.value.reason is Reason.POLICY_NO_MATCHING_ROW
    assert raised.value.metadata["step_id"] == "S1"


def test_a_policy_that_would_pay_a_part_twice_refuses_the_bill() -> None:
    steps = [classify(), tiers("P1", ELIGIBLE, [(0, None, 900_000)])]
    twice = tiers("X1", ELIGIBLE, [(0, None, 100_000)], fund_type="320100")
    with pytest.raises(RuleError) as raised:
        split_of(policy_of(*steps, twice), line(1_000))
    assert raised.value.reason is Reason.POLICY_PAYS_TWICE
    assert raised.value.metadata["step_id"] == "X1"


@pytest.mark.parametrize(
    ("groups", "amount_fen"),
    [((), 3), (("2101",), 3), (("2305",), 2), (("2304",), 1), (("2305", "2304"), 1)],
)
def test_of_rows_for_different_entitlement_groups_the_first_holds(
    groups: tuple[str, ...], amount_fen: int
) -> None:
    rows = [
        {"when": {"entitlement_groups": "2304"}, "amount_fen": 1},
        {"when": {"entitlement_groups": ["2305", "2303"]}, "amount_fen": 2},
        {"when": {"entitlement_groups": "none"}, "amount_fen": 3},
    ]
    body = {**head("D1"), "basis": "per_bill", "by": ["entitlement_groups"], "rows": rows}
    policy = policy_of(classify(), {"deductible": body})
    facts = replace(FACTS, entitlement_groups=groups)
    assert split_of(policy, line(9), facts=facts).deductible_fen == amount_fen


@pytest.mark.parametrize(
    ("care_type", "amount_fen"), [("21", 1), ("2101", 1), ("28", 1), ("11", 2), ("9901", 2)]
)
def test_a_care_type_is_of_the_first_group_with_a_pattern_for_it(
    care_type: str, amount_fen: int
) -> None:
    rows = [
        {"when": {"care_group": "inpatient"}, "amount_fen": 1},
        {"when": {"care_group": "outpatient"}, "amount_fen": 2},
    ]
    body = {**head("D1"), "basis": "per_bill", "by": ["care_group"], "rows": rows}
    policy = policy_of(classify(), {"deductible": body})
    facts = replace(FACTS, care_type=care_type)
    assert split_of(policy, line(9), facts=facts).deductible_fen == amount_fen


def test_only_bills_of_the_counted_group_are_counted() -> None:
    rows = [
        {"when": {"count.inpatient": {"to": 1}}, "amount_fen": 5},
        {"when": {"count.inpatient": {"from": 2}}, "amount_fen": 4},
    ]
    body = {**head("D1"), "basis": "per_bill", "by": ["count.inpatient"], "rows": rows}
    policy = policy_of(classify(), {"deductible": body})
    outpatient = replace(FACTS, care_type="11")
    year = {"count.inpatient": 1}
    inside, outside = (
        split_of(policy, line(9), year=year, facts=facts) for facts in (FACTS, outpatient)
    )
    assert (inside.deductible_fen, outside.deductible_fen) == (4, 5)
    assert dict(inside.accumulations) == {"count.inpatient": 1, "deductible": 4}
    assert dict(outside.accumulations) == {"deductible": 5}
