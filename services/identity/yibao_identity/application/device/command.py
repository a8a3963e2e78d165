"""What callers ask of holders' phones, and what they get, as frozen values."""

import datetime as dt
from dataclasses import dataclass

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
