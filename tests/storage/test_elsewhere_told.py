"""What is told of care elsewhere: explanations, statements, counters, and offsite itself."""

import asyncio
import datetime as dt
from typing import Any

import grpc
import pytest
from support.benefit_world import stay_bill
from support.databases import Databases
from support.elsewhere_world import (
    PLACE,
    START,
    THERE,
    admit_there,
    elsewhere_world,
    tell_registered,
)
from support.serving import open_test_log
from support.settlement_world import AGENCY, REGION, TODAY, FakeClock, World
from support.tokens import refusal, told

from yibao.offsite.v1 import registration_service_pb2 as offsite_pb
from yibao.offsite.v1.registration_pb2 import OFFSITE_TERMS_TEMPORARY, Registration
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.commands.blocking import Blocking
from yibao_common.db.rows import insert_rows
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.statement import find_statement
from yibao_settlement.deemed_telling import deemed_telling
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks
from yibao_settlement.rules.elsewhere.registered import Benefit, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms
from yibao_settlement.rules.statement.telling import sentences_of
from yibao_settlement.servicer.elsewhere.explanation import elsewhere_message
from yibao_settlement.servicer.elsewhere.messages import TERMS
from yibao_settlement.storage.elsewhere.reading import find_known
from yibao_settlement.storage.elsewhere.tables import deemed_registration

DAY = dt.timedelta(days=1)
EMERGENCY = CareMarks(admission_kind=AdmissionKind.EMERGENCY)
REDUCED = ElsewhereTerms(is_unregistered_reduced=True)


def settled_there(world: World, person: str, **changes: Any) -> str:
    visit = admit_there(world, person, **changes)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    return world.settle(visit, person, bill=bill, institution_id=THERE).settlement_id


def test_what_registering_would_have_changed_is_calculated(databases: Databases) -> None:
    # Rule I-30.
    world = elsewhere_world(databases, REDUCED)
    (person,) = world.enrol()
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    shown = trial(world.queries, REGION, bill, institution_id=THERE, now=world.clock.now)
    assert shown.elsewhere is not None
    # 50 % of 10,000.00 without a registration, 60 % with any, 80 % at home.
    message = elsewhere_message(shown.elsewhere)
    assert message.registered_terms == OFFSITE_TERMS_TEMPORARY
    assert (message.registered_difference_fen, message.at_home_difference_fen) == (100_000, 300_000)
    said = {each.sentence_id: each.text_zh for each in message.sentences}
    assert said.keys() == {"OFF9", "OFF2", "OFF3", "OFF8", "OFF4"}
    assert said["OFF3"] == "若结算前完成备案，医保可多付1000.00元，您现在还可以补办。"

    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    caller = parse_caller(AGENCY)
    found = find_both_columns(world.queries, REGION, settlement.settlement_id, caller)
    assert found.elsewhere is not None
    assert [each.sentence_id for each in found.elsewhere.sentences] == [
        *("OFF9", "OFF2", "OFF8", "OFF4"),
    ]
    statement = find_statement(world.queries, REGION, settlement.settlement_id, caller)
    assert {"OFF9", "OFF2", "OFF8", "OFF4"} <= {
        each.sentence_id for each in sentences_of(statement)
    }
    assert all(each.fits for each in statement.elsewhere)
    assert statement.provider.institution_name == "外地医院"


@pytest.mark.parametrize(
    ("terms", "marks", "expected"),
    [
        ("long_term", CareMarks(), ("OFF1", "OFF4")),
        ("referral", CareMarks(), ("OFF1", "OFF8", "OFF4")),
        ("", EMERGENCY, ("OFF6R", "OFF8", "OFF4")),
    ],
)
def test_why_it_is_so_is_told_in_sentences_of_either_language(
    databases: Databases, terms: str, marks: CareMarks, expected: tuple[str, ...]
) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    if terms:
        tell_registered(world, person, terms)
    settlement_id = settled_there(world, person, marks=marks)
    statement = find_statement(world.queries, REGION, settlement_id, parse_caller(AGENCY))
    assert tuple(each.sentence_id for each in statement.elsewhere) == expected
    assert all(each.zh and each.en for each in statement.elsewhere)


def test_care_at_home_says_nothing_of_care_elsewhere(databases: Databases) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    settlement = world.settle(world.register(person), person)
    caller = parse_caller(AGENCY)
    assert find_statement(world.queries, REGION, settlement.settlement_id, caller).elsewhere == ()
    found = find_both_columns(world.queries, REGION, settlement.settlement_id, caller)
    assert found.elsewhere is None


def test_a_counter_hears_the_registrations_that_hold_there_today(databases: Databases) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    holds = tell_registered(world, person, "long_term", end_date=TODAY)
    tell_registered(world, person, "temporary", end_date=TODAY - DAY)
    tell_registered(world, person, "temporary", treatment_region="330200")
    tell_registered(world, person, "temporary", is_void=True)
    (heard,) = told(world, person, institution_id=THERE).registrations
    assert (heard.registration_id, heard.treatment_region) == (holds.registration_id, PLACE)
    assert (heard.start_date.day, heard.end_date.day) == (START.day, TODAY.day)
    assert list(told(world, person).registrations) == []


def attested(person: str, **changes: Any) -> RegisteredCare:
    registered = RegisteredCare(
        new_id(), person, 4, PLACE, "referral", tuple(Benefit), START, None, version=2
    )
    return registered._replace(**changes)


def known(world: World, person: str) -> list[RegisteredCare]:
    with world.database.read() as connection:
        return list(find_known(connection, REGION, new_id(), [person], world.clock).registered)


def test_an_attestation_is_taken_before_the_feed_tells_of_the_registration(
    databases: Databases,
) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    stated = attested(person)
    admit_there(world, person, attested=stated)
    assert known(world, person) == [stated]


@pytest.mark.parametrize(
    ("told_version", "is_void", "expected"),
    [(1, False, "referral"), (2, False, "temporary"), (3, False, "temporary"), (1, True, None)],
)
def test_an_attestation_decides_where_it_is_newer_and_replaces_nothing_that_was_told(
    databases: Databases, told_version: int, is_void: bool, expected: str | None
) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    stated = attested(person)
    tell_registered(
        world,
        person,
        "temporary",
        registration_id=stated.registration_id,
        version=told_version,
        is_void=is_void,
    )
    command = world.visit_command(person, institution_id=THERE, start_date=START, attested=stated)
    if expected is None:
        with pytest.raises(RuleError) as refused:
            world.run(command)
        assert refused.value.reason is Reason.ATTESTATION_REVOKED
        return
    answer = RegisterVisitResponse.FromString(world.run(command))
    assert answer.visit.elsewhere.terms == TERMS[expected]
    assert [each.terms for each in known(world, person)] == ["temporary"]


def test_a_visit_that_is_refused_keeps_nothing_of_its_attestation(databases: Databases) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    stated = attested(person, benefits=(Benefit.OUTPATIENT,))
    command = world.visit_command(person, institution_id=THERE, start_date=START, attested=stated)
    assert refusal(world, command) == Reason.OFFSITE_BENEFIT_NOT_OPEN.name
    assert known(world, person) == []


def test_an_attestation_of_somebody_else_is_refused_and_at_home_not_looked_at(
    databases: Databases,
) -> None:
    world = elsewhere_world(databases)
    person, other = world.enrol(2)
    stated = attested(other)
    command = world.visit_command(person, institution_id=THERE, attested=stated)
    assert refusal(world, command) == Reason.ATTESTATION_OF_ANOTHER.name
    world.register(person, attested=RuleError(Reason.ATTESTATION_EXPIRED, "ended"))
    assert known(world, other) == []


class Offsite:
    """An offsite service that puts emergencies on record, or is down."""

    def __init__(self) -> None:
        self.asked: list[offsite_pb.RecordDeemedRegistrationRequest] = []
        self.fails: grpc.StatusCode | None = None
        # Visits that are refused whenever they come.
        self.refused: set[str] = set()

    async def __call__(
        self, request: offsite_pb.RecordDeemedRegistrationRequest, *, timeout: float
    ) -> offsite_pb.RecordDeemedRegistrationResponse:
        self.asked.append(request)
        is_refused = request.visit_id in self.refused
        code = grpc.StatusCode.FAILED_PRECONDITION if is_refused else self.fails
        if code is not None:
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(code, metadata, metadata)
        registration = Registration(registration_id=request.visit_id)
        return offsite_pb.RecordDeemedRegistrationResponse(registration=registration)


def tell_round(world: World, offsite: Offsite, metrics: Metrics, *, at: dt.datetime) -> str:
    """Runs a round of telling; returns the log."""
    log, lines = open_test_log()

    async def run() -> None:
        supervisor, blocking = Supervisor(asyncio.Event(), log=log), Blocking(threads=1)
        task = deemed_telling(
            world.database,
            offsite,
            blocking,
            regions=(REGION,),
            metrics=metrics,
            clock=FakeClock(at),
            log=log,
        )
        blocking.start(supervisor)
        task.start(supervisor)
        await task.first_round()
        await task.close()
        blocking.close()

    asyncio.run(run())
    return lines.getvalue()


def test_offsite_is_told_of_an_emergency_once_and_again_while_it_is_down(
    databases: Databases,
) -> None:
    world, offsite, metrics = elsewhere_world(databases), Offsite(), Metrics()
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)

    def stuck() -> float | None:
        sample = "yibao_deemed_registrations_stuck"
        return metrics.registry.get_sample_value(sample, {"region": REGION})

    offsite.fails = grpc.StatusCode.UNAVAILABLE
    later = world.clock.now + dt.timedelta(minutes=11)
    assert "emergencies not told" in tell_round(world, offsite, metrics, at=later)
    assert stuck() == 1
    offsite.fails = None
    tell_round(world, offsite, metrics, at=later)
    tell_round(world, offsite, metrics, at=later)
    assert stuck() == 0
    first, second = offsite.asked
    assert (first.request_id, first.visit_id, first.person_id) == (visit, visit, person)
    assert second == first
    assert (first.treatment_region, first.admission_date.day) == (PLACE, START.day)
    with world.database.read() as connection:
        (row,) = connection.execute(deemed_registration.select()).all()
    assert row.registration_id == visit


def test_what_offsite_refuses_for_good_keeps_no_later_one_from_being_told(
    databases: Databases,
) -> None:
    world, offsite, metrics = elsewhere_world(databases), Offsite(), Metrics()
    # More than are read at once.
    count = 61
    row = ("310000", START, world.clock.now, None, None)
    ids = [new_id() for _ in range(count)]
    columns = tuple(column.name for column in deemed_registration.columns)
    rows = [(REGION, each, new_id(), THERE, *row) for each in ids]
    with world.database.write() as connection:
        insert_rows(connection, deemed_registration, columns, rows)
    offsite.refused = set(sorted(ids)[:-1])
    later = world.clock.now + dt.timedelta(minutes=11)
    assert "60 emergencies could not be told" in tell_round(world, offsite, metrics, at=later)
    assert {each.visit_id for each in offsite.asked} == set(ids)
    sample = "yibao_deemed_registrations_stuck"
    assert metrics.registry.get_sample_value(sample, {"region": REGION}) == count - 1


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_who_is_away_is_asked_once_a_round(databases: Databases, code: grpc.StatusCode) -> None:
    world, offsite, metrics = elsewhere_world(databases), Offsite(), Metrics()
    offsite.fails = code
    for person in world.enrol(2):
        admit_there(world, person, marks=EMERGENCY)
    tell_round(world, offsite, metrics, at=world.clock.now)
    assert len(offsite.asked) == 1
