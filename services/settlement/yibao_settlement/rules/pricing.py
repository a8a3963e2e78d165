"""What the catalogue of the day says of charged lines (T-30).

Class, share, price ceiling and cover are those of a line's own charge day; of the ceilings
that at the visit's level of institution holds. What exceeds it is the person's own cost
(T-07). A line that cannot be charged is refused by itself, and one that no fund may pay for
is own cost: the two are told apart, because the first has to be corrected by the
institution and the second is the person's.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError, refusal_of, refuse_faults
from yibao_common.values.money import (
    decimal_text,
    divide_half_up,
    line_amount_fen,
    parse_decimal,
)
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    NO_DETAILS,
    Approval,
    Bill,
    CatalogueItem,
    ChargedLine,
    LineParticulars,
    RefusedLine,
    are_plain,
    refused,
)
from yibao_settlement.rules.catalogue_version.row import person_type_of
from yibao_settlement.rules.charge import net_returns
from yibao_settlement.rules.policy.split import OwnCost, PricedLine

Items = Mapping[str, CatalogueItem | None]

# What is made of an own code that is mapped to nothing, where the region takes such lines.
_UNMAPPED = CatalogueItem("", "", "03", None, "", dt.date.min, None)
NOTHING_BARRED: Mapping[int, RefusedLine] = {}

# More faults than this are counted and not told: they help nobody.
_MOST_FAULTS = 100


class Days(NamedTuple):
    """The days of a bill: the first that may be charged, the last, and those without cover."""

    first: dt.date
    last: dt.date
    uncovered: Collection[dt.date] = ()


class Priced(NamedTuple):
    """Lines as the catalogue values them, with what is particular to each, and those refused.

    `particulars` are None for lines without any; empty where no line has some.
    """

    lines: tuple[PricedLine, ...]
    particulars: tuple[LineParticulars | None, ...] = ()
    refused: tuple[RefusedLine, ...] = ()


def price_bill(
    bill: Bill,
    items: Mapping[dt.date, Items],
    days: Days,
    *,
    institution_level: str,
    insurance_type: str,
    settled: Mapping[str, str] | None = None,
    barred: Mapping[int, RefusedLine] = NOTHING_BARRED,
) -> Priced:
    """Returns the bill's lines as the catalogue values them.

    `items` holds, for each charge day of the bill, the rows in force, None for unknown
    codes; `insurance_type` is that which pays, `settled` the lines of the visit that
    settlements took, by line id; `barred` the lines that are not payable because of who
    ordered them, by number.

    Raises RuleError with every fault of the bill at once: LINE_AMOUNT_MISMATCH,
    LINE_NUMBER_REPEATED, LINE_ID_REPEATED, BILL_TOTAL_MISMATCH, DECIMAL_NEGATIVE; and
    where no line is left to be settled, with why each was refused.
    """
    faults = _bill_faults(bill)
    if faults:
        # What is wrong with single lines is told along: it is all corrected at once.
        faults += _line_by_line(bill, items, days, institution_level, insurance_type)
        refuse_faults(faults[:_MOST_FAULTS], total=len(faults))
    lines: Sequence[ChargedLine] = bill.lines
    lost: tuple[RefusedLine, ...] = ()
    if bill.selection is None and not are_plain(lines):
        lines, lost, faults = net_returns(lines, settled or {})
        refuse_faults(faults)
    priced = price_lines(
        lines,
        items,
        days,
        institution_level=institution_level,
        insurance_type=insurance_type,
        barred=barred,
    )
    if lost:
        priced = priced._replace(refused=lost + priced.refused)
    if not priced.lines:
        raise _all_refused(bill, priced.refused)
    return priced


def price_lines(
    lines: Sequence[ChargedLine],
    items: Mapping[dt.date, Items],
    days: Days,
    *,
    institution_level: str,
    insurance_type: str,
    barred: Mapping[int, RefusedLine] = NOTHING_BARRED,
) -> Priced:
    """Returns lines of which nothing more is to be taken back as the catalogue values them."""
    priced: list[PricedLine] = []
    particulars: list[LineParticulars | None] = []
    lost: list[RefusedLine] = []
    last, uncovered = days.last, days.uncovered
    of_last_day, in_scope, make = items[last], OwnCost.NONE, tuple.__new__
    for line in lines:
        details = line.details
        if details is None:
            day, rows = last, of_last_day
        else:
            day = details.charge_date or last
            if not days.first <= day <= last:
                lost.append(_outside(line, day, days))
                continue
            rows = items[day]
        if barred and line.line_number in barred:
            # What is left of it by now is told, not what was charged at first.
            lost.append(barred[line.line_number]._replace(amount_fen=line.amount_fen))
            continue
        item = rows.get(line.item_code)
        if item is None:
            if not (details is not None and details.is_unmapped):
                lost.append(_unknown(line, day))
                continue
            item = _UNMAPPED
        own_cost = in_scope
        if item is _UNMAPPED:
            own_cost = OwnCost.OUTSIDE_COVER if day in uncovered else OwnCost.UNMAPPED
        elif details is not None or uncovered or item.is_limited_use:
            own_cost = _own_cost(item, day, uncovered, (details or NO_DETAILS).approval)
        number, code, price, quantity, amount_fen, _ = line
        ceiling = item.price_ceiling
        if item.level_price_ceilings:
            ceiling = item.ceiling_at(institution_level)
        over_fen = over_limit_fen(line, ceiling) if ceiling else 0
        # As `PricedLine` makes one, in half the time.
        values = (number, code, item.catalogue_class, amount_fen, over_fen)
        ratio = item.first_self_pay_ratio_ppm
        if item.shares:
            ratio = item.share_of(person_type_of(insurance_type), price)
        told = (*values, ratio, price, quantity, own_cost, item.item_group)
        priced.append(make(PricedLine, told))
        if details is None and not own_cost and not over_fen:
            particulars.append(None)
        else:
            particulars.append(_particulars(line, own_cost, last, ceiling if over_fen else ""))
    return Priced(tuple(priced), tuple(particulars) if any(particulars) else (), tuple(lost))


def over_limit_fen(line: ChargedLine, price_ceiling: str) -> int:
    """Returns what a line charges above a ceiling of one unit, at most all of it."""
    units = parse_decimal(line.quantity, places=4)
    return min(over_ceiling_fen(line.unit_price, price_ceiling, units), line.amount_fen)


def over_ceiling_fen(unit_price: str, price_ceiling: str, units: int) -> int:
    """Returns what so many units (of 4 decimals) cost above the ceiling of one, in fen."""
    over = parse_decimal(unit_price, places=6) - parse_decimal(price_ceiling, places=6)
    if over <= 0:
        return 0
    # Price (6 decimals of yuan) x quantity (4 decimals) has 10 decimals; a fen is 2.
    return divide_half_up(over * units, 10**8)


def _own_cost(
    item: CatalogueItem, day: dt.date, uncovered: Collection[dt.date], approval: Approval
) -> OwnCost:
    if day in uncovered:
        return OwnCost.OUTSIDE_COVER
    # The national table: for limited use only what is approved is in scope; what was found
    # not to be in scope is own cost, whatever the item.
    if approval == Approval.NOT_APPROVED or (item.is_limited_use and approval == Approval.NONE):
        return OwnCost.LIMITED_USE
    return OwnCost.NONE


def _particulars(
    line: ChargedLine, own_cost: OwnCost, last: dt.date, price_ceiling: str
) -> LineParticulars:
    details = line.details or NO_DETAILS
    returned = details.returned_quantity
    return LineParticulars(
        details.line_id,
        None if details.charge_date == last else details.charge_date,
        int(own_cost),
        int(details.approval),
        decimal_text(returned, places=4) if returned else "",
        details.returned_fen,
        details.origin,
        price_ceiling,
        mapping_id=details.mapping_id,
    )


def _bill_faults(bill: Bill) -> list[FieldFault]:
    """Returns what is wrong with the bill as a whole: it is then refused as a whole."""
    lines = bill.lines
    faults: list[FieldFault] = []
    for index, line in enumerate(lines):
        _, _, unit_price, quantity, amount_fen, _ = line
        if quantity[0] == "-":
            if not line.returned_line_id:
                faults.append(_negative(index))
            continue
        expected_fen = line_amount_fen(unit_price, quantity)
        if expected_fen != amount_fen:
            faults.append(_mismatch(index, line, expected_fen))
    if len({line.line_number for line in lines}) != len(lines):
        faults += _repeated_numbers(lines)
    if not are_plain(lines):
        faults += _repeated_ids(lines)
    lines_total_fen = sum([line.amount_fen for line in lines])
    if lines_total_fen != bill.total_fen:
        faults.append(_total_mismatch(bill, lines_total_fen))
    return faults


def _repeated_numbers(lines: Sequence[ChargedLine]) -> list[FieldFault]:
    faults: list[FieldFault] = []
    numbers: set[int] = set()
    for index, line in enumerate(lines):
        if line.line_number in numbers:
            message = f"line number {line.line_number} stands in the bill twice"
            field = f"bill.lines[{index}].line_number"
            faults.append(FieldFault(field, Reason.LINE_NUMBER_REPEATED, message))
        numbers.add(line.line_number)
    return faults


def _repeated_ids(lines: Sequence[ChargedLine]) -> list[FieldFault]:
    ids: set[str] = set()
    faults: list[FieldFault] = []
    for index, line in enumerate(lines):
        if line.details is not None and line.details.line_id:
            if line.details.line_id in ids:
                message = f"line id {line.details.line_id} stands in the bill twice"
                field = f"bill.lines[{index}].line_id"
                faults.append(FieldFault(field, Reason.LINE_ID_REPEATED, message))
            ids.add(line.details.line_id)
    return faults


def _negative(index: int) -> FieldFault:
    return FieldFault(
        f"bill.lines[{index}].quantity",
        Reason.DECIMAL_NEGATIVE,
        "is negative, and the line says not what it returns",
    )


def _mismatch(index: int, line: ChargedLine, expected_fen: int) -> FieldFault:
    return FieldFault(
        f"bill.lines[{index}].amount_fen",
        Reason.LINE_AMOUNT_MISMATCH,
        f"{line.unit_price} x {line.quantity} is {expected_fen} fen, got {line.amount_fen}",
    )


def _total_mismatch(bill: Bill, lines_total_fen: int) -> FieldFault:
    return FieldFault(
        "bill.total_fen",
        Reason.BILL_TOTAL_MISMATCH,
        f"the lines sum to {lines_total_fen} fen, got {bill.total_fen}",
    )


def _outside(line: ChargedLine, day: dt.date, days: Days) -> RefusedLine:
    message = (
        f"{day.isoformat()} is not between the visit's first day {days.first.isoformat()} "
        f"and {days.last.isoformat()}"
    )
    return refused(line, "charge_date", Reason.LINE_OUTSIDE_VISIT, message)


def _unknown(line: ChargedLine, day: dt.date) -> RefusedLine:
    if not line.item_code:
        message = f"own code {line.own_code} is mapped to no item on {day.isoformat()}"
        return refused(line, "origin.provider_item_code", Reason.OWN_CODE_UNMAPPED, message)
    message = f"item {line.item_code} is not in the catalogue on {day.isoformat()}"
    return refused(line, "item_code", Reason.CATALOGUE_ITEM_UNKNOWN, message)


def _line_by_line(
    bill: Bill, items: Mapping[dt.date, Items], days: Days, level: str, insurance_type: str
) -> list[FieldFault]:
    """Returns what would be refused of the lines of a bill, whose numbers may be repeated."""
    return [
        FieldFault(f"bill.lines[{index}].{each.field}", Reason[each.reason], each.message)
        for index, line in enumerate(bill.lines)
        if line.quantity[0] != "-"
        for each in price_lines(
            [line], items, days, institution_level=level, insurance_type=insurance_type
        ).refused
    ]


def _all_refused(bill: Bill, lost: Sequence[RefusedLine]) -> RuleError:
    refusal = refusal_of(_line_faults(bill, lost[:_MOST_FAULTS]), total=len(lost))
    assert refusal is not None, "a bill has lines"
    return refusal


def _line_faults(bill: Bill, lost: Sequence[RefusedLine]) -> list[FieldFault]:
    """Returns lines that are refused by themselves as faults of the bill."""
    if bill.selection is not None:
        return [
            FieldFault("bill.uploaded", Reason[each.reason], f"line {each.line_id}: {each.message}")
            for each in lost
        ]
    places = {line.line_number: index for index, line in enumerate(bill.lines)}
    return [
        FieldFault(
            f"bill.lines[{places[each.line_number]}].{each.field}",
            Reason[each.reason],
            each.message,
        )
        for each in lost
    ]
