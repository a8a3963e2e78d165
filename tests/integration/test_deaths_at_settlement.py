"""A death that one service records is known to the other by its day."""

import grpc
from support.both_services import CALL_SECONDS, BothServices, outcome, refused
from support.settlement_world import REGION

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.death_messages_pb2 import RecordDeathRequest
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

FAILED = grpc.StatusCode.FAILED_PRECONDITION
SETTLE = "01301"


def test_after_a_death_codes_visits_and_later_days_are_refused(services: BothServices) -> None:
    """I-31: the bill of the day of death is paid without a code."""
    patient = services.patient()
    waiting = services.visit_request(services.code(patient.certificate_id, "01103"))
    today = shanghai_day(services.clock())
    services.persons("maker").RecordDeath(
        RecordDeathRequest(
            request_id=new_id(),
            region=REGION,
            person_id=patient.person_id,
            death_date=from_date(today),
            evidence_reference="death/1",
        ),
        timeout=CALL_SECONDS,
    )
    services.wait_until_told()
    visits, settlements = services.visits(), services.settlements()
    issue = IssueQrCodeRequest(
        region=REGION, certificate_id=patient.certificate_id, audience=SETTLE
    )
    refusal = refused(services, services.certificates().IssueQrCode, issue)
    assert outcome(refusal) == (FAILED, "ECERT_NOT_ACTIVATED")
    assert outcome(refused(services, visits.RegisterVisit, waiting)) == (FAILED, "PERSON_DECEASED")
    request = services.settle_request(patient, "MI1-none")
    request.ClearField("presentation")
    settled = settlements.SettleBill(request, timeout=CALL_SECONDS).settlement
    assert settled.fund_total_fen > 0
    services.clock.advance(days=1)
    later = services.settle_request(patient, "MI1-none")
    later.ClearField("presentation")
    assert outcome(refused(services, settlements.SettleBill, later)) == (FAILED, "PERSON_DECEASED")
