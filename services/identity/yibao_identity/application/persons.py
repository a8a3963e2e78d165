"""What is asked about persons, and who answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller
from yibao_identity.application.records import EnrolledPerson, EnrolmentChange
from yibao_identity.rules.documents import ShownDocument
from yibao_identity.rules.newborn import NewbornRegistration
from yibao_identity.rules.person import Correction, Registration

EncodePerson = Callable[[EnrolledPerson], bytes]


@dataclass(frozen=True, slots=True)
class RegisterPerson:
    """Registers a person and the first enrolment."""

    request: Request
    registration: Registration


@dataclass(frozen=True, slots=True)
class RegisterNewborn:
    """Registers a newborn with a parent."""

    request: Request
    parent_id: str
    registration: NewbornRegistration


@dataclass(frozen=True, slots=True)
class UpdatePerson:
    """Corrects the name or replaces the identity document."""

    request: Request
    person_id: str
    correction: Correction
    explanation: str


@dataclass(frozen=True, slots=True)
class SearchPersons:
    """Looks up whom a document names."""

    region: str
    caller: Caller
    document: ShownDocument


class Persons(Protocol):
    """Insured persons and the feed of their changes. Blocks."""

    def register(self, command: RegisterPerson, encode: EncodePerson) -> bytes:
        """Registers a person once by request id and returns the answer's bytes.

        Raises RuleError PERSON_EXISTS, REQUEST_ID_REUSED, or what the rules refuse.
        """
        ...

    def register_newborn(self, command: RegisterNewborn, encode: EncodePerson) -> bytes:
        """Registers a newborn once by request id and returns the answer's bytes.

        Raises RuleError PERSON_NOT_FOUND, PERSON_MERGED, PERSON_EXISTS, REQUEST_ID_REUSED,
        or what the rules refuse.
        """
        ...

    def update(self, command: UpdatePerson, encode: EncodePerson) -> bytes:
        """Corrects a person once by request id and returns the answer's bytes.

        Raises RuleError PERSON_NOT_FOUND, PERSON_MERGED, PERSON_EXISTS, REQUEST_ID_REUSED,
        or what the rules refuse.
        """
        ...

    def search(self, command: SearchPersons) -> EnrolledPerson | None:
        """Returns whom a document names, after the look-up was put on record.

        Of a record that was merged, the one that took its place.
        """
        ...

    def find(self, region: str, person_id: str) -> EnrolledPerson | None:
        """Returns a person, or None; a merged one as what it was."""
        ...

    def changes(self, region: str, *, after_sequence: int, limit: int) -> list[EnrolmentChange]:
        """Returns at most `limit` changes that follow `after_sequence`, without a gap."""
        ...
