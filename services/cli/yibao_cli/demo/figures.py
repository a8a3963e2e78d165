"""The amounts of a settlement beside the published ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yibao.settlement.v1 import settlement_pb2
from yibao_cli.regions import ExpectedSplit

# In the order in which a statement of settlement (结算单) is read.
_BEFORE_FUNDS = (
    ("total_fen", "Total", "医疗费总额"),
    ("excluded_fen", "Own cost", "全自费金额"),
    ("over_limit_fen", "Above price ceilings", "超限价自费费用"),
    ("first_self_pay_fen", "First self-pay share", "先行自付金额"),
    ("eligible_fen", "Covered by the policy", "符合政策范围金额"),
    ("deductible_fen", "Deductible", "实际支付起付线"),
)
_AFTER_FUNDS = (
    ("fund_total_fen", "All funds", "基金支付总额"),
    ("personal_total_fen", "The person bears", "个人负担总金额"),
    ("account_fen", "of it the account", "个人账户支出"),
    ("cash_fen", "of it cash", "个人现金支出"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount of ours and of the publication; None where one has no such amount."""

    name: str
    name_zh: str
    ours_fen: int | None
    published_fen: int | None

    @property
    def is_equal(self) -> bool:
        """Whether both have it and agree to the fen."""
        return self.ours_fen is not None and self.ours_fen == self.published_fen


@dataclass(frozen=True, slots=True)
class StepTitle:
    """What a step of the policy calls itself."""

    title: str
    title_zh: str


def compare(
    settlement: settlement_pb2.Settlement,
    expected: ExpectedSplit,
    titles: Mapping[str, StepTitle],
) -> tuple[Figure, ...]:
    """Returns every amount of either side; `titles` are those of the policy's steps."""
    ours = {
        (payment.step_id, payment.fund_type): payment.amount_fen
        for payment in settlement.fund_payments
    }
    published = {
        (payment.step_id, payment.fund_type): payment.amount_fen
        for payment in expected.fund_payments
    }
    funds = []
    for step_id, fund_type in dict.fromkeys((*ours, *published)):
        title = titles.get(step_id, StepTitle(f"Step {step_id}", ""))
        key = (step_id, fund_type)
        figure = Figure(title.title, title.title_zh, ours.get(key), published.get(key))
        funds.append(figure)
    return (
        *_plain(_BEFORE_FUNDS, settlement, expected),
        *funds,
        *_plain(_AFTER_FUNDS, settlement, expected),
    )


def differing(figures: Sequence[Figure]) -> list[str]:
    """Returns the names of the amounts that are not the published ones."""
    return [figure.name for figure in figures if not figure.is_equal]


def _plain(
    names: Sequence[tuple[str, str, str]],
    settlement: settlement_pb2.Settlement,
    expected: ExpectedSplit,
) -> list[Figure]:
    return [
        Figure(name, name_zh, getattr(settlement, field), getattr(expected, field))
        for field, name, name_zh in names
    ]
