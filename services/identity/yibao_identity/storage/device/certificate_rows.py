"""Device certificates as rows, and the bits of status lists that revoke them."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_identity.rules.device import DeviceCertificate, Place, RevokedStatus
from yibao_identity.storage import tables

_device = tables.device.c
_issued = tables.device_certificate.c
_revoked = tables.revoked_status.c


class StoredDeviceCertificates:
    """See `application.device.rows.DeviceCertificateRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def free_place_of(self, device_id: str) -> Place | None:
        """Returns where the bit of a device lies, or None if it was set."""
        query = sa.select(_device.list_number, _device.status_index).where(
            _device.region == self._region,
            _device.device_id == device_id,
            ~sa.exists().where(
                _revoked.region == _device.region,
                _revoked.list_number == _device.list_number,
                _revoked.status_index == _device.status_index,
            ),
        )
        found = self._connection.execute(query).one_or_none()
        return None if found is None else Place(*found)

    def newest_list(self) -> int | None:
        """Returns the number of the newest status list, or None before the first device."""
        query = sa.select(sa.func.max(_device.list_number)).where(_device.region == self._region)
        found: int | None = self._connection.execute(query).scalar_one()
        return found

    def taken(self, list_number: int, entries: Sequence[int]) -> set[int]:
        """Returns which entries of a list belong to a device, or were set."""
        query = sa.union_all(
            *(
                sa.select(each.status_index).where(
                    each.region == self._region,
                    each.list_number == list_number,
                    each.status_index.in_(entries),
                )
                for each in (_device, _revoked)
            )
        )
        return set(self._connection.execute(query).scalars())

    def insert(self, certificate: DeviceCertificate, *, device_id: str) -> None:
        """Stores a certificate that is about to be signed."""
        self._connection.execute(
            sa.insert(tables.device_certificate).values(
                region=self._region,
                device_certificate_id=certificate.device_certificate_id,
                device_id=device_id,
                issue_time=certificate.issue_time,
                expire_time=certificate.expire_time,
                list_number=certificate.list_number,
                status_index=certificate.status_index,
            )
        )

    def ending_after(
        self, device_ids: Sequence[str], after: dt.datetime
    ) -> list[DeviceCertificate]:
        """Returns the certificates of devices that end after a moment, in that order."""
        query = (
            sa.select(
                _issued.device_certificate_id,
                _issued.issue_time,
                _issued.expire_time,
                _issued.list_number,
                _issued.status_index,
            )
            .where(
                _issued.region == self._region,
                _issued.device_id.in_(device_ids),
                _issued.expire_time > after,
            )
            .order_by(_issued.expire_time)
        )
        return [DeviceCertificate(*row) for row in self._connection.execute(query)]

    def set_bits(self, statuses: Sequence[RevokedStatus]) -> None:
        """Stores bits; one that was set before stays as it was."""
        insert_rows(
            self._connection,
            tables.revoked_status,
            (
                *("region", "list_number", "status_index"),
                *("device_certificate_id", "revoke_time", "expire_time"),
            ),
            [
                (
                    *(self._region, each.place.list_number, each.place.status_index),
                    *(each.device_certificate_id, each.revoke_time, each.expire_time),
                )
                for each in statuses
            ],
            skip_existing=True,
        )
