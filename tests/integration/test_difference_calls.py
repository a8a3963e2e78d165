"""DifferenceService through the real service: who settles what lies between funds and a person."""

import grpc
import sqlalchemy as sa
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.databases import as_owner
from support.settlement_world import REGION

from yibao.settlement.v1 import difference_pb2
from yibao.settlement.v1 import difference_service_pb2 as pb
from yibao.settlement.v1.difference_service_pb2_grpc import DifferenceServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementRequest
from yibao_common.values.ids import new_id
from yibao_settlement.storage import tables

FAILED, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND = grpc.StatusCode.NOT_FOUND
COLLECT = difference_pb2.DIFFERENCE_ORDER_KIND_COLLECT
WRITE_OFF = difference_pb2.DIFFERENCE_ORDER_KIND_WRITE_OFF


def differences(services: BothServices, name: str) -> DifferenceServiceStub:
    return DifferenceServiceStub(services.channel("settlement", name))


def read(services: BothServices, person_id: str, name: str = "maker") -> pb.GetDifferenceResponse:
    request = pb.GetDifferenceRequest(region=REGION, person_id=person_id)
    answer: pb.GetDifferenceResponse = differences(services, name).GetDifference(
        request, timeout=CALL_SECONDS
    )
    return answer


def settle(services: BothServices, patient: Patient, quantity: int) -> Settlement:
    """Settles a bill of so many packages of 100.00."""
    request = services.settle_request(patient)
    del request.bill.lines[1:]
    (line,) = request.bill.lines
    line.quantity = str(quantity)
    line.amount_fen = request.bill.total_fen = quantity * 10_000
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def indebted(services: BothServices) -> tuple[str, int]:
    """Returns a person who owes something since an earlier bill left, and how much."""
    patient = services.patient()
    # Both reach the limit of the year.
    first = settle(services, patient, 3_000)
    settle(services, patient, 3_001)
    services.settlements().ReverseSettlement(
        ReverseSettlementRequest(
            request_id=new_id(),
            region=REGION,
            settlement_id=first.settlement_id,
            reason="entered twice",
        ),
        timeout=CALL_SECONDS,
    )
    owed_fen = -read(services, patient.person_id).difference_fen
    assert owed_fen > 0
    return patient.person_id, owed_fen


def proposal(
    person_id: str, amount_fen: int, **changes: object
) -> pb.ProposeDifferenceOrderRequest:
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "person_id": person_id,
        "order_kind": COLLECT,
        "amount_fen": amount_fen,
        "reason": "as agreed on the phone",
    }
    return pb.ProposeDifferenceOrderRequest(**{**values, **changes})  # type: ignore[arg-type]


def confirmation(order: difference_pb2.DifferenceOrder) -> pb.ConfirmDifferenceOrderRequest:
    return pb.ConfirmDifferenceOrderRequest(
        request_id=new_id(),
        region=REGION,
        order_id=order.order_id,
        order_kind=order.order_kind,
        amount_fen=order.amount_fen,
    )


def test_a_difference_from_the_proposal_to_the_ledger(services: BothServices) -> None:
    person_id, owed_fen = indebted(services)
    maker, checker = differences(services, "maker"), differences(services, "checker")
    told = refusal_of(differences(services, "hospital").GetDifference, pb.GetDifferenceRequest())
    assert outcome(told) == (DENIED, "CALLER_NOT_ALLOWED")
    request = proposal(person_id, owed_fen)
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        told = refusal_of(differences(services, name).ProposeDifferenceOrder, request)
        assert outcome(told) == (DENIED, reason)
    told = refusal_of(maker.ProposeDifferenceOrder, proposal(person_id, owed_fen + 1))
    assert outcome(told) == (FAILED, "DIFFERENCE_NOT_OPEN")
    order = maker.ProposeDifferenceOrder(request, timeout=CALL_SECONDS).order
    assert maker.ProposeDifferenceOrder(request, timeout=CALL_SECONDS).order == order
    told = refusal_of(maker.ConfirmDifferenceOrder, confirmation(order))
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    told = refusal_of(
        differences(services, "other-agency").ConfirmDifferenceOrder, confirmation(order)
    )
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
    confirming = confirmation(order)
    done = checker.ConfirmDifferenceOrder(confirming, timeout=CALL_SECONDS).order
    assert checker.ConfirmDifferenceOrder(confirming, timeout=CALL_SECONDS).order == done
    assert (done.state, done.maker, done.checker) == (
        difference_pb2.DIFFERENCE_ORDER_STATE_CARRIED_OUT,
        f"agency/{REGION}/maker",
        f"agency/{REGION}/checker",
    )
    found = read(services, person_id, "checker")
    assert (found.difference_fen, found.collected_fen, found.paid_fen) == (0, owed_fen, 0)
    assert (list(found.orders), found.order_count, found.row_count) == ([done], 1, 1)
    told = refusal_of(checker.RejectDifferenceOrder, rejection(order))
    assert outcome(told) == (FAILED, "DIFFERENCE_ORDER_STATE")


def rejection(order: difference_pb2.DifferenceOrder) -> pb.RejectDifferenceOrderRequest:
    return pb.RejectDifferenceOrderRequest(
        request_id=new_id(), region=REGION, order_id=order.order_id, reason="not agreed"
    )


def test_what_is_not_agreed_is_rejected_and_little_is_told_as_such(services: BothServices) -> None:
    person_id, owed_fen = indebted(services)
    maker, checker = differences(services, "maker"), differences(services, "checker")
    order = maker.ProposeDifferenceOrder(proposal(person_id, owed_fen), timeout=CALL_SECONDS).order
    rejected = checker.RejectDifferenceOrder(rejection(order), timeout=CALL_SECONDS).order
    assert rejected.reject_reason == "not agreed"
    assert not read(services, person_id).is_dust
    order = maker.ProposeDifferenceOrder(
        proposal(person_id, owed_fen - 99, order_kind=WRITE_OFF, fund_type="390100"),
        timeout=CALL_SECONDS,
    ).order
    checker.ConfirmDifferenceOrder(confirmation(order), timeout=CALL_SECONDS)
    found = read(services, person_id)
    assert (found.difference_fen, found.is_dust) == (-99, True)
    assert found.written_off_fen == owed_fen - 99
    unknown = confirmation(order)
    unknown.order_id = new_id()
    told = refusal_of(checker.ConfirmDifferenceOrder, unknown)
    assert outcome(told) == (NOT_FOUND, "DIFFERENCE_ORDER_NOT_FOUND")


def test_what_is_due_to_an_account_is_moved_by_an_agency_alone(services: BothServices) -> None:
    person_id, _ = indebted(services)
    maker = differences(services, "maker")
    moving = pb.MoveDueRequest(request_id=new_id(), region=REGION, person_id=person_id, due_fen=1)
    page = pb.MoveAllDueRequest(request_id=new_id(), region=REGION)
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        stub = differences(services, name)
        assert outcome(refusal_of(stub.MoveDue, moving)) == (DENIED, reason)
        assert outcome(refusal_of(stub.MoveAllDue, page)) == (DENIED, reason)
    told = refusal_of(maker.MoveDue, moving)
    assert outcome(told) == (FAILED, "DUE_NOT_OPEN")
    first = maker.MoveAllDue(page, timeout=CALL_SECONDS)
    assert (first.person_count, first.last_person_id) == (0, "")
    assert maker.MoveAllDue(page, timeout=CALL_SECONDS) == first
    found = read(services, person_id)
    assert (found.due_fen, found.moved_fen, found.move_count) == (0, 0, 0)


def test_a_fund_is_named_for_a_loss_alone(services: BothServices) -> None:
    person_id, owed_fen = indebted(services)
    propose = differences(services, "maker").ProposeDifferenceOrder
    for changes, reason in (
        ({"order_kind": WRITE_OFF}, "FIELD_REQUIRED"),
        ({"order_kind": WRITE_OFF, "fund_type": "999999"}, "FIELD_OUT_OF_RANGE"),
        ({"fund_type": "390100"}, "FIELD_OUT_OF_RANGE"),
    ):
        told = refusal_of(propose, proposal(person_id, owed_fen, **changes))
        assert outcome(told) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


def test_orders_that_wait_are_listed_page_by_page(services: BothServices) -> None:
    waiting = []
    for _ in range(3):
        person_id, owed_fen = indebted(services)
        order = (
            differences(services, "maker")
            .ProposeDifferenceOrder(proposal(person_id, owed_fen), timeout=CALL_SECONDS)
            .order
        )
        waiting.append(order.order_id)
    request = pb.ListDifferenceOrdersRequest(
        region=REGION,
        state=difference_pb2.DIFFERENCE_ORDER_STATE_PROPOSED,
        page_size=2,
    )
    found: list[str] = []
    pages = 0
    while pages == 0 or request.page_token:
        answer = differences(services, "checker").ListDifferenceOrders(
            request, timeout=CALL_SECONDS
        )
        found += [each.order_id for each in answer.orders]
        request.page_token = answer.next_page_token
        pages += 1
    assert found[-3:] == waiting
    assert pages == -(-len(found) // 2)
    request.page_token = "no place"
    told = refusal_of(differences(services, "maker").ListDifferenceOrders, request)
    assert outcome(told) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_MALFORMED")


def test_bills_that_cost_what_they_should_are_not_repaired(services: BothServices) -> None:
    person_id, _ = indebted(services)
    request = pb.ProposeRepairRequest(
        request_id=new_id(), region=REGION, person_id=person_id, reason="asked for by the person"
    )
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        told = refusal_of(differences(services, name).ProposeRepair, request)
        assert outcome(told) == (DENIED, reason)
    told = refusal_of(differences(services, "maker").ProposeRepair, request)
    assert outcome(told) == (FAILED, "NOTHING_TO_REPAIR")


def forget_the_years(services: BothServices, person_id: str) -> None:
    """Takes away what bills used up, as nothing but a fault would."""
    standing = tables.person_standing
    with as_owner(services.database) as connection:
        connection.execute(
            sa.update(standing).where(standing.c.person_id == person_id).values(accumulators="{}")
        )


def test_a_repair_from_the_proposal_to_the_books(services: BothServices) -> None:
    patient = services.patient()
    settlement_id = settle(services, patient, 100).settlement_id
    forget_the_years(services, patient.person_id)
    maker, checker = differences(services, "maker"), differences(services, "checker")
    request = pb.ProposeRepairRequest(
        request_id=new_id(), region=REGION, person_id=patient.person_id, reason="years are lost"
    )
    repair = maker.ProposeRepair(request, timeout=CALL_SECONDS).repair
    assert maker.ProposeRepair(request, timeout=CALL_SECONDS).repair == repair
    assert (repair.state, repair.maker) == (
        difference_pb2.REPAIR_STATE_PROPOSED,
        f"agency/{REGION}/maker",
    )
    confirming = pb.ConfirmRepairRequest(
        request_id=new_id(), region=REGION, repair_id=repair.repair_id
    )
    told = refusal_of(maker.ConfirmRepair, confirming)
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    done = checker.ConfirmRepair(confirming, timeout=CALL_SECONDS).repair
    assert checker.ConfirmRepair(confirming, timeout=CALL_SECONDS).repair == done
    assert (done.state, done.checker, list(done.bills)) == (
        difference_pb2.REPAIR_STATE_CARRIED_OUT,
        f"agency/{REGION}/checker",
        [],
    )
    confirming.request_id = new_id()
    told = refusal_of(checker.ConfirmRepair, confirming)
    assert outcome(told) == (FAILED, "REPAIR_STATE")
    confirming.request_id, confirming.repair_id = new_id(), settlement_id
    told = refusal_of(checker.ConfirmRepair, confirming)
    assert outcome(told) == (NOT_FOUND, "REPAIR_NOT_FOUND")


def test_repairs_that_wait_are_listed_page_by_page_and_withdrawn(services: BothServices) -> None:
    maker, checker = differences(services, "maker"), differences(services, "checker")
    proposed = []
    for _ in range(3):
        patient = services.patient()
        settle(services, patient, 100)
        forget_the_years(services, patient.person_id)
        request = pb.ProposeRepairRequest(
            request_id=new_id(), region=REGION, person_id=patient.person_id, reason="lost"
        )
        proposed.append(maker.ProposeRepair(request, timeout=CALL_SECONDS).repair)
    waiting = pb.ListRepairsRequest(
        region=REGION, state=difference_pb2.REPAIR_STATE_PROPOSED, page_size=2
    )
    page = checker.ListRepairs(waiting, timeout=CALL_SECONDS)
    assert list(page.repairs) == proposed[:2]
    waiting.page_token = page.next_page_token
    page = checker.ListRepairs(waiting, timeout=CALL_SECONDS)
    assert (list(page.repairs), page.next_page_token) == (proposed[2:], "")
    withdrawing = pb.WithdrawRepairRequest(
        request_id=new_id(), region=REGION, repair_id=proposed[1].repair_id
    )
    done = maker.WithdrawRepair(withdrawing, timeout=CALL_SECONDS).repair
    assert maker.WithdrawRepair(withdrawing, timeout=CALL_SECONDS).repair == done
    assert (done.state, done.checker) == (
        difference_pb2.REPAIR_STATE_WITHDRAWN,
        f"agency/{REGION}/maker",
    )
    withdrawing.request_id = new_id()
    told = refusal_of(checker.WithdrawRepair, withdrawing)
    assert outcome(told) == (FAILED, "REPAIR_STATE")
    withdrawing.repair_id = new_id()
    told = refusal_of(checker.WithdrawRepair, withdrawing)
    assert outcome(told) == (NOT_FOUND, "REPAIR_NOT_FOUND")
    ended = pb.ListRepairsRequest(region=REGION, state=difference_pb2.REPAIR_STATE_WITHDRAWN)
    assert list(checker.ListRepairs(ended, timeout=CALL_SECONDS).repairs) == [done]
    ended.page_token = waiting.page_token
    told = refusal_of(checker.ListRepairs, ended)
    assert outcome(told) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_MALFORMED")
