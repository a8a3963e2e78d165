"""Whose word counts where a registration is both attested and told by offsite's feed."""

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import RegisteredCare


def standing_care(attested: RegisteredCare, told: RegisteredCare | None) -> RegisteredCare:
    """Returns what stands of a registration: of what is attested and what was told the newer.

    So an attestation brings what the feed has not told yet, and never what is over: its last
    day is that of the newest version known, and of one version the feed's word counts.

    Raises:
        RuleError: ATTESTATION_REVOKED; the feed told that it covers nothing.
    """
    if told is None:
        return attested
    assert told.registration_id == attested.registration_id
    if told.is_void:
        raise RuleError(
            Reason.ATTESTATION_REVOKED,
            f"registration {told.registration_id} was revoked",
            registration_id=told.registration_id,
        )
    return attested if told.version < attested.version else told
