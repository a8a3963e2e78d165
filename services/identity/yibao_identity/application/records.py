"""What is stored and read as a whole."""

import datetime as dt
from dataclasses import dataclass

from yibao_identity.rules.credential import Credential
from yibao_identity.rules.enrolment import Enrolment
from yibao_identity.rules.person import Person


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """All that settlement must know of a person, as it stands when it is read.

    `payer_ids` are the relatives whose accounts may pay, in the order in which they agreed.
    """

    person_id: str
    birth_date: dt.date
    enrolments: tuple[Enrolment, ...]
    credentials: tuple[Credential, ...]
    merged_into: str | None
    payer_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentChange:
    """An entry of the region's feed: that something changed, and what stands now."""

    sequence: int
    standing: PersonStanding


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """A person with the enrolments that stand, in the order of `rules.enrolment.in_order`."""

    person: Person
    enrolments: tuple[Enrolment, ...]
