"""Formulas as people write them: amounts in yuan, ratios in per cent."""

from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.money import PPM, yuan
from yibao_settlement.rules.policy.brackets import round_exact_fen
from yibao_settlement.rules.policy.record import NO_CAP, TiersRecord
from yibao_settlement.rules.policy.step import Axis, TiersRow, TiersStep

# In place of a formula where a step is for other bills.
DOES_NOT_APPLY = "does not apply"


class Piece(NamedTuple):
    """A stretch of the fee axis that a bill touches, and what is paid of it."""

    low_fen: int
    high_fen: int
    ratio_ppm: int


def percent(ratio_ppm: int) -> str:
    """Returns a ratio in per cent: 112000 -> `11.2%`."""
    whole, fraction = divmod(ratio_ppm, PPM // 100)
    return f"{whole}.{fraction:04d}".rstrip("0").rstrip(".") + "%"


def difference(add: Sequence[int], subtract: Sequence[int]) -> str:
    """Returns `a + b - c` of amounts in fen, leaving out zeros behind the first."""
    terms = [yuan(add[0])] + [f"+ {yuan(term)}" for term in add[1:] if term]
    terms += [f"- {yuan(term)}" for term in subtract if term]
    return " ".join(terms)


def in_parentheses(expression: str) -> str:
    """Returns an expression that can be multiplied."""
    return f"({expression})" if " " in expression else expression


def tiers_formula(
    step: TiersStep, record: TiersRecord, *, add: Sequence[int], subtract: Sequence[int]
) -> str:
    """Returns what a `tiers` step computed; `add` and `subtract` are the base's amounts.

    A fraction of a fen that the year's rounding brought forward stands as a summand.
    """
    row, used, overflow = step.rows[record.row_index], record.used_fen, record.overflow_fen
    end = record.before_fen + record.base_fen
    text = _payments(step, record, add=add, subtract=subtract)
    forward = record.carried - round_exact_fen(record.carried) * PPM
    if forward:
        text += f" {'-' if forward < 0 else '+'} {_fraction_of_fen(abs(forward))}"
    if row.cap_fen is not None and used != NO_CAP and record.paid_fen >= row.cap_fen - used:
        left = difference([row.cap_fen], [used])
        text = f"min({text}, {left if used <= row.cap_fen else f'max({left}, 0.00)'})"
    text += f" = {yuan(record.paid_fen)}"
    if overflow:
        text += f"; overflow {yuan(end)} - {yuan(end - overflow)} = {yuan(overflow)}"
    return text


def _payments(
    step: TiersStep, record: TiersRecord, *, add: Sequence[int], subtract: Sequence[int]
) -> str:
    """Returns what the brackets pay before rounding over the year and the cap."""
    row, before = step.rows[record.row_index], record.before_fen
    end = before + record.base_fen
    pieces = pieces_of(row, step.axis, start=before + record.deductible_fen, end=end)
    if before or len(pieces) > 1:
        shift = row.threshold_fen if step.axis is Axis.ABOVE_THRESHOLD else 0
        text = " + ".join(
            f"({yuan(piece.high_fen - shift)} - {yuan(piece.low_fen - shift)})"
            f" x {percent(piece.ratio_ppm)}"
            for piece in pieces
        )
        return text or f"0.00 x {percent(row.brackets[0].ratio_ppm)}"
    # One bracket takes all of the base that lies above `below`, or there is none.
    ratio = pieces[0].ratio_ppm if pieces else row.brackets[0].ratio_ppm
    above_top = 0 if row.curve.top_fen is None else max(0, end - row.curve.top_fen)
    rest = difference(add, [*subtract, record.below_fen, above_top])
    if sum(add) < sum(subtract):
        rest = "0.00"
    return f"{in_parentheses(rest)} x {percent(ratio)}"


def pieces_of(row: TiersRow, axis: Axis, *, start: int, end: int) -> list[Piece]:
    """Returns the stretches of the fee axis that a bill touches, with their ratios."""
    shift = row.threshold_fen if axis is Axis.ABOVE_THRESHOLD else 0
    pieces: list[Piece] = []
    for bracket in row.brackets:
        low = max(start, bracket.over_fen + shift)
        high = end if bracket.upto_fen is None else min(end, bracket.upto_fen + shift)
        if low < high:
            pieces.append(Piece(low, high, bracket.ratio_ppm))
    return pieces


def _fraction_of_fen(exact: int) -> str:
    """Returns less than one fen (in ppm of a fen) in yuan."""
    return f"0.00{exact:06d}".rstrip("0")
