"""Doubts about codes: insurance types, funds and care groups."""

from collections.abc import Iterator

from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, placed_steps
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import TiersStep
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH, INSURANCE_NAMES_ZH

# Of employees and of residents: what one insures, the other's funds do not pay.
_APART = {"310", "390"}


def doubts_of_codes(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields codes that no national dictionary has, or that do not belong here."""
    if policy.insurance_type not in INSURANCE_NAMES_ZH:
        yield Doubt(
            DoubtKind.UNKNOWN_INSURANCE,
            "",
            ("insurance_type",),
            f"insurance type {policy.insurance_type} is in no national dictionary (insutype): "
            "it decides no bill where nobody is enrolled in it",
            f"险种类型 {policy.insurance_type} 不在国家字典内，无人参加该险种时不决定任何单据",
        )
    yield from _hidden_care_groups(policy)
    for step, place in placed_steps(policy):
        if isinstance(step, TiersStep) and isinstance(step.payer, str):
            for kind, message, message_zh in _of_fund(policy.insurance_type, step.payer):
                yield Doubt(kind, step.id, (*place, "fund_type"), message, message_zh)


def _hidden_care_groups(policy: BenefitPolicy) -> Iterator[Doubt]:
    for number, group in enumerate(policy.care_groups):
        for pattern in group.patterns:
            beginning = pattern.removesuffix("*")
            above = policy.care_groups[:number]
            first = next((each.name for each in above if each.holds(beginning)), None)
            if first is not None:
                yield Doubt(
                    DoubtKind.HIDDEN_CARE_GROUP,
                    "",
                    ("care_groups", group.name),
                    f"{pattern} is never of this group: care types are of the first group that "
                    f"has them, and {first} stands above it",
                    f"{pattern} 不会归入本组：医疗类别归入最先匹配的组，而 {first} 排在前面",
                )


def _of_fund(insurance_type: str, fund_type: str) -> Iterator[tuple[DoubtKind, str, str]]:
    if fund_type not in FUND_NAMES_ZH:
        yield (
            DoubtKind.UNKNOWN_FUND,
            f"fund {fund_type} is in no national dictionary (fund_pay_type)",
            f"基金支付类型 {fund_type} 不在国家字典内",
        )
    insured_by = fund_type[:3]
    if {insured_by, insurance_type} == _APART:
        names = (INSURANCE_NAMES_ZH[insured_by], INSURANCE_NAMES_ZH[insurance_type])
        yield (
            DoubtKind.FUND_OF_OTHER_INSURANCE,
            f"fund {fund_type} is of insurance type {insured_by}, and the policy is of "
            f"{insurance_type}",
            f"基金支付类型 {fund_type} 属于{names[0]}，而本政策属于{names[1]}",
        )
