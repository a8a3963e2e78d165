"""What is stored and read as a whole."""

import datetime as dt
from dataclasses import dataclass

from yibao_identity.rules.person import Enrolment, Person


@dataclass(frozen=True, slots=True)
class EnrolmentChange:
    """What settlement must know of a person from `sequence` of the region's feed on.

    `subject` is empty until a certificate is active.
    """

    sequence: int
    person_id: str
    subject: str
    birth_date: dt.date
    enrolment: Enrolment
    credential_usable: bool


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """A person with the enrolment that stands now."""

    person: Person
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """A signed trust snapshot: `list_digest` stands for the keys it lists."""

    version: int
    trust_key_id: bytes
    list_digest: bytes
    issue_time: dt.datetime
    snapshot: bytes
