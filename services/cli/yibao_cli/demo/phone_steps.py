"""What a phone does: shows the service's codes, enrols its key, makes codes by itself."""

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import device, qr
from yibao.identity.v1 import (
    certificate_pb2,
    certificate_service_pb2,
    device_messages_pb2,
    device_pb2,
)
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import CHANNEL
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.clock import Clock


class PhoneSteps:
    """Steps that the app of an insured person takes."""

    def __init__(self, stack: Stack, region: Region, log: StepLog, *, clock: Clock) -> None:
        """Takes a stack; the app's back end is the channel that authenticates the holder."""
        self._region = region.region
        self._log = log
        self._clock = clock
        self._stub = CertificateServiceStub(stack.channel("identity", CHANNEL))
        self._key = Ed25519PrivateKey.generate()

    def activate(self, person_id: str) -> certificate_pb2.Certificate:
        """Activates the e-certificate."""
        request = certificate_service_pb2.ActivateCertificateRequest(
            request_id=new_request_id(),
            region=self._region,
            person_id=person_id,
            proofing_method=certificate_pb2.PROOFING_METHOD_FACE,
            proofing_reference="demo",
        )
        with self._log.step("Activate the e-certificate", "identity") as note:
            certificate = self._stub.ActivateCertificate(request, timeout=CALL_SECONDS).certificate
            note(f"subject {certificate.subject}")
        return certificate

    def fetch_code(self, certificate_id: str, audience: str) -> str:
        """Fetches the code of this minute (mode A)."""
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self._region, certificate_id=certificate_id, audience=audience
        )
        with self._log.step("Fetch this minute's code", "phone") as note:
            qr_text = self._stub.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
            note(f"{qr_text[:8]}..., {len(qr_text)} characters")
        return qr_text

    def fetch_code_of_a_new_key(
        self, certificate_id: str, audience: str, *, retired: str, key_of: Callable[[str], str]
    ) -> str:
        """Fetches codes until one is signed with another key than the `retired` one."""
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self._region, certificate_id=certificate_id, audience=audience
        )
        end = time.monotonic() + CALL_SECONDS
        with self._log.step("Fetch a code of the new key", "phone") as note:
            while True:
                qr_text = self._stub.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
                key_id = key_of(qr_text)
                if key_id not in ("", retired):
                    break
                if time.monotonic() > end:
                    raise StepFailedError("the service goes on signing with the old key")
                time.sleep(0.2)
            note(f"signed with {key_id}")
        return qr_text

    def enrol(self, certificate_id: str) -> bytes:
        """Proves possession of the phone's key; returns its certificate."""
        with self._log.step("Enrol the phone's key", "identity") as note:
            challenge = self._stub.GetDeviceChallenge(
                device_messages_pb2.GetDeviceChallengeRequest(
                    region=self._region, certificate_id=certificate_id
                ),
                timeout=CALL_SECONDS,
            ).challenge
            public_key = device.raw_public_key(self._key)
            statement = device.enrolment_statement(challenge, public_key)
            certified = self._stub.EnrolDevice(
                device_messages_pb2.EnrolDeviceRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    certificate_id=certificate_id,
                    device_name="demo phone",
                    algorithm=device_pb2.KEY_ALGORITHM_ED25519,
                    public_key=public_key,
                    challenge=challenge,
                    signature=device.sign(self._key, statement),
                ),
                timeout=CALL_SECONDS,
            ).device_certificate
            hours = (certified.expire_time.seconds - certified.issue_time.seconds) // 3_600
            note(f"certified for {hours} h")
        return certified.certificate

    def make_code(self, certificate: bytes, audience: str) -> str:
        """Makes a code with the phone's own key (mode B); nobody is asked."""
        with self._log.step("Make a code, no network", "phone") as note:
            text = qr.present(certificate, self._key, audience=audience, now=self._clock())
            note(f"{text[:8]}..., {len(text)} characters")
        return text
