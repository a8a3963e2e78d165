"""What identity decides of a person takes hold at settlement, over both real services.

Each test does something at identity, waits until the feed has told it, and sees the
hospital be refused with the reason of it.
"""

import datetime as dt
from dataclasses import dataclass

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    SETTLE,
    BothServices,
    Patient,
    outcome,
    refusal_of,
    refused,
)
from support.identity_world import activation, registration
from support.settlement_world import PHARMACY_WITHOUT_ECERT, REGION
from support.threads import wait_until

from yibao import device, qr
from yibao.errors import error_of
from yibao.identity.v1 import card_service_pb2 as cards
from yibao.identity.v1 import card_use_messages_pb2 as card_use
from yibao.identity.v1 import device_messages_pb2 as devices
from yibao.identity.v1 import device_pb2, merge_messages_pb2, misuse_pb2, person_pb2
from yibao.identity.v1 import enrolment_messages_pb2 as enrolments
from yibao.identity.v1 import loss_messages_pb2 as losses
from yibao.identity.v1 import misuse_messages_pb2 as misuse
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import pin_messages_pb2 as pins
from yibao.identity.v1.card_pb2 import ChipRead
from yibao.settlement.v1 import account_service_pb2 as accounts
from yibao.settlement.v1.credential_service_pb2 import ResolveCredentialRequest
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest, TrialBillRequest
from yibao_common.rpc import news
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger

PIN = "730519"
# Care other than an admission is registered.
REGISTER = "01101"


@dataclass(frozen=True, slots=True)
class CardHolder:
    """Somebody with an active card that has a PIN, and a visit that it registered."""

    patient: Patient
    card_id: str
    chip_serial: str
    chip_number: str


def today(services: BothServices) -> dt.date:
    return shanghai_day(services.clock())


def refusal_to_settle(services: BothServices, patient: Patient, qr_text: str) -> str:
    request = services.settle_request(patient, qr_text)
    return outcome(refused(services, services.settlements().SettleBill, request))[1]


def settles(services: BothServices, patient: Patient, qr_text: str | None = None) -> None:
    request = services.settle_request(patient, qr_text)
    services.settlements().SettleBill(request, timeout=CALL_SECONDS)


def swipe(services: BothServices, holder: CardHolder, audience: str = SETTLE) -> str:
    """Returns the code that a terminal gets for a swiped card and its PIN."""
    request = card_use.AuthorizeCardRequest(
        request_id=new_id(),
        region=REGION,
        chip=ChipRead(
            card_serial=holder.chip_serial,
            chip_number=holder.chip_number,
            read_time=from_instant(services.clock()),
        ),
        pin=PIN,
        audience=audience,
    )
    stub = services.cards("hospital-terminal")
    return stub.AuthorizeCard(request, timeout=CALL_SECONDS).qr_text


def holder_of_a_card(services: BothServices) -> CardHolder:
    number = services.new_number()
    register = registration(
        number, region=REGION, insurance_type="390", person_class="16", entitlement_groups=()
    )
    person_id = services.persons().RegisterPerson(register, timeout=CALL_SECONDS).person.person_id
    document = person_pb2.ShownDocument(certificate_type="01", certificate_number=number)
    serial, chip = new_id()[-12:].upper(), new_id()[-12:].upper()
    stub = services.cards()
    issued = stub.IssueCard(
        cards.IssueCardRequest(
            request_id=new_id(),
            region=REGION,
            person_id=person_id,
            card_serial=serial,
            chip_number=chip,
            standard_version="03",
            bank_code="CCB001",
        ),
        timeout=CALL_SECONDS,
    ).card
    evidence = cards.CounterEvidence(is_original_card_shown=True, document=document)
    stub.ActivateCard(
        cards.ActivateCardRequest(
            request_id=new_id(), region=REGION, card_id=issued.card_id, counter=evidence
        ),
        timeout=CALL_SECONDS,
    )
    stub.SetPin(
        pins.SetPinRequest(
            request_id=new_id(),
            region=REGION,
            card_id=issued.card_id,
            pin=PIN,
            is_original_card_shown=True,
            document=document,
        ),
        timeout=CALL_SECONDS,
    )
    services.wait_until_told()
    patient = Patient(person_id, "", issued.subject, "")
    holder = CardHolder(patient, issued.card_id, serial, chip)
    request = services.visit_request(swipe(services, holder, ADMISSION))
    visit = services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
    patient = Patient(person_id, "", issued.subject, visit.visit_id)
    return CardHolder(patient, issued.card_id, serial, chip)


def test_a_lost_cards_code_issued_before_is_refused(services: BothServices) -> None:
    """I-19: the freeze takes hold at once, and of codes that are on their way too."""
    holder = holder_of_a_card(services)
    settles(services, holder.patient, swipe(services, holder))
    issued_before = swipe(services, holder)
    services.cards().ReportCardLoss(
        losses.ReportCardLossRequest(request_id=new_id(), region=REGION, card_id=holder.card_id),
        timeout=CALL_SECONDS,
    )
    services.wait_until_told()
    reason = refusal_to_settle(services, holder.patient, issued_before)
    assert reason == "CARD_REPORTED_LOST"
    assert check_ledger(services.database).drifts == []


def resolved(services: BothServices, qr_text: str, audience: str = SETTLE) -> str:
    """Returns the token of a code that a hospital resolves."""
    request = ResolveCredentialRequest(
        request_id=new_id(), presentation=services.presentation(qr_text), audience=audience
    )
    stub = CredentialServiceStub(services.channel("settlement", "hospital"))
    return stub.ResolveCredential(request, timeout=CALL_SECONDS).credential_token


def by_token(services: BothServices, patient: Patient, token: str) -> SettleBillRequest:
    request = services.settle_request(patient, "")
    request.presentation.Clear()
    request.presentation.credential_token = token
    request.presentation.terminal_id = "T1"
    return request


def test_a_swiped_cards_token_settles_until_the_card_is_lost(services: BothServices) -> None:
    """I-13, I-19: the PIN was keyed in when the card was swiped."""
    holder = holder_of_a_card(services)
    settle = services.settlements().SettleBill
    request = by_token(services, holder.patient, resolved(services, swipe(services, holder)))
    assert settle(request, timeout=CALL_SECONDS).settlement.person_id == holder.patient.person_id
    before = by_token(services, holder.patient, resolved(services, swipe(services, holder)))
    services.cards().ReportCardLoss(
        losses.ReportCardLossRequest(request_id=new_id(), region=REGION, card_id=holder.card_id),
        timeout=CALL_SECONDS,
    )
    services.wait_until_told()
    assert outcome(refused(services, settle, before))[1] == "CARD_REPORTED_LOST"
    assert check_ledger(services.database).drifts == []


def test_a_card_is_taken_where_the_e_certificate_is_not(services: BothServices) -> None:
    """I-11, at an institution that has no e-certificate service."""
    holder = holder_of_a_card(services)
    # The terminal of the pharmacy would swipe; who forwards the code is what counts here.
    request = services.visit_request(swipe(services, holder, REGISTER), care_type="41")
    visit = services.visits("pharmacy").RegisterVisit(request, timeout=CALL_SECONDS).visit
    assert visit.institution_id == PHARMACY_WITHOUT_ECERT
    person_id = holder.patient.person_id
    activate = activation(person_id, region=REGION)
    answer = services.certificates().ActivateCertificate(activate, timeout=CALL_SECONDS)
    services.wait_until_told()
    code = services.code(answer.certificate.certificate_id, ADMISSION)
    refusal = refused(
        services, services.visits("pharmacy").RegisterVisit, services.visit_request(code)
    )
    assert outcome(refusal)[1] == "INSTITUTION_NO_ECERT"


def test_a_suspended_holders_code_issued_before_is_refused_until_it_is_lifted(
    services: BothServices,
) -> None:
    """I-04."""
    patient = services.patient()
    issued_before = services.code(patient.certificate_id)
    report = misuse.ReportMisuseRequest(
        request_id=new_id(),
        region=REGION,
        subject=patient.subject,
        kind=misuse_pb2.MISUSE_KIND_LENT,
        description="shown by somebody else",
    )
    stub = services.certificates("hospital")
    case_id = stub.ReportMisuse(report, timeout=CALL_SECONDS).case_id
    suspend = misuse.SuspendCredentialRequest(
        request_id=new_id(), region=REGION, case_id=case_id, note="until it is cleared up"
    )
    services.certificates("maker").SuspendCredential(suspend, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert refusal_to_settle(services, patient, issued_before) == "ECERT_SUSPENDED"
    lift = misuse.LiftSuspensionRequest(
        request_id=new_id(), region=REGION, case_id=case_id, note="it was the holder"
    )
    services.certificates("checker").LiftSuspension(lift, timeout=CALL_SECONDS)
    services.wait_until_told()
    settles(services, patient)


def test_a_merged_persons_account_moves_and_the_total_stays(services: BothServices) -> None:
    """A duplicate is merged by two clerks; its account is the survivor's from then on."""
    retired, survivor = services.patient(), services.patient()
    for patient, amount_fen in ((retired, 30_000), (survivor, 500)):
        credit = accounts.CreditAccountRequest(
            request_id=new_id(),
            region=REGION,
            person_id=patient.person_id,
            amount_fen=amount_fen,
            source=accounts.CREDIT_SOURCE_ALLOCATION,
        )
        services.accounts().CreditAccount(credit, timeout=CALL_SECONDS)
    issued_before = services.code(retired.certificate_id)
    propose = merge_messages_pb2.ProposeMergeRequest(
        request_id=new_id(),
        region=REGION,
        retired_person_id=retired.person_id,
        surviving_person_id=survivor.person_id,
        explanation="registered twice",
    )
    merge = services.persons().ProposeMerge(propose, timeout=CALL_SECONDS).merge
    decide = merge_messages_pb2.DecideMergeRequest(
        request_id=new_id(),
        region=REGION,
        merge_id=merge.merge_id,
        decision=merge_messages_pb2.MERGE_DECISION_APPROVE,
    )
    services.persons("checker").DecideMerge(decide, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert refusal_to_settle(services, retired, issued_before) == "PERSON_MERGED"
    # I-16: the balance is asked for under the id that is in use.
    read = services.accounts().GetAccount
    question = accounts.GetAccountRequest(region=REGION, person_id=retired.person_id)
    refusal = refused(services, read, question)
    assert outcome(refusal)[1] == "PERSON_MERGED"
    assert refusal.metadata["merged_into"] == survivor.person_id
    question = accounts.GetAccountRequest(region=REGION, person_id=survivor.person_id)
    assert read(question, timeout=CALL_SECONDS).account.balance_fen == 30_500
    settles(services, survivor)
    assert check_ledger(services.database).drifts == []


def test_an_enrolment_that_ended_pays_nothing_from_its_end_on(services: BothServices) -> None:
    patient = services.patient()
    question = enrolments.ListEnrolmentsRequest(region=REGION, person_id=patient.person_id)
    stub = services.persons()
    (period,) = stub.ListEnrolments(question, timeout=CALL_SECONDS).enrolments
    change = enrolments.ChangeEnrolmentRequest(
        request_id=new_id(),
        region=REGION,
        person_id=patient.person_id,
        enrolment_id=period.enrolment_id,
        terms=enrolments.EnrolmentTerms(
            person_class=period.person_class, status=person_pb2.ENROLMENT_STATUS_ENDED
        ),
        effective_date=from_date(today(services)),
        explanation="moved away",
    )
    stub.ChangeEnrolment(change, timeout=CALL_SECONDS)
    services.wait_until_told()
    request = services.settle_request(patient)
    refusal = refused(services, services.settlements().SettleBill, request)
    assert outcome(refusal)[1] == "PERSON_NOT_ENROLLED"
    assert refusal.metadata["enrolment_status"] == "4"


def test_a_newborns_bill_waits_for_the_premium(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-16: care from birth is covered, and paid once the premium was received."""
    parent_id, _, _ = services.person()
    born = from_date(today(services))
    newborn = persons.RegisterNewbornRequest(
        request_id=new_id(),
        region=REGION,
        parent_id=parent_id,
        birth_certificate_number="Q123456789",
        gender=2,
        birth_date=born,
        enrol_date=born,
    )
    person = services.persons().RegisterNewborn(newborn, timeout=CALL_SECONDS).person
    activate = activation(person.person_id, region=REGION)
    answer = services.certificates().ActivateCertificate(activate, timeout=CALL_SECONDS)
    certificate = answer.certificate
    services.wait_until_told()
    register = services.visit_request(services.code(certificate.certificate_id, ADMISSION))
    visit = services.visits().RegisterVisit(register, timeout=CALL_SECONDS).visit
    patient = Patient(
        person.person_id, certificate.certificate_id, certificate.subject, visit.visit_id
    )

    def reasons() -> tuple[str, str]:
        trial = TrialBillRequest(region=REGION, bill=services.bill(patient.visit_id))
        tried = outcome(refused(services, services.settlements().TrialBill, trial))[1]
        return tried, refusal_to_settle(services, patient, services.code(patient.certificate_id))

    assert reasons() == ("PREMIUM_NOT_RECEIVED", "PREMIUM_NOT_RECEIVED")
    received = enrolments.RecordPremiumRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person.person_id,
        enrolment_id=person.enrolments[0].enrolment_id,
        receive_date=born,
        payment_reference="P-1",
    )
    services.persons().RecordPremium(received, timeout=CALL_SECONDS)
    # The example policy knows no newborns; what is missing now is a row of it. A bill asks for
    # the news itself, however busy the machine is.
    monkeypatch.setattr(news, "_MOST_WAIT_SECONDS", CALL_SECONDS / 2)
    told = refusal_of(services.settlements().SettleBill, services.settle_request(patient))
    assert outcome(told)[1] == "POLICY_NO_MATCHING_ROW"
    assert reasons() == ("POLICY_NO_MATCHING_ROW", "POLICY_NO_MATCHING_ROW")


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that makes codes by itself."""

    device_id: str
    key: Ed25519PrivateKey
    certificate: bytes

    def code(self, services: BothServices, audience: str = SETTLE) -> str:
        # Of another second than those before (I-01).
        services.clock.advance(seconds=1)
        return qr.present(self.certificate, self.key, audience=audience, now=services.clock())


def enrol_phone(services: BothServices, certificate_id: str) -> Phone:
    stub = services.certificates()
    ask = devices.GetDeviceChallengeRequest(region=REGION, certificate_id=certificate_id)
    challenge = stub.GetDeviceChallenge(ask, timeout=CALL_SECONDS).challenge
    key = Ed25519PrivateKey.generate()
    public_key = device.raw_public_key(key)
    request = devices.EnrolDeviceRequest(
        request_id=new_id(),
        region=REGION,
        certificate_id=certificate_id,
        device_name="phone",
        algorithm=device_pb2.KEY_ALGORITHM_ED25519,
        public_key=public_key,
        challenge=challenge,
        signature=device.sign(key, device.enrolment_statement(challenge, public_key)),
    )
    answer = stub.EnrolDevice(request, timeout=CALL_SECONDS)
    return Phone(answer.device.device_id, key, answer.device_certificate.certificate)


@pytest.fixture(scope="module")
def phone(services: BothServices, patient: Patient) -> Phone:
    """Enrols the patient's phone and waits until settlement can judge its codes."""
    phone = enrol_phone(services, patient.certificate_id)
    trial = services.visits().RegisterVisit

    def is_known() -> bool:
        # Outpatient care: the patient has an open stay already.
        text = phone.code(services, "01101")
        try:
            trial(services.visit_request(text, care_type="11"), timeout=CALL_SECONDS)
        except grpc.RpcError:
            return False
        return True

    wait_until(is_known)
    return phone


def test_a_code_that_the_phone_made_settles_once(
    services: BothServices, patient: Patient, phone: Phone
) -> None:
    """I-02 in mode B, beside codes of the issuer for the same holder."""
    text = phone.code(services)
    settles(services, patient, text)
    assert refusal_to_settle(services, patient, text) == "QR_ALREADY_USED"
    # I-01: neither clock orders the other's codes.
    settles(services, patient)
    settles(services, patient, phone.code(services))
    assert check_ledger(services.database).drifts == []


def test_a_code_that_the_phone_made_is_resolved(
    services: BothServices, patient: Patient, phone: Phone
) -> None:
    """Its region stands in the certificate, and not in what the phone signed."""
    token = resolved(services, phone.code(services))
    request = by_token(services, patient, token)
    services.settlements().SettleBill(request, timeout=CALL_SECONDS)
    again = by_token(services, patient, token)
    told = refused(services, services.settlements().SettleBill, again)
    assert outcome(told)[1] == "TOKEN_ALREADY_USED"


def test_a_code_of_a_revoked_phone_is_refused(services: BothServices) -> None:
    patient = services.patient()
    phone = enrol_phone(services, patient.certificate_id)
    revoke = devices.RevokeDeviceRequest(
        request_id=new_id(),
        region=REGION,
        device_id=phone.device_id,
        revocation=devices.DEVICE_REVOCATION_LOST,
    )
    services.certificates().RevokeDevice(revoke, timeout=CALL_SECONDS)

    def is_told() -> bool:
        # Accepted by the list that is held until the next one is published and fetched.
        request = services.settle_request(patient, phone.code(services))
        try:
            services.settlements().SettleBill(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            return outcome(error_of(error))[1] == "QR_REVOKED"
        return False

    wait_until(is_told)
    assert refusal_to_settle(services, patient, phone.code(services)) == "QR_REVOKED"
    settles(services, patient)


def test_a_scan_by_a_clock_that_is_off_is_told_by_how_much(services: BothServices) -> None:
    patient = services.patient()
    request = services.settle_request(patient)
    request.presentation.scan_time.FromDatetime(services.clock() + dt.timedelta(seconds=95))
    refusal = refused(services, services.settlements().SettleBill, request)
    assert outcome(refusal)[1] == "CLOCK_SUSPECT"
    assert 90 <= int(refusal.metadata["offset_seconds"]) <= 95
