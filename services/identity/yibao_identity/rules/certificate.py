"""E-certificates (医保电子凭证): their subjects, their life, and when a code may be issued."""

import datetime as dt
import enum
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_identity.rules.qr_code import SUBJECT_CHARACTERS

# Crockford's base32: no I, L, O or U, so that a subject read aloud is not mistaken.
SUBJECT_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5


class CertificateState(enum.Enum):
    """Where a certificate is in its life."""

    ACTIVE = 1
    SUSPENDED = 2


class ProofingMethod(enum.Enum):
    """How the person's identity was proved at activation."""

    FACE = 1
    COUNTER = 2


@dataclass(frozen=True, slots=True)
class Certificate:
    """An e-certificate; `subject` stands in its codes in place of the person."""

    region: str
    certificate_id: str
    person_id: str
    subject: str
    state: CertificateState
    activate_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Proofing:
    """The evidence of who activated: method and the prover's reference."""

    method: ProofingMethod
    reference: str


def new_subject(random_bytes: Callable[[int], bytes]) -> str:
    """Returns 13 characters of 65 random bits; nothing of the person goes into them."""
    bits = int.from_bytes(random_bytes(9))
    return "".join(
        SUBJECT_ALPHABET[bits >> (_BITS * place) & 0x1F] for place in range(SUBJECT_CHARACTERS)
    )


def certificate_not_found(certificate_id: str) -> RuleError:
    """Returns the refusal of an unknown certificate."""
    return RuleError(
        Reason.CERTIFICATE_NOT_FOUND,
        f"certificate {certificate_id} does not exist",
        certificate_id=certificate_id,
    )


def certificate_exists(certificate_id: str) -> RuleError:
    """Returns the refusal of a second certificate of a person."""
    return RuleError(
        Reason.CERTIFICATE_EXISTS,
        f"the person has certificate {certificate_id}",
        certificate_id=certificate_id,
    )


def check_may_issue(certificate: Certificate) -> None:
    """Refuses a code for a certificate that is not active (I-06).

    Raises:
        RuleError: ECERT_NOT_ACTIVATED.
    """
    if certificate.state is not CertificateState.ACTIVE:
        raise RuleError(
            Reason.ECERT_NOT_ACTIVATED,
            f"certificate {certificate.certificate_id} is {certificate.state.name.lower()}",
            certificate_id=certificate.certificate_id,
            state=certificate.state.name,
        )
