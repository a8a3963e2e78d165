"""Registrations for care elsewhere and holds of audits, as offsite tells them."""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple


class Benefit(enum.IntEnum):
    """What a region opens elsewhere, by its number in the contract."""

    INPATIENT = 1
    OUTPATIENT = 2
    CHRONIC = 3
    PHARMACY = 4


# Of `origin`: a hospital's emergency mark of one visit, which offsite has on record (视同备案).
DEEMED = 4


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
    def may_cover(self) -> bool:
        """Whether bills are decided by it.

        Not where it is void, nor where it is deemed: the mark decides the bills of its own visit,
        and it stands for no other one.
        """
        return not self.is_void and self.origin != DEEMED


class KnownCare(NamedTuple):
    """What is known for a visit elsewhere of somebody.

    `registered` are the person's registrations, under all records that were merged; `deemed_id`
    is the one under which offsite has the emergency of the visit on record, None of none. All
    that offsite had was known `news_age` ago; None where it never was.
    """

    registered: Sequence[RegisteredCare]
    deemed_id: str | None = None
    news_age: dt.timedelta | None = None

    @classmethod
    def as_of(
        cls,
        now: dt.datetime,
        registered: Sequence[RegisteredCare],
        deemed_id: str | None,
        news_time: dt.datetime | None,
    ) -> "KnownCare":
        """Returns what is known at a time; `news_time` is when all was known last, None if never.

        A time to come was stored by a process whose clock is ahead, and counts as now.
        """
        age = None if news_time is None else max(now - news_time, dt.timedelta())
        return cls(registered, deemed_id, age)

    @property
    def is_emergency_revoked(self) -> bool:
        """Whether offsite found that the visit is no emergency, whatever its mark says."""
        return self.deemed_id is not None and any(
            each.is_void and each.registration_id == self.deemed_id for each in self.registered
        )


NOTHING_KNOWN = KnownCare(())


class AuditHold(NamedTuple):
    """An audit's hold of a visit: none of its bills is settled until it is lifted."""

    hold_id: str
    person_id: str
    visit_id: str
    task_id: str
    is_lifted: bool
    version: int = 0
