"""Accounts and their statements over the wire: to the agency, a holder, a channel, nobody else."""

import datetime as dt
from typing import Any

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, refusal_of
from support.settlement_world import REGION

from yibao.settlement.v1 import account_service_pb2 as pb
from yibao.settlement.v1 import bill_pb2, statement_pb2
from yibao_common.keys.dev_ca import Leaf
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

STRUCTURED = statement_pb2.STATEMENT_FORM_STRUCTURED


@pytest.fixture(scope="module")
def paid(services: BothServices, patient: Patient) -> Patient:
    """Credits the patient's account, which then pays of a bill."""
    credit = pb.CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=patient.person_id,
        amount_fen=12_300,
        source=pb.CREDIT_SOURCE_ALLOCATION,
    )
    services.accounts().CreditAccount(credit, timeout=CALL_SECONDS)
    request = services.settle_request(patient)
    request.bill.account_use = bill_pb2.ACCOUNT_USE_OWN
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    assert settled.account_fen == 12_300
    name = holder_of(patient)
    services.files.issue(Leaf(name, f"holder/{patient.certificate_id}"))
    return patient


def holder_of(patient: Patient) -> str:
    return f"holder-{patient.certificate_id}"


def asked(services: BothServices, **fields: Any) -> pb.GetAccountStatementRequest:
    today = shanghai_day(services.clock())
    values: dict[str, Any] = {
        "region": REGION,
        "start_date": from_date(today - dt.timedelta(days=30)),
        "end_date": from_date(today),
        "form": STRUCTURED,
    }
    return pb.GetAccountStatementRequest(**{**values, **fields})


def test_agency_holder_and_channel_read_the_same_statement(
    services: BothServices, paid: Patient
) -> None:
    requests = {
        "maker": asked(services, person_id=paid.person_id),
        holder_of(paid): asked(services),
        "channel": asked(services, certificate_id=paid.certificate_id),
    }
    told = [
        services.accounts(name).GetAccountStatement(request, timeout=CALL_SECONDS).statement
        for name, request in requests.items()
    ]
    assert told[0] == told[1] == told[2]
    assert [each.amount_fen for each in told[0].movements] == [12_300, -12_300]
    assert [each.balance_fen for each in told[0].movements] == [12_300, 0]
    assert told[0].movements[0].credit_source == "allocation"
    assert told[0].movements[1].bill_number
    assert (told[0].credited_fen, told[0].paid_fen) == (12_300, 12_300)


def test_a_holder_reads_the_own_account(services: BothServices, paid: Patient) -> None:
    request = pb.GetAccountRequest(region=REGION)
    own = services.accounts(holder_of(paid)).GetAccount(request, timeout=CALL_SECONDS).account
    request.person_id = paid.person_id
    assert services.accounts().GetAccount(request, timeout=CALL_SECONDS).account == own


def test_page_and_paper_are_made_of_it(services: BothServices, paid: Patient) -> None:
    accounts = services.accounts()
    page = asked(
        services,
        person_id=paid.person_id,
        form=statement_pb2.STATEMENT_FORM_HTML,
        person_name="王小芳",
        certificate_number="110101195001010018",
        paper=statement_pb2.STATEMENT_PAPER_COPY,
    )
    html = accounts.GetAccountStatement(page, timeout=CALL_SECONDS).html
    assert "基本医疗保险个人账户对账单" in html
    assert "*小芳" in html
    assert "王小芳" not in html
    # There is no list behind it.
    assert '<section class="list">' not in html
    page.form = statement_pb2.STATEMENT_FORM_PDF
    assert accounts.GetAccountStatement(page, timeout=CALL_SECONDS).pdf.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("maker", {}, "FIELD_REQUIRED"),
        ("maker", {"person_id": new_id()}, "ACCOUNT_NOT_FOUND"),
        ("other-agency", {"person_id": new_id()}, "OUT_OF_SCOPE"),
        ("channel", {}, "FIELD_REQUIRED"),
        ("channel", {"certificate_id": new_id()}, "OUT_OF_SCOPE"),
        ("holder", {"person_id": new_id()}, "OUT_OF_SCOPE"),
        ("maker", {"person_id": new_id(), "form": 99}, "FIELD_OUT_OF_RANGE"),
    ],
)
def test_nobody_else_is_told_anything(
    services: BothServices, paid: Patient, name: str, fields: dict[str, Any], reason: str
) -> None:
    caller = holder_of(paid) if name == "holder" else name
    accounts = services.accounts(caller)
    refusal = refusal_of(accounts.GetAccountStatement, asked(services, **fields))
    assert refusal.reason.removeprefix("ERROR_REASON_") == reason


def test_an_institution_reads_no_account(services: BothServices, paid: Patient) -> None:
    request = asked(services, person_id=paid.person_id)
    refusal = refusal_of(services.accounts("hospital").GetAccountStatement, request)
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
