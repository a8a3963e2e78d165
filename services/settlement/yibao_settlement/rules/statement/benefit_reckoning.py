"""What a statement says of a calculation by `yibao-policy/2`.

All that it must know of the steps of such a policy is here.
"""

from collections.abc import Iterable, Iterator

from yibao_settlement.rules.benefit.layout import PayerLayout
from yibao_settlement.rules.benefit.record import DeductibleRecord
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.steps import Bearer, DeductibleStep
from yibao_settlement.rules.benefit.windows import Window
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.statement.labels import BEARERS_ZH, fund_zh
from yibao_settlement.rules.statement.statement import (
    DeductibleLine,
    FundLine,
    OtherLine,
    Overflow,
    Share,
)


def fund_lines(split: Split, payments: Iterable[FundPayment]) -> tuple[FundLine, ...]:
    """Returns what each fund pays, in the policy's order and by the policy's names."""
    titles = _titles(split)
    return tuple(
        FundLine(
            each.step_id,
            each.fund_type,
            titles[each.step_id] or fund_zh(each.fund_type),
            each.base_fen,
            each.amount_fen,
        )
        for each in payments
    )


def other_lines(payments: Iterable[tuple[str, str, int]]) -> tuple[OtherLine, ...]:
    """Returns what others bear: each is told by step, payer and amount."""
    return tuple(
        OtherLine(step_id, payer, BEARERS_ZH.get(payer) or fund_zh(payer), fen)
        for step_id, payer, fen in payments
        if fen
    )


def shares(split: Split) -> tuple[Share, ...]:
    """Returns what funds paid on as a whole, without brackets; legs are told together."""
    found = []
    titles = _titles(split)
    for payer, fund_type in _funds(split):
        covered_fen = split.amount_fen(f"{payer.step_id}.covered")
        paid_fen = split.amount_fen(f"{payer.step_id}.paid")
        if covered_fen or paid_fen:
            found.append(
                Share(
                    step_id=payer.step_id,
                    fund_type=fund_type,
                    name_zh=titles[payer.step_id] or fund_zh(fund_type),
                    low_fen=None,
                    high_fen=None,
                    base_fen=max(covered_fen, paid_fen),
                    ratio_ppm=None,
                    paid_fen=paid_fen,
                )
            )
    return tuple(found)


def overflows(split: Split) -> tuple[Overflow, ...]:
    """Returns what lay above the limits of funds."""
    titles = _titles(split)
    return tuple(
        Overflow(
            payer.step_id,
            fund_type,
            titles[payer.step_id] or fund_zh(fund_type),
            split.amount_fen(f"{payer.step_id}.overflow"),
        )
        for payer, fund_type in _funds(split)
        if split.amount_fen(f"{payer.step_id}.overflow")
    )


def deductible_lines(split: Split) -> tuple[DeductibleLine, ...]:
    """Returns the deductibles that held for the bill; of a divided bill, those of each leg.

    What is told under the first self-pay share is none.
    """
    return tuple(
        DeductibleLine(
            step.id,
            record.amount_fen,
            record.earlier_fen if step.window is Window.YEAR else 0,
            record.paid_fen,
            is_of_year=step.window is Window.YEAR,
        )
        for leg in split.legs
        for step, record in zip(split.layout.policy.steps, leg.records, strict=True)
        if isinstance(step, DeductibleStep)
        and not step.as_first_self_pay
        and isinstance(record, DeductibleRecord)
    )


def _titles(split: Split) -> dict[str, str]:
    return {step.id: step.title_zh for step in split.layout.policy.steps}


def _funds(split: Split) -> Iterator[tuple[PayerLayout, str]]:
    """Yields the steps by which funds pay, with the fund."""
    for payer in split.layout.payers:
        if payer.is_tiers and not isinstance(payer.payer, Bearer):
            yield payer, payer.payer
