"""Registrations that go on as a survivor's end by what became of the survivor."""

import datetime as dt

import pytest
from support.databases import Databases
from support.offsite_feeds import REGION, following_of, known_person, tell_persons
from support.registration_store import PACKAGE, Store
from support.registrations import DAY, TODAY, application

from yibao_common.values.ids import new_id
from yibao_offsite.registering import registrations_end
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.rules.registration.kinds import EndReason
from yibao_offsite.rules.registration.states import State

LAST = TODAY + 5 * DAY


@pytest.fixture
def store(databases: Databases) -> Store:
    return Store(databases.open(PACKAGE), region=REGION)


def tell(store: Store, *told: KnownPerson) -> None:
    tell_persons(following_of(store.database, registrations_end(store.clock, new_id)), told)


def insured_until(person_id: str, last: dt.date) -> KnownPerson:
    return known_person(person_id, periods=(Period("310", 1, dt.date(2020, 1, 1), last),))


@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_goes_on_as_a_dead_persons(store: Store, at_once: bool) -> None:
    duplicate, survivor = new_id(), new_id()
    former = store.create(application(person_id=duplicate))
    dead, merged = (
        known_person(survivor, death_date=TODAY),
        known_person(duplicate, merged_into=survivor),
    )
    if at_once:
        tell(store, dead, merged)
    else:
        tell(store, dead, known_person(duplicate))
        tell(store, merged)
    assert store.find(former).end_reason is EndReason.MERGED
    assert store.page(person_id=survivor) == []


def test_what_goes_on_as_anothers_ends_with_the_enrolment_told_with_it(store: Store) -> None:
    duplicate, survivor = new_id(), new_id()
    store.create(application(person_id=duplicate))
    tell(store, insured_until(survivor, LAST), known_person(duplicate, merged_into=survivor))
    (id,) = store.page(person_id=survivor)
    ended = store.find(id)
    assert (ended.end_reason, ended.ended_date) == (EndReason.ENROLMENT_ENDED, LAST)


def test_what_was_known_of_an_enrolment_before_the_merge_ends_nothing(store: Store) -> None:
    """The survivor took over the duplicate's, which is told of with the survivor."""
    duplicate, survivor = new_id(), new_id()
    store.create(application(person_id=duplicate))
    tell(store, insured_until(survivor, TODAY - DAY), known_person(duplicate))
    tell(store, known_person(duplicate, merged_into=survivor))
    (id,) = store.page(person_id=survivor)
    assert store.find(id).state is State.ACTIVE
    tell(store, known_person(survivor))
    assert store.find(id).state is State.ACTIVE


@pytest.mark.parametrize("at_once", [True, False])
def test_what_goes_on_is_of_the_record_that_stays_in_the_end(store: Store, at_once: bool) -> None:
    first, second, third = new_id(), new_id(), new_id()
    store.create(application(person_id=first))
    merges = (
        known_person(first, merged_into=second),
        known_person(second, merged_into=third),
        known_person(third),
    )
    for told in [merges] if at_once else [merges[1:], merges[:1]]:
        tell(store, *told)
    assert store.page(person_id=second) == []
    (id,) = store.page(person_id=third)
    assert store.find(id).state is State.ACTIVE


def test_what_was_merged_the_other_way_round_goes_on_as_the_one_that_stays(store: Store) -> None:
    """Identity was restored to before the first merge, which the feed tells later."""
    first, second = new_id(), new_id()
    tell(store, known_person(first), known_person(second))
    former = store.create(application(person_id=second))
    tell(store, known_person(first, merged_into=second))
    tell(store, known_person(second, merged_into=first))
    (id,) = store.page(person_id=first)
    assert store.find(former).replaced_by_registration_id == id
    tell(store, known_person(first))
    assert store.find(id).state is State.ACTIVE
