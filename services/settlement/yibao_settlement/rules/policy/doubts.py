"""What a person would not have meant: warnings about a policy that could be put in force.

Nothing here refuses a policy. Whoever approves it reads the warnings beside the policy in
words, and knows whether they are meant.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from yibao_common.values.money import yuan
from yibao_settlement.rules.benefit.doubts.care import taken_along
from yibao_settlement.rules.care_type import CARE_TYPES, is_named_by
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH, INSURANCE_NAMES_ZH
from yibao_settlement.rules.policy.gaps import Gap, gaps_of
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.samples import Value
from yibao_settlement.rules.policy.step import (
    ClassifyStep,
    DeductibleStep,
    PolicyStep,
    TiersRow,
    TiersStep,
)
from yibao_settlement.rules.policy.tables import (
    CARE_GROUP,
    CARE_TYPE,
    Among,
    CareGroup,
    care_group_of,
)
from yibao_settlement.rules.policy.trials import paid_twice
from yibao_settlement.rules.policy.words import fact_zh

# One per cent: shares below it are mostly per cent or per mille written as ppm.
_SMALL_PPM = 10_000
_VALUES_SHOWN = 14
# Of employees and of residents: what one insures, the other's funds do not pay.
_APART = ("310", "390")

# Keys and places below a step's own mapping: ("rows", 2, "brackets", 0, "ratio_ppm").
PlaceInStep = tuple[str | int, ...]


class Doubt(NamedTuple):
    """A warning about a step, by its position in the policy, in English and Chinese.

    One about the whole policy has no step, and its place is that in the file.
    """

    step: int | None
    place: PlaceInStep
    message: str
    message_zh: str


def doubts_of(policy: Policy) -> Iterator[Doubt]:
    """Yields what is probably not meant, in the order of the steps."""
    yield from (Doubt(None, *each) for each in _of_policy(policy))
    twice = {found.step_id: found for found in paid_twice(policy)}
    for index, step in enumerate(policy.steps):
        yield from (Doubt(index, *each) for each in _among_others(policy, step))
        for place, message, message_zh in _of_step(step):
            yield Doubt(index, place, message, message_zh)
        if step.id in twice:
            total = yuan(twice[step.id].total_fen)
            yield Doubt(
                index,
                ("base",) if isinstance(step, TiersStep) else (),
                f"pays a part of a bill that an earlier step paid, as of one of {total} yuan: "
                "such bills are refused; let the base leave out what earlier steps paid",
                f"对前面步骤已支付的费用重复支付（如总额 {total} 元的单据），此类单据将被拒绝；"
                "计算基数须扣除前面步骤的支付额",
            )
        for gap in gaps_of(policy, step):
            yield Doubt(index, ("rows",), *_gap(gap))


def _of_policy(policy: Policy) -> Iterator[tuple[PlaceInStep, str, str]]:
    if policy.insurance_type not in INSURANCE_NAMES_ZH:
        yield (
            ("insurance_type",),
            f"insurance type {policy.insurance_type} is in no national dictionary (insutype): "
            "it decides no bill where nobody is enrolled in it",
            f"险种类型 {policy.insurance_type} 不在国家字典内",
        )
    for number, group in enumerate(policy.care_groups):
        for pattern in group.patterns:
            taken = (
                each for each in policy.care_groups[:number] if each.holds(_beginning(pattern))
            )
            if (first := next(taken, None)) is not None:
                yield (
                    ("care_groups", group.name),
                    f"{pattern} is never of this group: care types are of the first group that "
                    f"has them, and {first.name} stands above it",
                    f"{pattern} 不会归入本组：医疗类别归入最先匹配的组，而 {first.name} 排在前面",
                )
    for group in policy.care_groups:
        codes = [code for code in CARE_TYPES if _takes_along(policy, group, code)]
        if codes:
            yield ("care_groups", group.name), *taken_along(codes)


def _takes_along(policy: Policy, group: CareGroup, code: str) -> bool:
    """Tells whether a care type that nothing names is decided by the terms of a group."""
    if care_group_of(code, policy.care_groups) != group.name:
        return False
    conditions = [step.applies for step in policy.steps]
    conditions += [row.when for step in policy.steps for row in step.rows]
    is_asked = any(
        fact == CARE_TYPE and isinstance(matcher, Among) and code in matcher.codes
        for condition in conditions
        for fact, matcher in condition.matchers
    )
    is_named = is_asked or any(is_named_by(pattern, code) for pattern in group.patterns)
    return not is_named and not _is_refused(policy, {CARE_GROUP: group.name, CARE_TYPE: code})


def _is_refused(policy: Policy, care: Mapping[str, str]) -> bool:
    """Tells whether a step has no row for care, whatever else its bills say."""
    return any(
        all(fact in care and each.matches(care[fact]) for fact, each in step.applies.matchers)
        and not any(
            all(fact not in care or each.matches(care[fact]) for fact, each in row.when.matchers)
            for row in step.rows
        )
        for step in policy.steps
    )


def _beginning(pattern: str) -> str:
    return pattern.removesuffix("*")


def _among_others(policy: Policy, step: PolicyStep) -> Iterator[tuple[PlaceInStep, str, str]]:
    """Yields what is doubtful about a step beside the others and in its insurance."""
    if isinstance(step, DeductibleStep):
        tiers = [each for each in policy.steps if isinstance(each, TiersStep)]
        if not any(step.first in (each.deductible, *each.base.subtract) for each in tiers):
            yield (
                (),
                f"no fund leaves {step.id}.paid out: all pay as if there were no deductible",
                f"没有任何基金扣除 {step.id} 的起付线，等于不设起付线",
            )
    elif isinstance(step, TiersStep):
        insured_by = step.fund_type[:3]
        if {insured_by, policy.insurance_type} == set(_APART):
            names = (INSURANCE_NAMES_ZH[insured_by], INSURANCE_NAMES_ZH[policy.insurance_type])
            yield (
                ("fund_type",),
                f"fund {step.fund_type} is of insurance type {insured_by}, and the policy is of "
                f"{policy.insurance_type}",
                f"基金支付类型 {step.fund_type} 属于{names[0]}，而本政策属于{names[1]}",
            )


def _of_step(step: PolicyStep) -> Iterator[tuple[PlaceInStep, str, str]]:
    if isinstance(step, ClassifyStep):
        for number, row in enumerate(step.rows):
            for catalogue_class, share in sorted(row.prepay_ppm.items()):
                place: PlaceInStep = ("rows", number, "prepay_ppm", catalogue_class)
                yield from _small(place, share)
    elif isinstance(step, TiersStep):
        if step.fund_type not in FUND_NAMES_ZH:
            yield (
                ("fund_type",),
                f"fund {step.fund_type} is in no national dictionary (fund_pay_type)",
                f"基金支付类型 {step.fund_type} 不在国家字典内",
            )
        for number, tiers_row in enumerate(step.rows):
            yield from _of_brackets(("rows", number, "brackets"), tiers_row)


def _of_brackets(place: PlaceInStep, row: TiersRow) -> Iterator[tuple[PlaceInStep, str, str]]:
    before = 0
    for number, bracket in enumerate(row.brackets):
        at: PlaceInStep = (*place, number, "ratio_ppm")
        yield from _small(at, bracket.ratio_ppm)
        if bracket.ratio_ppm < before:
            ratios = (percent(before), percent(bracket.ratio_ppm))
            yield (
                at,
                f"the ratio falls from {ratios[0]} to {ratios[1]} as the fee rises",
                f"费用越高支付比例反而降低：由 {ratios[0]} 降为 {ratios[1]}",
            )
        before = bracket.ratio_ppm


def _small(place: PlaceInStep, ratio_ppm: int) -> Iterator[tuple[PlaceInStep, str, str]]:
    if 0 < ratio_ppm < _SMALL_PPM:
        ratio = percent(ratio_ppm)
        yield (
            place,
            f"{ratio_ppm} ppm is {ratio}; ratios are in millionths: 75 % is 750_000",
            f"{ratio_ppm} ppm 即 {ratio}；比例以百万分之一计，75% 应写作 750_000",
        )


def _gap(gap: Gap) -> tuple[str, str]:
    """Returns what is told of facts that no row takes."""
    if gap.together:
        examples = "; ".join(_together(facts) for facts in gap.together)
        examples_zh = "；".join(_together_zh(facts) for facts in gap.together)
        return (
            f"no row for {examples}: such bills are refused",
            f"没有适用于以下情形的行：{examples_zh}；此类单据将被拒绝",
        )
    listed = ", ".join(_text(value) for value in gap.values[:_VALUES_SHOWN])
    return (
        f"no row for {gap.fact} {listed}: such bills are refused",
        f"没有适用于{fact_zh(gap.fact)} {listed} 的行；此类单据将被拒绝",
    )


def _together(facts: Mapping[str, Value]) -> str:
    return " and ".join(f"{fact} {_text(value)}" for fact, value in facts.items())


def _together_zh(facts: Mapping[str, Value]) -> str:
    return "，".join(f"{fact_zh(fact)} {_text(value)}" for fact, value in facts.items())


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return "+".join(value) or "none"
    return str(value)
