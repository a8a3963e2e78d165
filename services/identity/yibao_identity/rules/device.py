"""Phones that show codes of their own (mode B): their keys, certificates and life.

The issuer certifies a phone's key for a day or three. A phone renews its certificate by a
proof that it has the key, and names the newest certificate that it got: a key that was
copied is then renewed twice, and one of the two names an older one.
"""

import datetime as dt
import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

DEVICE_CERTIFICATE_ID_BYTES = 8
# A status list has so many entries. A certificate gets a random one, so that neighbours on
# a list have nothing to do with each other.
STATUS_ENTRIES = 2**20
# So many entries are drawn at once. Where as many of them are taken the list is about half
# full, and the next one begins; counting the entries of a list would cost far more.
CANDIDATES = 32
TAKEN_WHERE_FULL = 26

# A code signed in a certificate's last second is accepted so much later by a verifier
# whose clock is behind; until then the certificate can be revoked.
_LEEWAY = dt.timedelta(seconds=60)


class KeyAlgorithm(enum.Enum):
    """The algorithm of a device's key."""

    ED25519 = 1
    P256 = 2


class DeviceState(enum.Enum):
    """Where a device is in its life."""

    ACTIVE = 1
    REVOKED = 2
    CLONE_SUSPECTED = 3


class Revocation(enum.Enum):
    """Why a device is revoked."""

    LOST = 1
    RETIRED = 2


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """What the operator sets: the life of certificates, devices of a holder, P-256."""

    certificate_hours: int = 48
    most: int = 3
    allows_p256: bool = True

    def __post_init__(self) -> None:
        """Checks what the configuration has checked."""
        assert 24 <= self.certificate_hours <= 72
        assert self.most >= 1


@dataclass(frozen=True, slots=True)
class Device:
    """A phone whose key may sign codes; the public key is raw (32 or 65 bytes)."""

    region: str
    device_id: str
    certificate_id: str
    device_name: str
    algorithm: KeyAlgorithm
    public_key: bytes
    state: DeviceState
    newest_device_certificate_id: str
    enrol_time: dt.datetime
    revoke_time: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bit lies: the number of a status list, and the entry on it."""

    list_number: int
    status_index: int


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """A device certificate about to be signed; its id in 16 hexadecimal digits."""

    device_certificate_id: str
    issue_time: dt.datetime
    expire_time: dt.datetime
    list_number: int
    status_index: int

    @property
    def renew_time(self) -> dt.datetime:
        """From when on the phone should renew: so half a life may pass without a network."""
        return self.issue_time + (self.expire_time - self.issue_time) / 2

    @property
    def place(self) -> Place:
        """Where its bit lies."""
        return Place(self.list_number, self.status_index)


@dataclass(frozen=True, slots=True)
class RevokedStatus:
    """A bit that is set; it may be left out from `expire_time` on.

    `device_certificate_id` is the last certificate of the place.
    """

    place: Place
    device_certificate_id: str
    revoke_time: dt.datetime
    expire_time: dt.datetime


def certify(
    *, now: dt.datetime, policy: DevicePolicy, device_certificate_id: bytes, place: Place
) -> DeviceCertificate:
    """Returns a certificate that begins in the second of `now`."""
    assert len(device_certificate_id) == DEVICE_CERTIFICATE_ID_BYTES
    issue_time = now.replace(microsecond=0)
    return DeviceCertificate(
        device_certificate_id.hex(),
        issue_time,
        issue_time + dt.timedelta(hours=policy.certificate_hours),
        place.list_number,
        place.status_index,
    )


def choose_entry(candidates: Sequence[int], taken: Collection[int]) -> int | None:
    """Returns the first candidate that is free, or None where the list counts as full."""
    taken = set(taken).intersection(candidates)
    if sum(candidate in taken for candidate in candidates) >= TAKEN_WHERE_FULL:
        return None
    return next(candidate for candidate in candidates if candidate not in taken)


def revoke(device: Device, *, state: DeviceState, now: dt.datetime) -> Device:
    """Returns a device as revoked for good; `state` tells by whom or by what."""
    assert state is not DeviceState.ACTIVE
    return replace(device, state=state, revoke_time=now)


def acceptable_after(now: dt.datetime) -> dt.datetime:
    """Returns after which end a certificate may still be accepted at `now` by somebody."""
    return now - _LEEWAY


def withdrawn(
    certificates: Iterable[DeviceCertificate], *, now: dt.datetime
) -> list[RevokedStatus]:
    """Returns the bits that make certificates, in the order of their ends, invalid.

    Certificates of a device share a place; its bit stays until the last of them ends.
    """
    last = {each.place: each for each in certificates}
    return [
        RevokedStatus(place, each.device_certificate_id, now, each.expire_time + _LEEWAY)
        for place, each in last.items()
    ]


def check_algorithm(algorithm: KeyAlgorithm, policy: DevicePolicy) -> None:
    """Refuses a kind of key that the operator does not take.

    Raises:
        RuleError: DEVICE_KEY_REFUSED.
    """
    if algorithm is KeyAlgorithm.P256 and not policy.allows_p256:
        raise key_refused("keys of P-256 are not taken here")


def check_may_enrol(active_devices: int, policy: DevicePolicy) -> None:
    """Refuses one device more than a holder may have.

    Raises:
        RuleError: DEVICE_LIMIT.
    """
    if active_devices >= policy.most:
        raise RuleError(
            Reason.DEVICE_LIMIT,
            f"the e-certificate has {policy.most} devices; revoke one first",
            limit=policy.most,
        )


def check_new(known: Device | None, certificate_id: str) -> None:
    """Refuses a key that was ever enrolled: `known` is its device, if there is one.

    Raises:
        RuleError: DEVICE_EXISTS.
    """
    if known is not None:
        is_own = known.certificate_id == certificate_id
        raise device_exists(known.device_id if is_own else None)


def check_active(device: Device) -> None:
    """Refuses a device that was revoked, for whatever reason.

    Raises:
        RuleError: DEVICE_REVOKED.
    """
    if device.state is not DeviceState.ACTIVE:
        raise RuleError(
            Reason.DEVICE_REVOKED,
            f"device {device.device_id} is {device.state.name.lower()}",
            device_id=device.device_id,
            state=device.state.name,
        )


def key_refused(message: str) -> RuleError:
    """Returns the refusal of a public key."""
    return RuleError(Reason.DEVICE_KEY_REFUSED, message)


def challenge_invalid() -> RuleError:
    """Returns the refusal of a challenge; which of its parts is wrong is not told."""
    message = "the challenge is not ours, not of this certificate, or over; get another"
    return RuleError(Reason.DEVICE_CHALLENGE_INVALID, message)


def proof_invalid() -> RuleError:
    """Returns the refusal of a signature that proves nothing."""
    message = "the signature does not prove possession of the private key"
    return RuleError(Reason.DEVICE_PROOF_INVALID, message)


def device_not_found(device_id: str) -> RuleError:
    """Returns the refusal of an unknown device."""
    return RuleError(
        Reason.DEVICE_NOT_FOUND, f"device {device_id} is not enrolled", device_id=device_id
    )


def device_exists(device_id: str | None) -> RuleError:
    """Returns the refusal of a key enrolled before; None where it is another holder's."""
    if device_id is None:
        return RuleError(Reason.DEVICE_EXISTS, "the key is enrolled already")
    return RuleError(
        Reason.DEVICE_EXISTS, f"the key is that of device {device_id}", device_id=device_id
    )


def clone_suspected(device_id: str) -> RuleError:
    """Returns the refusal of a renewal that shows that a key lives in two places."""
    return RuleError(
        Reason.DEVICE_CLONE_SUSPECTED,
        f"the key of device {device_id} was used in two places; the device is revoked",
        device_id=device_id,
    )
