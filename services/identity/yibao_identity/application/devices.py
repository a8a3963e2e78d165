"""What callers ask of holders' phones, as frozen values, and the storage that does it."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_identity.rules.device import Device, DeviceCertificate, KeyAlgorithm, Revocation


@dataclass(frozen=True, slots=True)
class EnrolDevice:
    """Enrols a phone on a proof that it has the private key."""

    request: Request
    certificate_id: str
    device_name: str
    algorithm: KeyAlgorithm
    public_key: bytes
    challenge: bytes
    signature: bytes
    attestation: bytes


@dataclass(frozen=True, slots=True)
class RenewDeviceCertificate:
    """Certifies an enrolled key anew; names the newest certificate that the phone has."""

    request: Request
    device_id: str
    device_certificate_id: str
    challenge: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class RevokeDevice:
    """Revokes a phone for good."""

    request: Request
    device_id: str
    revocation: Revocation


@dataclass(frozen=True, slots=True)
class SignedCertificate:
    """A device certificate: what it says, and the bytes that go into every code."""

    facts: DeviceCertificate
    certificate: bytes


@dataclass(frozen=True, slots=True)
class EnrolledDevice:
    """A device with its first certificate."""

    device: Device
    signed: SignedCertificate


@dataclass(frozen=True, slots=True)
class Challenge:
    """56 bytes to sign, and from when on they are refused."""

    content: bytes
    expire_time: dt.datetime


class DeviceAlarms(Protocol):
    """Is told of every key that was found in two places, for metrics and logs."""

    def raised(self, region: str, device_id: str) -> None:
        """Takes the device; its alarm is stored by now."""
        ...


class Devices(Protocol):
    """Phones of holders. Blocks.

    Each change returns the answer's bytes, once by request id; another holder's device is
    refused with OUT_OF_SCOPE, on record.
    """

    def challenge(self, region: str, certificate_id: str) -> Challenge:
        """Returns what a device's key has to sign; stores nothing.

        Raises RuleError CERTIFICATE_NOT_FOUND, ECERT_NOT_ACTIVATED, ECERT_SUSPENDED.
        """
        ...

    def enrol(self, command: EnrolDevice, encode: Callable[[EnrolledDevice], bytes]) -> bytes:
        """Enrols a phone and certifies its key.

        Raises RuleError CERTIFICATE_NOT_FOUND, ECERT_NOT_ACTIVATED, ECERT_SUSPENDED,
        DEVICE_KEY_REFUSED, DEVICE_CHALLENGE_INVALID, DEVICE_PROOF_INVALID, DEVICE_EXISTS,
        DEVICE_LIMIT, REQUEST_ID_REUSED.
        """
        ...

    def renew(
        self, command: RenewDeviceCertificate, encode: Callable[[SignedCertificate], bytes]
    ) -> bytes:
        """Certifies an enrolled key anew.

        Raises RuleError DEVICE_NOT_FOUND, DEVICE_REVOKED, ECERT_NOT_ACTIVATED,
        ECERT_SUSPENDED, DEVICE_CHALLENGE_INVALID, DEVICE_PROOF_INVALID,
        DEVICE_CLONE_SUSPECTED (the device is revoked by then), REQUEST_ID_REUSED.
        """
        ...

    def revoke(self, command: RevokeDevice, encode: Callable[[Device], bytes]) -> bytes:
        """Revokes a device and its certificates.

        Raises RuleError DEVICE_NOT_FOUND, REQUEST_ID_REUSED.
        """
        ...

    def list(self, region: str, certificate_id: str) -> Sequence[Device]:
        """Returns the newest devices of a certificate, revoked ones too.

        Raises RuleError CERTIFICATE_NOT_FOUND.
        """
        ...
