"""What is asked about enrolments, and who answers."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_identity.application.persons import EncodePerson
from yibao_identity.rules.enrolment import Enrolment, EnrolmentTerms


@dataclass(frozen=True, slots=True)
class AddEnrolment:
    """Adds a period of another insurance type, or after a gap."""

    request: Request
    person_id: str
    insurance_type: str
    terms: EnrolmentTerms
    start_date: dt.date
    end_date: dt.date | None


@dataclass(frozen=True, slots=True)
class ChangeEnrolment:
    """Changes a period from `effective_date` on."""

    request: Request
    person_id: str
    enrolment_id: str
    terms: EnrolmentTerms
    effective_date: dt.date
    end_date: dt.date | None
    explanation: str


@dataclass(frozen=True, slots=True)
class RecordPremium:
    """Records that the premium of a period was received."""

    request: Request
    person_id: str
    enrolment_id: str
    receive_date: dt.date
    payment_reference: str


class Enrolments(Protocol):
    """The periods that persons are insured in. Blocks.

    Each change returns the answer's bytes, once by request id, and raises RuleError
    PERSON_NOT_FOUND, PERSON_MERGED, REQUEST_ID_REUSED, or what the rules refuse.
    """

    def add(self, command: AddEnrolment, encode: EncodePerson) -> bytes:
        """Adds a period; refused with ENROLMENT_OVERLAP as well."""
        ...

    def change(self, command: ChangeEnrolment, encode: EncodePerson) -> bytes:
        """Changes a period; refused with ENROLMENT_NOT_FOUND, ENROLMENT_OVERLAP as well."""
        ...

    def record_premium(self, command: RecordPremium, encode: EncodePerson) -> bytes:
        """Records a premium; refused with ENROLMENT_NOT_FOUND as well."""
        ...

    def history(self, region: str, person_id: str) -> Sequence[Enrolment]:
        """Returns every period that was ever recorded, in the order of recording.

        Raises RuleError PERSON_NOT_FOUND.
        """
        ...
