"""A bill as charged, and what the catalogue of the day says of its lines.

Line amount = unit price (6 decimals) x quantity (4 decimals), half up to the fen; the
lines sum to the bill. What exceeds a price ceiling is the person's own cost (T-07).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.money import divide_half_up, line_amount_fen, parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.split import PricedLine, Split


class ChargedLine(NamedTuple):
    """A line as the institution charges it; price in yuan, quantity in units.

    A named tuple, as the other kinds of lines: they are made by the dozen for each bill,
    and a frozen dataclass costs five times as much.
    """

    line_number: int
    item_code: str
    unit_price: str
    quantity: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of a visit; `service_date` decides policy, prices and benefit year."""

    visit_id: str
    bill_number: str
    service_date: dt.date
    lines: tuple[ChargedLine, ...]
    total_fen: int
    account_used: bool


class ExpectedAmounts(NamedTuple):
    """Who was to bear how much of a bill, as the person was shown it; in fen."""

    fund_total_fen: int
    account_fen: int
    cash_fen: int


def check_expected(expected: ExpectedAmounts | None, split: Split, *, policy_version: str) -> None:
    """Raises AMOUNTS_NOT_AS_EXPECTED, with the sums by now, where the bill comes to others."""
    sums = ExpectedAmounts(split.fund_total_fen, split.account_fen, split.cash_fen)
    if expected is not None and expected != sums:
        raise RuleError(
            Reason.AMOUNTS_NOT_AS_EXPECTED,
            f"the bill comes to {sums.fund_total_fen} fen of the funds, {sums.account_fen} of "
            f"the account and {sums.cash_fen} in cash, by policy {policy_version}",
            fund_total_fen=sums.fund_total_fen,
            account_fen=sums.account_fen,
            cash_fen=sums.cash_fen,
            policy_version=policy_version,
        )


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """A row of the catalogue, in force from `start_date` to `end_date`, both included."""

    item_code: str
    item_name: str
    catalogue_class: str
    first_self_pay_ratio_ppm: int | None
    price_ceiling: str
    start_date: dt.date
    end_date: dt.date | None

    def holds_on(self, day: dt.date) -> bool:
        """Tells whether the row is in force on `day`."""
        return self.start_date <= day and (self.end_date is None or day <= self.end_date)


def price_lines(bill: Bill, items: Mapping[str, CatalogueItem | None]) -> tuple[PricedLine, ...]:
    """Returns the bill's lines as the catalogue values them.

    `items` holds the rows in force on the service date, None for unknown codes. Raises
    RuleError with every faulty line at once: CATALOGUE_ITEM_UNKNOWN,
    LINE_AMOUNT_MISMATCH, LINE_NUMBER_REPEATED, BILL_TOTAL_MISMATCH.
    """
    faults: list[FieldFault] = []
    priced: list[PricedLine] = []
    numbers: set[int] = set()
    lines_total_fen = 0
    for index, line in enumerate(bill.lines):
        if line.line_number in numbers:
            faults.append(_repeated(index, line))
        numbers.add(line.line_number)
        lines_total_fen += line.amount_fen
        expected_fen = line_amount_fen(unit_price=line.unit_price, quantity=line.quantity)
        if expected_fen != line.amount_fen:
            faults.append(_mismatch(index, line, expected_fen))
        item = items.get(line.item_code)
        if item is None:
            faults.append(_unknown(index, line, bill.service_date))
            continue
        priced.append(
            PricedLine(
                line.line_number,
                line.item_code,
                item.catalogue_class,
                line.amount_fen,
                _over_limit_fen(line, item.price_ceiling) if item.price_ceiling else 0,
                item.first_self_pay_ratio_ppm,
                line.unit_price,
                line.quantity,
            )
        )
    if lines_total_fen != bill.total_fen:
        faults.append(_total_mismatch(bill, lines_total_fen))
    refuse_faults(faults)
    return tuple(priced)


def _over_limit_fen(line: ChargedLine, price_ceiling: str) -> int:
    over = parse_decimal(line.unit_price, places=6) - parse_decimal(price_ceiling, places=6)
    if over <= 0:
        return 0
    # Price (6 decimals of yuan) x quantity (4 decimals) has 10 decimals; a fen is 2.
    over_fen = divide_half_up(over * parse_decimal(line.quantity, places=4), 10**8)
    return min(over_fen, line.amount_fen)


def _repeated(index: int, line: ChargedLine) -> FieldFault:
    return FieldFault(
        f"bill.lines[{index}].line_number",
        Reason.LINE_NUMBER_REPEATED,
        f"line number {line.line_number} stands in the bill twice",
    )


def _mismatch(index: int, line: ChargedLine, expected_fen: int) -> FieldFault:
    return FieldFault(
        f"bill.lines[{index}].amount_fen",
        Reason.LINE_AMOUNT_MISMATCH,
        f"{line.unit_price} x {line.quantity} is {expected_fen} fen, got {line.amount_fen}",
    )


def _unknown(index: int, line: ChargedLine, day: dt.date) -> FieldFault:
    return FieldFault(
        f"bill.lines[{index}].item_code",
        Reason.CATALOGUE_ITEM_UNKNOWN,
        f"item {line.item_code} is not in the catalogue on {day.isoformat()}",
    )


def _total_mismatch(bill: Bill, lines_total_fen: int) -> FieldFault:
    return FieldFault(
        "bill.total_fen",
        Reason.BILL_TOTAL_MISMATCH,
        f"the lines sum to {lines_total_fen} fen, got {bill.total_fen}",
    )


def item_on(rows: Sequence[CatalogueItem], day: dt.date) -> CatalogueItem | None:
    """Returns the row in force on `day` that began last, or None."""
    holding = [row for row in rows if row.holds_on(day)]
    return max(holding, key=lambda row: row.start_date, default=None)
