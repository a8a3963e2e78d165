"""Each state of a card or e-certificate is refused with a reason of its own."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credential import (
    Credential,
    CredentialKind,
    CredentialState,
    check_usable,
)

CARD, ECERT = CredentialKind.CARD, CredentialKind.ECERT
UNKNOWN_STATE = 99


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        (ECERT, CredentialState.USABLE, None),
        (ECERT, CredentialState.NOT_ACTIVATED, Reason.ECERT_NOT_ACTIVATED),  # I-06
        (ECERT, CredentialState.SUSPENDED, Reason.ECERT_SUSPENDED),  # I-04
        (ECERT, CredentialState.CLOSED, Reason.ECERT_NOT_ACTIVATED),
        (ECERT, UNKNOWN_STATE, Reason.ECERT_NOT_ACTIVATED),
        (CARD, CredentialState.USABLE, None),
        (CARD, CredentialState.NOT_ACTIVATED, Reason.CARD_NOT_ACTIVATED),  # I-27
        # I-21, I-22
        (CARD, CredentialState.RESTRICTED, Reason.CARD_RESTRICTED_NOT_ACTIVATED),
        (CARD, CredentialState.LOST, Reason.CARD_REPORTED_LOST),  # I-19
        (CARD, CredentialState.SUSPENDED, Reason.CARD_SUSPENDED),  # I-04
        (CARD, CredentialState.REPLACED, Reason.CARD_CLOSED),  # I-23
        (CARD, CredentialState.CLOSED, Reason.CARD_CLOSED),
        (CARD, UNKNOWN_STATE, Reason.CARD_CLOSED),
        (CARD, 0, Reason.CARD_CLOSED),
    ],
)
def test_a_state_has_its_reason(kind: CredentialKind, state: int, reason: Reason | None) -> None:
    credential = Credential("SUBJECT000001", "person", kind, state)
    if reason is None:
        check_usable(credential)
        return
    with pytest.raises(RuleError) as caught:
        check_usable(credential)
    assert caught.value.reason is reason
    # Settlement knows neither the card nor the case.
    assert caught.value.metadata == {}
