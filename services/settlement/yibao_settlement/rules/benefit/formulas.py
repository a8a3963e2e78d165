"""Formulas of a trace as people write them: amounts in yuan, ratios in per cent."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yibao_common.values.money import PPM, yuan
from yibao_settlement.rules.benefit.amounts import PartOf, Rounding, RoundingMode
from yibao_settlement.rules.benefit.curve import Curve, half_up
from yibao_settlement.rules.benefit.record import (
    NO_LIMIT,
    DeductibleRecord,
    DueRecord,
    PaidRecord,
    TiersRecord,
)
from yibao_settlement.rules.policy.formulas import difference, in_parentheses, percent

NO_BASE = "0.00 (nothing of the base is left)"
NO_BRACKET = "0.00 (nothing of the base lies in a bracket)"
NO_FEE_LEFT = "0.00 (nothing is left of the limit)"


class Piece(NamedTuple):
    """A stretch of the fee axis in one bracket, and what is paid of it."""

    low_fen: int
    high_fen: int
    ratio_ppm: int

    def told(self, *, from_zero: bool) -> str:
        """Returns the product; the stretch as a difference unless it begins at nothing."""
        low = [self.low_fen] if self.low_fen or not from_zero else []
        return f"{in_parentheses(difference([self.high_fen], low))} x {percent(self.ratio_ppm)}"


def pieces(curve: Curve, start: int, end: int) -> Iterator[Piece]:
    """Yields what a stretch has in each bracket."""
    for low, high, ratio in curve.pieces():
        low, high = max(low, start), end if high is None else min(high, end)
        if low < high:
            yield Piece(low, high, ratio)


def share_formula(part: PartOf, of_fen: int) -> str:
    """Returns a share with those of its bounds that are said."""
    text = yuan(of_fen) if part.ratio_ppm == PPM else f"{yuan(of_fen)} x {percent(part.ratio_ppm)}"
    if part.least_fen:
        text = f"max({text}, {yuan(part.least_fen)})"
    return text if part.most_fen is None else f"min({text}, {yuan(part.most_fen)})"


def deductible_formula(record: DeductibleRecord, part: PartOf | None) -> str:
    """Returns what a deductible came to; `part` is the share that its amount is."""
    if not record.base_fen:
        return NO_BASE
    amount = yuan(record.amount_fen)
    # A window may keep the amount of an earlier bill instead.
    if part is not None and part.within_bounds_fen(record.of_fen) == record.amount_fen:
        amount = share_formula(part, record.of_fen)
    due = amount
    if record.earlier_fen:
        due = f"{amount} - {yuan(record.earlier_fen)}"
        if record.earlier_fen > record.amount_fen:
            due = f"max({due}, 0.00)"
    terms = [due, yuan(record.base_fen)]
    if record.left_fen != NO_LIMIT:
        terms.append(yuan(record.left_fen))
    return f"min({', '.join(terms)}) = {yuan(record.paid_fen)}"


def paid_formula(record: PaidRecord) -> str:
    """Returns what was paid without brackets."""
    if not record.base_fen:
        return NO_BASE
    return f"min({yuan(record.available_fen)}, {yuan(record.base_fen)}) = {yuan(record.paid_fen)}"


def tiers_formula(record: TiersRecord, curve: Curve, rounding: Rounding) -> str:
    """Returns what brackets paid; `curve` is the one without a threshold that varies.

    A fraction of a fen that earlier bills left stands as a summand; what lies below the
    brackets or over them follows.
    """
    if not record.base_fen:
        return NO_BASE
    start = record.before_fen + record.on_top_fen
    end = start + record.base_fen
    moved = curve.moved(record.shift_fen)
    touched = list(pieces(moved, start, _unlimited(record, moved, end)))
    text = " + ".join(piece.told(from_zero=not record.before_fen) for piece in touched)
    if not touched:
        text = NO_BRACKET if record.fee_left_fen else NO_FEE_LEFT
    else:
        text += _carried(record.carry)
        if record.left_fen != NO_LIMIT and record.paid_fen == record.left_fen:
            text = f"min({text}, {yuan(record.left_fen)})"
        text += f" = {yuan(record.paid_fen)}{_rounded(rounding)}"
    if record.below_fen:
        text += f"; below the brackets {yuan(record.below_fen)}"
    if record.overflow_fen:
        reached = yuan(end - record.overflow_fen)
        text += f"; above them {yuan(end)} - {reached} = {yuan(record.overflow_fen)}"
    return text


def _unlimited(record: TiersRecord, curve: Curve, end: int) -> int:
    """Returns how far the brackets go but for a limit of payments, which cuts behind them."""
    if record.left_fen == NO_LIMIT or record.paid_fen != record.left_fen:
        return end - record.overflow_fen
    floor = min(max(end - record.base_fen, curve.starts[0]), end)
    reached = end if record.fee_left_fen == NO_LIMIT else min(end, floor + record.fee_left_fen)
    return reached if curve.top_fen is None else max(floor, min(reached, curve.top_fen))


def due_formula(record: DueRecord, curve: Curve, rounding: Rounding) -> str:
    """Returns what was due of a window, and what of it this bill and earlier ones bear."""
    touched = list(pieces(curve.moved(record.shift_fen), 0, record.fee_fen))
    text = " + ".join(piece.told(from_zero=True) for piece in touched) or NO_BRACKET
    text += f" = {yuan(record.due_fen)}{_rounded(rounding)}" if touched else ""
    owed = max(record.due_fen - record.paid_before_fen - record.paid_now_fen, 0)
    taken_off = (record.paid_before_fen, record.paid_now_fen)
    if any(taken_off):
        rest = difference([record.due_fen], taken_off)
        text += f"; {rest if owed else f'max({rest}, 0.00)'} = {yuan(owed)}"
    terms = [yuan(owed), yuan(record.base_fen)]
    if record.left_fen != NO_LIMIT:
        terms.append(yuan(record.left_fen))
    text += f"; min({', '.join(terms)}) = {yuan(record.paid_fen)}"
    if record.arrears_fen:
        text += f"; for earlier bills {yuan(record.arrears_fen)}"
    return text


def classify_formula(
    shares: Sequence[tuple[int, int, int, int]], sums: tuple[int, int, int, int, int]
) -> str:
    """Returns how the eligible fee came about.

    `shares` has for each first self-pay ratio the lines, what they share, and what of it is
    borne first; `sums` total, excluded, over limit, first self-pay and eligible.
    """
    parts = []
    for ratio, lines, shared, first in shares:
        rounded = first != half_up(shared * ratio)
        note = f" (rounded on each of {lines} lines)" if rounded else ""
        parts.append(f"{yuan(shared)} x {percent(ratio)} = {yuan(first)}{note}")
    total, *own, eligible = sums
    parts.append(f"{difference([total], own)} = {yuan(eligible)}")
    return "; ".join(parts)


def _carried(carry: int) -> str:
    """Returns the fraction of a fen that earlier bills left, as a summand in yuan."""
    if not carry:
        return ""
    fraction = f"{abs(carry) // (100 * PPM)}.{abs(carry) % (100 * PPM):08d}".rstrip("0")
    return f" {'-' if carry < 0 else '+'} {fraction}"


def _rounded(rounding: Rounding) -> str:
    """Returns how a payment is rounded where it is not once, half up, to fen."""
    notes = ["each bracket"] if rounding.by_bracket else []
    if rounding.mode is RoundingMode.DOWN:
        notes.append("down")
    if rounding.unit_fen > 1:
        notes.append(f"to {yuan(rounding.unit_fen)}")
    return f" (rounded {' '.join(notes)})" if notes else ""
