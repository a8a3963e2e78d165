"""Devices as rows."""

from typing import Any

import sqlalchemy as sa

from yibao_identity.application.device.rows import DeviceAlarm
from yibao_identity.rules.device import (
    Device,
    DeviceCertificate,
    DeviceState,
    KeyAlgorithm,
    Place,
    Revocation,
)
from yibao_identity.storage import tables

_table = tables.device
_IS_ACTIVE = _table.c.state == DeviceState.ACTIVE.value


class StoredDevices:
    """See `application.device.rows.DeviceRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, device_id: str) -> Device | None:
        """Returns a device, or None."""
        return self._one(self._where(_table.c.device_id == device_id))

    def lock(self, device_id: str) -> Device | None:
        """Locks a device and returns it, or None."""
        return self._one(self._where(_table.c.device_id == device_id).with_for_update())

    def with_key(self, public_key: bytes) -> Device | None:
        """Returns the device that ever had a public key, or None."""
        return self._one(self._where(_table.c.public_key == public_key))

    def of_certificate(self, certificate_id: str, *, most: int) -> list[Device]:
        """Returns devices of an e-certificate: active ones first, then the newest others."""
        query = (
            self._where(_table.c.certificate_id == certificate_id)
            .order_by(~_IS_ACTIVE, _table.c.enrol_time.desc(), _table.c.device_id.desc())
            .limit(most)
        )
        return [_device_from(row) for row in self._connection.execute(query)]

    def count_active(self, certificate_id: str) -> int:
        """Returns how many devices of an e-certificate are active."""
        query = sa.select(sa.func.count()).where(
            _table.c.region == self._region,
            _table.c.certificate_id == certificate_id,
            _IS_ACTIVE,
        )
        return int(self._connection.execute(query).scalar_one())

    def lock_active(self, certificate_id: str) -> list[Device]:
        """Locks the active devices of an e-certificate, in the order of their ids."""
        query = self._where(_table.c.certificate_id == certificate_id, _IS_ACTIVE)
        rows = self._connection.execute(query.order_by(_table.c.device_id).with_for_update())
        return [_device_from(row) for row in rows]

    def insert(self, device: Device, place: Place, *, attestation: bytes, enrolled_by: str) -> None:
        """Stores a new device and where the bit of its certificates lies."""
        self._connection.execute(
            sa.insert(_table).values(
                region=device.region,
                device_id=device.device_id,
                certificate_id=device.certificate_id,
                device_name=device.device_name,
                algorithm=device.algorithm.value,
                public_key=device.public_key,
                state=device.state.value,
                newest_device_certificate_id=device.newest_device_certificate_id,
                list_number=place.list_number,
                status_index=place.status_index,
                attestation=attestation or None,
                enrol_time=device.enrol_time,
                enrolled_by=enrolled_by,
                revoked_by="",
            )
        )

    def renew(self, device_id: str, newest: DeviceCertificate) -> None:
        """Stores which certificate of a device is the newest now."""
        self._change(
            device_id,
            newest_device_certificate_id=newest.device_certificate_id,
            list_number=newest.list_number,
            status_index=newest.status_index,
        )

    def revoke(
        self, device: Device, *, revoked_by: str, revocation: Revocation | None = None
    ) -> None:
        """Stores that a device is revoked now."""
        self._change(
            device.device_id,
            state=device.state.value,
            revoke_time=device.revoke_time,
            revoked_by=revoked_by,
            revocation=None if revocation is None else revocation.value,
        )

    def insert_alarm(self, alarm: DeviceAlarm) -> None:
        """Stores an alarm."""
        self._connection.execute(
            sa.insert(tables.device_alarm).values(
                region=self._region,
                alarm_id=alarm.alarm_id,
                device_id=alarm.device_id,
                raise_time=alarm.raise_time,
                named_device_certificate_id=alarm.named_device_certificate_id,
                newest_device_certificate_id=alarm.newest_device_certificate_id,
                caller=alarm.caller,
            )
        )

    def _where(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return sa.select(_table).where(_table.c.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> Device | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _device_from(row)

    def _change(self, device_id: str, **values: object) -> None:
        changed = self._connection.execute(
            sa.update(_table)
            .where(_table.c.region == self._region, _table.c.device_id == device_id)
            .values(**values)
        )
        assert changed.rowcount == 1


def _device_from(row: sa.Row[Any]) -> Device:
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
