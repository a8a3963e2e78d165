"""What a person would not have meant is warned of, and the policy is shown in words."""

import json

import pytest
from support.policies import classify, deductible, policy_data, tiers
from support.policy_text import GOOD, NAME, changed

from yibao_settlement.files.policy.check import PolicyCheck, check_policy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.words import policy_in_words

P1 = "steps[2].tiers"


def warned(text: str) -> list[tuple[str, str]]:
    """Returns key and message of every warning that the good file does not have."""
    before = {each.message for each in check_policy(GOOD.encode(), name=NAME).warnings}
    found = check_policy(text.encode(), name=NAME)
    assert found.faults == ()
    return [(each.key, each.message) for each in found.warnings if each.message not in before]


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        (
            "ratio_ppm: 700_000",
            "ratio_ppm: 75",
            f"{P1}.rows[1].brackets[0].ratio_ppm",
            "75 ppm is 0.0075%; ratios are in millionths: 75 % is 750_000",
        ),
        (
            '"02": 100_000',
            '"02": 10',
            "steps[0].classify.rows[0].prepay_ppm.02",
            "10 ppm is 0.001%; ratios are in millionths: 75 % is 750_000",
        ),
        (
            "ratio_ppm: 850_000",
            "ratio_ppm: 85_000",
            f"{P1}.rows[0].brackets[1].ratio_ppm",
            "the ratio falls from 80% to 8.5% as the fee rises",
        ),
        (
            'fund_type: "310100"',
            'fund_type: "999999"',
            f"{P1}.fund_type",
            "fund 999999 is in no national dictionary (fund_pay_type)",
        ),
        (
            "entitlement_groups: none",
            'entitlement_groups: "2306"',
            f"{P1}.rows",
            "no row for entitlement_groups none: such bills are refused",
        ),
        (
            "- when: {age: {from: 60}, count.inpatient: any}",
            "- when: {age: {from: 65}, count.inpatient: any}",
            "steps[1].deductible.rows",
            "no row for age 60, 64: such bills are refused",
        ),
    ],
)
def test_what_is_hardly_meant_is_told_by_key(old: str, new: str, key: str, message: str) -> None:
    assert (key, message) in warned(changed(old, new))


def test_a_second_admission_without_a_row_is_told() -> None:
    """The good file of the tests has that very gap, for those under 60."""
    found = check_policy(GOOD.encode(), name=NAME).warnings
    (gap,) = [each for each in found if each.key == "steps[1].deductible.rows"]
    line = GOOD.splitlines()[gap.line - 1]
    assert "rows:" in line or "when:" in line
    assert "age 59 and count.inpatient 2" in gap.message
    assert "年龄 59" in gap.message_zh


# Care groups that take nothing along that they do not name.
NAMED = {"inpatient": ["21*", "2106", "2107"], "outpatient": ["11"]}


def checked(*steps: dict[str, object], **more: object) -> PolicyCheck:
    """Returns what is found in a policy for residents, whose fund `tiers` takes."""
    data = policy_data(*steps, **{"insurance_type": "390", "care_groups": NAMED, **more})
    return check_policy(json.dumps(data).encode(), name=NAME)


OPEN = [(0, None, 700_000)]


def test_a_layer_that_would_pay_twice_is_told_before_it_decides_a_bill() -> None:
    pool = tiers("P1", {"add": ["eligible"]}, OPEN)
    again = tiers("P2", {"add": ["eligible"]}, OPEN, fund_type="330100")
    (warning,) = checked(classify(), pool, again).warnings
    assert warning.key == "steps[2].tiers.base"
    assert warning.message.startswith("pays a part of a bill that an earlier step paid")
    rest = tiers("P2", {"add": ["eligible"], "subtract": ["P1.paid"]}, OPEN, fund_type="330100")
    assert checked(classify(), pool, rest).warnings == ()


def test_a_layer_that_pays_twice_only_above_a_limit_is_told_too() -> None:
    pool = tiers("P1", {"add": ["eligible"]}, OPEN)
    above = tiers("P2", {"add": ["eligible"]}, OPEN, threshold_fen=123_456_700, fund_type="330100")
    (warning,) = checked(classify(), pool, above).warnings
    assert warning.key == "steps[2].tiers.base"


def test_a_care_group_that_another_one_takes_the_types_of_is_told() -> None:
    pool = tiers("P1", {"add": ["eligible"]}, OPEN)
    swapped = {"outpatient": ["*"], "inpatient": ["2*", "52"]}
    warnings = checked(classify(), pool, care_groups=swapped).warnings
    told_of = ["care_groups.inpatient", "care_groups.inpatient", "care_groups.outpatient"]
    assert [each.key for each in warnings] == told_of
    assert warnings[0].message.startswith("2* is never of this group")
    assert "outpatient 排在前面" in warnings[0].message_zh


def test_a_deductible_that_no_fund_leaves_out_is_told() -> None:
    pool = tiers("P1", {"add": ["eligible"]}, OPEN)
    (warning,) = checked(classify(), deductible(50_000), pool).warnings
    assert warning.key == "steps[1].deductible"
    assert "as if there were no deductible" in warning.message
    eaten = tiers("P1", {"add": ["eligible"]}, OPEN, axis="covered_fee", deductible="D1")
    assert checked(classify(), deductible(50_000), eaten).warnings == ()


@pytest.mark.parametrize(
    ("insurance_type", "fund_type", "key"),
    [
        ("390", "310100", "steps[1].tiers.fund_type"),
        ("310", "390200", "steps[1].tiers.fund_type"),
        ("380", "390100", "insurance_type"),
    ],
)
def test_an_insurance_that_does_not_fit_is_told(
    insurance_type: str, fund_type: str, key: str
) -> None:
    pool = tiers("P1", {"add": ["eligible"]}, OPEN, fund_type=fund_type)
    (warning,) = checked(classify(), pool, insurance_type=insurance_type).warnings
    assert warning.key == key


def test_a_policy_without_doubts_has_no_warnings() -> None:
    pool = tiers("P1", {"add": ["eligible"], "subtract": ["D1.paid"]}, OPEN)
    assert checked(classify(), deductible(50_000), pool).warnings == ()


def test_a_faulty_file_has_faults_and_no_warnings() -> None:
    found = check_policy(changed("ratio_ppm: 700_000", "ratio_ppm: x").encode(), name=NAME)
    assert (found.policy, found.warnings, len(found.faults)) == (None, (), 1)


def test_a_policy_is_told_in_yuan_and_per_cent() -> None:
    assert policy_in_words(load_policy(GOOD.encode(), name=NAME)).splitlines() == [
        "样例（sample-2024）",
        "统筹区 999001，职工基本医疗保险（310），费用日期自 2024-01-01 起，至 2024-12-31 止",
        "医疗类别组 inpatient：2*",
        "医疗类别组 outpatient：*",
        "1. S1 目录类别（依据：某文件: 第一条）",
        "   甲类先行自付 0%；乙类先行自付 10%；丙类全额自费",
        "2. D1 起付线（依据：某文件: 第二条）",
        "   每次起付，从符合政策范围金额中扣除",
        "   年龄 0 至 59 岁，本年度第 1 次（inpatient）：1000.00 元",
        "   年龄 60 岁及以上：500.00 元，全年累计不超过 2000.00 元",
        "3. P1 统筹基金（依据：某文件: 第三条）",
        "   由城镇职工基本医疗保险统筹基金（310100）支付，基数：符合政策范围金额 － 起付线（D1）",
        "   医院等级 1、2，人员身份类别 2305：0.00 元至 10000.00 元支付 80%；"
        "10000.00 元以上支付 85%；年度最高支付 50000.00 元",
        "   医院等级 1、2，不属于其他行所列人员身份类别：支付 70%",
        "4. Z1 个人账户（依据：某文件: 第四条）",
        "   个人账户可支付：统筹后自付",
    ]
