"""Published bills, to the fen.

`tests/vectors/worked_examples.json` holds 39 of them with their sources. Three are the
sample bills of regions under `policies/`, here by the policies that these had before; of
the others, each is told in the step types of `yibao-policy/1`. Not told, and why:

- WE-021: the person's share differs by catalogue class behind one deductible, and an
  implant pays a flat share that is free of further copay. That needs bases by class.
- WE-071, WE-073: they credit the personal account each month; no bill is adjudicated.
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from support.former_policies import former_region
from support.policies import (
    FACTS,
    Json,
    account,
    amounts_of,
    brackets,
    classify,
    deductible,
    head,
    line,
    paid_by,
    policy_of,
    split_of,
    tiers,
    year_after,
)

from yibao_cli.regions import Region
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split

VECTORS = Path(__file__).parents[2] / "vectors" / "worked_examples.json"
EXAMPLES: dict[str, Json] = {
    example["id"]: example for example in json.loads(VECTORS.read_text(encoding="utf-8"))
}
REGIONS = {"WE-019": "999019", "WE-003": "500112", "WE-029": "999029"}
NOT_BILLS = {"WE-071", "WE-073"}
NOT_EXPRESSIBLE = {"WE-021"}
TOLD_ALONE = {"WE-005", "WE-007", "WE-023", "WE-033", "WE-035", "WE-047"}


def fen(yuan: str) -> int:
    amount = Decimal(yuan) * 100
    assert amount == amount.to_integral_value()
    return int(amount)


def ppm(ratio: str) -> int:
    return int(Decimal(ratio) * 1_000_000)


def pieces_of(rows: list[Json]) -> list[tuple[int, int | None, int]]:
    return [
        (fen(row["over"]), None if row["upto"] is None else fen(row["upto"]), ppm(row["ratio"]))
        for row in rows
    ]


def observed(split: Split, policy: Policy, *, balance_fen: int) -> dict[str, Any]:
    """What a split says, by the names of the examples; ratios have four decimals."""
    paid = paid_by(split)
    total = max(split.total_fen, 1)
    names: dict[str, Any] = {
        "preselfpay_amt": split.first_self_pay_fen,
        "inscp_scp_amt": split.eligible_fen,
        "act_pay_dedc": split.deductible_fen,
        "fund_pay_sumamt": split.fund_total_fen,
        "psn_part_amt": split.personal_total_fen,
        "in_catalogue_self_pay": split.personal_total_fen - split.excluded_fen,
        "acct_pay": split.account_fen,
        "psn_cash_pay": split.cash_fen,
        "balc": balance_fen - split.account_fen,
        "hifp_pay": paid.get("P1"),
        "hifob_pay": paid.get("L1"),
        "hifmi_pay": paid.get("K1"),
        "maf_large_expense": paid.get("A1"),
        "maf_tilt": paid.get("A2"),
        "maf_pay": paid.get("A1", 0) + paid.get("A2", 0),
        "oth_pay": paid.get("X1"),
        "effective_ratio": ratio_text(split.fund_total_fen, total),
        "personal_share_ratio": ratio_text(split.personal_total_fen, total),
    }
    if "P1" in paid:
        names["copay_share"] = amounts_of(policy, split, "P1")["copay"]
    if "K1" in paid:
        names["catastrophic_base"] = amounts_of(policy, split, "K1")["base"]
    return names


def ratio_text(part: int, whole: int) -> str:
    return str((Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def expected_of(example: Json) -> Json:
    return {
        name: value if name.endswith("_ratio") else fen(value)
        for name, value in example["expected"].items()
    }


def check_against(example: Json, split: Split, policy: Policy, *, balance_fen: int = 0) -> None:
    expected = expected_of(example)
    got = observed(split, policy, balance_fen=balance_fen)
    assert {name: got[name] for name in expected} == expected


def region_of(example_id: str) -> Region:
    return former_region(REGIONS[example_id])


def adjudicate_sample(region: Region) -> tuple[Policy, Split]:
    policy = load_policy(region.policy_file, name=region.policy_name)
    bill = region.sample_bill
    items = {item.item_code: item for item in region.items}
    levels = {place.institution_id: place.institution_level for place in region.institutions}
    lines = [
        PricedLine(
            line_number=charged.line_number,
            item_code=charged.item_code,
            catalogue_class=items[charged.item_code].catalogue_class,
            amount_fen=charged.amount_fen,
            over_limit_fen=0,
            first_self_pay_ratio_ppm=items[charged.item_code].first_self_pay_ratio_ppm,
        )
        for charged in bill.lines
    ]
    facts = Facts(
        care_type=bill.care_type,
        person_class=bill.person.person_class,
        entitlement_groups=bill.person.entitlement_groups,
        institution_level=levels[bill.institution_id],
        age=bill.person.age,
    )
    return policy, split_of(policy, *lines, facts=facts)


@pytest.mark.parametrize("example_id", REGIONS)
def test_the_sample_bill_of_a_region_costs_what_was_published(example_id: str) -> None:
    region = region_of(example_id)
    policy, split = adjudicate_sample(region)
    assert region.sample_bill.example == example_id
    check_against(EXAMPLES[example_id], split, policy)


@pytest.mark.parametrize("example_id", REGIONS)
def test_the_sample_bill_of_a_region_states_its_split(example_id: str) -> None:
    region = region_of(example_id)
    _, split = adjudicate_sample(region)
    expected = region.sample_bill.expected
    sums = {
        name: getattr(expected, name)
        for name in type(expected).__dataclass_fields__
        if name != "fund_payments"
    }
    assert {name: getattr(split, name) for name in sums} == sums
    assert [
        (payment.step_id, payment.fund_type, payment.amount_fen)
        for payment in (split.fund_payments)
    ] == [
        (payment.step_id, payment.fund_type, payment.amount_fen)
        for payment in expected.fund_payments
    ]


@pytest.mark.parametrize("example_id", REGIONS)
def test_the_sample_bill_of_a_region_has_the_published_inputs(example_id: str) -> None:
    _, split = adjudicate_sample(region_of(example_id))
    inputs = EXAMPLES[example_id]["inputs"]
    by_class = {
        catalogue_class: sum(
            each.amount_fen for each in split.lines if each.catalogue_class == catalogue_class
        )
        for catalogue_class in ("01", "02", "03")
    }
    published = {
        "medfee_sumamt": split.total_fen,
        "fulamt_ownpay_amt": by_class["03"],
        "class_b_amount": by_class["02"],
        "class_a_and_service_amount": by_class["01"],
        "inscp_scp_amt": split.eligible_fen,
    }
    assert {name: published[name] for name in inputs} == {
        name: fen(value) for name, value in inputs.items()
    }


def steps_of(example: Json) -> list[Json]:
    """Tells an example's policy in steps; every key of it must be understood."""
    policy = dict(example["policy"])
    for remark in ("catalogue", "benefit_policy", "order"):
        policy.pop(remark, None)
    class_b = "0"
    for name in ("class_b_prepay_ratio_observed", "class_b_prepay_ratio", "class_prepay_ratio"):
        class_b = policy.pop(name, class_b)
    charge = policy.pop("deductible")
    amount = 0 if charge["already_met"] else fen(charge["amount"])
    pieces = pieces_of(policy.pop("pool_tiers"))
    cap = policy.pop("pool_fund_cap", policy.pop("pool_annual_limit", None))
    pool: Json = {"cap_fen": None if cap is None else fen(cap)}
    if policy.pop("tier_axis") == "covered_fee":
        # Published as `over` the deductible: it eats into the first bracket.
        assert pieces[0][0] == amount
        pieces[0] = (0, *pieces[0][1:])
        pool |= {"axis": "covered_fee", "deductible": "D1"}
        base: Json = {"add": ["eligible"]}
    else:
        base = {"add": ["eligible"], "subtract": ["D1.paid"]}
    basis = "per_year" if charge["basis"] == "per_year" else "per_bill"
    steps = [
        classify(class_b_ppm=ppm(class_b)),
        deductible(amount, basis=basis),
        tiers("P1", base, pieces, **pool),
    ]
    if excess := policy.pop("excess", None):
        piece = (0, None, ppm(excess["ratio"]))
        more: Json = {"fund_type": "330100", "cap_fen": fen(excess["cap"])}
        steps.append(tiers("L1", {"add": ["P1.overflow"]}, [piece], **more))
    if extra := policy.pop("commercial_supplement", None):
        left = {"add": ["total"], "subtract": ["P1.paid"]}
        steps.append(tiers("X1", left, [(0, None, ppm(extra["ratio"]))], fund_type="999997"))
    assert policy == {}
    steps.append(account("deductible", "copay", "prepay", "excluded"))
    return steps


def lines_of(example: Json) -> list[PricedLine]:
    inputs = example["inputs"]
    if "items" in inputs:
        return [
            line(fen(item["amount"]), item["chrgitm_lv"], number=number)
            for number, item in enumerate(inputs["items"], 1)
        ]
    total = fen(inputs["medfee_sumamt"])
    own = fen(inputs.get("fulamt_ownpay_amt", "0"))
    prepay = fen(inputs.get("preselfpay_amt", "0"))
    eligible = fen(inputs["inscp_scp_amt"]) if "inscp_scp_amt" in inputs else total - own - prepay
    assert eligible + own + prepay == total
    # A page that gives only the sum of first self-pay shares is told by an item of which
    # the person pays all of it first.
    return [
        line(eligible, "01", number=1),
        line(own, "03", number=2),
        line(prepay, "02", number=3, ratio_ppm=1_000_000),
    ]


GENERIC = sorted(EXAMPLES.keys() - REGIONS.keys() - NOT_BILLS - NOT_EXPRESSIBLE - TOLD_ALONE)


@pytest.mark.parametrize("example_id", GENERIC)
def test_a_published_bill_costs_what_was_published(example_id: str) -> None:
    example = EXAMPLES[example_id]
    balance_fen = fen(example["inputs"].get("balc_before", "0"))
    policy = policy_of(*steps_of(example))
    split = split_of(policy, *lines_of(example), balance_fen=balance_fen)
    check_against(example, split, policy, balance_fen=balance_fen)


@pytest.mark.parametrize("example_id", ["WE-005", "WE-047"])
def test_a_published_catastrophic_stage_pays_what_was_published(example_id: str) -> None:
    example = EXAMPLES[example_id]
    terms = example["policy"]["catastrophic"]
    residual = example["inputs"].get("residual_in_scope_after_basic")
    if residual is None:
        given = {name: fen(value) for name, value in example["inputs"].items()}
        left = given["medfee_sumamt"] - given["hifp_pay"] - given["fulamt_ownpay_amt"]
        assert left == fen(example["expected"]["residual_in_scope_after_basic"])
    else:
        left = fen(residual)
    axis = "covered_fee" if terms["tier_axis"] == "covered_fee" else "above_threshold"
    threshold_fen = fen(terms["deductible"])
    pieces = pieces_of(terms["tiers"])
    step = tiers("K1", {"add": ["eligible"]}, pieces, axis=axis, threshold_fen=threshold_fen)
    split = split_of(policy_of(classify(), step), line(left))
    assert paid_by(split)["K1"] == fen(example["expected"]["hifmi_pay"])


def test_a_published_cap_on_the_deductibles_of_a_year_holds() -> None:
    example = EXAMPLES["WE-007"]
    cap = fen(example["policy"]["annual_deductible_cap"])
    standard = fen(example["inputs"]["this_admission_deductible_standard"])
    row = {"amount_fen": standard, "annual_cap_fen": cap}
    policy = policy_of(classify(), deductible(0, rows=[row]))
    year = {"deductible": sum(map(fen, example["inputs"]["ytd_deductibles_paid"]))}
    first = split_of(policy, line(1_000_000), year=year)
    second = split_of(policy, line(1_000_000), year=year_after(year, first))
    assert first.deductible_fen == fen(example["expected"]["act_pay_dedc"])
    assert second.deductible_fen == fen(example["expected"]["next_admission_act_pay_dedc"])


def test_a_published_ratio_that_depends_on_age_holds() -> None:
    example = EXAMPLES["WE-023"]
    terms = example["policy"]
    # "(75 + age*0.2)%", written out age by age as a table must be.
    rows = [
        {
            "when": {"age": age},
            "cap_fen": fen(terms["pool_fund_cap"]),
            "brackets": brackets((0, None, 750_000 + age * 2_000)),
        }
        for age in range(16, 60)
    ]
    base = {"add": ["eligible"], "subtract": ["D1.paid"]}
    more: Json = {"by": ["age"], "rows": rows, "cap_basis": "per_year"}
    policy = policy_of(
        classify(), deductible(fen(terms["deductible"]["amount"])), tiers("P1", base, [], **more)
    )
    assert FACTS.age == example["inputs"]["age"]
    split = split_of(policy, line(fen(example["inputs"]["medfee_sumamt"])))
    check_against(example, split, policy)


@pytest.mark.parametrize("example_id", ["WE-033", "WE-035"])
def test_a_published_second_admission_has_its_own_deductible(example_id: str) -> None:
    example = EXAMPLES[example_id]
    terms = example["policy"]
    rows = [
        {"when": {"count.inpatient": 1}, "amount_fen": fen(terms["first_deductible"])},
        {"when": {"count.inpatient": {"from": 2}}, "amount_fen": fen(terms["later_deductible"])},
    ]
    policy = policy_of(
        classify(),
        {
            "deductible": {
                **head("D1"),
                "basis": "per_bill",
                "by": ["count.inpatient"],
                "rows": rows,
            }
        },
        tiers(
            "P1",
            {"add": ["eligible"]},
            pieces_of(terms["pool_tiers"]),
            axis="covered_fee",
            deductible="D1",
        ),
    )
    year: dict[str, int] = {}
    fund = total = 0
    for fee in example["inputs"]["admissions_covered_fees"]:
        split = split_of(policy, line(fen(fee)), year=year)
        year = year_after(year, split)
        fund += split.fund_total_fen
        total += split.total_fen
    assert year["count.inpatient"] == 2
    assert fund == fen(example["expected"]["cumulative_fund_payment"])
    assert ratio_text(total - fund, total) == example["expected"]["personal_share_ratio"]


def test_every_published_example_is_told_or_listed_as_not_told() -> None:
    told = {*REGIONS, *GENERIC, *TOLD_ALONE}
    assert told | NOT_BILLS | NOT_EXPRESSIBLE == set(EXAMPLES)
    assert len(told) == 36
