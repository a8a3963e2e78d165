"""A bill as charged: its lines, and what the catalogue and the person agreed to say of it.

Line amount = unit price (6 decimals) x quantity (4 decimals), half up to the fen; the
lines sum to the bill.
"""

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.money import parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.bill import Given


class Approval(enum.IntEnum):
    """Whether the institution found that a limited use holds (hosp_appr_flag)."""

    NONE = 0
    APPROVED = 1
    NOT_APPROVED = 2


class LineOrigin(NamedTuple):
    """Where a line comes from, in the institution's own numbers and names.

    It decides nothing but who may not order it, and whether it may join a stay: what another
    institution did during one, by a certificate (`rules.institution.outside`).
    """

    provider_item_code: str = ""
    provider_item_name: str = ""
    prescription_id: str = ""
    doctor_code: str = ""
    doctor_name: str = ""
    department: str = ""
    outside_institution_id: str = ""
    outside_certificate_number: str = ""


class LineDetails(NamedTuple):
    """What a line says beyond item, price and quantity; most lines of most bills say nothing.

    `charge_date` is None where it is the bill's service date. `returned_line_id` is the line
    that this one returns. `returned_quantity` (of 4 decimals) and `returned_fen` are what was
    returned of this line: quantity and amount of the line are what is left. `mapping_id` is the
    mapping that its item was taken by, empty where it carried the item; one that `is_unmapped`
    has none and is own cost.
    """

    line_id: str = ""
    charge_date: dt.date | None = None
    approval: Approval = Approval.NONE
    returned_line_id: str = ""
    origin: LineOrigin | None = None
    returned_quantity: int = 0
    returned_fen: int = 0
    mapping_id: str = ""
    is_unmapped: bool = False


NO_DETAILS = LineDetails()


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
    details: LineDetails | None = None

    @property
    def line_id(self) -> str:
        """The institution's own id of the line; empty where it has none."""
        return "" if self.details is None else self.details.line_id

    @property
    def returned_line_id(self) -> str:
        """The line that this one returns; empty where it returns none."""
        return "" if self.details is None else self.details.returned_line_id

    @property
    def own_code(self) -> str:
        """The institution's own code of the item; empty where the line says none."""
        details = self.details
        return "" if details is None or details.origin is None else details.origin[0]

    def day(self, service_date: dt.date) -> dt.date:
        """Returns the day of the charge on a bill of `service_date`."""
        return service_date if self.details is None else self.details.charge_date or service_date


class Selection(NamedTuple):
    """Which of a visit's uploaded lines a bill settles; what is empty limits nothing."""

    line_ids: tuple[str, ...] = ()
    charge_batch_id: str = ""


class Bill(NamedTuple):
    """A bill of a visit; `service_date` decides policy and benefit year.

    It carries its lines, or says by `selection` which uploaded ones are its.
    An interim one (中途结算) is of a stay that goes on after it. `given` is what other payers
    have paid of it. Accounts of relatives pay beside the own one where `family_used`.
    """

    visit_id: str
    bill_number: str
    service_date: dt.date
    lines: tuple[ChargedLine, ...]
    total_fen: int
    account_used: bool
    selection: Selection | None = None
    is_interim: bool = False
    given: tuple[Given, ...] = ()
    family_used: bool = False

    @property
    def needs_charges(self) -> bool:
        """Tells whether lines of the visit that are known by an id concern the bill."""
        if self.selection is not None:
            return True
        return not are_plain(self.lines) and any([line.line_id for line in self.lines])


def are_plain(lines: Sequence[ChargedLine]) -> bool:
    """Tells whether no line says more than item, price and quantity."""
    return not any([line.details for line in lines])


class ExpectedAmounts(NamedTuple):
    """Who was to bear how much of a bill, as the person was shown it; in fen."""

    fund_total_fen: int
    account_fen: int
    cash_fen: int


def check_expected(
    expected: ExpectedAmounts | None, sums: ExpectedAmounts, *, policy_version: str
) -> None:
    """Raises AMOUNTS_NOT_AS_EXPECTED, with the `sums` by now, where the bill comes to others."""
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


class LevelPriceCeiling(NamedTuple):
    """A price ceiling in yuan at some levels of institution (hosp_lv)."""

    institution_levels: tuple[str, ...]
    price_ceiling: str


class PersonShare(NamedTuple):
    """A first self-pay share of a type of person (selfpay_prop_psn_type), in ppm.

    It holds for unit prices from `price_from` on, in millionths of a yuan.
    """

    person_type: str
    price_from: int
    first_self_pay_ratio_ppm: int


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """A row of the catalogue, in force from `start_date` to `end_date`, both included.

    `is_limited_use` where it is in scope only for uses that the institution approves.
    `item_group` is what policies may ask for, empty for an item of none. `price_ceiling` is
    that of every level without one in `level_price_ceilings`, empty where there is none.
    `shares` go before `first_self_pay_ratio_ppm`, of each type of person those of the highest
    prices first. `version_number` is that of the version of a list which made the row, 0 of
    one that was imported directly; the class is empty where a version says that the item is
    in the catalogue no more.
    """

    item_code: str
    item_name: str
    catalogue_class: str
    first_self_pay_ratio_ppm: int | None
    price_ceiling: str
    start_date: dt.date
    end_date: dt.date | None
    is_limited_use: bool = False
    item_group: str = ""
    level_price_ceilings: tuple[LevelPriceCeiling, ...] = ()
    shares: tuple[PersonShare, ...] = ()
    version_number: int = 0

    def share_of(self, person_type: str, unit_price: str) -> int | None:
        """Returns the first self-pay share of a person at a price in yuan; None for the policy's.

        Of a type of person without a share those of everybody (`99`) hold.
        """
        price = parse_decimal(unit_price, places=6)
        for wanted in (person_type, "99"):
            for each in self.shares:
                if each.person_type == wanted and each.price_from <= price:
                    return each.first_self_pay_ratio_ppm
        return self.first_self_pay_ratio_ppm

    def ceiling_at(self, institution_level: str) -> str:
        """Returns the price ceiling at a level of institution, empty where there is none."""
        for each in self.level_price_ceilings:
            if institution_level in each.institution_levels:
                return each.price_ceiling
        return self.price_ceiling

    def holds_on(self, day: dt.date) -> bool:
        """Tells whether the row is in force on `day`."""
        return self.start_date <= day and (self.end_date is None or day <= self.end_date)


def item_on(rows: Sequence[CatalogueItem], day: dt.date) -> CatalogueItem | None:
    """Returns the row in force on `day`, or None.

    Of several that of the newest version, which may say that there is none; of those that
    were imported directly the one that began last.
    """
    holding = [row for row in rows if row.holds_on(day)]
    found = max(holding, key=lambda row: (row.version_number, row.start_date), default=None)
    return found if found is not None and found.catalogue_class else None


class RefusedLine(NamedTuple):
    """A line that a bill does not charge, while the rest of it stands.

    `field` is the field of the line that is at fault, `reason` the name of a `Reason`;
    `amount_fen` is what was left of it.
    """

    line_number: int
    line_id: str
    item_code: str
    amount_fen: int
    field: str
    reason: str
    message: str


def refused(line: ChargedLine, field: str, reason: Reason, message: str) -> RefusedLine:
    """Returns that a line is refused by itself."""
    return RefusedLine(
        line.line_number,
        line.line_id,
        line.item_code,
        line.amount_fen,
        field,
        reason.name,
        message,
    )


class LineParticulars(NamedTuple):
    """What is recorded of a settled line beyond what every line has.

    `own_cost` is a number of `OwnCost`, `approval` one of `Approval`; of what was returned,
    `returned_quantity` is a decimal text, empty where nothing was. `charge_date` is None
    where it is the service date. `price_ceiling` in yuan is kept where the line exceeds it. Of a
    line that `is_gone` all was returned of the settled bill, which is decided as if it had never
    had it; lines that were returned before this was kept are decided with nothing left of them.
    """

    line_id: str
    charge_date: dt.date | None
    own_cost: int
    approval: int
    returned_quantity: str
    returned_fen: int
    origin: LineOrigin | None
    price_ceiling: str = ""
    is_gone: bool = False
    # The mapping that the item was taken by, empty where the line carried it.
    mapping_id: str = ""


# Of a line that says nothing.
NOTHING_PARTICULAR = LineParticulars("", None, 0, 0, "", 0, None)
