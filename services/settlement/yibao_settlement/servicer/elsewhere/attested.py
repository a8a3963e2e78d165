"""Attestations of registrations that a request carries, as values that bills are decided by."""

import datetime as dt

from yibao import attestation
from yibao.qr import scanned
from yibao.trust import TrustSnapshot
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import Benefit, RegisteredCare
from yibao_settlement.servicer.elsewhere.messages import TERMS

_REASONS = {
    "malformed": Reason.ATTESTATION_MALFORMED,
    "unknown_key": Reason.ATTESTATION_UNKNOWN_KEY,
    "bad_signature": Reason.ATTESTATION_BAD_SIGNATURE,
    "not_yet_valid": Reason.ATTESTATION_NOT_YET_VALID,
    "clock_suspect": Reason.ATTESTATION_NOT_YET_VALID,
    "expired": Reason.ATTESTATION_EXPIRED,
    "revoked": Reason.ATTESTATION_REVOKED,
    "stale_trust": Reason.ATTESTATION_STALE_TRUST,
}
_TERMS_BY_NUMBER = {int(number): terms for terms, number in TERMS.items()}
_BENEFITS = frozenset(map(int, Benefit))


def attested_of(
    text: str, *, trust: TrustSnapshot, region: str, now: dt.datetime
) -> RegisteredCare:
    """Returns the registration that an attestation states.

    Whether it still holds is asked of what the feed told since, where bills are decided.

    Raises RuleError ATTESTATION_MALFORMED, ATTESTATION_UNKNOWN_KEY, ATTESTATION_BAD_SIGNATURE,
    ATTESTATION_NOT_YET_VALID, ATTESTATION_EXPIRED, ATTESTATION_STALE_TRUST;
    ATTESTATION_OF_ANOTHER of another region.
    """
    try:
        told = attestation.verify(scanned(text), trust=trust, now=now)
    except attestation.QrError as error:
        reason = _REASONS[error.error]
        if error.offset_seconds is None:
            raise RuleError(reason, str(error)) from None
        raise RuleError(reason, str(error), offset_seconds=error.offset_seconds) from None
    if told.region != region:
        raise RuleError(
            Reason.ATTESTATION_OF_ANOTHER,
            f"the attestation is of region {told.region}, and not of {region}",
            region=told.region,
        )
    terms = _TERMS_BY_NUMBER.get(told.terms)
    if terms is None:
        # Terms of a later version: what they pay is not known here.
        raise RuleError(Reason.ATTESTATION_MALFORMED, f"terms {told.terms} are not known here")
    return RegisteredCare(
        told.registration_id,
        told.person_id,
        told.category,
        told.treatment_region,
        terms,
        tuple(Benefit(each) for each in told.benefits if each in _BENEFITS),
        told.first_day,
        told.last_day,
        is_void=False,
        origin=told.origin,
        version=told.version,
    )
