"""What a statement says of a calculation by `yibao-policy/2`.

All that it must know of the steps of such a policy is here.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from yibao_settlement.rules.benefit.curve import half_up
from yibao_settlement.rules.benefit.facts import COUNT, Facts
from yibao_settlement.rules.benefit.formulas import pieces
from yibao_settlement.rules.benefit.keeping import Kept, windows_of
from yibao_settlement.rules.benefit.layout import PayerLayout
from yibao_settlement.rules.benefit.leg import Span
from yibao_settlement.rules.benefit.memory import Memory
from yibao_settlement.rules.benefit.outlook import outlook_of
from yibao_settlement.rules.benefit.plan import StepPlan
from yibao_settlement.rules.benefit.record import (
    DeductibleRecord,
    DueRecord,
    Record,
    TiersRecord,
)
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.steps import Bearer, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.tiers import TiersPlan
from yibao_settlement.rules.benefit.windows import NewYear, Window, year_of
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.statement.labels import BEARERS_ZH, COUNTED_ZH, fund_zh
from yibao_settlement.rules.statement.statement import (
    DeductibleLine,
    FundLine,
    LimitLeft,
    NextBill,
    OtherLine,
    Overflow,
    Share,
    YearLine,
)


class NextTerms(NamedTuple):
    """What the next bill has of this one: its facts, and the stay where that goes on."""

    facts: Facts
    admission_date: dt.date
    stay_id: str


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
    """Returns the stretches that funds paid on, leg by leg; none where there was nothing."""
    return tuple(
        share
        for leg in split.legs
        for step, plan, record in zip(
            split.layout.policy.steps[1:], leg.plan.steps, leg.records[1:], strict=True
        )
        if isinstance(step, TiersStep) and not isinstance(step.payer, Bearer)
        for share in _shares_of(step, step.payer, plan, record)
    )


def _shares_of(
    step: TiersStep, fund_type: str, plan: StepPlan | None, record: Record
) -> Iterator[Share]:
    whole = Share(
        step_id=step.id,
        fund_type=fund_type,
        name_zh=step.title_zh or fund_zh(fund_type),
        low_fen=None,
        high_fen=None,
        base_fen=0,
        ratio_ppm=None,
        paid_fen=0,
    )
    if isinstance(record, DueRecord) and record.paid_fen:
        yield whole._replace(base_fen=record.base_fen, paid_fen=record.paid_fen)
    if isinstance(record, TiersRecord) and isinstance(plan, TiersPlan) and record.covered_fen:
        covered_fen, paid_fen = record.covered_fen, record.paid_fen
        whole = whole._replace(base_fen=covered_fen, paid_fen=paid_fen)
        start = record.before_fen + record.on_top_fen + record.below_fen
        found = list(pieces(plan.curve.moved(record.shift_fen), start, start + covered_fen))
        plain = [half_up((each.high_fen - each.low_fen) * each.ratio_ppm) for each in found]
        length_fen = sum(each.high_fen - each.low_fen for each in found)
        if sum(plain) != paid_fen or length_fen != covered_fen:
            # A limit cut it, or earlier bills were rounded together with it.
            yield whole
        elif len(found) == 1:
            yield whole._replace(ratio_ppm=found[0].ratio_ppm)
        else:
            threshold = step.table.rows[record.row_index].value.threshold
            moved = record.shift_fen + (threshold if isinstance(threshold, int) else 0)
            for piece, piece_fen in zip(found, plain, strict=True):
                yield whole._replace(
                    low_fen=piece.low_fen - moved,
                    high_fen=piece.high_fen - moved,
                    base_fen=piece.high_fen - piece.low_fen,
                    ratio_ppm=piece.ratio_ppm,
                    paid_fen=piece_fen,
                )


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


def year_of_bill(split: Split, *, admission_date: dt.date) -> int:
    """Returns the year that a bill is of; of one that New Year divides, the later one."""
    windows = split.layout.policy.windows
    day = split.legs[-1].day
    if windows.new_year is NewYear.ADMISSION:
        day = admission_date
    return year_of(day, windows.year_starts)


def year_lines(split: Split, before: Kept, added: Kept, *, year: int) -> tuple[YearLine, ...]:
    """Returns a year before this time beside this time: counts, deductibles and limits."""
    names = _names(split)
    found: dict[str, tuple[int, int]] = {}
    for key in (*before, *(each for each in added if each not in before)):
        _, instance, name = key.split(" ")
        if instance.partition("|")[0] == f"year:{year}" and name in names:
            earlier, now = found.get(name, (0, 0))
            found[name] = (earlier + before.get(key, 0), now + added.get(key, 0))
    return tuple(
        YearLine(name, names[name], *found[name], name.startswith(COUNT))
        for name in names
        if name in found
    )


def next_bill(
    split: Split, terms: NextTerms, before: Kept, added: Kept, *, year: int
) -> NextBill | None:
    """Returns what the next bill with the same facts bears; None where nobody can say.

    As of a stay that is all of the year of its admission, when the next is of another.
    """
    layout, last = split.layout, split.legs[-1]
    windows = layout.policy.windows
    if year != year_of(last.day, windows.year_starts):
        return None
    after = dict(before)
    for name, change in added.items():
        after[name] = after.get(name, 0) + change
    kept = windows_of([after], insurance_type=layout.policy.insurance_type)
    period = 0
    if terms.stay_id and layout.uses_periods and windows.period_days is not None:
        period = (last.day - terms.admission_date).days // windows.period_days
    found = outlook_of(
        layout,
        terms.facts,
        Memory(kept),
        last=last,
        span=Span(last.day, year, period),
        stay_id=terms.stay_id,
    )
    if found is None:
        return None
    limits = (
        LimitLeft(
            each.step_id,
            each.fund_type,
            each.title_zh or fund_zh(each.fund_type),
            each.limit_fen,
            each.left_fen,
            each.window.value,
            each.per,
            each.is_running,
            each.of_fee,
        )
        for each in found.limits
    )
    return NextBill(found.deductible_fen, tuple(limits), bool(terms.stay_id))


def _names(split: Split) -> dict[str, str]:
    """Returns what numbers of the year are called; what only the engine reads is left out."""
    policy = split.layout.policy
    names = {f"{COUNT}{count.name}": COUNTED_ZH[count.of.value] for count in policy.counts}
    for step in policy.steps:
        if isinstance(step, DeductibleStep) and not step.as_first_self_pay:
            names[f"{step.id}.paid"] = f"{step.title_zh or '起付标准'}已付"
    for counter in split.layout.counters:
        names[counter.key] = f"{counter.counter.title_zh or counter.counter.name}已用"
    return names


def _titles(split: Split) -> dict[str, str]:
    return {step.id: step.title_zh for step in split.layout.policy.steps}


def _funds(split: Split) -> Iterator[tuple[PayerLayout, str]]:
    """Yields the steps by which funds pay, with the fund."""
    for payer in split.layout.payers:
        if payer.is_tiers and not isinstance(payer.payer, Bearer):
            yield payer, payer.payer
