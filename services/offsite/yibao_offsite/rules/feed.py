"""What settlement is told of registrations and of the holds of audits, each told whole."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegisteredCare:
    """A registration as bills are decided by it.

    `category`, `terms`, `benefits` and `origin` are numbers of the contract. `end_date` is the
    last day of cover, as granted or as something ended it; None until changed. What `is_void`
    never covered anything. `version` rises with every change of the registration.
    """

    registration_id: str
    person_id: str
    category: int
    treatment_region: str
    terms: int
    benefits: tuple[int, ...]
    start_date: dt.date
    end_date: dt.date | None
    is_void: bool
    origin: int
    version: int


@dataclass(frozen=True, slots=True)
class AuditHold:
    """A hold of an audit: no bill of the visit is settled until it is lifted.

    `attestation` is the hold as this service signed it. `version` rises with every change.
    """

    hold_id: str
    person_id: str
    visit_id: str
    task_id: str
    is_lifted: bool
    attestation: bytes
    version: int
