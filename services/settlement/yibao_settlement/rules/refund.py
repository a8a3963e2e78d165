"""Returning lines of a settled bill, whole or in part (T-28).

What is left of the bill is decided anew, never a share of what was paid: amounts of lines are
price x quantity left, half up to the fen, and what goes back is what was paid less what the
rest costs.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.money import decimal_text, divide_half_up, parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import NOTHING_PARTICULAR, LineParticulars
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.rules.pricing import over_ceiling_fen

_PLACES = 4


class RefundOrder(enum.Enum):
    """Which part of the person's own goes back first: the account's, or the cash."""

    ACCOUNT_FIRST = "account_first"
    CASH_FIRST = "cash_first"


class AskedReturn(NamedTuple):
    """A line to return, by its number in the bill or the institution's own id.

    `quantity` is a decimal of units; empty returns all that is left of the line.
    """

    line_number: int = 0
    line_id: str = ""
    quantity: str = ""


class ReturnedLine(NamedTuple):
    """What was returned of a line: `quantity` is a decimal, `amount_fen` what the line lost."""

    line_number: int
    quantity: str
    amount_fen: int


class LinesLeft(NamedTuple):
    """The lines of a bill after something of them was returned, before they are decided anew."""

    lines: tuple[SplitLine, ...]
    particulars: tuple[LineParticulars | None, ...]
    returned: tuple[ReturnedLine, ...]


def lines_left(
    lines: Sequence[SplitLine],
    particulars: Sequence[LineParticulars | None],
    asked: Sequence[AskedReturn],
) -> LinesLeft:
    """Returns what is left of settled lines, in their order; all of a line leaves nothing of it.

    Raises RuleError with every fault at once: LINE_NOT_FOUND, LINE_NUMBER_REPEATED,
    RETURN_EXCEEDS_LINE with what is left, RETURN_NOT_OF_LINE where the line is of before
    quantities were kept and no part of it can be told, FIELD_OUT_OF_RANGE.
    """
    own = list(particulars) or [None] * len(lines)
    found: dict[int, str] = {}
    faults: list[FieldFault] = []
    places = _places(lines, own)
    for index, each in enumerate(asked):
        at = places.get((each.line_number, each.line_id))
        fault = _fault(each, index, None if at is None else lines[at])
        if fault is None and at in found:
            fault = FieldFault(
                f"lines[{index}]", Reason.LINE_NUMBER_REPEATED, "the line is returned twice"
            )
        if fault is not None:
            faults.append(fault)
        elif at is not None:
            found[at] = each.quantity
    refuse_faults(faults)
    return _left(lines, own, found)


def account_after_refund_fen(
    order: RefundOrder,
    *,
    drawn_fen: int,
    personal_before_fen: int,
    personal_after_fen: int,
    most_fen: int,
) -> int:
    """Returns what the account bears of the rest of a bill, in fen.

    It had drawn `drawn_fen` of the person's part `personal_before_fen` when the bill was
    settled, and may bear `most_fen` of the rest at most, which is never more than it bears now.
    """
    fen = drawn_fen
    if order is RefundOrder.ACCOUNT_FIRST:
        fen -= min(fen, max(personal_before_fen - personal_after_fen, 0))
    return min(fen, most_fen, personal_after_fen)


def _places(
    lines: Sequence[SplitLine], own: Sequence[LineParticulars | None]
) -> Mapping[tuple[int, str], int]:
    """Returns where each line stands, by its number and by its id."""
    places = {(line.line_number, ""): at for at, line in enumerate(lines)}
    for at, each in enumerate(own):
        if each is not None and each.line_id:
            places[0, each.line_id] = at
    return places


def _fault(asked: AskedReturn, index: int, line: SplitLine | None) -> FieldFault | None:
    if line is None:
        name = "line_id" if asked.line_id else "line_number"
        message = f"the settlement has no line {asked.line_id or asked.line_number}"
        return FieldFault(f"lines[{index}].{name}", Reason.LINE_NOT_FOUND, message)
    if not asked.quantity:
        if line.amount_fen or line.quantity not in ("", "0"):
            return None
        message = "nothing is left of the line"
        return FieldFault(f"lines[{index}].quantity", Reason.RETURN_EXCEEDS_LINE, message)
    if not line.unit_price:
        message = "was not kept of this line yet: it can be returned as a whole alone"
        return FieldFault(f"lines[{index}].quantity", Reason.RETURN_NOT_OF_LINE, message)
    wanted = parse_decimal(asked.quantity, places=_PLACES)
    if wanted <= 0:
        message = "of what is returned must be positive"
        return FieldFault(f"lines[{index}].quantity", Reason.FIELD_OUT_OF_RANGE, message)
    if wanted > parse_decimal(line.quantity, places=_PLACES):
        message = f"{line.quantity} are left of the line"
        return FieldFault(f"lines[{index}].quantity", Reason.RETURN_EXCEEDS_LINE, message)
    return None


def _left(
    lines: Sequence[SplitLine], own: list[LineParticulars | None], asked: Mapping[int, str]
) -> LinesLeft:
    kept: list[SplitLine] = list(lines)
    returned: list[ReturnedLine] = []
    for at, quantity in sorted(asked.items()):
        before, told = lines[at], own[at] or NOTHING_PARTICULAR
        gone = quantity or before.quantity
        after = _less(before, told, gone)
        lost_fen = before.amount_fen - after.amount_fen
        kept[at] = after
        own[at] = told._replace(
            returned_quantity=_sum(told.returned_quantity, gone),
            returned_fen=told.returned_fen + lost_fen,
            is_gone=not before.unit_price or not parse_decimal(after.quantity, places=_PLACES),
        )
        returned.append(ReturnedLine(before.line_number, gone, lost_fen))
    return LinesLeft(tuple(kept), tuple(own), tuple(returned))


def _less(line: SplitLine, own: LineParticulars, returned: str) -> SplitLine:
    """Returns a line less what is returned of it, as before it is decided."""
    if not line.unit_price:
        return line._replace(amount_fen=0, over_limit_fen=0)
    before = parse_decimal(line.quantity, places=_PLACES)
    left = before - parse_decimal(returned, places=_PLACES)
    # Price (6 decimals of yuan) x quantity (4 decimals) has 10 decimals; a fen is 2.
    amount_fen = divide_half_up(parse_decimal(line.unit_price, places=6) * left, 10**8)
    if own.price_ceiling:
        over_fen = over_ceiling_fen(line.unit_price, own.price_ceiling, left)
    else:
        # Of before ceilings were kept: its own part of what exceeded the ceiling.
        over_fen = divide_half_up(line.over_limit_fen * left, before) if before else 0
    return line._replace(
        quantity=decimal_text(left, places=_PLACES),
        amount_fen=amount_fen,
        over_limit_fen=min(over_fen, amount_fen),
    )


def _sum(first: str, second: str) -> str:
    if not second:
        return first
    units = sum(parse_decimal(each, places=_PLACES) for each in (first or "0", second))
    return decimal_text(units, places=_PLACES)
