"""Registered diseases in the database: what stands, what is history, and who is told."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.databases import Databases
from support.person_stores import MAKER, REGION, PersonWorld, answer

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.disease import EndDisease, RegisterDisease
from yibao_identity.rules.disease import Disease

FIRST = dt.date(2026, 3, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def register(
    world: PersonWorld,
    person_id: str,
    code: str = "M03900",
    *,
    start: dt.date = FIRST,
    request: Request | None = None,
) -> Disease:
    asked = request or world.asked("RegisterDisease")
    return answer(world.diseases.register, RegisterDisease(asked, person_id, code, start, None))


def end(world: PersonWorld, person_id: str, registration_id: str, last: dt.date) -> Disease:
    asked = world.asked("EndDisease")
    return answer(world.diseases.end, EndDisease(asked, person_id, registration_id, last, "到期"))


def told(world: PersonWorld) -> list[tuple[str, dt.date, dt.date | None]]:
    *_, newest = world.changes(REGION, after_sequence=0, limit=20)
    diseases = newest.standing.diseases
    return [(each.disease_code, each.start_date, each.end_date) for each in diseases]


def test_what_stands_is_told_and_what_was_replaced_is_history(world: PersonWorld) -> None:
    person_id, other = world.person_id(), world.person_id()
    register(world, other)
    first = register(world, person_id, start=FIRST + DAY)
    second = register(world, person_id, "M01600")
    assert told(world) == [("M01600", FIRST, None), ("M03900", FIRST + DAY, None)]
    ended = end(world, person_id, first.disease_registration_id, FIRST + 9 * DAY)
    end(world, person_id, second.disease_registration_id, FIRST - DAY)
    assert told(world) == [("M03900", FIRST + DAY, FIRST + 9 * DAY)]
    history = world.diseases.history(REGION, person_id, parse_caller(MAKER))
    assert [(each.disease_registration_id, each.replace_time is None) for each in history] == [
        (first.disease_registration_id, False),
        (second.disease_registration_id, False),
        (ended.disease_registration_id, True),
        (history[3].disease_registration_id, True),
    ]
    assert history[2] == ended
    assert {each.recorded_by for each in history} == {MAKER}
    assert world.feed() == [person_id, other, other, *[person_id] * 4]


def test_a_repeated_request_registers_once(world: PersonWorld) -> None:
    person_id, asked = world.person_id(), world.asked("RegisterDisease")
    assert register(world, person_id, request=asked) == register(world, person_id, request=asked)
    assert len(told(world)) == 1


def test_of_clerks_who_register_one_disease_at_once_one_is_refused(world: PersonWorld) -> None:
    person_id = world.person_id()

    def attempt(_number: int) -> Reason | None:
        try:
            register(world, person_id)
        except RuleError as refusal:
            return refusal.reason
        return None

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(attempt, range(4)))
    assert sorted(outcomes, key=str).count(Reason.DISEASE_OVERLAP) == 3
    assert outcomes.count(None) == 1
    assert len(told(world)) == 1


def test_a_merge_carries_what_the_other_record_lacks(world: PersonWorld) -> None:
    """I-28."""
    retired, surviving = world.person_id(), world.person_id()
    register(world, retired)
    register(world, retired, "M01600")
    register(world, surviving, start=FIRST + 9 * DAY)
    world.merge(retired, surviving)
    changes = world.changes(REGION, after_sequence=0, limit=20)
    by_person = {each.standing.person_id: each.standing.diseases for each in changes}
    assert by_person[retired] == ()
    assert [
        (each.disease_code, each.start_date, each.end_date) for each in by_person[surviving]
    ] == [
        ("M01600", FIRST, None),
        ("M03900", FIRST, FIRST + 8 * DAY),
        ("M03900", FIRST + 9 * DAY, None),
    ]


def test_an_unknown_registration_is_named(world: PersonWorld) -> None:
    person_id, unknown = world.person_id(), new_id()
    with pytest.raises(RuleError) as caught:
        end(world, person_id, unknown, FIRST)
    assert caught.value.reason is Reason.DISEASE_NOT_FOUND
    assert caught.value.metadata == {"disease_registration_id": unknown}
