"""A person has one open stay, whatever comes at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World
from support.stays import DAY, FACTS, discharged, missing, refusal, refused

from yibao_common.values.caller import parse_caller
from yibao_common.values.reasons import Reason
from yibao_settlement.application.visit.find import find_open_stays
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.visit import Visit
from yibao_settlement.servicer import encode
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def open_stays(world: World, person_id: str) -> list[Visit]:
    return find_open_stays(world.queries, REGION, person_id, parse_caller(AGENCY))


@pytest.mark.parametrize("place", [HOSPITAL, OTHER_HOSPITAL])
def test_a_stay_whose_last_bill_is_taken_back_stays_ended_beside_another(
    world: World, place: str
) -> None:
    """T-29: one stay at a time, and a wrong bill is put right all the same."""
    (person,) = world.enrol()
    visit = world.register(person)
    last_day = TODAY - DAY
    settled = world.settle(visit, person, bill=world.bill(visit, service_date=last_day))
    moved = world.register(person, institution_id=place, start_date=TODAY)
    world.reverse(settled.settlement_id)
    ended = world.queries.visit(REGION, visit)
    assert ended is not None
    assert (ended.end_date, ended.discharge_way) == (last_day, None)
    assert encode.visit_message(REGION, ended).end_date.day == last_day.day
    assert [each.visit_id for each in open_stays(world, person)] == [moved]
    # It is billed anew on its day, by who knows of no discharge, and takes nothing else.
    assert missing(world, visit) == ()
    later = world.settle_command(visit, person, bill=world.bill(visit))
    assert refused(world, later)[0] is Reason.SERVICE_DATE_INVALID
    interim = world.bill(visit, is_interim=True, service_date=last_day)
    command = world.settle_command(visit, person, bill=interim)
    assert refused(world, command)[0] is Reason.INTERIM_NOT_ALLOWED
    assert refused(world, world.cancel_discharge_command(visit))[0] is Reason.STAY_OPEN_ELSEWHERE
    again = world.settle(visit, person, bill=world.bill(visit, service_date=last_day))
    world.reverse(again.settlement_id)
    # Its discharge may still be told, once, and it opens again when the other is over.
    discharged(world, visit)
    assert refused(world, world.discharge_command(visit))[0] is Reason.VISIT_DISCHARGED
    world.run(world.cancel_command(moved, institution_id=place))
    world.run(world.cancel_discharge_command(visit))
    assert [each.visit_id for each in open_stays(world, person)] == [visit]
    assert check_ledger(world.database).drifts == []


def test_a_reversal_and_an_admission_at_once_leave_one_open_stay(
    postgres_databases: Databases,
) -> None:
    world = World(postgres_databases.open("yibao_settlement"))
    for _ in range(5):
        (person,) = world.enrol()
        visit = world.register(person)
        settlement_id = world.settle(visit, person).settlement_id
        reverse = world.reverse_command(settlement_id)
        admit = world.visit_command(person, institution_id=OTHER_HOSPITAL, start_date=TODAY)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: world.new_worker()(REGION, [each]), (reverse, admit)))
        assert len(open_stays(world, person)) == 1


def test_a_person_has_one_open_stay(world: World) -> None:
    """D1: of another institution's no more is told than that there is one."""
    person, other = world.enrol(2)
    visit = world.register(person)
    again = world.visit_command(person)
    elsewhere = world.visit_command(person, institution_id=OTHER_HOSPITAL, care_type="28")
    assert refused(world, again) == (Reason.STAY_OPEN_ELSEWHERE, {"visit_id": visit})
    assert refused(world, elsewhere) == (Reason.STAY_OPEN_ELSEWHERE, {})
    # Outpatient care, and other persons', are no stays of theirs.
    world.register(person, care_type="11")
    world.register(other)
    interim = world.bill(visit, is_interim=True)
    world.run(world.update_command(visit, FACTS))
    world.settle(visit, person, bill=interim)
    assert refused(world, world.visit_command(person))[0] is Reason.STAY_OPEN_ELSEWHERE
    discharged(world, visit)
    moved = world.register(person, institution_id=OTHER_HOSPITAL, start_date=TODAY)
    assert refused(world, world.cancel_discharge_command(visit)) == (
        Reason.STAY_OPEN_ELSEWHERE,
        {},
    )
    world.run(world.cancel_command(moved, institution_id=OTHER_HOSPITAL))
    world.run(world.cancel_discharge_command(visit))


def test_two_admissions_of_one_batch_see_each_other(world: World) -> None:
    (person,) = world.enrol()
    outcomes = world.work(REGION, [world.visit_command(person) for _ in range(2)])
    assert isinstance(outcomes[0], bytes)
    assert refusal(outcomes[1])[0] is Reason.STAY_OPEN_ELSEWHERE


def test_visits_of_before_are_no_open_stays_and_are_asked_for_nothing(world: World) -> None:
    person, other = world.enrol(2)
    visit = world.register(person, care_type="2102")
    chronic = world.register(other, care_type="14", facts=CareFacts(disease_code="M03900"))
    before = {"stay_id": None, "undischarged_person_id": None, "disease_code": None}
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.visit).values(before))
    world.register(person)
    assert missing(world, visit, is_required=True) == ()
    command = world.settle_command(visit, person, is_discharge_required=True)
    assert isinstance(world.work(REGION, [command])[0], bytes)
    assert missing(world, chronic) == ()
    told = world.queries.visit(REGION, visit)
    assert told is not None
    assert encode.visit_message(REGION, told).stay_id == visit


def test_two_admissions_at_once_do_not_pass_each_other(postgres_databases: Databases) -> None:
    """The second reads the stays under the lock, not as they were when it began to wait."""
    world = World(postgres_databases.open("yibao_settlement"))
    (person,) = world.enrol()
    locked, waiting = threading.Event(), threading.Event()

    def slowly(region: str, visit: Visit) -> bytes:
        locked.set()
        # The other is sent now; it can only wait for the person's lock.
        waiting.wait(0.5)
        return encode.registered(region, visit)

    first = world.visit_command(person, encode=slowly)
    second = world.visit_command(person, institution_id=OTHER_HOSPITAL)
    with ThreadPoolExecutor(2) as threads:
        admitting = threads.submit(world.new_worker(), REGION, [first])
        assert locked.wait(10)
        refusing = threads.submit(world.new_worker(), REGION, [second])
        assert isinstance(admitting.result()[0], bytes)
        assert refusal(refusing.result()[0]) == (Reason.STAY_OPEN_ELSEWHERE, {})
