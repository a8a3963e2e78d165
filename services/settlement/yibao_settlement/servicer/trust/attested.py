"""Verifies attestations of registrations and holds, against the trust that codes are judged by.

That a registration was revoked or ended meanwhile is told by offsite's feed, within seconds:
`rules/elsewhere/attested.py` says whose word counts. No status list is fetched here.
"""

import datetime as dt

from yibao import attestation
from yibao.attestation import Attested, AttestedHold, QrError
from yibao.qr import scanned
from yibao.trust import TrustSnapshot
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import AuditHold, Benefit, RegisteredCare

_REASONS = {
    "malformed": Reason.ATTESTATION_MALFORMED,
    "unknown_key": Reason.ATTESTATION_UNKNOWN_KEY,
    "bad_signature": Reason.ATTESTATION_BAD_SIGNATURE,
    "not_yet_valid": Reason.ATTESTATION_NOT_YET_VALID,
    "expired": Reason.ATTESTATION_EXPIRED,
    "clock_suspect": Reason.CLOCK_SUSPECT,
    "stale_trust": Reason.ATTESTATION_STALE_TRUST,
}
# By the numbers of the contract; the one of bills without a registration is never attested.
_TERMS = {1: "local", 2: "long_term", 3: "referral", 4: "emergency", 5: "temporary"}
_USE = "attest"
_BENEFITS = frozenset(int(each) for each in Benefit)


def verified(text: str, *, trust: TrustSnapshot, at: dt.datetime) -> Attested:
    """Returns what an attestation states, verified as of `at`.

    Raises RuleError: an ATTESTATION_* reason, or CLOCK_SUSPECT.
    """
    try:
        attested = attestation.verify(text, trust=trust, now=at)
    except QrError as error:
        raise _refusal(error, trust) from None
    if attested.terms not in _TERMS:
        # Of a later version; nothing can be decided by it here.
        raise RuleError(
            Reason.ATTESTATION_MALFORMED, f"terms {attested.terms} are not known in this version"
        )
    return attested


def verified_hold(
    data: bytes, *, trust: TrustSnapshot, at: dt.datetime, is_told_now: bool = False
) -> AttestedHold:
    """Returns what an attested hold states; `is_told_now` where offsite itself tells it.

    Raises RuleError: an ATTESTATION_* reason, or CLOCK_SUSPECT.
    """
    try:
        return attestation.verify_hold(data, trust=trust, now=at, is_told_now=is_told_now)
    except QrError as error:
        raise _refusal(error, trust) from None


def registered_care(attested: Attested) -> RegisteredCare:
    """Returns an attestation that was verified here as the feed would have told it."""
    return RegisteredCare(
        attested.registration_id,
        attested.person_id,
        attested.category,
        attested.treatment_region,
        _TERMS[attested.terms],
        # One that this version does not know opens nothing here.
        tuple(Benefit(each) for each in attested.benefits if each in _BENEFITS),
        attested.first_day,
        attested.last_day,
        is_void=False,
        origin=attested.origin,
        version=attested.version,
    )


def attested_of(text: str, *, trust: TrustSnapshot, region: str, at: dt.datetime) -> RegisteredCare:
    """Returns the registration of a region that an attestation states, verified as of `at`.

    Raises RuleError: an ATTESTATION_* reason, ATTESTATION_OF_ANOTHER of another region's, or
    CLOCK_SUSPECT.
    """
    attested = verified(scanned(text), trust=trust, at=at)
    if attested.region != region:
        raise RuleError(
            Reason.ATTESTATION_OF_ANOTHER,
            f"the attestation is of region {attested.region}, and not of {region}",
            region=attested.region,
        )
    return registered_care(attested)


def states(attested: AttestedHold, hold: AuditHold, *, region: str) -> bool:
    """Tells whether an attestation is of a hold as the feed tells it, and of no other."""
    return (
        attested.region,
        attested.hold_id,
        attested.person_id,
        attested.visit_id,
        attested.task_id,
        attested.is_lifted,
        attested.version,
    ) == (
        region,
        hold.hold_id,
        hold.person_id,
        hold.visit_id,
        hold.task_id,
        hold.is_lifted,
        hold.version,
    )


def signs_attestations(trust: TrustSnapshot, region: str) -> bool:
    """Tells whether a key is listed for attestations of a region, and not killed."""
    keys = trust.keys.values()
    return any(k.use == _USE and region in k.issuers and not k.is_killed for k in keys)


def _refusal(error: QrError, trust: TrustSnapshot) -> RuleError:
    reason = _REASONS[error.error]
    if reason is Reason.ATTESTATION_UNKNOWN_KEY:
        # Whose trust is behind is found by its version.
        version = trust.version
        return RuleError(Reason.ATTESTATION_UNKNOWN_KEY, str(error), trust_version=version)
    if error.offset_seconds is None:
        return RuleError(reason, str(error))
    return RuleError(reason, str(error), offset_seconds=error.offset_seconds)
