"""The stores of e-certificates over a new database, phones, and what is asked of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.memory.device import KeptAlarms
from support.person_stores import CHECKER, MAKER, REGION, PersonWorld, answer

from yibao import _device
from yibao import device as proofs
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_identity.application.certificate import (
    ActivateCertificate,
    Certificates,
    CloseCertificate,
)
from yibao_identity.application.code.ahead import CodeBatches, IssueCodeBatch
from yibao_identity.application.device.certifier import DeviceCertifier
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.application.device.command import (
    EnrolDevice,
    EnrolledDevice,
    RenewDeviceCertificate,
    RevokeDevice,
    SignedCertificate,
)
from yibao_identity.application.device.device import Devices
from yibao_identity.application.misuse import DecideCase, MisuseCases, ReportMisuse
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import Certificate, Proofing, ProofingMethod
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.device import Device, DevicePolicy, KeyAlgorithm, Revocation
from yibao_identity.rules.misuse import MisuseCase, MisuseKind, Suspicion
from yibao_identity.storage import tables
from yibao_identity.storage.device.certifier import SignedStatements
from yibao_identity.storage.device.proof import PhoneKeys
from yibao_identity.storage.trust.signing import CredentialSigner

CHANNEL = "channel/wallet"
HOSPITAL = "institution/H50011200001"
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class Phone:
    """A phone with a key; `device` and the newest certificate once it is enrolled."""

    certificate_id: str
    private_key: PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    device: Device | None = None
    signed: SignedCertificate | None = None

    @property
    def public_key(self) -> bytes:
        return proofs.raw_public_key(self.private_key)

    @property
    def algorithm(self) -> KeyAlgorithm:
        is_edwards = isinstance(self.private_key, Ed25519PrivateKey)
        return KeyAlgorithm.ED25519 if is_edwards else KeyAlgorithm.P256

    @property
    def device_id(self) -> str:
        assert self.device is not None
        return self.device.device_id

    @property
    def newest_id(self) -> str:
        assert self.signed is not None
        return self.signed.facts.device_certificate_id


def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class EcertDesk(PersonWorld):
    """Everything that is done with e-certificates, in a line each."""

    def __init__(
        self, database: Database, *, policy: DevicePolicy | None = None, batch_codes: int = 60
    ) -> None:
        super().__init__(database)
        self.alarms = KeptAlarms()
        shared: dict[str, Any] = {"clock": self.clock, "ids": new_id}
        self.certificates = Certificates(self.transactions, random_bytes=os.urandom, **shared)
        self.issuer_key = Ed25519PrivateKey.generate()
        policy = policy or DevicePolicy()
        self.certifier = DeviceCertifier(
            SignedStatements(CredentialSigner(self.issuer_key)),
            policy=policy,
            random_bytes=os.urandom,
        )
        self.devices = Devices(
            self.transactions,
            keys=PhoneKeys(),
            challenges=Challenges(self.vault.keyed, clock=self.clock, random_bytes=os.urandom),
            certifier=self.certifier,
            policy=policy,
            alarms=self.alarms,
            **shared,
        )
        self.cases = MisuseCases(self.transactions, **shared)
        self.key_expire_time = self.clock.now.replace(year=2099)
        self.batches = CodeBatches(
            self.transactions,
            most=batch_codes,
            key_expire_time=lambda: self.key_expire_time,
            clock=self.clock,
            random_bytes=os.urandom,
        )

    # --- Certificates.

    def activate(
        self,
        person_id: str = "",
        *,
        method: ProofingMethod = ProofingMethod.FACE,
        request: Request | None = None,
    ) -> Certificate:
        """Activates the certificate of a person, by default of somebody new."""
        command = ActivateCertificate(
            request or self.asked("ActivateCertificate", caller=CHANNEL),
            person_id or self.person_id(),
            Proofing(method, "face/0001"),
        )
        return answer(self.certificates.activate, command)

    def close(
        self, certificate_id: str, *, caller: str = CHANNEL, request: Request | None = None
    ) -> Certificate:
        request = request or self.asked("CloseCertificate", caller=caller)
        return answer(self.certificates.close, CloseCertificate(request, certificate_id))

    # --- Devices.

    def enrol(self, phone: Phone, **changes: Any) -> Phone:
        """Enrols a phone and keeps what it got."""
        enrolled: EnrolledDevice = answer(self.devices.enrol, self.enrolment(phone, **changes))
        phone.device, phone.signed = enrolled.device, enrolled.signed
        return phone

    def enrolment(
        self, phone: Phone, *, caller: str = CHANNEL, request: Request | None = None, **changes: Any
    ) -> EnrolDevice:
        challenge = self.devices.challenge(REGION, phone.certificate_id).content
        statement = proofs.enrolment_statement(challenge, phone.public_key)
        values: dict[str, Any] = {
            "certificate_id": phone.certificate_id,
            "device_name": "小米",
            "algorithm": phone.algorithm,
            "public_key": phone.public_key,
            "challenge": challenge,
            "signature": proofs.sign(phone.private_key, statement),
            "attestation": b"attested",
            **changes,
        }
        return EnrolDevice(request or self.asked("EnrolDevice", caller=caller), **values)

    def new_phone(self, **fields: Any) -> Phone:
        """Returns an enrolled phone of somebody new."""
        return self.enrol(Phone(self.activate().certificate_id, **fields))

    def renew(self, phone: Phone, **changes: Any) -> Phone:
        """Renews the certificate of a phone and keeps it."""
        phone.signed = answer(self.devices.renew, self.renewal(phone, **changes))
        return phone

    def renewal(
        self, phone: Phone, *, caller: str = CHANNEL, request: Request | None = None, **changes: Any
    ) -> RenewDeviceCertificate:
        named = changes.pop("device_certificate_id", phone.newest_id)
        challenge = changes.pop("challenge", None)
        if challenge is None:
            challenge = self.devices.challenge(REGION, phone.certificate_id).content
        statement = proofs.renewal_statement(challenge, bytes.fromhex(named))
        values: dict[str, Any] = {
            "device_id": phone.device_id,
            "device_certificate_id": named,
            "challenge": challenge,
            "signature": proofs.sign(phone.private_key, statement),
            **changes,
        }
        asked = request or self.asked("RenewDeviceCertificate", caller=caller)
        return RenewDeviceCertificate(asked, **values)

    def revoke(
        self,
        phone: Phone,
        revocation: Revocation = Revocation.LOST,
        *,
        caller: str = CHANNEL,
        request: Request | None = None,
    ) -> Device:
        request = request or self.asked("RevokeDevice", caller=caller)
        command = RevokeDevice(request, phone.device_id, revocation)
        return answer(self.devices.revoke, command)

    def stored_device(self, phone: Phone) -> Device:
        listed = self.devices.list(REGION, phone.certificate_id)
        (found,) = [each for each in listed if each.device_id == phone.device_id]
        return found

    def revoked_ids(self) -> set[str]:
        """Returns the device certificates whose bits are to be set on status lists."""
        issued, revoked = tables.device_certificate.c, tables.revoked_status.c
        query = sa.select(issued.device_certificate_id).where(
            issued.region == revoked.region,
            issued.list_number == revoked.list_number,
            issued.status_index == revoked.status_index,
        )
        with self.database.read() as connection:
            return set(connection.execute(query).scalars())

    # --- Cases.

    def report(self, subject: str, *, caller: str = HOSPITAL, **fields: Any) -> MisuseCase:
        values = {
            "kind": MisuseKind.LENT,
            "description": "出示者不是本人",
            "evidence_reference": "cctv/1",
            **fields,
        }
        command = ReportMisuse(
            self.asked("ReportMisuse", caller=caller), subject, Suspicion(**values)
        )
        return answer(self.cases.report, command)

    def suspend(
        self, case: MisuseCase, *, caller: str = MAKER, request: Request | None = None
    ) -> MisuseCase:
        request = request or self.asked("SuspendCredential", caller=caller)
        return answer(self.cases.suspend, DecideCase(request, case.case_id, "停用待查"))

    def lift(self, case: MisuseCase, *, caller: str = CHECKER) -> MisuseCase:
        request = self.asked("LiftSuspension", caller=caller)
        return answer(self.cases.lift, DecideCase(request, case.case_id, "误报"))

    # --- Cards, as far as cases are about them.

    def give_card(
        self,
        person_id: str,
        subject: str,
        *,
        number: int = 1,
        serial: str = "",
        state: CardState = CardState.ACTIVE,
    ) -> str:
        """Stores a card and returns its id."""
        card_id = new_id()
        with self.database.write() as connection:
            connection.execute(
                sa.insert(tables.card).values(
                    region=REGION,
                    card_id=card_id,
                    person_id=person_id,
                    subject=subject,
                    card_serial=serial or f"S{number}",
                    chip_number=serial or f"C{number}",
                    standard_version="3",
                    bank_code="CCB001",
                    state=state.value,
                    issue_time=self.clock.now,
                    issued_by=MAKER,
                    activation_deadline_date=self.clock.now.date(),
                    activated_by="",
                    provider_visit_number="",
                    loss_reported_by="",
                    employer_letter_reference="",
                    office_confirmation_reference="",
                    closed_by="",
                    pin_salt=bytes(16),
                    pin_scheme=0,
                    wrong_tries=0,
                    transactions=0,
                    printed_transactions=0,
                )
            )
        return card_id

    # --- Codes for the minutes to come.

    def issue_batch(
        self,
        certificate_id: str,
        codes: int = 3,
        *,
        caller: str = CHANNEL,
        request: Request | None = None,
        audience: str = "01301",
    ) -> Sequence[QrClaims]:
        request = request or self.asked("IssueQrCodeBatch", caller=caller)
        command = IssueCodeBatch(request, certificate_id, audience, codes)
        return answer(self.batches.issue, command)


def stated(signed: SignedCertificate) -> _device.DeviceCertificate:
    """Returns what a signed device certificate says."""
    return _device.certified(signed.certificate)
