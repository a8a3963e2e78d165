"""The life of a person's credentials: card, phone, and the keys behind their codes."""

import contextlib
import datetime as dt
import random
from collections.abc import Callable

from yibao.identity.v1 import person_service_pb2
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao_cli.demo.card_steps import REGISTER, CardSteps, Holder
from yibao_cli.demo.counter import Counter
from yibao_cli.demo.key_steps import KeySteps
from yibao_cli.demo.phone_steps import PhoneSteps
from yibao_cli.demo.sample_person import birth_date, citizen_number
from yibao_cli.demo.settlement_steps import SettlementSteps
from yibao_cli.demo.standing import Standing, read_standing
from yibao_cli.demo.steps import CALL_SECONDS, Step, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason


def walk_credential_life(
    stack: Stack,
    region: Region,
    *,
    clock: Clock,
    choose: random.Random,
    on_step: Callable[[str], None],
) -> tuple[Step, ...]:
    """Walks from the first card to the end of an issuer's key; a failed step is the last."""
    log = StepLog(on_step)
    with contextlib.suppress(StepFailedError):
        holder = _register(stack, region, log, clock=clock, choose=choose)
        _live_with_cards(stack, region, log, holder=holder, clock=clock, choose=choose)
        _live_with_a_phone(stack, region, log, person_id=holder.person_id, clock=clock)
    return tuple(log.steps)


def _register(
    stack: Stack, region: Region, log: StepLog, *, clock: Clock, choose: random.Random
) -> Holder:
    today = shanghai_day(clock())
    sample = region.sample_bill.person
    born = birth_date(sample.age, today=today, choose=choose)
    number = citizen_number(born, choose=choose)
    request = person_service_pb2.RegisterPersonRequest(
        request_id=new_request_id(),
        region=region.region,
        certificate_type="01",
        certificate_number=number,
        person_name=sample.person_name,
        insurance_type=sample.insurance_type,
        person_class=sample.person_class,
        entitlement_groups=sample.entitlement_groups,
        start_date=from_date(dt.date(today.year, 1, 1)),
    )
    with log.step("Register the insured person", "identity") as note:
        stub = PersonServiceStub(stack.channel("identity", parties_of(region).maker))
        person = stub.RegisterPerson(request, timeout=CALL_SECONDS).person
        note(f"{person.person_name} {person.certificate_number_masked}")
    return Holder(person.person_id, number)


def _live_with_cards(
    stack: Stack,
    region: Region,
    log: StepLog,
    *,
    holder: Holder,
    clock: Clock,
    choose: random.Random,
) -> None:
    cards = CardSteps(stack, region, log, holder=holder, clock=clock)
    counter = Counter(stack, region, log, audience=REGISTER)
    card = cards.issue()
    cards.swipe_refused(card, "Swipe it before that", Reason.CARD_NOT_ACTIVATED)
    cards.activate(card)
    counter.fetch(now=clock())
    counter.accepts(cards.swipe(card), "Verify the code offline", subject=card.subject)
    today = shanghai_day(clock())
    SettlementSteps(stack, region, log, today=today, clock=clock, choose=choose).credit(
        holder.person_id
    )
    before = _standing(stack, region, holder)
    cards.report_loss(card)
    cards.swipe_refused(card, "Swipe the lost card", Reason.CARD_REPORTED_LOST)
    new = cards.replace(card)
    cards.activate(new)
    counter.accepts(cards.swipe(new), "Verify the code offline", subject=new.subject)
    with log.step("Compare the account", "settlement") as note:
        after = _standing(stack, region, holder)
        if after != before:
            raise StepFailedError(f"{before} became {after}")
        note("as before, to the fen")


def _standing(stack: Stack, region: Region, holder: Holder) -> Standing:
    stub = AccountServiceStub(stack.channel("settlement", parties_of(region).maker))
    return read_standing(stub, region=region.region, person_id=holder.person_id)


def _live_with_a_phone(
    stack: Stack, region: Region, log: StepLog, *, person_id: str, clock: Clock
) -> None:
    phone = PhoneSteps(stack, region, log, clock=clock)
    counter = Counter(stack, region, log, audience=REGISTER)
    keys = KeySteps(stack, log)
    certificate = phone.activate(person_id)
    mode_a = phone.fetch_code(certificate.certificate_id, REGISTER)
    counter.accepts(mode_a, "Verify it offline (mode A)", subject=certificate.subject)
    device_certificate = phone.enrol(certificate.certificate_id)
    version = counter.fetch(now=clock())
    mode_b = phone.make_code(device_certificate, REGISTER)
    counter.accepts(mode_b, "Verify it offline (mode B)", subject=certificate.subject)
    old = phone.fetch_code(certificate.certificate_id, REGISTER)
    retired = keys.rotate()
    version = counter.fetch_newer(version, now=clock())
    counter.accepts(old, "Verify a code of the old key", subject=certificate.subject)
    new = phone.fetch_code_of_a_new_key(
        certificate.certificate_id, REGISTER, retired=retired, key_of=counter.key_of
    )
    keys.kill(retired)
    counter.fetch_newer(version, now=clock())
    counter.refuses(old, "Verify the old code again", error="unknown_key")
    counter.accepts(new, "Verify the new one", subject=certificate.subject)
