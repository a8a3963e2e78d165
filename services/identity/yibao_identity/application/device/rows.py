"""What one transaction finds, locks and writes of phones and their certificates."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_identity.rules.device import (
    Device,
    DeviceCertificate,
    Place,
    Revocation,
    RevokedStatus,
)


@dataclass(frozen=True, slots=True)
class DeviceAlarm:
    """A renewal that showed that a key lives in two places: what it named, what was newest."""

    alarm_id: str
    device_id: str
    raise_time: dt.datetime
    named_device_certificate_id: str
    newest_device_certificate_id: str
    caller: str


class DeviceRows(Protocol):
    """Devices of a region."""

    def find(self, device_id: str) -> Device | None:
        """Returns a device, or None."""
        ...

    def lock(self, device_id: str) -> Device | None:
        """Locks a device until the transaction ends and returns it, or None."""
        ...

    def with_key(self, public_key: bytes) -> Device | None:
        """Returns the device that ever had a public key, or None."""
        ...

    def of_certificate(self, certificate_id: str, *, most: int) -> Sequence[Device]:
        """Returns devices of an e-certificate: active ones first, then the newest others."""
        ...

    def count_active(self, certificate_id: str) -> int:
        """Returns how many devices of an e-certificate are active."""
        ...

    def lock_active(self, certificate_id: str) -> Sequence[Device]:
        """Locks the active devices of an e-certificate, in the order of their ids."""
        ...

    def insert(self, device: Device, place: Place, *, attestation: bytes, enrolled_by: str) -> None:
        """Stores a new device and where the bit of its certificates lies."""
        ...

    def renew(self, device_id: str, newest: DeviceCertificate) -> None:
        """Stores which certificate of a device, which was locked, is the newest now."""
        ...

    def revoke(
        self, device: Device, *, revoked_by: str, revocation: Revocation | None = None
    ) -> None:
        """Stores that a device, which was locked, is revoked now."""
        ...

    def insert_alarm(self, alarm: DeviceAlarm) -> None:
        """Stores an alarm."""
        ...


class DeviceCertificateRows(Protocol):
    """Device certificates of a region, and the bits of its status lists."""

    def free_place_of(self, device_id: str) -> Place | None:
        """Returns where the bit of a device lies, or None if it was set."""
        ...

    def newest_list(self) -> int | None:
        """Returns the number of the newest status list, or None before the first device."""
        ...

    def taken(self, list_number: int, entries: Sequence[int]) -> Collection[int]:
        """Returns which entries of a list belong to a device, or were set."""
        ...

    def insert(self, certificate: DeviceCertificate, *, device_id: str) -> None:
        """Stores a certificate that is about to be signed.

        Where two transactions take one place at once the second fails, and runs again.
        """
        ...

    def ending_after(
        self, device_ids: Sequence[str], after: dt.datetime
    ) -> Sequence[DeviceCertificate]:
        """Returns the certificates of devices that end after a moment, in that order."""
        ...

    def set_bits(self, statuses: Sequence[RevokedStatus]) -> None:
        """Stores bits; one that was set before stays as it was."""
        ...
