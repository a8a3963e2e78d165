"""Relatives' accounts through the real services: agreed to, paid with, told and printed."""

import datetime as dt

import grpc
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.identity_world import activation, registration
from support.settlement_world import REGION

from yibao.identity.v1 import card_service_pb2, card_use_messages_pb2, person_pb2, relative_pb2
from yibao.identity.v1 import relative_messages_pb2 as relative
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao.settlement.v1 import account_record_service_pb2 as records_pb
from yibao.settlement.v1 import account_service_pb2 as accounts_pb
from yibao.settlement.v1 import bill_pb2, credential_service_pb2, family_pb2, statement_pb2
from yibao.settlement.v1.account_record_service_pb2_grpc import AccountRecordServiceStub
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger

FAILED, INVALID = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT


def credit(services: BothServices, person_id: str, amount_fen: int) -> None:
    request = accounts_pb.CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        amount_fen=amount_fen,
        source=accounts_pb.CREDIT_SOURCE_ALLOCATION,
    )
    services.accounts().CreditAccount(request, timeout=CALL_SECONDS)


def asked(
    services: BothServices,
    person_id: str,
    relative_id: str,
    relation: relative_pb2.Relation.ValueType,
) -> str:
    request = relative.RequestRelativeLinkRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        relative_id=relative_id,
        purpose=relative_pb2.LINK_PURPOSE_SHARE_ACCOUNT,
        relation=relation,
    )
    return services.persons().RequestRelativeLink(request, timeout=CALL_SECONDS).link.link_id


def agreement(
    link_id: str, relative_id: str, **terms: object
) -> relative.ConfirmRelativeLinkRequest:
    return relative.ConfirmRelativeLinkRequest(
        request_id=new_id(),
        region=REGION,
        link_id=link_id,
        relative_id=relative_id,
        **terms,  # type: ignore[arg-type]
    )


def settle(services: BothServices, patient: Patient, *, by_family: bool = True) -> Settlement:
    request = services.settle_request(patient)
    request.bill.account_use = (
        bill_pb2.ACCOUNT_USE_FAMILY if by_family else bill_pb2.ACCOUNT_USE_OWN
    )
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def resolved(
    services: BothServices, patient: Patient
) -> credential_service_pb2.ResolveCredentialResponse:
    request = credential_service_pb2.ResolveCredentialRequest(
        request_id=new_id(),
        presentation=services.presentation(services.code(patient.certificate_id)),
        audience="01301",
    )
    stub = CredentialServiceStub(services.channel("settlement", "hospital"))
    return stub.ResolveCredential(request, timeout=CALL_SECONDS)


def test_a_relative_agrees_on_terms_pays_is_told_of_it_and_ends_it(services: BothServices) -> None:
    """A3: own account first, relatives within what they agreed to; both see it."""
    patient = services.patient()
    sister_id, _, _ = services.person()
    credit(services, patient.person_id, 3_000)
    credit(services, sister_id, 10_000_000)
    link_id = asked(services, patient.person_id, sister_id, relative_pb2.RELATION_SIBLING)
    past = from_date(shanghai_day(services.clock()).replace(year=2020))
    refusal = refusal_of(
        services.persons().ConfirmRelativeLink, agreement(link_id, sister_id, last_date=past)
    )
    assert outcome(refusal) == (INVALID, "FIELD_OUT_OF_RANGE")
    terms = agreement(
        link_id, sister_id, payment_limit_fen=5_000, year_limit_fen=8_000, consent_reference="S1"
    )
    link = services.persons().ConfirmRelativeLink(terms, timeout=CALL_SECONDS).link
    assert (link.payment_limit_fen, link.year_limit_fen, link.consent_reference) == (
        5_000,
        8_000,
        "S1",
    )
    services.wait_until_told()
    told = resolved(services, patient)
    assert (told.account_balance_fen, told.family_available_fen) == (3_000, 5_000)
    assert [each.relation for each in told.relatives] == [family_pb2.FAMILY_RELATION_SIBLING]
    assert all(each.relative_name_masked.endswith("*") for each in told.relatives)
    assert settle(services, patient, by_family=False).account_fen == 3_000
    credit(services, patient.person_id, 3_000)
    settlement = settle(services, patient)
    assert (settlement.account_fen, settlement.family_fen) == (8_000, 5_000)
    assert [(each.relation, each.amount_fen) for each in settlement.family_payments] == [
        (family_pb2.FAMILY_RELATION_SIBLING, 5_000)
    ]
    assert settlement.account_balance_fen == 0
    assert resolved(services, patient).family_available_fen == 3_000
    years = AccountRecordServiceStub(services.channel("settlement", "hospital")).ListAccountYears(
        records_pb.ListAccountYearsRequest(region=REGION, credential_token=told.credential_token),
        timeout=CALL_SECONDS,
    )
    assert years.person_id == patient.person_id
    (year,) = years.years
    assert (year.credited_fen, year.paid_fen, year.family_fen, year.moved_fen) == (
        6_000,
        11_000,
        5_000,
        0,
    )
    assert (year.opening.balance_fen, year.closing.balance_fen) == (0, 0)
    end = relative.EndRelativeLinkRequest(
        request_id=new_id(), region=REGION, link_id=link_id, person_id=sister_id
    )
    services.persons().EndRelativeLink(end, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert resolved(services, patient).family_available_fen == 0
    assert settle(services, patient).account_fen == 0
    assert check_ledger(services.database).drifts == []


def test_years_are_read_by_a_token_of_the_own_institution_alone(services: BothServices) -> None:
    patient = services.patient()
    token = resolved(services, patient).credential_token
    request = records_pb.ListAccountYearsRequest(region=REGION, credential_token=token)
    other = AccountRecordServiceStub(services.channel("settlement", "pharmacy"))
    assert outcome(refusal_of(other.ListAccountYears, request))[1] == "TOKEN_NOT_FOUND"
    own = AccountRecordServiceStub(services.channel("settlement", "hospital"))
    without = records_pb.ListAccountYearsRequest(region=REGION, person_id=patient.person_id)
    assert outcome(refusal_of(own.ListAccountYears, without))[1] == "FIELD_REQUIRED"
    request.person_id = new_id()
    assert outcome(refusal_of(own.ListAccountYears, request))[1] == "OUT_OF_SCOPE"
    request.person_id = ""
    close = CloseCertificateRequest(
        request_id=new_id(), region=REGION, certificate_id=patient.certificate_id
    )
    services.certificates().CloseCertificate(close, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert outcome(refusal_of(own.ListAccountYears, request))[1] == "ECERT_NOT_ACTIVATED"
    services.clock.advance(hours=1)
    assert outcome(refusal_of(own.ListAccountYears, request))[1] == "TOKEN_EXPIRED"


def test_the_record_of_a_card_is_printed_with_that_of_the_account(services: BothServices) -> None:
    """I-17, I-18: with card and document, at a counter; the count begins anew."""
    number = services.new_number()
    registered = registration(
        number, region=REGION, insurance_type="390", person_class="16", entitlement_groups=()
    )
    person = services.persons().RegisterPerson(registered, timeout=CALL_SECONDS).person
    services.certificates().ActivateCertificate(
        activation(person.person_id, region=REGION), timeout=CALL_SECONDS
    )
    services.wait_until_told()
    serial = new_id()[-12:]
    card = (
        services.cards()
        .IssueCard(
            card_service_pb2.IssueCardRequest(
                request_id=new_id(),
                region=REGION,
                person_id=person.person_id,
                card_serial=f"S{serial}",
                chip_number=f"C{serial}",
                standard_version="3",
                bank_code="CCB001",
            ),
            timeout=CALL_SECONDS,
        )
        .card
    )
    request = card_use_messages_pb2.PrintTransactionsRequest(
        request_id=new_id(),
        region=REGION,
        card_id=card.card_id,
        is_original_card_shown=True,
        document=person_pb2.ShownDocument(certificate_type="01", certificate_number=number),
        account_form=statement_pb2.STATEMENT_FORM_STRUCTURED,
    )
    tomorrow = shanghai_day(services.clock()) + dt.timedelta(days=1)
    request.account_start_date.CopyFrom(from_date(tomorrow))
    refusal = refusal_of(services.cards().PrintTransactions, request)
    assert outcome(refusal) == (INVALID, "FIELD_OUT_OF_RANGE")
    request.ClearField("account_start_date")
    printed = services.cards().PrintTransactions(request, timeout=CALL_SECONDS)
    assert printed.WhichOneof("account") is None
    credit(services, person.person_id, 700)
    again = services.cards().PrintTransactions(request, timeout=CALL_SECONDS)
    assert [each.amount_fen for each in again.account_statement.movements] == [700]
    services.clock.advance(days=1)
    credit(services, person.person_id, 40)
    later = services.cards().PrintTransactions(request, timeout=CALL_SECONDS)
    assert later == again
    for form, name, beginning in (
        (statement_pb2.STATEMENT_FORM_PDF, "account_pdf", b"%PDF"),
        (statement_pb2.STATEMENT_FORM_HTML, "account_html", "<!DOCTYPE html>"),
    ):
        request.request_id, request.account_form = new_id(), form
        at_hospital = services.cards("hospital")
        made = getattr(at_hospital.PrintTransactions(request, timeout=CALL_SECONDS), name)
        assert made[: len(beginning)].lower() == beginning.lower()
