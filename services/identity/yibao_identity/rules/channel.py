"""Channels: which way a credential may be used, and where a card may be activated."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import ActivationChannel
from yibao_identity.rules.credential import CredentialKind


class Channel(enum.Enum):
    """A way in which something is done."""

    QR = "QR"
    ONLINE = "ONLINE"
    SWIPE = "SWIPE"
    PHONE = "PHONE"
    COUNTER = "COUNTER"
    HOSPITAL = "HOSPITAL"
    PHARMACY = "PHARMACY"


# How each credential may be used (I-07): an e-certificate is shown or used in an app, a
# card is swiped at a designated hospital or pharmacy and nothing else.
USES: Mapping[CredentialKind, frozenset[Channel]] = MappingProxyType(
    {
        CredentialKind.ECERT: frozenset({Channel.QR, Channel.ONLINE}),
        CredentialKind.CARD: frozenset({Channel.SWIPE}),
    }
)

# Business types of what happens in an app, with nobody's terminal near.
_ONLINE_AUDIENCES = "03"


def check_use(kind: CredentialKind, channel: Channel) -> None:
    """Refuses a way in which a credential may not be used (I-07).

    Raises:
        RuleError: CHANNEL_NOT_ALLOWED.
    """
    if channel not in USES[kind]:
        raise channel_not_allowed(channel)


def channel_of_use(caller: Caller, audience: str) -> Channel:
    """Returns the way in which a card is about to be used: by who calls, and what for."""
    if caller.institution_id is None or audience.startswith(_ONLINE_AUDIENCES):
        return Channel.ONLINE
    return Channel.SWIPE


def check_counter(caller: Caller) -> None:
    """Refuses by telephone what belongs to a counter (I-15).

    Raises:
        RuleError: CHANNEL_NOT_ALLOWED.
    """
    if not is_document_shown(caller):
        raise channel_not_allowed(Channel.PHONE)


def is_counter(caller: Caller) -> bool:
    """Tells whether a caller stands behind a counter: at a bank or the service centre."""
    return caller.role in (Role.AGENCY, Role.BANK)


def is_document_shown(caller: Caller) -> bool:
    """Tells whether a caller can see the holder's document: everybody but by telephone (I-14)."""
    return caller.role is not Role.CHANNEL


def activation_channel(caller: Caller, evidence: Channel) -> ActivationChannel:
    """Returns where a card is activated, by who calls and the evidence given (I-24 to I-27).

    Raises:
        RuleError: CHANNEL_NOT_ALLOWED where the evidence is not that of such a place.
    """
    institution_id = caller.institution_id or ""
    if caller.role is Role.BANK and evidence is Channel.COUNTER:
        return ActivationChannel.BANK
    if caller.role is Role.AGENCY and evidence is Channel.COUNTER:
        return ActivationChannel.SERVICE_CENTRE
    if institution_id.startswith("H") and evidence is Channel.HOSPITAL:
        return ActivationChannel.HOSPITAL
    if institution_id.startswith("P") and evidence is Channel.PHARMACY:
        return ActivationChannel.PHARMACY
    raise channel_not_allowed(evidence)


def check_issuing_bank(caller: Caller, bank_code: str) -> None:
    """Refuses a bank that another bank's card is about; lets pass every other role.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    if not is_of_own_bank(caller, bank_code):
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            "a bank acts on cards that it issues, and this is another's",
            scope="bank",
        )


def is_of_own_bank(caller: Caller, bank_code: str) -> bool:
    """Tells whether a card of a bank is the caller's, where the caller is a bank."""
    return caller.role is not Role.BANK or caller.id == bank_code


def channel_not_allowed(channel: Channel) -> RuleError:
    """Returns the refusal of a channel."""
    return RuleError(
        Reason.CHANNEL_NOT_ALLOWED,
        f"this cannot be done through channel {channel.value}",
        channel=channel.value,
    )
