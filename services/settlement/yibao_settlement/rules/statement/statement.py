"""The settlement statement (医疗费用结算单) as a value: all that its sheet says, in fen.

It is made of a settlement that was calculated again and came out as it was settled. Two
identities must hold, or there is no statement:

    total = eligible + first self-pay + over limit + excluded
    total = funds + others + account + cash

自付 and 自费 are told apart by the list (目录), as the notes on the fiscal bill have it: 自费
is what the person bears of costs outside it and above price ceilings, 自付 all else that the
person bears. Funds are taken to pay what is inside the list first.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.care_facts import Diagnosis
from yibao_settlement.rules.policy.split import OwnCost
from yibao_settlement.rules.statement.sentences import Sentence
from yibao_settlement.rules.statement.since import CostsNow, Returned


class Provider(NamedTuple):
    """The institution; level and name as the region has them by now."""

    institution_id: str
    institution_name: str
    institution_level: str


class Care(NamedTuple):
    """The visit, as the institution told of it by now.

    `end_date` is None until discharge; `is_interim` is whether the bill is one of a stay
    that goes on.
    """

    care_type: str
    provider_visit_number: str
    start_date: dt.date
    end_date: dt.date | None
    department: str
    diagnoses: tuple[Diagnosis, ...]
    is_interim: bool


class Parts(NamedTuple):
    """What costs consist of: amount = eligible + first self-pay + over limit + excluded."""

    amount_fen: int
    eligible_fen: int
    first_self_pay_fen: int
    over_limit_fen: int
    excluded_fen: int

    @property
    def holds(self) -> bool:
        """Whether the identity holds and no part is negative."""
        return self.amount_fen == sum(self[1:]) and min(self) >= 0

    @property
    def outside_fen(self) -> int:
        """What lies outside the list or above a price ceiling."""
        return self.over_limit_fen + self.excluded_fen


class StatementItem(NamedTuple):
    """A line of the bill; price and quantity are empty where they were not kept.

    `first_self_pay_ratio_ppm` is the share that was applied; None for own cost. `own_cost`
    is why it is that where its class does not say so.
    """

    line_number: int
    line_id: str
    charge_date: dt.date
    item_code: str
    item_name: str
    catalogue_class: str
    unit_price: str
    quantity: str
    first_self_pay_ratio_ppm: int | None
    own_cost: OwnCost
    parts: Parts


class NotCharged(NamedTuple):
    """Lines that were refused one by one and are no part of any sum of the bill."""

    line_count: int
    amount_fen: int


class LineGroup(NamedTuple):
    """Lines that stand together on the sheet: those of a class, or of a group of the policy."""

    group: str
    name_zh: str
    line_count: int
    parts: Parts


class FundLine(NamedTuple):
    """What a fund pays by one step of the policy, which names it as its region does."""

    step_id: str
    fund_type: str
    name_zh: str
    base_fen: int
    amount_fen: int


class OtherLine(NamedTuple):
    """What somebody else than a fund or the person bears by a step of the policy."""

    step_id: str
    payer: str
    name_zh: str
    amount_fen: int


class Share(NamedTuple):
    """A stretch of a fund's base, shared between fund and person: base = paid + left.

    `low_fen` and `high_fen` say where it lies among brackets, None where it is the only
    one. `ratio_ppm` is None where the amount is no plain share of it: a limit of the year
    cut it, or earlier bills were rounded together with it.
    """

    step_id: str
    fund_type: str
    name_zh: str
    low_fen: int | None
    high_fen: int | None
    base_fen: int
    ratio_ppm: int | None
    paid_fen: int

    @property
    def left_fen(self) -> int:
        """What the fund leaves of the base, to later funds and the person."""
        return self.base_fen - self.paid_fen


class Overflow(NamedTuple):
    """What lay above a limit of a fund, or above its last bracket, and passed on from it."""

    step_id: str
    fund_type: str
    name_zh: str
    amount_fen: int


class DeductibleLine(NamedTuple):
    """A deductible (起付标准) as the policy has it, and how much of it was paid when.

    `before_fen` is what earlier bills paid where it is one of the year, else 0.
    """

    step_id: str
    standard_fen: int
    before_fen: int
    paid_fen: int
    is_of_year: bool


class YearLine(NamedTuple):
    """What this time adds to the year so far; in fen, or a number of bills."""

    accumulator: str
    name_zh: str
    before: int
    this_time: int
    is_count: bool

    @property
    def after(self) -> int:
        """The year with this time."""
        return self.before + self.this_time


class LimitLeft(NamedTuple):
    """The most that a fund pays in a window, and what is left of it after this time.

    `window` and `per` are as a policy's file says them. `is_running` is whether the next
    bill falls into the window of this one, and does not begin its own: then all is left.
    `of_fee` is whether not the payment is limited but the fee that it is a share of.
    """

    step_id: str
    fund_type: str
    name_zh: str
    limit_fen: int
    left_fen: int
    window: str = "year"
    per: tuple[str, ...] = ()
    is_running: bool = True
    of_fee: bool = False


class NextBill(NamedTuple):
    """What the next bill of the same kind of care bears, in the same benefit year.

    It is one of the same stay where this one is an interim bill (`is_of_stay`), else one of a
    visit of its own.
    """

    deductible_fen: int
    limits: tuple[LimitLeft, ...]
    is_of_stay: bool = False


class Reversed(NamedTuple):
    """That the settlement was reversed, when, as a day."""

    reversal_id: str
    day: dt.date


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a sheet says of one settlement.

    `next_bill` is None where the policy does not say. Age is in full years on the service
    date.
    """

    region: str
    settlement_id: str
    bill_number: str
    settle_time: dt.datetime
    service_date: dt.date
    benefit_year: int
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    age: int
    policy_version: str
    policy_title: str
    policy_title_zh: str
    provider: Provider
    care: Care
    items: tuple[StatementItem, ...]
    groups: tuple[LineGroup, ...]
    not_charged: NotCharged
    parts: Parts
    deductible_fen: int
    deductibles: tuple[DeductibleLine, ...]
    funds: tuple[FundLine, ...]
    shares: tuple[Share, ...]
    overflows: tuple[Overflow, ...]
    fund_total_fen: int
    account_fen: int
    cash_fen: int
    account_used: bool
    account_balance_fen: int
    year: tuple[YearLine, ...]
    next_bill: NextBill | None
    reversal: Reversed | None
    others: tuple[OtherLine, ...] = ()
    # What of `account_fen` and of `account_balance_fen` is of earlier years.
    account_carried_fen: int = 0
    carried_balance_fen: int = 0
    # Of `account_fen`, what accounts of relatives paid: what each is to the person, and its part.
    family: tuple[tuple[int, int], ...] = ()
    # None where nothing was returned, and where it costs what the counter showed.
    returned: Returned | None = None
    costs_now: CostsNow | None = None
    # Why care elsewhere is paid as it is; none of care at home.
    elsewhere: tuple[Sentence, ...] = ()
    # What the policy calls its steps in English, by id.
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def other_total_fen(self) -> int:
        """What others than funds and the person bear."""
        return sum(other.amount_fen for other in self.others)

    @property
    def total_fen(self) -> int:
        """What the bill comes to."""
        return self.parts.amount_fen

    @property
    def personal_total_fen(self) -> int:
        """What the person pays, from the account and in cash."""
        return self.account_fen + self.cash_fen

    @property
    def outside_list_fen(self) -> int:
        """自费: what the person bears of costs outside the list and above price ceilings."""
        return min(self.parts.outside_fen, self.personal_total_fen)

    @property
    def inside_list_fen(self) -> int:
        """自付: what the person bears inside the list."""
        return self.personal_total_fen - self.outside_list_fen


def check_identities(statement: Statement) -> None:
    """Raises InvariantError where a sheet would not add up."""
    own = (statement.account_fen, statement.cash_fen)
    payers = (statement.fund_total_fen, statement.other_total_fen, *own)
    if (
        not statement.parts.holds
        or sum(payers) != statement.total_fen
        or min(*payers, statement.deductible_fen) < 0
        or sum(fund.amount_fen for fund in statement.funds) != statement.fund_total_fen
        or sum(each.paid_fen for each in statement.shares) != statement.fund_total_fen
        or sum(each.paid_fen for each in statement.deductibles) != statement.deductible_fen
        or sum_of_parts([item.parts for item in statement.items]) != statement.parts
        or sum_of_parts([group.parts for group in statement.groups]) != statement.parts
        or not all(item.parts.holds for item in statement.items)
        or not all(group.parts.holds for group in statement.groups)
    ):
        raise InvariantError(f"settlement {statement.settlement_id} does not add up on paper")


def sum_of_parts(parts: Sequence[Parts]) -> Parts:
    """Returns the sums of parts."""
    return Parts(*(sum(each) for each in zip(*parts, strict=True))) if parts else Parts(*[0] * 5)
