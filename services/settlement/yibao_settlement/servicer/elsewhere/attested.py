"""Attestations of registrations that a request carries, as values that bills are decided by."""

import datetime as dt

from yibao.qr import scanned
from yibao.trust import TrustSnapshot
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.servicer.trust.attested import registered_care, verified


def attested_of(
    text: str, *, trust: TrustSnapshot, region: str, now: dt.datetime
) -> RegisteredCare:
    """Returns the registration that an attestation states.

    Whether it still holds is asked of what the feed told since, where the visit is decided.

    Raises RuleError as `verified`; ATTESTATION_OF_ANOTHER of another region.
    """
    told = verified(scanned(text), trust=trust, at=now)
    if told.region != region:
        raise RuleError(
            Reason.ATTESTATION_OF_ANOTHER,
            f"the attestation is of region {told.region}, and not of {region}",
            region=told.region,
        )
    return registered_care(told)
