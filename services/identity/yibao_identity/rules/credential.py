"""Credentials: cards and e-certificates as settlement sees them."""

import datetime as dt
import enum
from dataclasses import dataclass


class CredentialKind(enum.Enum):
    """What shows who one is (mdtrt_cert_type)."""

    ECERT = 1
    CARD = 3


class CredentialState(enum.Enum):
    """Whether codes of a credential may be accepted, and why not."""

    USABLE = 1
    NOT_ACTIVATED = 2
    RESTRICTED = 3
    LOST = 4
    SUSPENDED = 5
    REPLACED = 6
    CLOSED = 7


@dataclass(frozen=True, slots=True)
class Credential:
    """A card or e-certificate by the subject that stands in its codes.

    `certificate_id` is the e-certificate's own, by which its holder calls; None for a card.
    Codes under a device certificate that was revoked before its end are not accepted, nor
    are those that the issuer signed in a second before `codes_since_time`: somebody who may
    not any more showed one of them.
    """

    subject: str
    kind: CredentialKind
    state: CredentialState
    revoked_device_certificate_ids: tuple[str, ...] = ()
    codes_since_time: dt.datetime | None = None
    certificate_id: str | None = None
