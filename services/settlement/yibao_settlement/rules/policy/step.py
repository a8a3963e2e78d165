"""The steps of a benefit policy, compiled: tables of rows, and expressions over amounts.

Every step has names for what it leaves to later steps, such as `P1.overflow`; a policy
lists all of them in `Policy.amount_names`, and a `Sum` holds positions in that list. Each
step type has a file of its own that says what it computes.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from yibao_settlement.rules.policy.brackets import Bracket, Curve
from yibao_settlement.rules.policy.tables import Condition

# What `classify` leaves to later steps, at the first positions of every policy.
BILL_NAMES = ("total", "excluded", "over_limit", "prepay", "eligible")
TOTAL, EXCLUDED, OVER_LIMIT, PREPAY, ELIGIBLE = range(len(BILL_NAMES))


@dataclass(frozen=True, slots=True)
class Sum:
    """Named amounts added less named amounts subtracted, by position; at least zero."""

    add: tuple[int, ...]
    subtract: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What every step has. `clause` cites document and clause; a row may cite its own.

    A bill on which `applies` does not hold passes the step with all amounts zero. `leaves`
    names what a step of the type leaves to later ones, each behind the step's id and a
    point, at positions from `first`; every type declares it.
    """

    leaves: ClassVar[tuple[str, ...]]

    id: str
    title: str
    title_zh: str
    clause: str
    applies: Condition


# In place of a first self-pay share: the line is full own cost, or its item must bring a
# share of its own.
OWN_COST = -1
BY_ITEM = -2


@dataclass(frozen=True, slots=True)
class ClassifyRow:
    """First self-pay shares by catalogue class, in ppm, or OWN_COST or BY_ITEM."""

    when: Condition
    clause: str
    prepay_ppm: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ClassifyStep(Step):
    """Splits lines into excluded, over limit, first self-pay and eligible.

    It comes first and leaves BILL_NAMES, which stand in every policy without its id.
    """

    leaves = ()

    rows: tuple[ClassifyRow, ...]


@dataclass(frozen=True, slots=True)
class DeductibleRow:
    """A deductible, and the most that all bills of a year may pay of deductibles."""

    when: Condition
    clause: str
    amount_fen: int
    annual_cap_fen: int | None


@dataclass(frozen=True, slots=True)
class DeductibleStep(Step):
    """A deductible (起付线), of each bill or of the year."""

    leaves = ("paid",)

    rows: tuple[DeductibleRow, ...]
    base: Sum
    over_year: bool
    accumulator: str
    first: int


class Axis(enum.Enum):
    """What the brackets of a `tiers` step are measured on."""

    COVERED_FEE = "covered_fee"
    ABOVE_THRESHOLD = "above_threshold"


@dataclass(frozen=True, slots=True)
class TiersRow:
    """Brackets as written, and as the curve on the base that they come to."""

    when: Condition
    clause: str
    threshold_fen: int
    cap_fen: int | None
    brackets: tuple[Bracket, ...]
    curve: Curve


@dataclass(frozen=True, slots=True)
class TiersStep(Step):
    """A fund that pays brackets of a base, of each bill or along the year.

    `deductible` is the position of a deductible that eats into the brackets from below,
    `deductible_accumulator` its accumulator where it is of the year.
    """

    leaves = ("base", "below", "paid", "copay", "overflow")

    rows: tuple[TiersRow, ...]
    fund_type: str
    base: Sum
    axis: Axis
    deductible: int | None
    deductible_accumulator: str | None
    over_year: bool
    cap_over_year: bool
    base_accumulator: str
    fund_accumulator: str
    first: int


# Parts of what a person bears, in the order in which funds relieve the person of them.
COST_PARTS = ("copay", "deductible", "prepay", "over_limit", "excluded")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """The parts of the personal cost, by position in COST_PARTS, that the personal
    account may pay.
    """

    when: Condition
    clause: str
    pays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccountStep(Step):
    """What the personal account pays of the personal cost."""

    leaves = ()

    rows: tuple[AccountRow, ...]


PolicyStep = ClassifyStep | DeductibleStep | TiersStep | AccountStep
