"""Credentials: the cards and e-certificates whose codes a counter may accept."""

import enum
from collections.abc import Collection
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class CredentialKind(enum.IntEnum):
    """What shows who one is (mdtrt_cert_type)."""

    ECERT = 1
    CARD = 3


class CredentialState(enum.IntEnum):
    """Whether codes of a credential may be accepted, and why not."""

    USABLE = 1
    NOT_ACTIVATED = 2
    RESTRICTED = 3
    LOST = 4
    SUSPENDED = 5
    REPLACED = 6
    CLOSED = 7


class Credential(NamedTuple):
    """A card or e-certificate, by the subject that stands in its codes.

    Kind and state are the numbers of the contract; a state that this version does not
    know is not usable. Nor are codes that a phone signed under a device certificate that
    was revoked; its id is the claim `cti` in hexadecimal. Nor are codes that the issuer signed
    in a second (of 1970) before `codes_since_second`: who showed one may not any more.
    `certificate_id` is an e-certificate's own, by which its holder calls.
    """

    subject: str
    person_id: str
    kind: int
    state: int
    revoked_device_certificate_ids: Collection[str] = ()
    codes_since_second: int | None = None
    certificate_id: str | None = None


_CARD_CLOSED = (Reason.CARD_CLOSED, "the card was replaced or closed")
_NO_ECERT = (Reason.ECERT_NOT_ACTIVATED, "the e-certificate is not active")
_CARD_REFUSALS = {
    CredentialState.NOT_ACTIVATED: (Reason.CARD_NOT_ACTIVATED, "the card is not activated"),
    CredentialState.RESTRICTED: (
        Reason.CARD_RESTRICTED_NOT_ACTIVATED,
        "the card was not activated within 6 calendar months; a counter can still do so",
    ),
    CredentialState.LOST: (Reason.CARD_REPORTED_LOST, "the card is reported lost"),
    CredentialState.SUSPENDED: (Reason.CARD_SUSPENDED, "the card is suspended"),
}
_ECERT_REFUSALS = {
    CredentialState.SUSPENDED: (Reason.ECERT_SUSPENDED, "the e-certificate is suspended"),
}


def check_usable(credential: Credential) -> None:
    """Raises the reason of the credential's state where its codes are not accepted.

    CARD_NOT_ACTIVATED (I-27), CARD_RESTRICTED_NOT_ACTIVATED (I-21, I-22),
    CARD_REPORTED_LOST (I-19), CARD_SUSPENDED, ECERT_SUSPENDED (I-04), CARD_CLOSED,
    ECERT_NOT_ACTIVATED (I-06). A code that was issued before is refused as well.
    """
    state = credential.state
    if state == CredentialState.USABLE:
        return
    if credential.kind == CredentialKind.ECERT:
        reason, message = _ECERT_REFUSALS.get(state, _NO_ECERT)  # type: ignore[call-overload]
    else:
        reason, message = _CARD_REFUSALS.get(state, _CARD_CLOSED)  # type: ignore[call-overload]
    raise RuleError(reason, message)
