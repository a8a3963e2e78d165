"""Ends of devices and of their certificates, for every command that brings one about."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_identity.rules.device import (
    Device,
    DeviceState,
    Revocation,
    acceptable_after,
    revoke,
    withdrawn,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


def revoke_device(
    work: "Work",
    device: Device,
    *,
    state: DeviceState,
    at: dt.datetime,
    caller: str,
    revocation: Revocation | None = None,
) -> Device:
    """Revokes a device whose row is locked, and its certificates."""
    revoked = revoke(device, state=state, now=at)
    work.devices.revoke(revoked, revoked_by=caller, revocation=revocation)
    withdraw_certificates(work, [device.device_id], at=at)
    return revoked


def revoke_devices_of(work: "Work", certificate_id: str, *, at: dt.datetime, caller: str) -> None:
    """Revokes the active devices of an e-certificate whose row is locked."""
    for device in work.devices.lock_active(certificate_id):
        revoke_device(work, device, state=DeviceState.REVOKED, at=at, caller=caller)


def withdraw_certificates_of(work: "Work", certificate_id: str, *, at: dt.datetime) -> None:
    """Makes the certificates of active devices invalid; the devices may renew them later."""
    devices = work.devices.lock_active(certificate_id)
    withdraw_certificates(work, [each.device_id for each in devices], at=at)


def withdraw_certificates(work: "Work", device_ids: Sequence[str], *, at: dt.datetime) -> None:
    """Puts what may still be accepted of the devices' certificates on the status lists."""
    acceptable = work.device_certificates.ending_after(device_ids, acceptable_after(at))
    work.device_certificates.set_bits(withdrawn(acceptable, now=at))
