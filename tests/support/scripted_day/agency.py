"""What an agency's two operators do with a month of an institution."""

from typing import Any

from support.both_services import CALL_SECONDS, BothServices
from support.settlement_world import REGION

from yibao.settlement.v1 import declaration_pb2
from yibao.settlement.v1 import declaration_service_pb2 as pb
from yibao.settlement.v1 import institution_payment_service_pb2 as payment_pb
from yibao.settlement.v1.declaration_service_pb2_grpc import DeclarationServiceStub
from yibao.settlement.v1.institution_payment_pb2 import InstitutionPayment
from yibao.settlement.v1.institution_payment_service_pb2_grpc import InstitutionPaymentServiceStub
from yibao_common.values.ids import new_id


def asked(**fields: object) -> dict[str, Any]:
    return {"request_id": new_id(), "region": REGION, **fields}


def declared(services: BothServices, month: str) -> list[declaration_pb2.Declaration]:
    """Declares all of the hospital's month, as its totals tell it."""
    hospital = DeclarationServiceStub(services.channel("settlement", "hospital"))
    totals = hospital.GetMonthTotals(
        pb.GetMonthTotalsRequest(region=REGION, month=month), timeout=CALL_SECONDS
    )
    assert totals.is_over
    return [
        hospital.DeclareMonth(
            pb.DeclareMonthRequest(month=month, sum=each, **asked()), timeout=CALL_SECONDS
        ).declaration
        for each in totals.sums
    ]


def paid(
    services: BothServices, declarations: list[declaration_pb2.Declaration]
) -> InstitutionPayment:
    """Accepts declarations and pays them in one payment, by two operators and the bank."""
    maker = DeclarationServiceStub(services.channel("settlement", "maker"))
    for each in declarations:
        accept = pb.AcceptDeclarationRequest(**asked(declaration_id=each.declaration_id))
        maker.AcceptDeclaration(accept, timeout=CALL_SECONDS)
    paying = InstitutionPaymentServiceStub(services.channel("settlement", "maker"))
    propose = payment_pb.ProposeInstitutionPaymentRequest(
        **asked(declaration_ids=[each.declaration_id for each in declarations])
    )
    payment = paying.ProposeInstitutionPayment(propose, timeout=CALL_SECONDS).payment
    named = {"payment_id": payment.payment_id, "amount_fen": payment.amount_fen}
    InstitutionPaymentServiceStub(
        services.channel("settlement", "checker")
    ).ConfirmInstitutionPayment(
        payment_pb.ConfirmInstitutionPaymentRequest(**asked(**named)), timeout=CALL_SECONDS
    )
    report = payment_pb.ReportInstitutionPaymentRequest(bank_reference="ICBC-1", **asked(**named))
    return paying.ReportInstitutionPayment(report, timeout=CALL_SECONDS).payment
