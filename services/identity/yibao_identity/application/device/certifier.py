"""Certifies keys of devices: a place on a status list, the row, then the signature."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from yibao_identity.application.device.command import SignedCertificate
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.device import (
    CANDIDATES,
    DEVICE_CERTIFICATE_ID_BYTES,
    STATUS_ENTRIES,
    DeviceCertificate,
    DevicePolicy,
    Place,
    certify,
    choose_entry,
)

if TYPE_CHECKING:
    from yibao_identity.application.device.rows import DeviceCertificateRows

_FIRST_LIST = 1
_ENTRY_BYTES = 4


class DeviceSigner(Protocol):
    """Signs device certificates with the issuer's key for that use."""

    def sign(self, facts: DeviceCertificate, certificate: Certificate, public_key: bytes) -> bytes:
        """Returns the certificate of a phone's key, for the holder of an e-certificate."""
        ...


class DeviceCertifier:
    """Makes device certificates inside the transactions of their enrolment or renewal."""

    def __init__(
        self,
        signer: DeviceSigner,
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
        rows: "DeviceCertificateRows",
        certificate: Certificate,
        *,
        device_id: str,
        public_key: bytes,
        now: dt.datetime,
        kept_place: Place | None = None,
    ) -> SignedCertificate:
        """Stores that a key is about to be certified, and certifies it.

        `kept_place` is where the device's bit lies, unless it was set. The signature leaves
        the service only after the commit.
        """
        facts = certify(
            now=now,
            policy=self._policy,
            device_certificate_id=self._random_bytes(DEVICE_CERTIFICATE_ID_BYTES),
            place=kept_place or self._free_place(rows),
        )
        rows.insert(facts, device_id=device_id)
        return SignedCertificate(facts, self._signer.sign(facts, certificate, public_key))

    def _free_place(self, rows: "DeviceCertificateRows") -> Place:
        """Returns a random entry of the newest list, or of a new one."""
        number = rows.newest_list() or _FIRST_LIST
        candidates = self._draw()
        # A bit that was set stays with the place that a device has left.
        entry = choose_entry(candidates, rows.taken(number, candidates))
        if entry is None:
            return Place(number + 1, candidates[0])
        return Place(number, entry)

    def _draw(self) -> list[int]:
        drawn = self._random_bytes(CANDIDATES * _ENTRY_BYTES)
        return [
            int.from_bytes(drawn[start : start + _ENTRY_BYTES]) % self._status_entries
            for start in range(0, len(drawn), _ENTRY_BYTES)
        ]
