"""The steps of the golden path that a person, an agency and a channel take at identity."""

import datetime as dt
import random

from yibao.identity.v1 import certificate_pb2, certificate_service_pb2, person_service_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao_cli.demo.sample_person import birth_date, citizen_number
from yibao_cli.demo.steps import CALL_SECONDS, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import CHANNEL, parties_of
from yibao_cli.regions import Region
from yibao_cli.running import Channels
from yibao_common.rpc.wire import from_date

# Business types of the national interface that a code may be used for.
ADMISSION = "01103"
SETTLE = "01301"
_PURPOSES = {ADMISSION: "admission", SETTLE: "settlement"}


class IdentitySteps:
    """Registers the person of a region's bill and shows codes for it."""

    def __init__(
        self,
        channels: Channels,
        region: Region,
        log: StepLog,
        *,
        today: dt.date,
        choose: random.Random,
    ) -> None:
        """Takes channels to services in which the region is loaded."""
        self._channels = channels
        self._region = region
        self._parties = parties_of(region)
        self._log = log
        self._today = today
        self._choose = choose

    def register_person(self) -> str:
        """Registers the person and returns its id."""
        person = self._region.sample_bill.person
        born = birth_date(person.age, today=self._today, choose=self._choose)
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
            stub = PersonServiceStub(self._channels.channel("identity", self._parties.maker))
            registered = stub.RegisterPerson(request, timeout=CALL_SECONDS).person
            note(f"{registered.person_name} {registered.certificate_number_masked}")
        return registered.person_id

    def activate(self, person_id: str) -> tuple[str, str]:
        """Activates the e-certificate (医保电子凭证); returns its id and subject."""
        request = certificate_service_pb2.ActivateCertificateRequest(
            request_id=new_request_id(),
            region=self._region.region,
            person_id=person_id,
            proofing_method=certificate_pb2.PROOFING_METHOD_FACE,
            proofing_reference="demo",
        )
        with self._log.step("Activate the e-certificate", "identity") as note:
            stub = CertificateServiceStub(self._channels.channel("identity", CHANNEL))
            certificate = stub.ActivateCertificate(request, timeout=CALL_SECONDS).certificate
            note(f"subject {certificate.subject}")
        return certificate.certificate_id, certificate.subject

    def issue(self, certificate_id: str, audience: str) -> str:
        """Returns the text of a new QR code."""
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self._region.region, certificate_id=certificate_id, audience=audience
        )
        with self._log.step(f"Issue a code for {_PURPOSES[audience]}", "identity") as note:
            stub = CertificateServiceStub(self._channels.channel("identity", CHANNEL))
            qr_text = stub.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
            note(f"{qr_text[:10]}..., {len(qr_text)} characters")
        return qr_text
