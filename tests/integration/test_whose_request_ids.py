"""A request id belongs to the institution or agency, whichever of its certificates sends it."""

import grpc
import pytest
import sqlalchemy as sa
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refused
from support.databases import as_owner
from support.settlement_world import REGION

from yibao.settlement.v1.account_service_pb2 import CREDIT_SOURCE_RECHARGE, CreditAccountRequest
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_common.commands.request import request_digest
from yibao_common.values.ids import new_id
from yibao_settlement.storage import tables


@pytest.fixture
def credit(patient: Patient) -> CreditAccountRequest:
    return CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=patient.person_id,
        amount_fen=1_000,
        source=CREDIT_SOURCE_RECHARGE,
    )


def test_a_terminal_gets_the_answer_that_its_hospital_was_given(
    services: BothServices, patient: Patient
) -> None:
    raw = services.settle_request(patient).SerializeToString()
    answer = services.settle_raw(raw)
    before = services.contents()
    assert services.settle_raw(raw, "hospital-terminal") == answer
    assert services.contents() == before


def test_a_terminal_says_what_it_scanned_itself(services: BothServices, patient: Patient) -> None:
    """A repeat of what another terminal scanned gets its answer all the same."""
    request = services.settle_request(patient)
    request.presentation.terminal_id = "T2"
    visit = services.visit_request(services.code(patient.certificate_id, "01103"))
    visit.presentation.terminal_id = "T2"
    before = services.contents()
    for method, asked in (
        (services.settlements("hospital-terminal").SettleBill, request),
        (services.visits("hospital-terminal").RegisterVisit, visit),
    ):
        refusal = refused(services, method, asked)
        assert outcome(refusal) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
        assert refusal.metadata == {"scope": "terminal/T2"}
    assert services.contents() == before
    raw = request.SerializeToString()
    # The hospital tells of all its terminals.
    answer = services.settle_raw(raw)
    assert services.settle_raw(raw, "hospital-terminal") == answer
    own = services.visit_request(services.code(patient.certificate_id, "01103"))
    stub = services.visits("hospital-terminal")
    assert stub.RegisterVisit(own, timeout=CALL_SECONDS).visit.visit_id


def test_an_operator_gets_the_answer_that_a_colleague_was_given(
    services: BothServices, credit: CreditAccountRequest
) -> None:
    answer = services.accounts("maker").CreditAccount(credit, timeout=CALL_SECONDS)
    before = services.contents()
    assert services.accounts("checker").CreditAccount(credit, timeout=CALL_SECONDS) == answer
    assert services.contents() == before


def test_another_hospital_learns_nothing_of_a_request_id_but_that_it_is_taken(
    services: BothServices, patient: Patient
) -> None:
    request = services.settle_request(patient)
    services.settle_raw(request.SerializeToString())
    stub: SettlementServiceStub = services.settlements("other-hospital")
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert refusal.metadata == {"request_id": request.request_id}
    # The same is told of other contents, so that nobody learns whose the id is.
    changed = services.settle_request(patient)
    changed.request_id = request.request_id
    assert refused(services, stub.SettleBill, changed) == refusal


def test_an_answer_of_before_is_given_to_the_certificate_that_got_it(
    services: BothServices, credit: CreditAccountRequest
) -> None:
    answer = services.accounts("maker").CreditAccount(credit, timeout=CALL_SECONDS)
    columns = tables.answer.c
    digest = request_digest("CreditAccount", f"agency/{REGION}/maker", credit.SerializeToString())
    with as_owner(services.database) as connection:
        connection.execute(
            sa.update(tables.answer)
            .where(columns.request_id == credit.request_id)
            .values(digest=digest)
        )
    assert services.accounts("maker").CreditAccount(credit, timeout=CALL_SECONDS) == answer
    refusal = refused(services, services.accounts("checker").CreditAccount, credit)
    assert outcome(refusal)[1] == "REQUEST_ID_REUSED"
