"""Charged lines before they are settled: uploaded ones, and what is returned of a line.

What is left of a line costs unit price x the quantity left, rounded half up; what was
returned of it is the amount before less the amount left, so that rounding neither gives
nor takes a fen.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault
from yibao_common.values.money import decimal_text, divide_half_up, parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    NO_DETAILS,
    Bill,
    ChargedLine,
    RefusedLine,
    Selection,
    refused,
)

_QUANTITY_PLACES = 4
# A line comes with what was returned of it, and a bill with so many lines at most.
LINES_A_BILL = 20_000
# Lines of one visit that are kept under an id.
LINES_A_VISIT = 60_000


class Charge(NamedTuple):
    """A line of a visit that is known by its id: uploaded, or carried by a bill.

    `settlement_id` is the settlement that took it, None while it waits. A line that is not
    uploaded and not taken either is as if it were not there: it was cancelled, or carried
    by a bill that was reversed.
    """

    visit_id: str
    line: ChargedLine
    charge_batch_id: str
    upload_time: dt.datetime
    is_uploaded: bool
    settlement_id: str | None = None

    @property
    def is_waiting(self) -> bool:
        """Tells whether a bill may settle it by its id."""
        return self.is_uploaded and self.settlement_id is None


class Fault(NamedTuple):
    """What is wrong with a line: the field, why, and what was expected."""

    field: str
    reason: Reason
    message: str


class Netted(NamedTuple):
    """Lines less what was returned of them, what was refused, and faults of the bill."""

    lines: list[ChargedLine]
    refused: tuple[RefusedLine, ...]
    faults: list[FieldFault]


def less_returned(line: ChargedLine, returned: int) -> ChargedLine:
    """Returns what is left of `line` after `returned` units (of 4 decimals)."""
    left = parse_decimal(line.quantity, places=_QUANTITY_PLACES) - returned
    amount_fen = _amount_fen(line, left)
    details = (line.details or NO_DETAILS)._replace(
        returned_quantity=returned, returned_fen=line.amount_fen - amount_fen
    )
    quantity = decimal_text(left, places=_QUANTITY_PLACES)
    return line._replace(quantity=quantity, amount_fen=amount_fen, details=details)


def returned_quantity(back: ChargedLine) -> int:
    """Returns how many units (of 4 decimals) a line returns; its quantity is negative."""
    return parse_decimal(back.quantity.removeprefix("-"), places=_QUANTITY_PLACES)


def return_fault(back: ChargedLine, line: ChargedLine, *, returned: int) -> Fault | None:
    """Returns what is wrong with a line that returns another.

    `returned` units (of 4 decimals) of `line` were returned before.
    """
    if line.returned_line_id:
        return Fault("returned_line_id", Reason.RETURN_NOT_OF_LINE, "is of a return itself")
    if back.item_code != line.item_code or (not line.item_code and back.own_code != line.own_code):
        message = f"the line it returns is of item {line.item_code}"
        return Fault("item_code", Reason.RETURN_NOT_OF_LINE, message)
    if _price(back) != _price(line):
        message = f"the line it returns has the price {line.unit_price}"
        return Fault("unit_price", Reason.RETURN_NOT_OF_LINE, message)
    if not back.quantity.startswith("-"):
        message = "of what is returned must be negative"
        return Fault("quantity", Reason.FIELD_OUT_OF_RANGE, message)
    before = parse_decimal(line.quantity, places=_QUANTITY_PLACES) - returned
    left = before - returned_quantity(back)
    if left < 0:
        message = f"{decimal_text(before, places=_QUANTITY_PLACES)} are left of the line"
        return Fault("quantity", Reason.RETURN_EXCEEDS_LINE, message)
    expected_fen = _amount_fen(line, left) - _amount_fen(line, before)
    if back.amount_fen != expected_fen:
        message = f"what is returned comes to {expected_fen} fen, got {back.amount_fen}"
        return Fault("amount_fen", Reason.LINE_AMOUNT_MISMATCH, message)
    return None


def net_returns(lines: Sequence[ChargedLine], settled: Mapping[str, str]) -> Netted:
    """Returns the lines of a bill less what it returns of them, in its order.

    `settled` are the lines of the visit that settlements took, by id. What cannot be
    returned is refused by itself; an amount that is not what the quantity comes to is a
    fault of the bill, as it is of any line.
    """
    by_id = {line.line_id: line for line in lines if line.line_id}
    returned: dict[str, int] = {}
    lost: list[RefusedLine] = []
    faults: list[FieldFault] = []
    for index, back in enumerate(lines):
        line_id = back.returned_line_id
        if not line_id:
            continue
        line = by_id.get(line_id)
        if line is None:
            fault = _not_there(line_id, settled)
        else:
            found = return_fault(back, line, returned=returned.get(line_id, 0))
            if found is None:
                returned[line_id] = returned.get(line_id, 0) + returned_quantity(back)
                continue
            fault = found
        if fault.reason in (Reason.LINE_AMOUNT_MISMATCH, Reason.FIELD_OUT_OF_RANGE):
            faults.append(
                FieldFault(f"bill.lines[{index}].{fault.field}", fault.reason, fault.message)
            )
        else:
            lost.append(refused(back, *fault))
    left = [
        less_returned(line, returned[line.line_id]) if line.line_id in returned else line
        for line in lines
        if not line.returned_line_id
    ]
    return Netted(left, tuple(lost), faults)


def _not_there(line_id: str, settled: Mapping[str, str]) -> Fault:
    if line_id in settled:
        message = f"line {line_id} is settled by {settled[line_id]}: it is refunded, not returned"
        return Fault("returned_line_id", Reason.LINE_SETTLED, message)
    message = f"there is no line {line_id} to return"
    return Fault("returned_line_id", Reason.RETURNED_LINE_UNKNOWN, message)


def select(
    charges: Iterable[Charge], selection: Selection, *, until: dt.date
) -> tuple[list[Charge], list[str]]:
    """Returns the charges that a bill settles, with their returns, and the ids that are not there.

    Without ids, those of days after `until` are left for later bills; a line that is named
    is taken whatever its day, and may then be refused by itself.
    """
    waiting = {each.line.line_id: each for each in charges if each.is_waiting}
    if selection.line_ids:
        wanted = set(selection.line_ids)
    else:
        wanted = {line_id for line_id, each in waiting.items() if each.line.day(until) <= until}
    batch_id = selection.charge_batch_id
    chosen = [
        each
        for line_id, each in waiting.items()
        if not each.line.returned_line_id
        if line_id in wanted and batch_id in ("", each.charge_batch_id)
    ]
    chosen_ids = {each.line.line_id for each in chosen}
    backs = [each for each in waiting.values() if each.line.returned_line_id in chosen_ids]
    missing = sorted(set(selection.line_ids) - chosen_ids - {each.line.line_id for each in backs})
    return chosen + backs, missing


def bill_of_charges(bill: Bill, charges: Iterable[Charge]) -> tuple[ChargedLine, ...]:
    """Returns the lines of a bill that settles charges: by day and number, less returns."""
    lines = [each.line for each in charges]
    returned: dict[str, int] = {}
    for line in lines:
        if line.returned_line_id:
            back = returned_quantity(line)
            returned[line.returned_line_id] = returned.get(line.returned_line_id, 0) + back
    kept = [
        less_returned(line, returned[line.line_id]) if line.line_id in returned else line
        for line in sorted(lines, key=lambda line: place_of(line, bill.service_date))
        if not line.returned_line_id
    ]
    return tuple([line._replace(line_number=at) for at, line in enumerate(kept, 1)])


def place_of(line: ChargedLine, service_date: dt.date) -> tuple[dt.date, int, str]:
    """Returns where a line stands among others: by day, number and id."""
    return line.day(service_date), line.line_number, line.line_id


def differing_fields(line: ChargedLine, other: ChargedLine) -> Iterator[str]:
    """Yields the fields in which two lines with one id differ, by their names."""
    details, others = line.details or NO_DETAILS, other.details or NO_DETAILS
    for name in ("line_number", "item_code", "unit_price", "quantity", "amount_fen"):
        if getattr(line, name) != getattr(other, name):
            if name == "item_code" and _is_same_own_code(line, other):
                continue
            yield name
    for name in ("charge_date", "approval", "returned_line_id", "origin"):
        if getattr(details, name) != getattr(others, name):
            yield name


def _is_same_own_code(line: ChargedLine, other: ChargedLine) -> bool:
    """Tells whether an own code alone was sent, which is mapped to something in between."""
    taken = line if line.item_code else other
    is_mapped = taken.details is not None and bool(taken.details.mapping_id)
    return is_mapped and "" in (line.item_code, other.item_code) and line.own_code == other.own_code


def _price(line: ChargedLine) -> int:
    return parse_decimal(line.unit_price, places=6)


def _amount_fen(line: ChargedLine, quantity: int) -> int:
    # Price (6 decimals of yuan) x quantity (4 decimals) has 10 decimals; a fen is 2.
    return divide_half_up(_price(line) * quantity, 10**8)
