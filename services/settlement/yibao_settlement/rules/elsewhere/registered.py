"""Registrations for care elsewhere and holds of audits, as offsite tells them."""

import datetime as dt
import enum
from typing import NamedTuple

# REGISTRATION_ORIGIN_DEEMED of the contract.
_DEEMED = 4


class Benefit(enum.IntEnum):
    """What a region opens elsewhere, by its number in the contract."""

    INPATIENT = 1
    OUTPATIENT = 2
    CHRONIC = 3
    PHARMACY = 4


class RegisteredCare(NamedTuple):
    """A registration as bills are decided by it.

    `category` and `origin` are numbers of the contract, `terms` a code of the policies' fact
    `offsite`. `end_date` is the last day of cover, as granted or as something ended it; None
    until changed. What `is_void` never covered anything.
    """

    registration_id: str
    person_id: str
    category: int
    treatment_region: str
    terms: str
    benefits: tuple[Benefit, ...]
    start_date: dt.date
    end_date: dt.date | None
    is_void: bool = False
    origin: int = 0
    version: int = 0

    @property
    def covers_nothing(self) -> bool:
        """Whether no care is covered by it: it was found void, or is what a mark stands for.

        An emergency that counts as registered (视同备案) is of the one visit that bears the mark,
        which decides that visit itself for as long as it is marked.
        """
        return self.is_void or self.origin == _DEEMED


class AuditHold(NamedTuple):
    """An audit's hold of a visit: none of its bills is settled until it is lifted."""

    hold_id: str
    person_id: str
    visit_id: str
    task_id: str
    is_lifted: bool
    version: int = 0
