"""Devices, their certificates and the bits of status lists in memory; a phone's keys."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_identity.application.device.certifier import DeviceSigner
from yibao_identity.application.device.device import DeviceAlarms
from yibao_identity.application.device.proof import DeviceKeys
from yibao_identity.application.device.rows import (
    DeviceAlarm,
    DeviceCertificateRows,
    DeviceRows,
)
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.device import (
    Device,
    DeviceCertificate,
    DeviceState,
    KeyAlgorithm,
    Place,
    Revocation,
    RevokedStatus,
)


@dataclasses.dataclass
class MemoryDevices(DeviceRows):
    """Devices of one region; `locked` names what was locked, in order."""

    rows: dict[str, Device] = dataclasses.field(default_factory=dict)
    places: dict[str, Place] = dataclasses.field(default_factory=dict)
    alarms: list[DeviceAlarm] = dataclasses.field(default_factory=list)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, device_id: str) -> Device | None:
        return self.rows.get(device_id)

    def lock(self, device_id: str) -> Device | None:
        self.locked.append(device_id)
        return self.find(device_id)

    def with_key(self, public_key: bytes) -> Device | None:
        found = (each for each in self.rows.values() if each.public_key == public_key)
        return next(found, None)

    def of_certificate(self, certificate_id: str, *, most: int) -> list[Device]:
        found = [each for each in self.rows.values() if each.certificate_id == certificate_id]
        newest_first = sorted(found, key=lambda each: each.enrol_time, reverse=True)
        return sorted(newest_first, key=lambda each: each.state is not DeviceState.ACTIVE)[:most]

    def count_active(self, certificate_id: str) -> int:
        return len(self._active(certificate_id))

    def lock_active(self, certificate_id: str) -> list[Device]:
        found = self._active(certificate_id)
        self.locked += [each.device_id for each in found]
        return found

    def insert(self, device: Device, place: Place, *, attestation: bytes, enrolled_by: str) -> None:
        assert device.device_id not in self.rows
        self.rows[device.device_id] = device
        self.places[device.device_id] = place

    def renew(self, device_id: str, newest: DeviceCertificate) -> None:
        self.rows[device_id] = dataclasses.replace(
            self.rows[device_id], newest_device_certificate_id=newest.device_certificate_id
        )
        self.places[device_id] = newest.place

    def revoke(
        self, device: Device, *, revoked_by: str, revocation: Revocation | None = None
    ) -> None:
        self.rows[device.device_id] = device

    def insert_alarm(self, alarm: DeviceAlarm) -> None:
        self.alarms.append(alarm)

    def _active(self, certificate_id: str) -> list[Device]:
        found = [
            each
            for each in self.rows.values()
            if each.certificate_id == certificate_id and each.state is DeviceState.ACTIVE
        ]
        return sorted(found, key=lambda each: each.device_id)


@dataclasses.dataclass
class MemoryDeviceCertificates(DeviceCertificateRows):
    """Device certificates of one region, and the bits that are set.

    `devices` shares its places, as the tables do.
    """

    devices: MemoryDevices
    rows: list[tuple[str, DeviceCertificate]] = dataclasses.field(default_factory=list)
    bits: dict[Place, RevokedStatus] = dataclasses.field(default_factory=dict)

    def free_place_of(self, device_id: str) -> Place | None:
        place = self.devices.places[device_id]
        return None if place in self.bits else place

    def newest_list(self) -> int | None:
        return max((place.list_number for place in self.devices.places.values()), default=None)

    def taken(self, list_number: int, entries: Sequence[int]) -> set[int]:
        places = [*self.devices.places.values(), *self.bits]
        on_list = {each.status_index for each in places if each.list_number == list_number}
        return on_list.intersection(entries)

    def insert(self, certificate: DeviceCertificate, *, device_id: str) -> None:
        self.rows.append((device_id, certificate))

    def ending_after(
        self, device_ids: Sequence[str], after: dt.datetime
    ) -> list[DeviceCertificate]:
        found = [
            certificate
            for device_id, certificate in self.rows
            if device_id in device_ids and certificate.expire_time > after
        ]
        return sorted(found, key=lambda each: each.expire_time)

    def set_bits(self, statuses: Sequence[RevokedStatus]) -> None:
        for each in statuses:
            self.bits.setdefault(each.place, each)


class MemorySigner(DeviceSigner):
    """Signs nothing, and tells what it was asked for."""

    def sign(self, facts: DeviceCertificate, certificate: Certificate, public_key: bytes) -> bytes:
        return f"{certificate.subject} {facts.device_certificate_id}".encode() + public_key


class MemoryKeys(DeviceKeys):
    """Keys without mathematics: whoever has a key signs by repeating it; `weak` is refused."""

    def fault_of(self, algorithm: KeyAlgorithm, public_key: bytes) -> str | None:
        return "the key is weak" if public_key == b"weak" else None

    def signed_enrolment(self, public_key: bytes, *, challenge: bytes, signature: bytes) -> bool:
        return signature == b"enrol " + public_key

    def signed_renewal(
        self, public_key: bytes, *, challenge: bytes, device_certificate_id: str, signature: bytes
    ) -> bool:
        return signature == b"renew " + public_key


class KeptAlarms(DeviceAlarms):
    """Keeps the alarms that were told: region and device."""

    def __init__(self) -> None:
        self.devices: list[tuple[str, str]] = []

    def raised(self, region: str, device_id: str) -> None:
        self.devices.append((region, device_id))
