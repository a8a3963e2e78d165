"""Resolving a code: who is told of whom, what a counter hears, and what is kept of it."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.holds import hold
from support.settlement_world import (
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    PHARMACY_WITHOUT_ECERT,
    REGION,
    TODAY,
    World,
)
from support.tokens import (
    FIVE_MINUTES,
    REGISTER,
    refusal,
    resolve,
    resolve_command,
    token_of,
    told,
)

from yibao_common.db.audit_chain import check_chain
from yibao_common.rpc.wire import from_date, to_instant
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.credential import CredentialState
from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.storage import tables

DAY = dt.timedelta(days=1)
UNKNOWN, ELSEWHERE = "H99901999999", "H50011200001"


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def described(world: World, person: str, **facts: Any) -> None:
    """Lets settlement know the name, masked, and the gender as an identity of now tells them."""
    told = world.insured(person, **facts)
    world.feed(dataclasses.replace(told, person_name_masked="张**", gender=2))


def test_a_counter_hears_what_it_needs(world: World) -> None:
    (person,) = world.enrol()
    ended = world.period(insurance_type="310", person_class="11", end_date=TODAY - 40 * DAY)
    now = world.period(
        start_date=TODAY - 39 * DAY, entitlement_groups=("2302", "2305"), tier="二档"
    )
    next_year = world.period(insurance_type="310", start_date=TODAY + DAY)
    diseases = (
        RegisteredDisease("M01600", dt.date(2020, 1, 1), TODAY - DAY),
        RegisteredDisease("M03900", dt.date(2021, 1, 1), None),
    )
    described(world, person, enrolments=(ended, now, next_year), diseases=diseases)
    world.run(world.credit_command(person, 50_000))
    answer = told(world, person)
    assert (answer.region, answer.person_id) == (REGION, person)
    assert (answer.person_name_masked, answer.gender) == ("张**", 2)
    assert answer.birth_date == from_date(dt.date(1950, 1, 1))
    assert [
        (each.insurance_type, each.person_class, each.status, each.tier, each.is_paying)
        for each in answer.enrolments
    ] == [("310", "11", 1, "", False), ("390", "16", 1, "二档", True)]
    last, first = answer.enrolments
    assert list(first.entitlement_groups) == ["2302", "2305"]
    assert (first.start_date, first.HasField("end_date")) == (from_date(TODAY - 39 * DAY), False)
    assert last.end_date == from_date(TODAY - 40 * DAY)
    (disease,) = answer.diseases
    assert (disease.disease_code, disease.HasField("end_date")) == ("M03900", False)
    assert (answer.account_balance_fen, answer.account_may_pay) == (50_000, True)
    assert to_instant(answer.token_expire_time) == NOW + FIVE_MINUTES


def test_what_held_bills_reserve_is_not_in_the_balance(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    visit = world.register(person)
    held = hold(world, visit, person, bill=world.bill(visit, account_used=True))
    assert held.quote.account_fen > 0
    left = 50_000 - held.quote.account_fen
    assert told(world, person).account_balance_fen == left
    world.clock.now += dt.timedelta(minutes=30)
    assert told(world, person).account_balance_fen == 50_000


@pytest.mark.parametrize(
    ("facts", "statuses", "is_paying"),
    [
        ({"status": 2}, [2], [False]),
        ({"end_date": TODAY - DAY}, [1], [False]),
        ({"enrolments": ()}, [], []),
        ({"is_premium_pending": True}, [1], [True]),
    ],
)
def test_who_is_not_insured_is_told_of_all_the_same(
    world: World, facts: dict[str, Any], statuses: list[int], is_paying: list[bool]
) -> None:
    """A counter says why nothing is paid; what registers a visit refuses it."""
    (person,) = world.enrol(**facts)
    answer = told(world, person)
    assert [each.status for each in answer.enrolments] == statuses
    assert [each.is_paying for each in answer.enrolments] == is_paying
    assert answer.account_may_pay == any(is_paying)
    token = resolve(world, person, audience=REGISTER)
    command = world.visit_command(person, code=token, care_type="11", start_date=TODAY)
    expected = None if any(is_paying) else "PERSON_NOT_ENROLLED"
    assert refusal(world, command) == expected


def test_before_the_feed_was_read_anew_neither_name_nor_gender_is_told(world: World) -> None:
    (person,) = world.enrol()
    answer = told(world, person)
    assert (answer.person_name_masked, answer.gender) == ("", 0)


@pytest.mark.parametrize(
    ("institution_id", "reason"),
    [
        (OTHER_HOSPITAL, None),
        (UNKNOWN, "INSTITUTION_NOT_DESIGNATED"),
        (ELSEWHERE, "OFFSITE_NOT_REGISTERED"),
        (PHARMACY_WITHOUT_ECERT, "INSTITUTION_NO_ECERT"),
    ],
)
def test_who_has_no_agreement_is_told_of_nobody(
    world: World, institution_id: str, reason: str | None
) -> None:
    (person,) = world.enrol()
    command = resolve_command(world, person, institution_id=institution_id)
    assert refusal(world, command) == reason


def test_where_no_e_certificate_is_taken_a_card_is_resolved(world: World) -> None:
    (person,) = world.enrol()
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))
    code = world.code(person, is_cards=True)
    command = resolve_command(
        world, person, code=code, institution_id=PHARMACY_WITHOUT_ECERT, audience="02121"
    )
    assert refusal(world, command) is None


def suspended(world: World, person: str) -> None:
    world.feed(world.insured(person, credentials=(world.ecert(person, CredentialState.SUSPENDED),)))


def gone(world: World, person: str) -> None:
    world.feed(world.insured(person, credentials=()))


def merged(world: World, person: str) -> None:
    (survivor,) = world.enrol()
    retired = world.insured(person, merged_into=survivor, enrolments=())
    world.feed(retired, world.insured(survivor))


def deceased(world: World, person: str) -> None:
    world.feed(dataclasses.replace(world.insured(person), death_date=TODAY))


def superseded(world: World, person: str) -> None:
    later = NOW + dt.timedelta(minutes=2)
    world.run(resolve_command(world, person, code=world.code(person, issue_time=later)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (suspended, "ECERT_SUSPENDED"),
        (gone, "PERSON_NOT_ENROLLED"),
        (merged, "PERSON_MERGED"),
        (deceased, "PERSON_DECEASED"),
        (superseded, "QR_SUPERSEDED"),
    ],
)
def test_a_code_is_resolved_where_it_would_be_taken(
    world: World, change: Callable[[World, str], None], reason: str
) -> None:
    (person,) = world.enrol()
    assert refusal(world, resolve_command(world, person)) is None
    change(world, person)
    rows = audit_rows(world)
    assert refusal(world, resolve_command(world, person)) == reason
    assert audit_rows(world) == rows


def audit_rows(world: World) -> list[Any]:
    event = tables.audit.event
    with world.database.read() as connection:
        return list(connection.execute(sa.select(event).order_by(event.c.sequence)))


def test_who_asked_of_whom_and_what_for_is_on_record(world: World) -> None:
    (person,) = world.enrol()
    command = resolve_command(world, person, audience=REGISTER)
    answer = world.run(command)
    assert world.run(command) == answer
    (row,) = audit_rows(world)
    assert (row.caller, row.method) == (f"institution/{HOSPITAL}", "ResolveCredential")
    assert (row.request_id, row.outcome) == (command.request.request_id, "OK")
    assert row.detail == "audience=01101 terminal=T1"
    with world.database.read() as connection:
        used = connection.execute(sa.select(tables.used_code)).one()
        assert check_chain(connection, tables.audit, REGION) is None
    assert row.subject_ids == f"{person},{used.used_for_id}"


def test_a_repeat_gets_the_first_answer_and_gives_no_second_token(world: World) -> None:
    (person,) = world.enrol()
    command = resolve_command(world, person)
    answer = world.run(command)
    # Even where the code was resolved by another request, or somebody suspended since.
    suspended(world, person)
    again = dataclasses.replace(command, token_hash="0" * 64)
    assert world.run(again) == answer
    with world.database.read() as connection:
        (row,) = connection.execute(sa.select(tables.credential_token))
    assert row.token_hash == command.token_hash


def test_books_with_codes_that_were_resolved_are_right(world: World) -> None:
    first, second = world.enrol(2)
    resolve(world, first)
    token = resolve(world, second, audience=REGISTER)
    world.register(second, code=token, care_type="11", start_date=TODAY)
    assert check_ledger(world.database).drifts == []


def test_a_token_is_given_in_the_transaction_of_its_code(world: World) -> None:
    """Both or none: two requests of one batch for one code give one token."""
    (person,) = world.enrol()
    code = world.code(person)
    commands = [resolve_command(world, person, code=code) for _ in range(2)]
    first, second = world.work(REGION, commands)
    assert isinstance(first, bytes)
    assert not isinstance(second, bytes)
    with world.database.read() as connection:
        hashes = connection.execute(sa.select(tables.credential_token.c.token_hash)).scalars().all()
    assert hashes == [token_of(commands[0]).token_hash]
