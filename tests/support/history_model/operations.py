"""What can be asked of a history; every operation has an id of its own.

A settlement is named after the operation that settled, held or corrected it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .bills import Bill
from .columns import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something asked; the id of one that is repeated gets the same answer."""

    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPerson(Operation):
    """A bill of a person at an institution; `expected` are the sums of a trial."""

    person_id: str
    institution_id: str
    bill: Bill
    expected: Column | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(OfPerson):
    """A final bill, or the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim(OfPerson):
    """A bill of a stay that goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(OfPerson):
    """A bill that is quoted and keeps its place for some seconds."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSettlement(Operation):
    """Something asked of a settlement, by its institution or by an agency."""

    settlement_id: str
    by_agency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack(OfSettlement):
    """Takes a bill back, in part or for another one.

    `restated_cash_fen` is what a trial asked for later bills that are restated.
    """

    restated_cash_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(TakeBack):
    """Quantities `returned` by line number; `expected` is what would be given back."""

    returned: Mapping[int, int]
    expected: Column | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(TakeBack):
    """Takes a bill back altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct(TakeBack):
    """Puts another bill in the place of one; `with_code` lets the account pay more."""

    bill: Bill
    with_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeOverride(OfSettlement):
    """An operator of the agency proposes to take a bill back before later ones, by `act`."""

    act: Refund | Reverse | Correct
    maker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOverride(Operation):
    """Another operator confirms the sums of a proposal; what it makes is named after this."""

    override_id: str
    checker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(OfSettlement):
    """Makes a hold a settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(OfSettlement):
    """Gives a hold up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassTime(Operation):
    """Lets seconds pass; the next operation finds the holds that have run out."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(Operation):
    """The sweeper's turn: ends the holds that have run out, as any operation does first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprice(Operation):
    """Puts other terms on bills and on what else was settled of their stays.

    Empty `terms` stay as they are. `is_liable` tells whether a third party is liable for the
    stays by now, None that this stays as it is, too.
    """

    settlement_ids: tuple[str, ...]
    terms: str
    maker: str
    checker: str
    is_liable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Operation):
    """Two records are one person, for whom `person_id` stands from here on."""

    person_id: str
    retired_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Operation):
    """Closes the open month of an institution or, without one, the year of all."""

    institution_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Operation):
    """Money into a personal account."""

    person_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDifference(Operation):
    """Pays a difference out, or collects it where `amount_fen` is negative."""

    person_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDue(Operation):
    """Puts into a purse what it paid too much."""

    person_id: str


def is_followed(operation: Operation) -> bool:
    """Tells whether something may be put behind an operation of a history.

    A month that has gone by is closed at once: the model counts to it all that is before.
    """
    return not isinstance(operation, (PassTime, Close))
