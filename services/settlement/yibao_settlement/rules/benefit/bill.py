"""A bill as it is adjudicated: priced lines, the visit that they are of, and the facts."""

import datetime as dt
from typing import NamedTuple

from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.facts import Facts


class Attested(NamedTuple):
    """What the catalogue at the place of treatment says of a line: class, share, ceiling."""

    catalogue_class: str
    first_self_pay_ppm: int | None
    over_limit_fen: int


class BillLine(NamedTuple):
    """A line with what the catalogue of its day says of its item.

    `catalogue_class` is None where the catalogue has no row on the line's day; `charge_date`
    None is the bill's day. `over_limit_fen` is the part of `amount_fen` above the price
    ceiling, `first_self_pay_ppm` the item's own share; None leaves it to the class. With
    `is_own_cost` all of it is excluded, whatever its class.
    """

    line_id: str
    amount_fen: int
    catalogue_class: str | None
    charge_date: dt.date | None = None
    first_self_pay_ppm: int | None = None
    over_limit_fen: int = 0
    item_group: str | None = None
    attested: Attested | None = None
    is_own_cost: bool = False


class RefusedLine(NamedTuple):
    """A line that is refused by itself; the rest of the bill is adjudicated."""

    line_id: str
    reason: Reason


class CoverPeriod(NamedTuple):
    """Days of cover, both included; None is without end."""

    start_date: dt.date
    end_date: dt.date | None


class Given(NamedTuple):
    """What another payer has paid of the bill."""

    fund_type: str
    amount_fen: int


class Balances(NamedTuple):
    """What the purses of an account hold, in fen."""

    current_year_fen: int = 0
    carried_fen: int = 0
    family_fen: int = 0


NO_BALANCES = Balances()


class Bill(NamedTuple):
    """A bill of a visit up to its last day `date`.

    `admission_date` is the visit's; None is that of its first bill, or `date`.
    `transfer_from` is the visit that this one continues. `facts_at_admission` stand where a
    policy asks for them; None are the same. `cover` None covers every day.
    """

    visit_id: str
    date: dt.date
    lines: tuple[BillLine, ...]
    facts: Facts
    facts_at_admission: Facts | None = None
    admission_date: dt.date | None = None
    transfer_from: str | None = None
    cover: tuple[CoverPeriod, ...] | None = None
    given: tuple[Given, ...] = ()
    account_used: bool = False
    balances: Balances = NO_BALANCES
