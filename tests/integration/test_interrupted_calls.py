"""Calls that were cut off, repeated late, or sent many at a time."""

import threading
from collections.abc import Callable

import grpc
import pytest
import sqlalchemy as sa
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    Patient,
    nobody_commits,
    outcome,
    refused,
)
from support.threads import wait_until

from yibao.settlement.v1.settlement_service_pb2 import (
    SettleBillRequest,
    SettleBillResponse,
    SubmitBillsRequest,
)
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

FAILED = grpc.StatusCode.FAILED_PRECONDITION


def answers_to(services: BothServices, request_id: str) -> list[bytes]:
    """Returns what is stored under a request id."""
    columns = tables.answer.c
    with services.database.read() as connection:
        query = sa.select(columns.response).where(columns.request_id == request_id)
        return [bytes(each) for each in connection.execute(query).scalars()]


def settled_under(services: BothServices, request_id: str) -> int:
    columns = tables.settlement.c
    with services.database.read() as connection:
        query = sa.select(sa.func.count()).where(columns.request_id == request_id)
        return int(connection.execute(query).scalar_one())


def _cancel(call: "grpc.Future[SettleBillResponse]") -> None:
    # By then it waits for the lock.
    threading.Event().wait(0.3)
    call.cancel()


def _let_it_expire(call: "grpc.Future[SettleBillResponse]") -> None:
    error = call.exception()
    assert isinstance(error, grpc.RpcError)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("timeout", "cut_off"),
    [(CALL_SECONDS, _cancel), (0.3, _let_it_expire)],
    ids=["cancelled", "past its deadline"],
)
def test_a_call_that_was_cut_off_is_carried_out_and_its_repeat_gets_the_answer(
    services: BothServices,
    patient: Patient,
    timeout: float,
    cut_off: "Callable[[grpc.Future[SettleBillResponse]], None]",
) -> None:
    request = services.settle_request(patient)
    with nobody_commits(services, patient):
        call = services.settlements().SettleBill.future(request, timeout=timeout)
        cut_off(call)
        assert answers_to(services, request.request_id) == []
    assert not call.running()
    # Nobody waits any more, and it is carried out all the same.
    wait_until(lambda: answers_to(services, request.request_id) != [])
    (stored,) = answers_to(services, request.request_id)
    assert services.settle_raw(request.SerializeToString()) == stored
    assert settled_under(services, request.request_id) == 1
    assert check_ledger(services.database).drifts == []


def test_a_repeat_gets_its_first_answer_an_hour_later(
    services: BothServices, patient: Patient
) -> None:
    first = services.settle_request(patient)
    raw = first.SerializeToString()
    answer = services.settle_raw(raw)
    visit = services.visit_request(services.code(patient.certificate_id, "01103"))
    registered = services.visits().RegisterVisit(visit, timeout=CALL_SECONDS)
    unused = services.settle_request(patient)
    services.clock.advance(hours=1)
    # The code is long past its ten minutes, and the answer is the first one's.
    before = services.contents()
    assert services.settle_raw(raw) == answer
    assert services.visits().RegisterVisit(visit, timeout=CALL_SECONDS) == registered
    assert services.contents() == before
    # Other contents under the id, and a code of that hour that never paid, are refused.
    changed = SettleBillRequest()
    changed.CopyFrom(first)
    changed.presentation.terminal_id = "T2"
    method = services.settlements().SettleBill
    assert outcome(refused(services, method, changed))[1] == "REQUEST_ID_REUSED"
    assert outcome(refused(services, method, unused)) == (FAILED, "CLOCK_SUSPECT")


def test_the_same_request_sent_many_times_at_once_settles_once(
    services: BothServices, patient: Patient
) -> None:
    request = services.settle_request(patient)
    stub = services.settlements()
    calls = [stub.SettleBill.future(request, timeout=CALL_SECONDS) for _ in range(16)]
    assert len({call.result().SerializeToString() for call in calls}) == 1
    assert settled_under(services, request.request_id) == 1


def _without_id(item: SettleBillRequest) -> None:
    item.ClearField("request_id")
    item.bill.lines[0].unit_price = "-1"


def _wrong_lines(item: SettleBillRequest) -> None:
    item.bill.lines[1].item_code = "NOPE"
    item.bill.total_fen += 1


def _garbled_code(item: SettleBillRequest) -> None:
    item.presentation.qr_text = "SF1234567890"


@pytest.mark.parametrize(
    ("spoil", "reason", "faults"),
    [
        (
            _without_id,
            "FIELDS_INVALID",
            {"request_id": "FIELD_REQUIRED", "bill.lines[0].unit_price": "DECIMAL_NEGATIVE"},
        ),
        (
            _wrong_lines,
            "FIELDS_INVALID",
            {
                "bill.lines[1].item_code": "CATALOGUE_ITEM_UNKNOWN",
                "bill.total_fen": "BILL_TOTAL_MISMATCH",
            },
        ),
        (_garbled_code, "QR_MALFORMED", {}),
    ],
)
def test_one_bad_bill_among_good_ones_is_refused_alone(
    services: BothServices,
    patient: Patient,
    spoil: Callable[[SettleBillRequest], None],
    reason: str,
    faults: dict[str, str],
) -> None:
    made = [services.settle_request(patient) for _ in range(4)]
    # The bad one has the newest code: the good ones must not supersede it.
    items = [made[number] for number in (0, 3, 1, 2)]
    bad = SettleBillRequest()
    bad.CopyFrom(items[1])
    spoil(bad)
    # The last one repeats the first: it gets the same answer and no second effect.
    sent = SubmitBillsRequest(items=[items[0], bad, items[2], items[3], items[0]])
    results = services.settlements().SubmitBills(sent, timeout=CALL_SECONDS).results
    kinds = [result.WhichOneof("outcome") for result in results]
    assert kinds == ["settled", "error", "settled", "settled", "settled"]
    for place in (0, 2, 3):
        settled = results[place].settled
        assert settled.settlement.bill_number == sent.items[place].bill.bill_number
        (stored,) = answers_to(services, sent.items[place].request_id)
        assert SettleBillResponse.FromString(stored) == settled
    assert results[4].settled == results[0].settled
    error = results[1].error
    assert error.reason == f"ERROR_REASON_{reason}"
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert error.message
    assert error.message_zh
    told = {fault.field: fault.reason.removeprefix("ERROR_REASON_") for fault in error.field_faults}
    assert told == faults
    assert all(fault.message and fault.message_zh for fault in error.field_faults)
    assert answers_to(services, items[1].request_id) == []
    # The code of the bad one is still good.
    again = services.settlements().SettleBill(items[1], timeout=CALL_SECONDS)
    assert again.settlement.settlement_id
    assert check_ledger(services.database).drifts == []


@pytest.mark.parametrize(("count", "is_accepted"), [(0, False), (200, True), (201, False)])
def test_at_most_two_hundred_bills_come_at_a_time(
    services: BothServices, patient: Patient, count: int, is_accepted: bool
) -> None:
    request = services.settle_request(patient)
    many = SubmitBillsRequest(items=[request] * count)
    stub = services.settlements()
    if is_accepted:
        results = stub.SubmitBills(many, timeout=CALL_SECONDS).results
        assert len({result.SerializeToString() for result in results}) == 1
        assert settled_under(services, request.request_id) == 1
    else:
        refusal = refused(services, stub.SubmitBills, many)
        assert outcome(refusal) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_LENGTH")
        assert settled_under(services, request.request_id) == 0
