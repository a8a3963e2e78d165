"""What identity withdraws, settlement refuses: suspended and closed e-certificates."""

from collections.abc import Callable

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refused
from support.settlement_world import REGION

from yibao.identity.v1 import misuse_messages_pb2 as misuse
from yibao.identity.v1 import misuse_pb2, qr_messages_pb2, relative_pb2
from yibao.identity.v1 import relative_messages_pb2 as relative
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao_common.values.ids import new_id

FAILED = grpc.StatusCode.FAILED_PRECONDITION


def suspend(services: BothServices, subject: str) -> str:
    """Suspends a credential in a case of its own and returns the case."""
    agency = services.certificates("maker")
    reported = agency.ReportMisuse(
        misuse.ReportMisuseRequest(
            request_id=new_id(),
            region=REGION,
            subject=subject,
            kind=misuse_pb2.MISUSE_KIND_LENT,
            description="出示者不是本人",
        ),
        timeout=CALL_SECONDS,
    )
    request = misuse.SuspendCredentialRequest(
        request_id=new_id(), region=REGION, case_id=reported.case_id
    )
    agency.SuspendCredential(request, timeout=CALL_SECONDS)
    return reported.case_id


def test_a_code_issued_before_the_suspension_pays_nothing_until_it_is_lifted(
    services: BothServices,
) -> None:
    """I-03, I-04: the suspension holds for codes that exist already."""
    patient = services.patient()
    request = services.settle_request(patient)
    case_id = suspend(services, patient.subject)
    services.wait_until_told()
    stub = services.settlements()
    assert outcome(refused(services, stub.SettleBill, request)) == (FAILED, "ECERT_SUSPENDED")
    lift = misuse.LiftSuspensionRequest(
        request_id=new_id(), region=REGION, case_id=case_id, note="误报"
    )
    services.certificates("checker").LiftSuspension(lift, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert stub.SettleBill(request, timeout=CALL_SECONDS).settlement.settlement_id


def test_a_code_of_a_closed_certificate_pays_nothing(services: BothServices) -> None:
    """I-06: only an activated e-certificate is presented."""
    patient = services.patient()
    request = services.settle_request(patient)
    close = CloseCertificateRequest(
        request_id=new_id(), region=REGION, certificate_id=patient.certificate_id
    )
    services.certificates().CloseCertificate(close, timeout=CALL_SECONDS)
    services.wait_until_told()
    refusal = refused(services, services.settlements().SettleBill, request)
    assert outcome(refusal) == (FAILED, "ECERT_NOT_ACTIVATED")


def agree(services: BothServices, person_id: str, relative_id: str) -> str:
    """Lets a person show the codes of a relative, who agrees; returns the link."""
    persons = services.persons()
    asked = persons.RequestRelativeLink(
        relative.RequestRelativeLinkRequest(
            request_id=new_id(),
            region=REGION,
            person_id=person_id,
            relative_id=relative_id,
            purpose=relative_pb2.LINK_PURPOSE_SHOW_CODE,
            relation=relative_pb2.RELATION_PARENT,
        ),
        timeout=CALL_SECONDS,
    )
    confirm = relative.ConfirmRelativeLinkRequest(
        request_id=new_id(), region=REGION, link_id=asked.link.link_id, relative_id=relative_id
    )
    persons.ConfirmRelativeLink(confirm, timeout=CALL_SECONDS)
    return asked.link.link_id


def end_link(services: BothServices, link_id: str, person_id: str, _subject: str) -> None:
    request = relative.EndRelativeLinkRequest(
        request_id=new_id(), region=REGION, link_id=link_id, person_id=person_id
    )
    services.persons().EndRelativeLink(request, timeout=CALL_SECONDS)


def suspend_shower(services: BothServices, _link_id: str, _person_id: str, subject: str) -> None:
    suspend(services, subject)


@pytest.mark.parametrize("end", [end_link, suspend_shower], ids=["link", "suspension"])
def test_a_code_that_a_relative_showed_before_the_end_pays_nothing(
    services: BothServices, end: Callable[[BothServices, str, str, str], None]
) -> None:
    """I-03: it was scanned in its minute, and who showed it may show none any more."""
    patient = services.patient()
    child_id, certificate_id, subject = services.person()
    link_id = agree(services, child_id, patient.person_id)
    services.clock.advance(seconds=1)
    show = qr_messages_pb2.IssueRelativeQrCodeRequest(
        region=REGION, certificate_id=certificate_id, link_id=link_id, audience="01301"
    )
    shown = services.certificates().IssueRelativeQrCode(show, timeout=CALL_SECONDS).qr_text
    request = services.settle_request(patient, shown)
    end(services, link_id, child_id, subject)
    services.wait_until_told()
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (FAILED, "QR_WITHDRAWN")
    assert "本人" in refusal.message_zh
    # The holder's own next code pays.
    own = stub.SettleBill(services.settle_request(patient), timeout=CALL_SECONDS)
    assert own.settlement.settlement_id


def test_where_no_certificates_are_taken_the_card_is_suggested(services: BothServices) -> None:
    """I-11: the refusal says in Chinese what to show instead."""
    _, certificate_id, _ = services.person()
    request = services.visit_request(services.code(certificate_id, "01103"))
    refusal = refused(services, services.visits("pharmacy").RegisterVisit, request)
    assert outcome(refusal) == (FAILED, "INSTITUTION_NO_ECERT")
    assert "社保卡" in refusal.message_zh
