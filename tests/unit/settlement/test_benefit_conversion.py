"""Files of `yibao-policy/1` become files of `yibao-policy/2` by which bills cost the same."""

import random
from collections import Counter

import pytest
from support.former_policies import FORMER_REGIONS, former_region
from support.policy_text import GOOD
from support.region_bills import REGIONS as NOW
from support.region_bills import bill_of, policy_of

from yibao_cli.regions import Region
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.conversion.choices import CapScope, Choices
from yibao_settlement.files.benefit.conversion.convert import convert_policy
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import BillLine
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import AccountStep, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.windows import Window
from yibao_settlement.rules.policy.benefits import adjudicate as decide_before
from yibao_settlement.rules.policy.split import Facts as FactsBefore
from yibao_settlement.rules.policy.split import PricedLine

REGIONS = {name: former_region(name) for name in FORMER_REGIONS}
AS_BILLS = Choices()
POOL = """\
  - tiers:
      id: P2
      title: Pool again
      title_zh: 统筹基金
      cites: {source: page, clause: 第四条}
      fund_type: "310100"
      base: {add: [eligible], subtract: [D1.paid, P1.paid]}
      axis: above_threshold
      rows:
        - brackets:
            - {over_fen: 0, ratio_ppm: 100_000}
"""


def converted(text: str, choices: Choices = AS_BILLS) -> BenefitPolicy:
    contents = convert_policy(text.encode(), name="p.yaml", choices=choices)
    return load_benefit_policy(contents, name="p.yaml")


def region_policy(region: Region, choices: Choices) -> BenefitPolicy:
    contents = convert_policy(region.policy_file, name=region.policy_name, choices=choices)
    return load_benefit_policy(contents, name=region.policy_name)


def refusal_of(text: str, choices: Choices = AS_BILLS) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        converted(text, choices)
    assert refusal.value.reason is Reason.POLICY_FILE_INVALID
    return refusal.value


@pytest.mark.parametrize("by_stay", [False, True])
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_a_published_bill_comes_out_to_the_fen(region: Region, by_stay: bool) -> None:
    policy = region_policy(region, Choices(by_stay=by_stay))
    said = region.sample_bill
    split = adjudicate(policy, bill_of(region, said), NOTHING_YET)
    expected, sums = said.expected, split.sums
    assert {
        f"{step.id}.paid": split.amount_fen(f"{step.id}.paid")
        for step in policy.steps
        if isinstance(step, TiersStep)
    } == {f"{each.step_id}.paid": each.amount_fen for each in expected.fund_payments}
    for name in (
        *("total_fen", "excluded_fen", "over_limit_fen", "first_self_pay_fen", "eligible_fen"),
        *("deductible_fen", "fund_total_fen", "account_fen", "cash_fen"),
    ):
        assert getattr(sums, name) == getattr(expected, name), name


def test_what_a_file_says_beside_its_steps_stays() -> None:
    policy = converted(GOOD)
    assert (policy.policy_id, policy.region) == ("sample-2024", "999001")
    assert str(policy.end_date) == "2024-12-31"
    assert policy.steps[1].clause == "某文件: 第二条"
    assert [group.name for group in policy.care_groups] == ["inpatient", "outpatient"]


def test_bills_that_were_counted_are_stays() -> None:
    (count,) = converted(GOOD).counts
    assert (count.name, count.of, count.within) == ("inpatient", Window.STAY, Window.YEAR)
    assert count.care_groups == ("inpatient",)


@pytest.mark.parametrize(("by_stay", "window"), [(False, Window.BILL), (True, Window.STAY)])
def test_what_was_of_each_bill_is_of_bill_or_stay(by_stay: bool, window: Window) -> None:
    policy = converted(GOOD, Choices(by_stay=by_stay))
    steps = [each for each in policy.steps if isinstance(each, DeductibleStep | TiersStep)]
    assert {step.window for step in steps} == {window}


def test_a_deductible_that_was_subtracted_is_named_by_its_rest() -> None:
    step = next(each for each in converted(GOOD).steps if each.id == "P1")
    assert isinstance(step, TiersStep)
    assert step.base == ("D1.rest",)
    assert step.on_top_of == ()


def test_a_deductible_under_the_brackets_stands_on_top() -> None:
    policy = region_policy(REGIONS["999019"], AS_BILLS)
    pool, large = (each for each in policy.steps if isinstance(each, TiersStep))
    assert (pool.base, pool.on_top_of) == (("D1.rest",), ("D1.paid",))
    assert (large.base, large.window) == (("D1.paid", "P1.copay"), Window.YEAR)


def test_what_a_payer_took_need_not_be_subtracted() -> None:
    policy = region_policy(REGIONS["500112"], AS_BILLS)
    aids = [each for each in policy.steps if each.id in ("A1", "A2")]
    assert [each.base for each in aids if isinstance(each, TiersStep)] == [("eligible",)] * 2


def test_caps_are_counters_of_their_own() -> None:
    counters = {each.name: each for each in converted(GOOD).counters}
    assert counters.keys() == {"limit_d1", "limit_p1"}
    assert {each.window for each in counters.values()} == {Window.YEAR}
    assert counters["limit_d1"].limits == ("D1.paid",)
    assert [row.value for row in counters["limit_d1"].table.rows] == [None, 200_000]
    assert counters["limit_p1"].counts == ()


def test_parts_that_an_account_paid_are_lots() -> None:
    account = region_policy(REGIONS["999029"], AS_BILLS).steps[-1]
    assert isinstance(account, AccountStep)
    assert account.base == ("eligible", "first_self_pay")


def with_second_pool() -> str:
    return (
        f"{GOOD.rstrip()}\n{POOL}"
        if "- account" not in GOOD
        else GOOD.replace("  - account:", f"{POOL}  - account:")
    )


def test_what_a_cap_of_the_fund_counts_is_asked() -> None:
    (question,) = refusal_of(with_second_pool()).faults
    assert question.field == "p.yaml P1"
    assert "counted P2.paid too, of the same fund" in question.message


@pytest.mark.parametrize(("scope", "counts"), [(CapScope.OWN, ()), (CapScope.FUND, ("P2.paid",))])
def test_a_cap_counts_what_was_decided(scope: CapScope, counts: tuple[str, ...]) -> None:
    policy = converted(with_second_pool(), Choices(caps={"P1": scope}))
    counter = next(each for each in policy.counters if each.name == "limit_p1")
    assert (counter.limits, counter.counts) == (("P1.paid",), counts)


def test_a_file_with_mistakes_is_refused_with_all_of_them() -> None:
    wrong = GOOD.replace("axis: above_threshold", "axis: x", 1).replace("per_bill", "y", 1)
    assert len(refusal_of(wrong).faults) > 1


def test_what_is_no_list_of_lots_is_refused() -> None:
    wrong = with_second_pool().replace("[D1.paid, P1.paid]", "[D1.paid, prepay]")
    refusal = refusal_of(wrong, Choices(caps={"P1": CapScope.OWN}))
    assert refusal.message == (
        "step P2 cannot be converted: D1.rest less first_self_pay is no list of lots"
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("is_converted", [True, False], ids=["converted", "the region's own"])
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_a_year_of_bills_costs_what_it_cost_before(
    region: Region, seed: int, is_converted: bool
) -> None:
    """Each bill is of a stay of its own: a region's own file is of stays and not of bills."""
    chosen = random.Random(f"{region.region} {seed}")
    before = load_policy(region.policy_file, name=region.policy_name)
    now = region_policy(region, AS_BILLS) if is_converted else policy_of(NOW[region.region])
    used: Counter[str] = Counter()
    memory = NOTHING_YET
    for number in range(4):
        bill = bill_of(region, region.sample_bill)
        lines = [
            BillLine(
                line_id=str(index),
                amount_fen=chosen.choice((1, 999, 90_001, 1_234_567, 9_876_543)),
                catalogue_class=catalogue_class,
                first_self_pay_ppm=share,
            )
            for index, (catalogue_class, share) in enumerate(
                (("01", None), ("02", 100_000), ("02", 33_333), ("03", None))
            )
        ]
        bill = bill._replace(visit_id=f"V{number}", lines=tuple(lines), account_used=False)
        then = decide_before(
            before,
            facts=FactsBefore(
                care_type=region.sample_bill.care_type,
                person_class=region.sample_bill.person.person_class,
                entitlement_groups=tuple(region.sample_bill.person.entitlement_groups),
                institution_level=bill.facts.institution_level or "",
                age=region.sample_bill.person.age,
            ),
            lines=[
                PricedLine(
                    line_number=int(line.line_id),
                    item_code="X",
                    catalogue_class=line.catalogue_class or "",
                    amount_fen=line.amount_fen,
                    over_limit_fen=0,
                    first_self_pay_ratio_ppm=line.first_self_pay_ppm,
                )
                for line in lines
            ],
            year=used,
            account_used=False,
            account_balance_fen=0,
        )
        split = adjudicate(now, bill, memory)
        used.update(dict(then.accumulations))
        memory = memory.after(split.change)
        for name in ("first_self_pay_fen", "eligible_fen", "deductible_fen", "cash_fen"):
            assert getattr(split.sums, name) == getattr(then, name), (number, name)
        for payment in then.fund_payments:
            assert split.amount_fen(f"{payment.step_id}.paid") == payment.amount_fen, number
