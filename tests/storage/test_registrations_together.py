"""Applications that share a transaction: each comes to what it would have come to alone."""

import random
import threading
import uuid
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.offsite_feeds import REGION as FEED_REGION
from support.offsite_feeds import following_of, known_person, tell_persons
from support.registration_store import PACKAGE, SECOND, Store
from support.registrations import APP, CLERK, DAY, LONG, TODAY, application, shown

from yibao_common.commands.request import Outcome
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_offsite.application.registration.creating import CreateRegistration
from yibao_offsite.registering import registrations_end
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import Basis, Category
from yibao_offsite.rules.registration.registration import Application
from yibao_offsite.storage import tables

PERSONS = sorted(str(uuid.UUID(int=number)) for number in range(1, 9))


@pytest.fixture
def store(databases: Databases) -> Store:
    return Store(databases.open(PACKAGE))


def told(outcomes: Sequence[Outcome[bytes]]) -> list[str]:
    """Returns OK or the reason of each."""
    return [each.reason.name if isinstance(each, RuleError) else "OK" for each in outcomes]


def test_who_is_refused_leaves_nothing_and_the_others_are_registered(store: Store) -> None:
    asked = [
        application(person_id=PERSONS[0]),
        application(person_id=PERSONS[1], treatment_region="810000"),
        application(person_id=PERSONS[2]),
        application(person_id=PERSONS[3], start_date=TODAY, expected_end_date=TODAY - DAY),
    ]
    outcomes = store.create_each([store.application(each) for each in asked])
    assert told(outcomes) == ["OK", "REGION_EXCLUDED", "OK", "FIELD_OUT_OF_RANGE"]
    made = [each.decode() for each in outcomes if isinstance(each, bytes)]
    assert [store.find(each).person_id for each in made] == [PERSONS[0], PERSONS[2]]
    for table in (tables.registration, tables.registration_step, tables.feed_change, tables.answer):
        assert store.rows(table) == 2, table.name
    assert store.rows(tables.audit.event) == store.rows(tables.person) == 2


def test_whoever_is_not_known_is_refused_and_not_kept(databases: Databases) -> None:
    store = Store(databases.open(PACKAGE), region=FEED_REGION)
    following = following_of(store.database, registrations_end(store.clock, new_id))
    tell_persons(following, [known_person(PERSONS[0]), known_person(PERSONS[1], death_date=TODAY)])
    outcomes = store.create_each(
        [store.application(application(person_id=each)) for each in PERSONS[:3]]
    )
    assert told(outcomes) == ["OK", "PERSON_DECEASED", "PERSON_NOT_FOUND"]
    # Two have been waited for; of the third nobody knows that it was asked for.
    assert store.rows(tables.person) == 2


def test_one_person_twice_is_registered_once(store: Store) -> None:
    both = [store.application(application(person_id=PERSONS[0])) for _ in range(2)]
    assert told(store.create_each(both)) == ["OK", "REGISTRATION_EXISTS"]
    assert told(store.create_each(both)) == ["OK", "REGISTRATION_EXISTS"]
    assert store.rows(tables.registration) == 1


def test_one_request_twice_is_carried_out_once(store: Store) -> None:
    first = store.application(application(person_id=PERSONS[0]))
    other = CreateRegistration(
        first.request._replace(digest=b"other contents"), CLERK, application(person_id=PERSONS[1])
    )
    outcomes = store.create_each([first, other, first])
    assert told(outcomes) == ["OK", "REQUEST_ID_REUSED", "OK"]
    assert outcomes[0] == outcomes[2]
    # So it is when it comes again, among others.
    again = store.create_each([store.application(application(person_id=PERSONS[1])), first, other])
    assert told(again) == ["OK", "OK", "REQUEST_ID_REUSED"]
    assert again[1] == outcomes[0]
    assert store.rows(tables.registration) == store.rows(tables.answer) == 2


def test_what_was_refused_may_be_asked_with_the_same_request_id(store: Store) -> None:
    refused = store.application(application(person_id=PERSONS[0], treatment_region="810000"))
    right = CreateRegistration(
        refused.request._replace(digest=b"right"), CLERK, application(person_id=PERSONS[0])
    )
    assert told(store.create_each([refused, right, refused])) == [
        "REGION_EXCLUDED",
        "OK",
        "REQUEST_ID_REUSED",
    ]


def test_a_limit_of_self_service_holds_for_those_it_is_of(store: Store) -> None:
    letter = shown("commitment_letter")
    false = application(
        Category.RETIRED_RESETTLED,
        person_id=PERSONS[0],
        basis=Basis.COMMITMENT,
        expected_end_date=LONG,
        materials=letter,
    )
    revoked = store.create(false)
    store.steps.revoke(store.act(revoked, SECOND), lambda each: each.registration_id.encode())
    asked = [store.application(application(person_id=each), APP) for each in PERSONS[:2]]
    asked.append(store.application(application(person_id=PERSONS[0])))
    assert told(store.create_each(asked)) == ["SELF_SERVICE_LIMITED", "OK", "OK"]


def test_two_processes_register_the_same_persons_at_once(databases: Databases) -> None:
    database = databases.open(PACKAGE)
    stores = [Store(database), Store(database)]
    # One asks for them in the other order, and one request comes to both.
    shared = stores[0].application(application(person_id=PERSONS[-1]))
    order = [PERSONS[:-1], PERSONS[-2::-1]]
    outcomes: list[list[str]] = [[], []]
    answers: list[bytes] = []

    def register(place: int) -> None:
        own = [stores[place].application(application(person_id=each)) for each in order[place]]
        commands = [*own, shared] if place else [shared, *own]
        while True:
            try:
                found = stores[place].create_each(commands)
                break
            except (TransientError, sa.exc.IntegrityError):
                # Two that meet on a new key try again, as a batcher does.
                continue
        found = found[::-1] if place else found
        assert isinstance(found[0], bytes)
        answers.append(found[0])
        outcomes[place] += told(found)[1:]

    threads = [threading.Thread(target=register, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == 2
    assert answers[0] == answers[1]
    for pair in zip(*outcomes, strict=True):
        assert sorted(pair) == ["OK", "REGISTRATION_EXISTS"]
    assert Store(database).rows(tables.registration) == len(PERSONS)


def test_any_batches_come_to_what_single_applications_come_to(databases: Databases) -> None:
    # The oracle is the same applications, one transaction each.
    alone, together = Store(databases.open(PACKAGE)), Store(databases.open(PACKAGE))
    choose = random.Random(12)
    asked = [_any(choose) for _ in range(300)]
    single = [alone.create_each([alone.application(*each)])[0] for each in asked]
    batched: list[Outcome[bytes]] = []
    left = list(asked)
    while left:
        size = choose.randint(1, 40)
        batch, left = left[:size], left[size:]
        batched += together.create_each([together.application(*each) for each in batch])
    assert told(batched) == told(single)
    reasons = set(told(single))
    assert reasons >= {"OK", "REGISTRATION_EXISTS", "REGION_EXCLUDED", "MATERIAL_MISSING"}
    for table in (tables.registration, tables.registration_step, tables.feed_change, tables.answer):
        assert together.rows(table) == alone.rows(table), table.name
    for one, other in zip(single, batched, strict=True):
        if isinstance(one, bytes) and isinstance(other, bytes):
            first, second = alone.find(one.decode()), together.find(other.decode())
            assert first.application == second.application
            assert (first.state, first.end_date) == (second.state, second.end_date)


def _any(choose: random.Random) -> tuple[Application, Applicant]:
    category = choose.choice(
        [Category.OTHER_TEMPORARY, Category.MATERNITY, Category.RETIRED_RESETTLED]
    )
    is_long = category.is_long_term
    asked = application(
        category,
        person_id=choose.choice([*PERSONS, new_id()]),
        treatment_region=choose.choice(["310000", "110000", "320100", "330200", "810000"]),
        start_date=TODAY + choose.randrange(0, 400, 100) * DAY,
        expected_end_date=LONG if is_long else None,
        materials=shown("household_move_proof") if choose.random() < 0.7 and is_long else (),
    )
    return asked, choose.choice([CLERK, APP])
