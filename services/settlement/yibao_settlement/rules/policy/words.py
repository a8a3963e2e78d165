"""A policy in Chinese words, in yuan and per cent, as the clerk and the checker read it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, assert_never

from yibao_common.values.money import yuan
from yibao_settlement.rules.policy.brackets import Bracket
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH, INSURANCE_NAMES_ZH
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.step import (
    BY_ITEM,
    OWN_COST,
    AccountRow,
    Axis,
    ClassifyRow,
    DeductibleRow,
    DeductibleStep,
    PolicyStep,
    Sum,
    TiersRow,
    TiersStep,
)
from yibao_settlement.rules.policy.tables import (
    AGE,
    CARE_GROUP,
    CARE_TYPE,
    COUNT,
    ENTITLEMENT_GROUPS,
    INSTITUTION_LEVEL,
    PERSON_CLASS,
    Among,
    Anything,
    Between,
    Condition,
    Matcher,
    Member,
    NotMember,
)

FACT_NAMES_ZH = {
    CARE_TYPE: "医疗类别",
    CARE_GROUP: "医疗类别组",
    PERSON_CLASS: "人员类别",
    ENTITLEMENT_GROUPS: "人员身份类别",
    INSTITUTION_LEVEL: "医院等级",
    AGE: "年龄",
}
_CLASS_NAMES = {"01": "甲类", "02": "乙类", "03": "丙类"}
_COST_PARTS = ("统筹后自付", "起付线", "先行自付", "超限价自费费用", "全自费")
_AMOUNT_NAMES = {
    "total": "医疗费总额",
    "excluded": "全自费金额",
    "over_limit": "超限价自费费用",
    "prepay": "先行自付金额",
    "eligible": "符合政策范围金额",
}
_LEFT_NAMES = {
    "base": "计算基数",
    "below": "起付以下",
    "paid": "支付额",
    "copay": "自付额",
    "overflow": "超出部分",
}


class StepWords(NamedTuple):
    """A step: what is said of all its rows, and of each row its condition and what it says."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]


def policy_in_words(policy: Policy) -> str:
    """Returns the policy as lines of Chinese."""
    until = "另行通知为止" if policy.end_date is None else f" {policy.end_date.isoformat()} 止"
    insurance = INSURANCE_NAMES_ZH.get(policy.insurance_type, "险种")
    lines = [
        f"{policy.title_zh}（{policy.policy_id}）",
        f"统筹区 {policy.region}，{insurance}（{policy.insurance_type}），"
        f"费用日期自 {policy.start_date.isoformat()} 起，至{until}",
    ]
    for group in policy.care_groups:
        lines.append(f"医疗类别组 {group.name}：{'、'.join(group.patterns)}")
    for number, step in enumerate(policy.steps, 1):
        lines += [f"{number}. {step.id} {step.title_zh}（依据：{_without_link(step.clause)}）"]
        told = step_in_words(policy, step)
        lines += [f"   {line}" for line in told.heads]
        lines += [f"   {when}：{text}" if when else f"   {text}" for when, text in told.rows]
    return "\n".join(lines)


def fact_zh(fact: str) -> str:
    """Returns what a fact is called."""
    if fact.startswith(COUNT):
        return f"本年度第几次（{fact.removeprefix(COUNT)}）"
    return FACT_NAMES_ZH[fact]


def step_in_words(policy: Policy, step: PolicyStep) -> StepWords:
    """Returns a step in Chinese."""
    rows = tuple((_condition(row.when), _row(step, row)) for row in step.rows)
    return StepWords(tuple(_heads(policy, step)), rows)


def _heads(policy: Policy, step: PolicyStep) -> Iterator[str]:
    if step.applies.matchers:
        yield f"仅适用于：{_condition(step.applies)}"
    if isinstance(step, TiersStep):
        yield from _tiers_head(policy, step)
    elif isinstance(step, DeductibleStep):
        span = "按年度累计" if step.over_year else "每次"
        yield f"{span}起付，从{_sum(policy, step.base)}中扣除"


def _tiers_head(policy: Policy, step: TiersStep) -> Iterator[str]:
    name = FUND_NAMES_ZH.get(step.fund_type, "基金代码不在字典内")
    yield f"由{name}（{step.fund_type}）支付，基数：{_sum(policy, step.base)}"
    if step.deductible is not None:
        yield f"{_amount(policy, step.deductible)}从最低段扣除"
    if step.over_year:
        yield "各段按年度累计计算"


def _row(step: PolicyStep, row: object) -> str:
    if isinstance(row, ClassifyRow):
        return "；".join(
            f"{_CLASS_NAMES.get(code, code)}{_share(share)}"
            for code, share in sorted(row.prepay_ppm.items())
        )
    if isinstance(row, DeductibleRow):
        cap = row.annual_cap_fen
        most = "" if cap is None else f"，全年累计不超过 {yuan(cap)} 元"
        return f"{yuan(row.amount_fen)} 元{most}"
    if isinstance(row, TiersRow):
        assert isinstance(step, TiersStep)
        return _tiers_row(step, row)
    assert isinstance(row, AccountRow)
    return "个人账户可支付：" + ("、".join(_COST_PARTS[part] for part in row.pays) or "无")


def _share(share: int) -> str:
    if share == OWN_COST:
        return "全额自费"
    if share == BY_ITEM:
        return "先行自付比例按目录项目"
    return f"先行自付 {percent(share)}"


def _tiers_row(step: TiersStep, row: TiersRow) -> str:
    parts: list[str] = []
    above = step.axis is Axis.ABOVE_THRESHOLD
    if row.threshold_fen:
        parts.append(f"起付标准 {yuan(row.threshold_fen)} 元" + ("，以上部分分段" if above else ""))
    parts += [_bracket(bracket) for bracket in row.brackets]
    if row.cap_fen is not None:
        span = "年度" if step.cap_over_year else "每次"
        parts.append(f"{span}最高支付 {yuan(row.cap_fen)} 元")
    return "；".join(parts)


def _bracket(bracket: Bracket) -> str:
    low, ratio = yuan(bracket.over_fen), percent(bracket.ratio_ppm)
    if bracket.upto_fen is None:
        return f"{low} 元以上支付 {ratio}" if bracket.over_fen else f"支付 {ratio}"
    return f"{low} 元至 {yuan(bracket.upto_fen)} 元支付 {ratio}"


def _sum(policy: Policy, total: Sum) -> str:
    added = " ＋ ".join(_amount(policy, each) for each in total.add)
    return added + "".join(f" － {_amount(policy, each)}" for each in total.subtract)


def _amount(policy: Policy, position: int) -> str:
    name = policy.amount_names[position]
    step_id, _, left = name.partition(".")
    if not left:
        return _AMOUNT_NAMES[name]
    step = next(each for each in policy.steps if each.id == step_id)
    kind = "" if isinstance(step, DeductibleStep) else _LEFT_NAMES[left]
    return f"{step.title_zh}（{step_id}）{kind}"


def _condition(condition: Condition) -> str:
    texts = [_matcher(fact, matcher) for fact, matcher in condition.matchers]
    return "，".join(text for text in texts if text)


def _matcher(fact: str, matcher: Matcher) -> str:
    match matcher:
        case Anything():
            return ""
        case Among():
            return f"{fact_zh(fact)} {_listed(sorted(matcher.codes))}"
        case Member():
            return f"{fact_zh(fact)} {_listed(sorted(matcher.groups))}"
        case NotMember():
            return "不属于其他行所列人员身份类别"
        case Between():
            return _numbers(fact, matcher)
        case _:
            assert_never(matcher)


def _numbers(fact: str, numbers: Between) -> str:
    unit = "岁" if fact == AGE else "次"
    low, high = numbers.low, numbers.high
    if low == high:
        span = f"{low} {unit}"
    elif high is None:
        span = f"{low} {unit}及以上"
    else:
        span = f"{low} 至 {high} {unit}"
    return f"年龄 {span}" if fact == AGE else f"本年度第 {span}（{fact.removeprefix(COUNT)}）"


def _without_link(clause: str) -> str:
    """Returns a citation without the address of its document."""
    return clause.partition(" <")[0]


def _listed(codes: Sequence[str]) -> str:
    # Levels are numbers: 2 comes before 10.
    return "、".join(sorted(codes, key=lambda code: (len(code), code)))
