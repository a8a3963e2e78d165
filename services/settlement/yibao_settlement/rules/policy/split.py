"""What a bill costs whom: what goes into the benefit rules and what comes out."""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.policy.record import Record


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tables of a policy are asked with.

    Person class and groups are those of the period of cover that holds on the service
    date, and age is in full years on that day; care type and level of the institution are
    those at the registration of the visit. Codes are those of the national interface:
    med_type, psn_type, psn_idet_type and hosp_lv.
    """

    care_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    institution_level: str
    age: int


class OwnCost(enum.IntEnum):
    """Why a line is own cost in full whatever its class."""

    NONE = 0
    OUTSIDE_COVER = 1
    LIMITED_USE = 2
    # Somebody else is liable for what was treated (REL_TTP_FLAG), as was found afterwards.
    THIRD_PARTY = 3
    # The institution's own code was mapped to no item, and the region takes such lines.
    UNMAPPED = 4


class PricedLine(NamedTuple):
    """A line with what the catalogue of the day says of its item.

    `over_limit_fen` is the part of `amount_fen` above the price ceiling (T-07).
    `first_self_pay_ratio_ppm` is the item's own first self-pay share; None leaves it to the
    policy's share for the class. `unit_price` and `quantity` are as charged, and empty in
    settlements of before they were kept: nothing is calculated from them here. A line with
    an `own_cost` is excluded in full. `item_group` is the catalogue's, empty for an item of
    none.
    """

    line_number: int
    item_code: str
    catalogue_class: str
    amount_fen: int
    over_limit_fen: int
    first_self_pay_ratio_ppm: int | None
    unit_price: str = ""
    quantity: str = ""
    own_cost: OwnCost = OwnCost.NONE
    item_group: str = ""


class SplitLine(NamedTuple):
    """A line as adjudicated: amount = excluded + over limit + first self-pay + eligible.

    `first_self_pay_ratio_ppm` is the item's own first self-pay share; None where the policy's
    share for the class decided. `unit_price` and `quantity` are those of `PricedLine`.

    A named tuple because it is made three times as fast as a frozen dataclass, and the
    lines are most of what a bill's adjudication makes.
    """

    line_number: int
    item_code: str
    catalogue_class: str
    amount_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    first_self_pay_ratio_ppm: int | None
    unit_price: str
    quantity: str


def undivided(line: PricedLine | SplitLine) -> SplitLine:
    """Returns a line as a settlement has it before a policy divides it."""
    return SplitLine(
        line.line_number,
        line.item_code,
        line.catalogue_class,
        line.amount_fen,
        excluded_fen=0,
        over_limit_fen=line.over_limit_fen,
        first_self_pay_fen=0,
        eligible_fen=0,
        first_self_pay_ratio_ppm=line.first_self_pay_ratio_ppm,
        unit_price=line.unit_price,
        quantity=line.quantity,
    )


class FundPayment(NamedTuple):
    """What one step makes one fund pay, on which base."""

    fund_type: str
    step_id: str
    base_fen: int
    amount_fen: int


class Split(NamedTuple):
    """What a bill costs whom.

    `accumulations` are what this bill adds to the person's year, by accumulator name:
    sorted, without zeros. `records` hold what every step of the policy worked with;
    `trace_sha256` is their `trace_digest`.
    """

    lines: tuple[SplitLine, ...]
    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    deductible_fen: int
    fund_payments: tuple[FundPayment, ...]
    fund_total_fen: int
    personal_total_fen: int
    account_fen: int
    cash_fen: int
    accumulations: tuple[tuple[str, int], ...]
    trace_sha256: bytes
    records: tuple[Record, ...]


def check_split(split: Split) -> None:
    """Checks that every fen of the bill is borne by exactly one party.

    Raises InvariantError where one is borne twice, by nobody, or less than nothing.
    """
    claimed = (
        split.excluded_fen,
        split.over_limit_fen,
        split.first_self_pay_fen,
        split.eligible_fen,
    )
    paid = (split.fund_total_fen, split.account_fen, split.cash_fen)
    if (
        min(*claimed, *paid, split.deductible_fen, split.personal_total_fen) < 0
        or sum(claimed) != split.total_fen
        or sum(paid) != split.total_fen
        or split.personal_total_fen != split.account_fen + split.cash_fen
    ):
        raise InvariantError(f"a bill of {split.total_fen} fen is split into {claimed}, {paid}")
