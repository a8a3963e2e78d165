"""Certifies keys of devices: a place on a status list, the row, then the signature."""

import datetime as dt
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from yibao import issuing
from yibao_identity.application.devices import SignedCertificate
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.device import (
    CANDIDATES,
    DEVICE_CERTIFICATE_ID_BYTES,
    STATUS_ENTRIES,
    DeviceCertificate,
    DevicePolicy,
    certify,
    choose_entry,
)
from yibao_identity.storage import tables

_FIRST_LIST = 1
_ENTRY_BYTES = 4


class CredentialSigner(Protocol):
    """Signs device certificates with the issuer's key for that use."""

    def sign_certificate(self, certificate: issuing.DeviceCertificate) -> bytes:
        """Returns the certificate for the phone."""
        ...


class DeviceCertifier:
    """Makes device certificates inside the transactions of their enrolment or renewal."""

    def __init__(
        self,
        signer: CredentialSigner,
        *,
        policy: DevicePolicy,
        random_bytes: Callable[[int], bytes],
        status_entries: int = STATUS_ENTRIES,
    ) -> None:
        """Takes what signs; fewer `status_entries` than a list has are for tests."""
        assert CANDIDATES <= status_entries <= STATUS_ENTRIES
        assert 1 << (8 * _ENTRY_BYTES) >= STATUS_ENTRIES
        self._signer = signer
        self._policy = policy
        self._random_bytes = random_bytes
        self._status_entries = status_entries

    def certify(
        self,
        connection: sa.Connection,
        certificate: Certificate,
        *,
        device_id: str,
        public_key: bytes,
        now: dt.datetime,
        kept_place: tuple[int, int] | None = None,
    ) -> SignedCertificate:
        """Stores that a key is about to be certified, and certifies it.

        `kept_place` is list and entry of the device, unless its bit was set.
        The signature leaves the service only after the commit. Two that meet on a place of
        a list fail with IntegrityError, and the second one's transaction runs again.
        """
        region = certificate.region
        facts = certify(
            now=now,
            policy=self._policy,
            certificate_id=self._random_bytes(DEVICE_CERTIFICATE_ID_BYTES),
            place=kept_place or self._free_place(connection, region),
        )
        connection.execute(
            sa.insert(tables.device_certificate).values(
                region=region,
                device_certificate_id=facts.device_certificate_id,
                device_id=device_id,
                issue_time=facts.issue_time,
                expire_time=facts.expire_time,
                list_number=facts.list_number,
                status_index=facts.status_index,
            )
        )
        signed = self._signer.sign_certificate(_stated(facts, certificate, public_key))
        return SignedCertificate(facts, signed)

    def _free_place(self, connection: sa.Connection, region: str) -> tuple[int, int]:
        """Returns list and entry: random on the newest list, or on a new one."""
        held, revoked = tables.device.c, tables.revoked_status.c
        newest = sa.select(sa.func.max(held.list_number)).where(held.region == region)
        number = connection.execute(newest).scalar_one() or _FIRST_LIST
        candidates = self._draw()
        # A bit that was set stays with the place that a device has left.
        taken = connection.execute(
            sa.union_all(
                *(
                    sa.select(each.status_index).where(
                        each.region == region,
                        each.list_number == number,
                        each.status_index.in_(candidates),
                    )
                    for each in (held, revoked)
                )
            )
        )
        entry = choose_entry(candidates, set(taken.scalars()))
        if entry is None:
            return number + 1, candidates[0]
        return number, entry

    def _draw(self) -> list[int]:
        drawn = self._random_bytes(CANDIDATES * _ENTRY_BYTES)
        return [
            int.from_bytes(drawn[start : start + _ENTRY_BYTES]) % self._status_entries
            for start in range(0, len(drawn), _ENTRY_BYTES)
        ]


def _stated(
    facts: DeviceCertificate, certificate: Certificate, public_key: bytes
) -> issuing.DeviceCertificate:
    return issuing.DeviceCertificate(
        issuer=certificate.region,
        subject=certificate.subject,
        issue_second=int(facts.issue_time.timestamp()),
        expire_second=int(facts.expire_time.timestamp()),
        certificate_id=bytes.fromhex(facts.device_certificate_id),
        device_key=public_key,
        status_uri=issuing.list_uri(certificate.region, facts.list_number),
        status_index=facts.status_index,
    )
