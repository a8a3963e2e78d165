"""Qualifications as one transaction finds, locks and writes them."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    HandedPaper,
    Qualification,
    QualificationEvent,
    QualificationState,
)


@dataclass(frozen=True, slots=True)
class Errand:
    """What identity is to be told of a qualification: waiting since, tried so often."""

    qualification_id: str
    errand_id: str
    wait_time: dt.datetime
    attempts: int
    next_try_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which qualifications are listed; what is None or empty is not asked for.

    `person_ids` are records of one person. `first_end_date` and `latest_end_date` are first and
    last of the last days, both included, of approved ones.
    """

    person_ids: tuple[str, ...] = ()
    disease_code: str = ""
    institution_id: str = ""
    state: QualificationState | None = None
    carry_state: CarryState | None = None
    first_end_date: dt.date | None = None
    latest_end_date: dt.date | None = None


class QualificationRows(Protocol):
    """The qualifications of a region."""

    def find(self, qualification_id: str) -> Qualification | None:
        """Returns a qualification, or None."""
        ...

    def lock(self, qualification_id: str) -> Qualification | None:
        """Locks a qualification until the transaction ends and returns it, or None."""
        ...

    def of_persons(self, person_ids: Collection[str]) -> Sequence[Qualification]:
        """Returns every qualification of some records, the one applied for first at the head."""
        ...

    def page(self, wanted: Wanted, *, after: str | None, limit: int) -> Sequence[Qualification]:
        """Returns at most `limit` qualifications, the one applied for first at the head."""
        ...

    def insert(self, qualification: Qualification) -> None:
        """Stores a new qualification with its papers."""
        ...

    def update(self, qualification: Qualification) -> None:
        """Stores what a locked qualification became; papers are added apart."""
        ...

    def add_papers(
        self, qualification_id: str, papers: Sequence[HandedPaper], *, at: dt.datetime, by: str
    ) -> None:
        """Adds papers that were handed in to a locked qualification."""
        ...

    def add_event(self, qualification_id: str, event: QualificationEvent) -> None:
        """Adds what happened to a qualification that is locked or new."""
        ...

    def events(self, qualification_id: str) -> Sequence[QualificationEvent]:
        """Returns what happened to a qualification, the first thing first."""
        ...

    def count_refused(self) -> int:
        """Counts the qualifications that identity refused."""
        ...


class ErrandRows(Protocol):
    """What identity is to be told of a region's qualifications, and which identity was told."""

    def put_errand(self, errand: Errand) -> None:
        """Stores what identity is to be told, in the place of what it was to be told before."""
        ...

    def errand(self, qualification_id: str) -> Errand | None:
        """Returns what identity is to be told of a qualification, or None."""
        ...

    def remove_errand(self, errand: Errand) -> None:
        """Notes that identity was told, or does not take it."""
        ...

    def due_errands(
        self, now: dt.datetime, *, most_wait: dt.timedelta, limit: int
    ) -> Sequence[Errand]:
        """Returns at most `limit` errands that are to be tried, the longest due first.

        One that is to be tried further ahead than anything waits was given while a clock was
        ahead: it is tried too.
        """
        ...

    def count_errands(self, *, waiting_since: dt.datetime) -> int:
        """Counts the errands that wait since an instant or longer."""
        ...

    def compare_all(self, errand_id: str, now: dt.datetime) -> int:
        """Has every qualification told again that identity has or refused; returns how many."""
        ...

    def identity_epoch(self) -> str:
        """Returns the epoch of the identity that was told; empty before the first."""
        ...

    def put_identity_epoch(self, epoch: str) -> None:
        """Stores the epoch of the identity that is told from now on."""
        ...
