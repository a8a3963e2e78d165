"""The steps of a policy as its file says them.

Every step leaves amounts behind its id and a point (`leaves`), and tags lots (`tags`);
names in a base are those of open lots, so of what payers have paid there is no name.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from yibao_settlement.rules.benefit.amounts import Adjustment, Amount, BracketsRow, Rounding
from yibao_settlement.rules.benefit.conditions import Condition
from yibao_settlement.rules.benefit.table import Table
from yibao_settlement.rules.benefit.windows import Window

# In place of a first self-pay share: full own cost; the item must bring a share of its own.
OWN_COST: Final = -1
BY_ITEM: Final = -2


class Bearer(enum.Enum):
    """Who pays a `tiers` step where it is no fund."""

    HOSPITAL = "hospital"
    EMPLOYER = "employer"
    TREASURY = "treasury"


class Purse(enum.Enum):
    """The purses of an account, in the order in which they pay unless a file says another."""

    CURRENT_YEAR = "current_year"
    CARRIED = "carried"
    FAMILY = "family"


@dataclass(frozen=True, slots=True)
class Step:
    """What every step has. `clause` cites document and clause, empty where the file does not.

    A step that does not apply leaves zeros and touches no lot.
    """

    kind: ClassVar[str]
    leaves: ClassVar[tuple[str, ...]]
    tags: ClassVar[tuple[str, ...]]

    id: str
    title: str
    title_zh: str
    clause: str
    applies: Condition


@dataclass(frozen=True, slots=True)
class SharesRow:
    """First self-pay shares by catalogue class, in ppm, or OWN_COST or BY_ITEM.

    With `as_attested`, class, share and ceiling are those of the catalogue at the place of
    treatment, as attested there.
    """

    shares: Mapping[str, int]
    as_attested: bool


@dataclass(frozen=True, slots=True)
class ClassifyStep(Step):
    """Splits lines into the four parts of a bill; it comes first and once."""

    kind = "classify"
    leaves = ()
    tags = ()

    refuses_out_of_cover: bool
    table: Table[SharesRow]


@dataclass(frozen=True, slots=True)
class GivenStep(Step):
    """Takes what other payers have paid, by what the bill says."""

    kind = "given"
    leaves = ("paid",)
    tags = ()

    fund_types: tuple[str, ...]
    base: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeductibleStep(Step):
    """What the person bears first (起付线), or a first self-pay share of the covered fee.

    With `makes_up` the row is chosen anew for each bill; without, the amount stays that of
    the window's first bill.
    """

    kind = "deductible"
    leaves = ("base", "paid", "rest")
    tags = ("paid", "rest")

    base: tuple[str, ...]
    window: Window
    per: tuple[str, ...]
    makes_up: bool
    as_first_self_pay: bool
    table: Table[Amount]


@dataclass(frozen=True, slots=True)
class TiersStep(Step):
    """A payer pays shares of a base, bracket by bracket.

    `on_top_of` are amounts that lie under the brackets. With `axis_is_paid` bounds of
    brackets are payments. `less` makes the payment what is due less what these have paid;
    None pays along the brackets.
    """

    kind = "tiers"
    leaves = ("base", "below", "covered", "paid", "copay", "overflow", "arrears")
    tags = ("below", "copay", "overflow")

    base: tuple[str, ...]
    payer: str | Bearer
    window: Window
    per: tuple[str, ...]
    on_top_of: tuple[str, ...]
    axis_is_paid: bool
    adjust: tuple[Table[Adjustment], ...]
    less: tuple[str, ...] | None
    rounding: Rounding
    table: Table[BracketsRow]


@dataclass(frozen=True, slots=True)
class AccountStep(Step):
    """What the personal account pays, where the bill lets it."""

    kind = "account"
    leaves = ("paid",)
    tags = ()

    base: tuple[str, ...]
    purses: tuple[Purse, ...]


AnyStep = ClassifyStep | GivenStep | DeductibleStep | TiersStep | AccountStep
LaterStep = GivenStep | DeductibleStep | TiersStep | AccountStep
