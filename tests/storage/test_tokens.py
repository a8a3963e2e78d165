"""A token stands for the code that was resolved, once, on both databases."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from support.corrections import charged, correct_command
from support.databases import Databases
from support.holds import confirm, hold_command
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World
from support.tokens import (
    ADMIT,
    FIVE_MINUTES,
    REGISTER,
    SETTLE,
    hash_made_of,
    refusal,
    resolve,
    resolve_command,
)

from yibao.settlement.v1.hold_service_pb2 import HoldBillResponse
from yibao_common.values.errors import RuleError
from yibao_settlement.application.batch.command import Code, Command
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.credential import Credential, CredentialState
from yibao_settlement.rules.token import PresentedToken
from yibao_settlement.storage import tables
from yibao_settlement.storage.token.pruning import prune_tokens

SECOND = dt.timedelta(seconds=1)
DEVICE = "00000000000000d1"
OTHER_REGION = "999029"


class Patient(NamedTuple):
    """Somebody with a stay, of which a bill is settled."""

    person: str
    visit: str
    settlement: str


# Makes a command that takes a code, or a token.
Take = Callable[[World, Patient, Code], Command]


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def registers(world: World, patient: Patient, code: Code) -> Command:
    return world.visit_command(patient.person, code=code, care_type="11", start_date=TODAY)


def settles(world: World, patient: Patient, code: Code) -> Command:
    return world.settle_command(patient.visit, patient.person, code=code)


def holds(world: World, patient: Patient, code: Code) -> Command:
    return hold_command(world, patient.visit, patient.person, code=code)


def corrects(world: World, patient: Patient, code: Code) -> Command:
    return correct_command(world, patient.settlement, charged(("A1", 100)), code=code)


TAKES = {
    "RegisterVisit": (registers, REGISTER),
    "SettleBill": (settles, SETTLE),
    "HoldBill": (holds, SETTLE),
    "CorrectSettlement": (corrects, SETTLE),
}
each_take = pytest.mark.parametrize(("take", "audience"), TAKES.values(), ids=TAKES)


def admitted(world: World) -> Patient:
    (person,) = world.enrol()
    visit = world.register(person)
    return Patient(person, visit, world.settle(visit, person).settlement_id)


def uses(world: World) -> list[sa.Row[tuple[object, ...]]]:
    with world.database.read() as connection:
        return list(connection.execute(sa.select(tables.token_use)))


@each_take
def test_each_call_that_takes_a_code_takes_its_token_once(
    world: World, take: Take, audience: str
) -> None:
    patient = admitted(world)
    world.clock.now += SECOND
    token = resolve(world, patient.person, audience=audience)
    command = take(world, patient, token)
    answer = world.run(command)
    assert world.run(command) == answer
    if take is not corrects:
        assert refusal(world, take(world, patient, token)) == "TOKEN_ALREADY_USED"
    (use,) = uses(world)
    assert (use.institution_id, use.terminal_id) == (HOSPITAL, "T2")
    assert (use.request_id, use.use_time) == (command.request.request_id, world.clock.now)
    assert check_ledger(world.database).drifts == []


def test_what_a_token_held_is_confirmed_and_the_books_are_right(world: World) -> None:
    patient = admitted(world)
    command = holds(world, patient, resolve(world, patient.person))
    held = HoldBillResponse.FromString(world.run(command)).hold
    assert check_ledger(world.database).drifts == []
    confirm(world, held.hold_id)
    assert check_ledger(world.database).drifts == []


def test_a_token_admits_somebody(world: World) -> None:
    """What a stay needs of its holder is found by the token as by the code."""
    (person,) = world.enrol()
    first = world.register(person, code=resolve(world, person, audience=ADMIT))
    second = world.visit_command(person, code=resolve(world, person, audience=ADMIT))
    assert refusal(world, second) == "STAY_OPEN_ELSEWHERE"
    found = world.queries.visit(REGION, first)
    assert found is not None
    assert found.person_id == person


def test_a_code_that_was_resolved_is_used_up(world: World) -> None:
    patient = admitted(world)
    code = world.code(patient.person)
    resolve(world, patient.person, code=code)
    assert refusal(world, settles(world, patient, code)) == "QR_ALREADY_USED"
    assert refusal(world, resolve_command(world, patient.person, code=code)) == "QR_ALREADY_USED"


@each_take
def test_a_token_is_of_the_business_of_its_code(world: World, take: Take, audience: str) -> None:
    patient = admitted(world)
    of_another = resolve(world, patient.person, audience="02121")
    asked = of_another._replace(audience=audience)
    assert refusal(world, take(world, patient, asked)) == "TOKEN_WRONG_AUDIENCE"
    assert uses(world) == []


def wrong_bill(world: World, patient: Patient, token: PresentedToken) -> tuple[Command, str]:
    bill = world.bill(patient.visit, total_fen=1)
    command = world.settle_command(patient.visit, patient.person, code=token, bill=bill)
    return command, "BILL_TOTAL_MISMATCH"


def wrong_hold(world: World, patient: Patient, token: PresentedToken) -> tuple[Command, str]:
    bill = world.bill(patient.visit, total_fen=1)
    command = hold_command(world, patient.visit, patient.person, code=token, bill=bill)
    return command, "BILL_TOTAL_MISMATCH"


def late_visit(world: World, patient: Patient, token: PresentedToken) -> tuple[Command, str]:
    later = TODAY + dt.timedelta(days=1)
    return world.visit_command(patient.person, code=token, start_date=later), "VISIT_DATE_INVALID"


@pytest.mark.parametrize(
    ("take", "fault", "audience"),
    [
        (registers, late_visit, REGISTER),
        (settles, wrong_bill, SETTLE),
        (holds, wrong_hold, SETTLE),
    ],
)
def test_a_refused_try_uses_no_token_up(
    world: World,
    take: Take,
    fault: Callable[[World, Patient, PresentedToken], tuple[Command, str]],
    audience: str,
) -> None:
    patient = admitted(world)
    token = resolve(world, patient.person, audience=audience)
    command, reason = fault(world, patient, token)
    assert refusal(world, command) == reason
    assert uses(world) == []
    assert refusal(world, take(world, patient, token)) is None


def test_of_two_uses_in_one_batch_one_counts(world: World) -> None:
    patient = admitted(world)
    token = resolve(world, patient.person)
    commands = [settles(world, patient, token), holds(world, patient, token)]
    first, second = world.work(REGION, commands)
    assert isinstance(first, bytes)
    assert isinstance(second, RuleError)
    assert second.reason.name == "TOKEN_ALREADY_USED"


@each_take
@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (dt.timedelta(minutes=5) - dt.timedelta(microseconds=1), None),
        (dt.timedelta(minutes=5), "TOKEN_EXPIRED"),
    ],
)
def test_a_token_lasts_as_long_as_it_was_given_for(
    world: World, take: Take, audience: str, after: dt.timedelta, reason: str | None
) -> None:
    patient = admitted(world)
    command = take(world, patient, resolve(world, patient.person, audience=audience))
    world.clock.now += after
    assert refusal(world, command) == reason


@each_take
def test_a_token_is_of_its_institution_alone(world: World, take: Take, audience: str) -> None:
    patient = admitted(world)
    token = resolve(world, patient.person, audience=audience, institution_id=OTHER_HOSPITAL)
    assert refusal(world, take(world, patient, token)) == "TOKEN_NOT_FOUND"
    unknown = token._replace(token_hash=hash_made_of("nothing"))
    assert refusal(world, take(world, patient, unknown)) == "TOKEN_NOT_FOUND"
    # It is still good where it was given.
    own = world.visit_command(
        patient.person, code=token, institution_id=OTHER_HOSPITAL, care_type="11"
    )
    assert refusal(world, own) is None


def told_of(world: World, person: str, *credentials: Credential) -> None:
    world.feed(world.insured(person, credentials=credentials))


def suspended(world: World, person: str) -> None:
    told_of(world, person, world.ecert(person, CredentialState.SUSPENDED))


def closed(world: World, person: str) -> None:
    told_of(world, person, world.ecert(person, CredentialState.CLOSED))


def gone(world: World, person: str) -> None:
    told_of(world, person)


def withdrawn(world: World, person: str) -> None:
    later = int((NOW + dt.timedelta(days=1)).timestamp())
    told_of(world, person, world.ecert(person)._replace(codes_since_second=later))


def merged(world: World, person: str) -> None:
    (survivor,) = world.enrol()
    world.merge(person, survivor)


def merged_with_its_credential(world: World, person: str) -> None:
    (survivor,) = world.enrol()
    retired = world.insured(person, merged_into=survivor, enrolments=())
    world.feed(retired, world.insured(survivor))


def deceased(world: World, person: str) -> None:
    died = TODAY - dt.timedelta(days=1)
    world.feed(dataclasses.replace(world.insured(person), death_date=died))


@each_take
@pytest.mark.parametrize(
    ("change", "registering", "settling"),
    [
        (suspended, "ECERT_SUSPENDED", "ECERT_SUSPENDED"),
        (closed, "ECERT_NOT_ACTIVATED", "ECERT_NOT_ACTIVATED"),
        (gone, "PERSON_NOT_ENROLLED", "NOT_CARDHOLDER"),
        (withdrawn, "QR_WITHDRAWN", "QR_WITHDRAWN"),
        (merged, "PERSON_NOT_ENROLLED", "NOT_CARDHOLDER"),
        (merged_with_its_credential, "PERSON_MERGED", "PERSON_MERGED"),
        (deceased, "PERSON_DECEASED", "PERSON_DECEASED"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_what_came_since_refuses_a_token_as_it_would_the_code(
    world: World,
    take: Take,
    audience: str,
    change: Callable[[World, str], None],
    registering: str,
    settling: str,
) -> None:
    patient = admitted(world)
    by_token = take(world, patient, resolve(world, patient.person, audience=audience))
    by_code = take(world, patient, world.code(patient.person))
    change(world, patient.person)
    told = refusal(world, by_token)
    if take is corrects and change is deceased:
        # A correction asks for no life, by a code neither.
        assert told is None
        return
    if take is corrects and change is merged_with_its_credential:
        settling = "NOT_CARDHOLDER"
    assert told == (registering if take is registers else settling)
    assert refusal(world, by_code) == told
    assert uses(world) == []


def used_since(world: World, person: str) -> None:
    world.register(person, care_type="11", start_date=TODAY)


def resolved_since(world: World, person: str) -> None:
    resolve(world, person)


@each_take
@pytest.mark.parametrize("newer", [used_since, resolved_since])
def test_a_newer_code_that_was_seen_supersedes_a_token(
    world: World, take: Take, audience: str, newer: Callable[[World, str], None]
) -> None:
    patient = admitted(world)
    command = take(world, patient, resolve(world, patient.person, audience=audience))
    newer(world, patient.person)
    assert refusal(world, command) == "QR_SUPERSEDED"
    assert uses(world) == []


def test_a_token_of_a_phone_that_was_revoked_since_is_refused(world: World) -> None:
    patient = admitted(world)
    code = world.code(patient.person, device_certificate_id=DEVICE)
    command = settles(world, patient, resolve(world, patient.person, code=code))
    ecert = world.ecert(patient.person)
    told_of(world, patient.person, ecert._replace(revoked_device_certificate_ids=(DEVICE,)))
    assert refusal(world, command) == "QR_REVOKED"


def test_a_token_pays_for_its_holder_alone(world: World) -> None:
    """Shown at somebody else's visit it is refused, and good for its own afterwards."""
    patient, other = admitted(world), admitted(world)
    token = resolve(world, patient.person)
    assert refusal(world, settles(world, other, token)) == "NOT_CARDHOLDER"
    assert refusal(world, settles(world, patient, token)) is None


def test_a_token_of_a_survivor_pays_for_a_merged_records_visit(world: World) -> None:
    patient = admitted(world)
    (survivor,) = world.enrol()
    world.merge(patient.person, survivor)
    assert refusal(world, settles(world, patient, resolve(world, survivor))) is None
    assert check_ledger(world.database).drifts == []


def test_a_cards_token_stands_beside_the_e_certificates(world: World) -> None:
    """I-01: a newer code of another signer supersedes nothing."""
    patient = admitted(world)
    told_of(world, patient.person, world.ecert(patient.person), world.card(patient.person))
    of_card = resolve(world, patient.person, code=world.code(patient.person, is_cards=True))
    of_phone = resolve(world, patient.person)
    assert refusal(world, settles(world, patient, of_card)) is None
    assert refusal(world, settles(world, patient, of_phone)) is None


def test_a_repeated_request_finds_its_answer_though_the_token_is_gone(world: World) -> None:
    patient = admitted(world)
    token = resolve(world, patient.person)
    command = settles(world, patient, token)
    answer = world.run(command)
    with world.database.write() as connection:
        connection.execute(sa.delete(tables.credential_token))
    assert world.run(command) == answer
    assert refusal(world, settles(world, patient, token)) == "TOKEN_NOT_FOUND"


def test_what_was_used_is_kept_when_tokens_are_taken_away(world: World) -> None:
    patient = admitted(world)
    used = resolve(world, patient.person)
    world.run(settles(world, patient, used))
    kept = resolve(world, patient.person, valid_for=2 * FIVE_MINUTES)
    end = NOW + FIVE_MINUTES
    assert prune_tokens(world.database, REGION, before=end) == 0
    assert prune_tokens(world.database, OTHER_REGION, before=end + SECOND) == 0
    assert prune_tokens(world.database, REGION, before=end + SECOND) == 1
    assert len(uses(world)) == 1
    assert check_ledger(world.database).drifts == []
    assert refusal(world, settles(world, patient, kept)) is None


def test_tokens_are_taken_away_in_pages(world: World) -> None:
    (person,) = world.enrol()
    for _ in range(5):
        resolve(world, person)
    before = NOW + FIVE_MINUTES + SECOND
    assert prune_tokens(world.database, REGION, before=before, page_rows=2) == 5
    assert prune_tokens(world.database, REGION, before=before, page_rows=2) == 0
