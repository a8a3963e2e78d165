"""What is wrong with a bill is told with its own reason, and nothing of it is stored.

Over real gRPC with mutual TLS, on both databases. After every refusal the whole database
is compared with what it was, and the same code and request id then settle the good bill.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refused,
)
from support.identity_world import citizen_number, registration
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1.bill_pb2 import ACCOUNT_USE_UNSPECIFIED
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest, TrialBillRequest
from yibao_common.values.ids import new_id

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND


# --- The bill and the form of the request.


def line(request: SettleBillRequest, index: int = 0, **fields: object) -> None:
    """Changes a line of a request."""
    for name, value in fields.items():
        setattr(request.bill.lines[index], name, value)


@dataclass(frozen=True)
class Spoilt:
    """A good request with something wrong: the reason, and the faulty fields."""

    name: str
    spoil: Callable[[SettleBillRequest], object]
    reason: str
    fields: tuple[str, ...] = ()
    code: grpc.StatusCode = INVALID


def _not_summing(request: SettleBillRequest) -> None:
    request.bill.total_fen += 1


def _wrong_amount(request: SettleBillRequest) -> None:
    line(request, amount_fen=900_001)
    request.bill.total_fen += 1


def _repeated_number(request: SettleBillRequest) -> None:
    line(request, 1, line_number=1)


def _several(request: SettleBillRequest) -> None:
    line(request, 0, unit_price="-100.00")
    line(request, 1, quantity="10.00001")
    line(request, 2, item_code="甲")
    request.ClearField("request_id")


def _several_rules(request: SettleBillRequest) -> None:
    line(request, 0, item_code="NOPE")
    line(request, 1, amount_fen=1)
    line(request, 2, line_number=1)


def _all_lines(request: SettleBillRequest, code: str) -> None:
    for each in request.bill.lines:
        each.item_code = code


ALL_ITEMS = tuple(f"bill.lines[{index}].item_code" for index in range(3))


def _tomorrow(request: SettleBillRequest) -> None:
    day = request.bill.service_date
    following = dt.date(day.year, day.month, day.day) + dt.timedelta(days=1)
    day.CopyFrom(Date(year=following.year, month=following.month, day=following.day))


def _yesterday(request: SettleBillRequest) -> None:
    day = request.bill.service_date
    before = dt.date(day.year, day.month, day.day) - dt.timedelta(days=1)
    day.CopyFrom(Date(year=before.year, month=before.month, day=before.day))


def _uploaded_alone(request: SettleBillRequest) -> None:
    request.bill.ClearField("lines")
    request.bill.uploaded.SetInParent()


SPOILT = (
    Spoilt(
        "items that are in no catalogue",
        lambda request: _all_lines(request, "NOPE"),
        "CATALOGUE_ITEM_UNKNOWN",
        ALL_ITEMS,
    ),
    Spoilt(
        "items that have left the catalogue",
        lambda request: _all_lines(request, "OLD"),
        "CATALOGUE_ITEM_UNKNOWN",
        ALL_ITEMS,
    ),
    Spoilt("lines that do not sum", _not_summing, "BILL_TOTAL_MISMATCH", ("bill.total_fen",)),
    Spoilt(
        "an amount that is not price times quantity",
        _wrong_amount,
        "LINE_AMOUNT_MISMATCH",
        ("bill.lines[0].amount_fen",),
    ),
    Spoilt(
        "a line number twice",
        _repeated_number,
        "LINE_NUMBER_REPEATED",
        ("bill.lines[1].line_number",),
    ),
    Spoilt(
        "a negative price",
        lambda request: line(request, unit_price="-100.00"),
        "DECIMAL_NEGATIVE",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "a negative quantity",
        lambda request: line(request, quantity="-1"),
        "DECIMAL_NEGATIVE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a quantity of five decimals",
        lambda request: line(request, quantity="90.00000"),
        "DECIMAL_TOO_PRECISE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a price of seven decimals",
        lambda request: line(request, unit_price="100.0000000"),
        "DECIMAL_TOO_PRECISE",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "a quantity of nothing",
        lambda request: line(request, quantity="0.0"),
        "FIELD_OUT_OF_RANGE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a price in scientific notation",
        lambda request: line(request, unit_price="1e2"),
        "FIELD_MALFORMED",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "several faults of form",
        _several,
        "FIELDS_INVALID",
        (
            "request_id",
            "bill.lines[0].unit_price",
            "bill.lines[1].quantity",
            "bill.lines[2].item_code",
        ),
    ),
    Spoilt(
        "several faults of the bill",
        _several_rules,
        "FIELDS_INVALID",
        (
            "bill.lines[0].item_code",
            "bill.lines[1].amount_fen",
            "bill.lines[2].line_number",
            "bill.total_fen",
        ),
    ),
    Spoilt(
        "no request_id",
        lambda request: request.ClearField("request_id"),
        "FIELD_REQUIRED",
        ("request_id",),
    ),
    Spoilt(
        "a request_id that is no UUID",
        lambda request: setattr(request, "request_id", "1"),
        "FIELD_MALFORMED",
        ("request_id",),
    ),
    Spoilt(
        "no bill",
        lambda request: request.ClearField("bill"),
        "FIELD_REQUIRED",
        ("bill",),
    ),
    Spoilt(
        "no lines",
        lambda request: request.bill.ClearField("lines"),
        "FIELD_REQUIRED",
        ("bill.lines",),
    ),
    Spoilt(
        "lines of its own beside uploaded ones",
        lambda request: request.bill.uploaded.SetInParent(),
        "FIELD_LENGTH",
        ("bill.lines",),
    ),
    Spoilt(
        "uploaded lines where there are none",
        _uploaded_alone,
        "LINE_NOT_FOUND",
        code=NOT_FOUND,
    ),
    Spoilt(
        "no word on the account",
        lambda request: setattr(request.bill, "account_use", ACCOUNT_USE_UNSPECIFIED),
        "FIELD_REQUIRED",
        ("bill.account_use",),
    ),
    Spoilt(
        "a day that does not exist",
        lambda request: request.bill.service_date.CopyFrom(Date(year=2026, month=2, day=30)),
        "DATE_INVALID",
        ("bill.service_date",),
    ),
    Spoilt("a bill of tomorrow", _tomorrow, "SERVICE_DATE_INVALID"),
    Spoilt("a bill from before the visit", _yesterday, "SERVICE_DATE_INVALID"),
    Spoilt(
        "a visit that nobody registered",
        lambda request: setattr(request.bill, "visit_id", new_id()),
        "VISIT_NOT_FOUND",
        code=NOT_FOUND,
    ),
)


@pytest.mark.parametrize("case", SPOILT, ids=lambda case: case.name)
def test_a_spoilt_bill_is_refused_stores_nothing_and_settles_once_put_right(
    services: BothServices, patient: Patient, case: Spoilt
) -> None:
    good = services.settle_request(patient)
    spoilt = SettleBillRequest()
    spoilt.CopyFrom(good)
    case.spoil(spoilt)
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, spoilt)
    assert outcome(refusal) == (case.code, case.reason)
    assert {fault.field for fault in refusal.field_faults} == set(case.fields)
    for fault in refusal.field_faults:
        assert fault.reason.startswith("ERROR_REASON_")
        assert fault.message
        assert fault.message_zh
    # Neither the code nor the request id was used up.
    assert stub.SettleBill(good, timeout=CALL_SECONDS).settlement.settlement_id


@pytest.mark.parametrize("case", SPOILT[:6], ids=lambda case: case.name)
def test_a_trial_refuses_what_settling_would(
    services: BothServices, patient: Patient, case: Spoilt
) -> None:
    request = services.settle_request(patient)
    case.spoil(request)
    trial = TrialBillRequest(region=REGION, bill=request.bill)
    stub = services.settlements()
    refusal = refused(services, stub.TrialBill, trial)
    assert outcome(refusal) == (case.code, case.reason)
    assert {fault.field for fault in refusal.field_faults} == set(case.fields)


@pytest.mark.parametrize(
    ("facts", "reason", "metadata"),
    [
        ({"person_class": "15"}, "POLICY_NO_MATCHING_ROW", {"step_id": "P1"}),
        ({"insurance_type": "310"}, "POLICY_NOT_FOUND", {"insurance_type": "310"}),
    ],
)
def test_a_person_whom_no_policy_knows_gets_no_guess(
    services: BothServices, facts: dict[str, str], reason: str, metadata: dict[str, str]
) -> None:
    request = services.settle_request(services.patient(**facts))
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (FAILED, reason)
    assert metadata.items() <= dict(refusal.metadata).items()


def test_a_wrong_check_digit_registers_nobody(services: BothServices) -> None:
    number = citizen_number(77)
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    request = registration(wrong, region=REGION)
    before = services.identity_contents()
    stub = services.persons()
    refusal = refused(services, stub.RegisterPerson, request)
    assert outcome(refusal) == (INVALID, "CITIZEN_NUMBER_INVALID")
    assert [fault.field for fault in refusal.field_faults] == ["certificate_number"]
    assert wrong not in refusal.message
    assert services.identity_contents() == before


# --- The visit.


def test_a_refused_registration_leaves_no_trace_of_its_person(services: BothServices) -> None:
    person_id, certificate_id, _ = services.person()
    stub = services.visits()
    good = services.visit_request(services.code(certificate_id, ADMISSION))
    # Rules T-03 and I-11.
    refused_by = {"stranger": "INSTITUTION_NOT_DESIGNATED", "pharmacy": "INSTITUTION_NO_ECERT"}
    for name, reason in refused_by.items():
        refusal = refused(services, services.visits(name).RegisterVisit, good)
        assert outcome(refusal) == (FAILED, reason)
    to_pay = services.visit_request(services.code(certificate_id))
    refusal = refused(services, stub.RegisterVisit, to_pay)
    assert outcome(refusal) == (FAILED, "QR_WRONG_AUDIENCE")
    assert not any(person_id in row for row in services.contents()["person_standing"])
    assert stub.RegisterVisit(good, timeout=CALL_SECONDS).visit.person_id == person_id
