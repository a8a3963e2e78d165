"""The steps of the golden path that a person, an agency and a channel take at identity."""

import datetime as dt
import json
import random
import subprocess
import sys
from pathlib import Path

from yibao.identity.v1 import certificate_pb2, certificate_service_pb2, person_service_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.identity.v1.trust_service_pb2 import GetTrustSnapshotRequest
from yibao.identity.v1.trust_service_pb2_grpc import TrustServiceStub
from yibao_cli.demo import offline_counter
from yibao_cli.demo.sample_person import birth_date, citizen_number
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import CHANNEL, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.wire import from_date

# Business types of the national interface that a code may be used for.
ADMISSION = "01103"
SETTLE = "01301"
_PURPOSES = {ADMISSION: "admission", SETTLE: "settlement"}


class IdentitySteps:
    """Registers the person of a region's bill and shows codes for it."""

    def __init__(
        self, stack: Stack, region: Region, log: StepLog, *, today: dt.date, choose: random.Random
    ) -> None:
        """Takes a stack in which the region is loaded."""
        self._stack = stack
        self._region = region
        self._parties = parties_of(region)
        self._log = log
        self._today = today
        self._choose = choose

    def register_person(self) -> str:
        """Registers the person and returns its id."""
        person = self._region.sample_bill.person
        born = birth_date(person.age, today=self._today)
        request = person_service_pb2.RegisterPersonRequest(
            request_id=new_request_id(),
            region=self._region.region,
            certificate_type="01",
            certificate_number=citizen_number(born, choose=self._choose),
            person_name=person.person_name,
            insurance_type=person.insurance_type,
            person_class=person.person_class,
            entitlement_groups=person.entitlement_groups,
            start_date=from_date(dt.date(self._today.year, 1, 1)),
        )
        with self._log.step("Register the insured person", "identity") as note:
            stub = PersonServiceStub(self._stack.channel("identity", self._parties.maker))
            registered = stub.RegisterPerson(request, timeout=CALL_SECONDS).person
            note(f"{registered.person_name} {registered.certificate_number_masked}")
        return registered.person_id

    def activate(self, person_id: str) -> str:
        """Activates the e-certificate (医保电子凭证) and returns its id."""
        request = certificate_service_pb2.ActivateCertificateRequest(
            request_id=new_request_id(),
            region=self._region.region,
            person_id=person_id,
            proofing_method=certificate_pb2.PROOFING_METHOD_FACE,
            proofing_reference="demo",
        )
        with self._log.step("Activate the e-certificate", "identity") as note:
            stub = CertificateServiceStub(self._stack.channel("identity", CHANNEL))
            certificate = stub.ActivateCertificate(request, timeout=CALL_SECONDS).certificate
            note(f"subject {certificate.subject}")
        return certificate.certificate_id

    def issue(self, certificate_id: str, audience: str) -> str:
        """Returns the text of a new QR code."""
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self._region.region, certificate_id=certificate_id, audience=audience
        )
        with self._log.step(f"Issue a code for {_PURPOSES[audience]}", "identity") as note:
            stub = CertificateServiceStub(self._stack.channel("identity", CHANNEL))
            qr_text = stub.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
            note(f"{qr_text[:10]}..., {len(qr_text)} characters")
        return qr_text

    def verify_offline(self, qr_text: str) -> None:
        """Verifies the code for admission in a process of its own, without a network."""
        snapshot_file = self._stack.sandbox.folder / f"counter-{self._region.region}.cbor"
        trust = TrustServiceStub(self._stack.channel("identity", self._parties.hospital))
        with self._log.step("Fetch the trust snapshot", "identity") as note:
            answer = trust.GetTrustSnapshot(GetTrustSnapshotRequest(), timeout=CALL_SECONDS)
            snapshot_file.write_bytes(answer.snapshot)
            note(f"{len(answer.snapshot)} bytes, signed")
        with self._log.step("Verify the code offline", "hospital") as note:
            subject = run_counter(
                qr_text,
                snapshot_file=snapshot_file,
                trust_key_file=self._stack.sandbox.trust_key_file,
                audience=ADMISSION,
            )
            note(f"{subject}, by the SDK alone")


def run_counter(qr_text: str, *, snapshot_file: Path, trust_key_file: Path, audience: str) -> str:
    """Returns the subject of a code, as a hospital's own process reads it.

    Raises:
        StepFailedError: the process refused the code or failed.
    """
    script = str(Path(offline_counter.__file__))
    finished = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-I", script, str(snapshot_file), str(trust_key_file), audience],
        input=qr_text,
        capture_output=True,
        text=True,
        timeout=CALL_SECONDS,
        check=False,
    )
    if finished.returncode:
        raise StepFailedError((finished.stdout + finished.stderr).strip())
    subject = json.loads(finished.stdout)["subject"]
    assert isinstance(subject, str)
    return subject
