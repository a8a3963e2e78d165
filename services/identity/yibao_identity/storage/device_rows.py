"""Devices and their certificates as rows: read, locked after their holders, revoked."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.device import Device, DeviceState, KeyAlgorithm, device_not_found
from yibao_identity.storage import tables
from yibao_identity.storage.certificate_rows import hold_certificate

_device = tables.device
_issued = tables.device_certificate
_revoked = tables.revoked_status

# A code signed in a certificate's last second is accepted so much later by a verifier
# whose clock is behind; until then the certificate can be revoked.
_LEEWAY = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device whose row is locked, as are its certificate's and its holder's."""

    device: Device
    certificate: Certificate


def device_from(row: sa.Row[Any]) -> Device:
    """Builds a device from a row of all columns."""
    return Device(
        row.region,
        row.device_id,
        row.certificate_id,
        row.device_name,
        KeyAlgorithm(row.algorithm),
        bytes(row.public_key),
        DeviceState(row.state),
        row.newest_device_certificate_id,
        row.enrol_time,
        row.revoke_time,
    )


def find_device(
    connection: sa.Connection, region: str, device_id: str, *, for_update: bool = False
) -> Device | None:
    """Returns a device, or None; `for_update` locks its row."""
    query = sa.select(_device).where(_device.c.region == region, _device.c.device_id == device_id)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else device_from(row)


def hold_device(
    connection: sa.Connection, region: str, device_id: str, *, caller: Caller
) -> HeldDevice:
    """Locks the rows of the holder, the certificate and the device, in this order.

    Raises:
        RuleError: DEVICE_NOT_FOUND; OUT_OF_SCOPE, another holder's device.
    """
    read = find_device(connection, region, device_id)
    if read is None:
        raise device_not_found(device_id)
    if caller.role is Role.HOLDER and caller.id != read.certificate_id:
        # Whose it is stays untold.
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the caller does not act for device {device_id}",
            scope=f"device/{device_id}",
        )
    certificate = hold_certificate(connection, region, read.certificate_id)
    device = find_device(connection, region, device_id, for_update=True)
    assert device is not None
    return HeldDevice(device, certificate)


def devices_of(
    connection: sa.Connection, region: str, certificate_id: str, *, most: int
) -> list[Device]:
    """Returns the devices of a certificate: active ones first, then the newest others."""
    query = (
        sa.select(_device)
        .where(_device.c.region == region, _device.c.certificate_id == certificate_id)
        .order_by(
            _device.c.state != DeviceState.ACTIVE.value,
            _device.c.enrol_time.desc(),
            _device.c.device_id.desc(),
        )
        .limit(most)
    )
    return [device_from(row) for row in connection.execute(query)]


def active_devices(connection: sa.Connection, region: str, certificate_id: str) -> int:
    """Returns how many devices of a certificate are active."""
    query = sa.select(sa.func.count()).where(
        _device.c.region == region,
        _device.c.certificate_id == certificate_id,
        _device.c.state == DeviceState.ACTIVE.value,
    )
    return int(connection.execute(query).scalar_one())


def kept_place(connection: sa.Connection, device: Device) -> tuple[int, int] | None:
    """Returns list and entry of a device whose row is locked, or None if its bit was set."""
    query = sa.select(_device.c.list_number, _device.c.status_index).where(
        _device.c.region == device.region,
        _device.c.device_id == device.device_id,
        ~sa.exists().where(
            _revoked.c.region == _device.c.region,
            _revoked.c.list_number == _device.c.list_number,
            _revoked.c.status_index == _device.c.status_index,
        ),
    )
    place = connection.execute(query).one_or_none()
    return None if place is None else (place.list_number, place.status_index)


def add_device(
    connection: sa.Connection,
    device: Device,
    *,
    place: tuple[int, int],
    caller: str,
    attestation: bytes,
) -> None:
    """Stores a new device with its list and entry."""
    list_number, status_index = place
    connection.execute(
        sa.insert(_device).values(
            region=device.region,
            device_id=device.device_id,
            certificate_id=device.certificate_id,
            device_name=device.device_name,
            algorithm=device.algorithm.value,
            public_key=device.public_key,
            state=device.state.value,
            newest_device_certificate_id=device.newest_device_certificate_id,
            list_number=list_number,
            status_index=status_index,
            attestation=attestation or None,
            enrol_time=device.enrol_time,
            enrolled_by=caller,
            revoked_by="",
        )
    )


def change_device(connection: sa.Connection, device: Device, **values: object) -> None:
    """Writes columns of a device whose row is locked."""
    changed = connection.execute(
        sa.update(_device)
        .where(_device.c.region == device.region, _device.c.device_id == device.device_id)
        .values(**values)
    )
    assert changed.rowcount == 1


def revoke_device(
    connection: sa.Connection,
    device: Device,
    *,
    state: DeviceState,
    now: dt.datetime,
    caller: str,
    revocation: int | None = None,
) -> None:
    """Revokes a device whose row is locked, and its certificates."""
    change_device(
        connection,
        device,
        state=state.value,
        revoke_time=now,
        revoked_by=caller,
        revocation=revocation,
    )
    withdraw_certificates(connection, device.region, [device.device_id], now=now)


def revoke_devices_of(
    connection: sa.Connection, region: str, certificate_id: str, *, now: dt.datetime, caller: str
) -> None:
    """Revokes the active devices of a certificate whose row is locked."""
    for device in _active_of(connection, region, certificate_id):
        revoke_device(connection, device, state=DeviceState.REVOKED, now=now, caller=caller)


def withdraw_certificates_of(
    connection: sa.Connection, region: str, certificate_id: str, *, now: dt.datetime
) -> None:
    """Makes the certificates of active devices invalid; the devices may renew them later."""
    devices = _active_of(connection, region, certificate_id)
    withdraw_certificates(connection, region, [each.device_id for each in devices], now=now)


def withdraw_certificates(
    connection: sa.Connection, region: str, device_ids: Sequence[str], *, now: dt.datetime
) -> None:
    """Puts what may still be accepted of the devices' certificates on the status lists."""
    rows = connection.execute(
        sa.select(
            _issued.c.list_number,
            _issued.c.status_index,
            _issued.c.device_certificate_id,
            _issued.c.expire_time,
        )
        .where(
            _issued.c.region == region,
            _issued.c.device_id.in_(device_ids),
            _issued.c.expire_time > now - _LEEWAY,
        )
        .order_by(_issued.c.expire_time)
    ).all()
    # Certificates of a device share a place; its bit stays until the last of them ends.
    last = {(row.list_number, row.status_index): row for row in rows}
    insert_rows(
        connection,
        tables.revoked_status,
        (
            *("region", "list_number", "status_index"),
            *("device_certificate_id", "revoke_time", "expire_time"),
        ),
        [
            (
                *(region, row.list_number, row.status_index),
                *(row.device_certificate_id, now, row.expire_time + _LEEWAY),
            )
            for row in last.values()
        ],
        skip_existing=True,
    )


def _active_of(connection: sa.Connection, region: str, certificate_id: str) -> list[Device]:
    query = (
        sa.select(_device)
        .where(
            _device.c.region == region,
            _device.c.certificate_id == certificate_id,
            _device.c.state == DeviceState.ACTIVE.value,
        )
        .order_by(_device.c.device_id)
        .with_for_update()
    )
    return [device_from(row) for row in connection.execute(query)]
