"""Registrations of a region, as one transaction finds, locks and writes them."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from yibao_offsite.rules.registration.kinds import Category, TaskKind
from yibao_offsite.rules.registration.registration import Registration, Step
from yibao_offsite.rules.registration.states import State


@dataclass(frozen=True, slots=True)
class RegistrationWish:
    """Which registrations are listed; None and empty where any. `day` is one of cover.

    `registered_by` is the beginning of the path of who applied: a party's.
    """

    person_id: str | None = None
    treatment_region: str | None = None
    state: State | None = None
    category: Category | None = None
    day: dt.date | None = None
    party: str | None = None


class RegistrationPlace(NamedTuple):
    """A place in a list of registrations: the first day of one, and its id."""

    start_date: dt.date
    registration_id: str


class TaskPlace(NamedTuple):
    """A place in the list of tasks: when it is due, and whose it is."""

    due_date: dt.date
    registration_id: str


class Standing(NamedTuple):
    """Registrations of persons that take their places, by rising ids, and how these are limited.

    `limits` are by person the last days on which its self-service is or was limited.
    """

    registrations: Sequence[Registration]
    limits: Mapping[str, dt.date]


class RegistrationRows(Protocol):
    """Registrations of a region, as one transaction finds, locks and writes them."""

    def of_person(self, person_id: str) -> Sequence[Registration]:
        """Returns every registration of a person."""
        ...

    def of_persons(self, person_ids: Collection[str]) -> Sequence[Registration]:
        """Returns the open registrations of persons, in the order of their ids."""
        ...

    def standing(self, person_ids: Collection[str]) -> Standing:
        """Returns what else decides about persons who apply."""
        ...

    def of_visit(self, visit_id: str) -> Registration | None:
        """Returns the deemed registration of a visit, or None."""
        ...

    def find(self, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        ...

    def lock(self, registration_id: str) -> Registration | None:
        """Locks a registration until the transaction ends and returns it, or None."""
        ...

    def insert(self, registrations: Sequence[tuple[Registration, Step]]) -> None:
        """Stores new registrations, each with the step that made it."""
        ...

    def update(self, registration: Registration, step: Step) -> None:
        """Stores a registration that was locked and has changed, with the step that did it."""
        ...

    def steps(self, registration_id: str) -> Sequence[Step]:
        """Returns what was done to a registration, in order."""
        ...

    def page(
        self, wish: RegistrationWish, *, before: RegistrationPlace | None, limit: int
    ) -> Sequence[Registration]:
        """Returns at most `limit` registrations from before a place, the newest first.

        Where a day of cover is wished for, those that began last come first.
        """
        ...

    def tasks(
        self,
        due_date: dt.date,
        kinds: Collection[TaskKind],
        *,
        today: dt.date,
        after: TaskPlace | None,
        limit: int,
    ) -> Sequence[Registration]:
        """Returns at most `limit` registrations with a task due by a day, the earliest first.

        Of what is to end, those alone that have not by `today`: nobody has to be asked then.
        """
        ...

    def limit_self_service(
        self, person_id: str, registration_id: str, *, until_date: dt.date
    ) -> None:
        """Stores that a registration revoked limits a person's self-service to a last day."""
        ...

    def pass_on_limits(self, person_id: str, survivor_id: str) -> None:
        """Limits a survivor's self-service as that of a person is; twice as once."""
        ...
