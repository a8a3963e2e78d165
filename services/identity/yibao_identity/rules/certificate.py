"""E-certificates (医保电子凭证): their subjects, their life, and when a code may be issued."""

import datetime as dt
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.code import SUBJECT_CHARACTERS
from yibao_identity.rules.credential import CredentialState

# Crockford's base32: no I, L, O or U, so that a subject read aloud is not mistaken.
SUBJECT_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5


class CertificateState(enum.Enum):
    """Where a certificate is in its life."""

    ACTIVE = 1
    SUSPENDED = 2
    CLOSED = 3


_CREDENTIAL_STATES = {
    CertificateState.ACTIVE: CredentialState.USABLE,
    CertificateState.SUSPENDED: CredentialState.SUSPENDED,
    CertificateState.CLOSED: CredentialState.CLOSED,
}


class ProofingMethod(enum.Enum):
    """How the person's identity was proved at activation."""

    FACE = 1
    COUNTER = 2
    GUARDIAN = 3


@dataclass(frozen=True, slots=True)
class Certificate:
    """An e-certificate; `subject` stands in its codes in place of the person.

    `stored_state` is active or closed: a suspension lies beside it. `suspension_case_id`
    is set while a case of suspected misuse suspends it, and stays on one that was closed
    meanwhile.
    """

    region: str
    certificate_id: str
    person_id: str
    subject: str
    stored_state: CertificateState
    activate_time: dt.datetime
    suspension_case_id: str | None = None
    close_time: dt.datetime | None = None

    @property
    def state(self) -> CertificateState:
        """Where it is in its life."""
        return certificate_state(self.stored_state, self.suspension_case_id)


@dataclass(frozen=True, slots=True)
class Proofing:
    """The evidence of who activated: method and the prover's reference."""

    method: ProofingMethod
    reference: str


def certificate_state(stored: CertificateState, suspension_case_id: str | None) -> CertificateState:
    """Returns the state of a certificate as stored: a suspension lies beside it."""
    if stored is CertificateState.ACTIVE and suspension_case_id is not None:
        return CertificateState.SUSPENDED
    return stored


def credential_state(state: CertificateState) -> CredentialState:
    """Returns what settlement is told of an e-certificate (I-06, I-04)."""
    return _CREDENTIAL_STATES[state]


def new_subject(random_bytes: Callable[[int], bytes]) -> str:
    """Returns 13 characters of 65 random bits; nothing of the person goes into them."""
    bits = int.from_bytes(random_bytes(9))
    return "".join(
        SUBJECT_ALPHABET[bits >> (_BITS * place) & 0x1F] for place in range(SUBJECT_CHARACTERS)
    )


def close(certificate: Certificate, *, now: dt.datetime) -> Certificate:
    """Returns a certificate as closed for good; a suspension is not shaken off by it (I-04)."""
    return replace(certificate, stored_state=CertificateState.CLOSED, close_time=now)


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


def ecert_suspended(case_id: str) -> RuleError:
    """Returns the refusal of an e-certificate that a case suspends (I-04)."""
    return RuleError(
        Reason.ECERT_SUSPENDED,
        f"the e-certificate is suspended in case {case_id}",
        case_id=case_id,
    )


def check_may_activate(certificates: Sequence[Certificate]) -> None:
    """Refuses a second certificate, and a new one in place of a suspended one (I-04).

    `certificates` are all that the person ever had, and those of records that were merged
    into the person's.

    Raises:
        RuleError: CERTIFICATE_EXISTS, ECERT_SUSPENDED.
    """
    for certificate in certificates:
        if certificate.state is not CertificateState.CLOSED:
            raise certificate_exists(certificate.certificate_id)
    for certificate in certificates:
        if certificate.suspension_case_id is not None:
            raise ecert_suspended(certificate.suspension_case_id)


def check_may_issue(certificate: Certificate) -> None:
    """Refuses a code or a device for a certificate that is not active (I-06, I-04).

    Raises:
        RuleError: ECERT_SUSPENDED, ECERT_NOT_ACTIVATED.
    """
    if certificate.state is CertificateState.ACTIVE:
        return
    if certificate.state is CertificateState.SUSPENDED:
        assert certificate.suspension_case_id is not None
        raise ecert_suspended(certificate.suspension_case_id)
    raise RuleError(
        Reason.ECERT_NOT_ACTIVATED,
        f"certificate {certificate.certificate_id} is {certificate.state.name.lower()}",
        certificate_id=certificate.certificate_id,
        state=certificate.state.name,
    )
