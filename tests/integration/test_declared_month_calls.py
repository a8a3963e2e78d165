"""DeclarationService and InstitutionPaymentService through the real service: a month is paid."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import grpc
import sqlalchemy as sa
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.databases import as_owner
from support.settlement_world import HOSPITAL, REGION
from typer.testing import CliRunner

from yibao.settlement.v1 import declaration_pb2, institution_payment_pb2
from yibao.settlement.v1 import declaration_service_pb2 as pb
from yibao.settlement.v1 import institution_payment_service_pb2 as payment_pb
from yibao.settlement.v1.declaration_service_pb2_grpc import DeclarationServiceStub
from yibao.settlement.v1.institution_payment_service_pb2_grpc import InstitutionPaymentServiceStub
from yibao_cli.main import app
from yibao_common.values.calendar import add_months, shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.storage import tables

DENIED, FAILED = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
PAID = declaration_pb2.DECLARATION_STATE_PAID


def declarations(services: BothServices, name: str = "hospital") -> DeclarationServiceStub:
    return DeclarationServiceStub(services.channel("settlement", name))


def payments(services: BothServices, name: str = "maker") -> InstitutionPaymentServiceStub:
    return InstitutionPaymentServiceStub(services.channel("settlement", name))


def settle_before(services: BothServices, *, months: int = 1) -> str:
    """Settles a bill and puts it months back, as nobody can wait; returns the month."""
    request = services.settle_request(services.patient())
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    then = add_months(shanghai_day(services.clock()).replace(day=1), -months)
    month = then.year * 100 + then.month
    settlement, entry = tables.settlement, tables.entry
    noon = dt.datetime.combine(then, dt.time(4), dt.UTC)
    with as_owner(services.database) as connection:
        connection.execute(
            sa.update(settlement)
            .where(settlement.c.settlement_id == settled.settlement_id)
            .values(settle_time=noon)
        )
        connection.execute(
            sa.update(entry).where(entry.c.posting_id == settled.settlement_id).values(month=month)
        )
    return str(month)


def asked(**fields: object) -> dict[str, Any]:
    return {"request_id": new_id(), "region": REGION, **fields}


def test_a_month_from_its_declaration_to_the_banks_payment(services: BothServices) -> None:
    month = settle_before(services)
    hospital, maker = declarations(services), declarations(services, "maker")
    checker = declarations(services, "checker")
    request = pb.GetMonthTotalsRequest(region=REGION, month=month)
    totals = hospital.GetMonthTotals(request, timeout=CALL_SECONDS)
    (own,) = totals.sums
    assert totals.is_over
    assert own.act_count == 1
    declare = pb.DeclareMonthRequest(month=month, sum=own, **asked())
    declare.sum.cash_fen += 1
    told = refusal_of(hospital.DeclareMonth, declare)
    assert outcome(told) == (FAILED, "DECLARATION_SUMS_DIFFER")
    declare.sum.cash_fen -= 1
    declared = hospital.DeclareMonth(declare, timeout=CALL_SECONDS).declaration
    assert hospital.DeclareMonth(declare, timeout=CALL_SECONDS).declaration == declared
    assert (declared.sum, declared.institution_id) == (own, HOSPITAL)
    of = {"declaration_id": declared.declaration_id}
    acts = hospital.ListDeclaredActs(
        pb.ListDeclaredActsRequest(region=REGION, declaration_id=declared.declaration_id),
        timeout=CALL_SECONDS,
    ).acts
    assert sum(each.fund_total_fen for each in acts) == own.fund_total_fen > 0
    maker.AcceptDeclaration(pb.AcceptDeclarationRequest(**asked(**of)), timeout=CALL_SECONDS)
    fund = own.funds[0].fund_type
    proposal = pb.ProposeDeductionRequest(
        deduction_type=declaration_pb2.DEDUCTION_TYPE_AUDIT,
        fund_type=fund,
        amount_fen=100,
        settlement_id=acts[0].settlement_id,
        reason="price above the ceiling",
        **asked(**of),
    )
    deduction = maker.ProposeDeduction(proposal, timeout=CALL_SECONDS).deduction
    # What is only proposed an institution is not told, and of what is done not by whom.
    listing = pb.ListDeductionsRequest(region=REGION, declaration_id=declared.declaration_id)
    assert not hospital.ListDeductions(listing, timeout=CALL_SECONDS).deductions
    confirm = pb.ConfirmDeductionRequest(
        deduction_id=deduction.deduction_id, amount_fen=100, **asked()
    )
    checker.ConfirmDeduction(confirm, timeout=CALL_SECONDS)
    (seen,) = hospital.ListDeductions(listing, timeout=CALL_SECONDS).deductions
    assert seen.maker == f"agency/{REGION}"
    propose = payment_pb.ProposeInstitutionPaymentRequest(
        declaration_ids=[declared.declaration_id], **asked()
    )
    payment = payments(services).ProposeInstitutionPayment(propose, timeout=CALL_SECONDS).payment
    named = {"payment_id": payment.payment_id, "amount_fen": payment.amount_fen}
    payments(services, "checker").ConfirmInstitutionPayment(
        payment_pb.ConfirmInstitutionPaymentRequest(**asked(**named)), timeout=CALL_SECONDS
    )
    report = payment_pb.ReportInstitutionPaymentRequest(bank_reference="ICBC-1", **asked(**named))
    paid = payments(services).ReportInstitutionPayment(report, timeout=CALL_SECONDS).payment
    assert paid.state == institution_payment_pb2.INSTITUTION_PAYMENT_STATE_PAID
    done = hospital.GetDeclaration(
        pb.GetDeclarationRequest(region=REGION, **of), timeout=CALL_SECONDS
    ).declaration
    assert (done.state, done.payable_fen) == (PAID, payment.amount_fen)
    for each in done.shares:
        less = each.deducted_fen + each.offset_fen + each.deposit_fen
        assert each.payable_fen == each.declared_fen - less
    own_payments = payments(services, "hospital").ListInstitutionPayments(
        payment_pb.ListInstitutionPaymentsRequest(region=REGION), timeout=CALL_SECONDS
    )
    # Those of other tests are the institution's too.
    assert {each.institution_id for each in own_payments.payments} == {HOSPITAL}
    of_it = [each for each in own_payments.payments if each.bank_reference == "ICBC-1"]
    assert [each.payment_id for each in of_it] == [payment.payment_id]


def month_command(services: BothServices, name: str, *arguments: str) -> Any:
    """Carries out `yibao month` with a party's certificate and returns its document."""
    folder = services.files.folder
    connection = (
        *("--address", f"localhost:{services.ports['settlement']}", "--region", REGION),
        *("--ca", str(folder / "ca.pem")),
        *("--cert", str(folder / f"{name}.pem"), "--key", str(folder / f"{name}.key")),
    )
    done = CliRunner().invoke(app, ["month", *arguments, "--json", *connection])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_month_is_paid_with_the_command(services: BothServices, tmp_path: Path) -> None:
    month, file = settle_before(services, months=2), tmp_path / "month.csv"
    told = month_command(services, "hospital", "totals", month, "--csv", str(file))
    # What was written is read as it was told; sent again it is declared as before.
    for _ in range(2):
        declared = month_command(services, "hospital", "declare", str(file), "--month", month)
        assert [each["sum"] for each in declared["declarations"]] == told["sums"]
    (declaration,) = declared["declarations"]
    name, fund = declaration["declaration_id"], declaration["sum"]["funds"][0]["fund_type"]
    month_command(services, "maker", "accept", name)
    why = ("--fund", fund, "--type", "audit", "--reason", "price above the ceiling")
    deducted = month_command(services, "maker", "deduct", name, "--fen", "100", *why)
    deduction_id = deducted["deduction"]["deduction_id"]
    month_command(services, "checker", "confirm", "deduction", deduction_id, "--fen", "100")
    payment = month_command(services, "maker", "pay", name)["payment"]
    of = (payment["payment_id"], "--fen", str(payment["amount_fen"]))
    month_command(services, "checker", "confirm", "payment", *of)
    month_command(services, "maker", "paid", *of, "--reference", "ICBC-2")
    shown = month_command(services, "hospital", "show", name)["declaration"]
    assert (shown["state"], shown["payable_fen"]) == (
        "DECLARATION_STATE_PAID",
        payment["amount_fen"],
    )


def test_an_institution_sees_and_takes_back_its_own_alone(services: BothServices) -> None:
    month, hospital = settle_before(services, months=3), declarations(services)
    elsewhere = declarations(services, "other-hospital")
    totals = pb.GetMonthTotalsRequest(region=REGION, month=month)
    (own,) = hospital.GetMonthTotals(totals, timeout=CALL_SECONDS).sums
    declare = pb.DeclareMonthRequest(month=month, sum=own, **asked())
    declared = hospital.DeclareMonth(declare, timeout=CALL_SECONDS).declaration
    listing = pb.ListDeclarationsRequest(region=REGION)
    found = hospital.ListDeclarations(listing, timeout=CALL_SECONDS).declarations
    assert declared.declaration_id in [each.declaration_id for each in found]
    assert not elsewhere.ListDeclarations(listing, timeout=CALL_SECONDS).declarations
    of = {"declaration_id": declared.declaration_id}
    get = pb.GetDeclarationRequest(region=REGION, **of)
    assert outcome(refusal_of(elsewhere.GetDeclaration, get)) == (MISSING, "DECLARATION_NOT_FOUND")
    listing.institution_id = HOSPITAL
    told = refusal_of(elsewhere.ListDeclarations, listing)
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
    back = pb.WithdrawDeclarationRequest(**asked(**of))
    told = refusal_of(elsewhere.WithdrawDeclaration, back)
    assert outcome(told) == (MISSING, "DECLARATION_NOT_FOUND")
    accept = pb.AcceptDeclarationRequest(**asked(**of))
    told = refusal_of(hospital.AcceptDeclaration, accept)
    assert outcome(told) == (DENIED, "CALLER_NOT_ALLOWED")


def test_what_is_no_month_or_no_place_or_of_nothing_is_refused(services: BothServices) -> None:
    hospital, agency = declarations(services), declarations(services, "maker")
    totals = pb.GetMonthTotalsRequest(region=REGION, month="202613")
    listed = pb.ListDeclarationsRequest(region=REGION, month="202600")
    place = pb.ListDeductionsRequest(region=REGION, page_token="bm8=")
    types = declaration_pb2.MonthSum(insurance_type="390", clearing_type="11")
    twice = pb.DeclareMonthRequest(month="202601", **asked())
    twice.sum.MergeFrom(types)
    for _ in range(2):
        twice.sum.funds.add(fund_type="390100")
    for method, request in (
        (hospital.GetMonthTotals, totals),
        (hospital.ListDeclarations, listed),
        (hospital.ListDeductions, place),
        (hospital.DeclareMonth, twice),
    ):
        assert outcome(refusal_of(method, request)) == (INVALID, "FIELD_MALFORMED")
    nobodys = pb.GetMonthTotalsRequest(region=REGION, month="202601")
    assert outcome(refusal_of(agency.GetMonthTotals, nobodys)) == (INVALID, "FIELD_REQUIRED")
    bare = pb.ProposeDeductionRequest(declaration_id=new_id(), reason="no type", **asked())
    assert outcome(refusal_of(agency.ProposeDeduction, bare)) == (INVALID, "FIELD_REQUIRED")
    bare.revoked_id, bare.amount_fen = new_id(), 1
    assert outcome(refusal_of(agency.ProposeDeduction, bare)) == (INVALID, "FIELD_OUT_OF_RANGE")
    nothing = payment_pb.ProposeInstitutionPaymentRequest(**asked())
    pay = payments(services).ProposeInstitutionPayment
    assert outcome(refusal_of(pay, nothing)) == (INVALID, "FIELD_REQUIRED")
    empty = pb.DeclareMonthRequest(month="202601", **asked())
    empty.sum.MergeFrom(types)
    assert outcome(refusal_of(hospital.DeclareMonth, empty)) == (FAILED, "DECLARATION_EMPTY")
