"""Registrations of persons whose records were merged, without a database."""

import dataclasses
import datetime as dt
import itertools
import uuid
from typing import Any

import pytest
from support.registration_desk import (
    OTHER_ID,
    PERSON_ID,
    SECOND,
    THIRD,
    Desk,
    applied,
    by_commitment,
    person,
    refusal,
    retired,
)
from support.registrations import APP, DAY, TODAY, application

from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.rules.material.material import Paper
from yibao_offsite.rules.material.states import State as PaperState
from yibao_offsite.rules.registration.kinds import Channel, EndReason, Origin
from yibao_offsite.rules.registration.registration import Material
from yibao_offsite.rules.registration.states import Event, State

THIRD_ID = str(uuid.UUID(int=9))


def merge(desk: Desk, *pairs: tuple[str, str]) -> None:
    """Tells that persons were merged into others, in one page of the feed."""
    told = [person(retired_id, merged_into=survivor_id) for retired_id, survivor_id in pairs]
    desk.work.persons.replace(told, reading=1)
    concerned = desk.work.persons.lock_concerned([each.person_id for each in told])
    made = itertools.count(100)
    end_by_person(
        desk.work,
        [each for each in told if each.person_id in concerned],
        now=desk.now(),
        ids=lambda: f"merged-{next(made)}",
    )


def test_papers_go_on_with_a_merged_persons_registration() -> None:
    desk = Desk()
    paper = Paper("m1", "household_move_proof", PERSON_ID, PaperState.CLEAN)
    desk.work.papers.known = {"m1": paper}
    before = desk.create(retired(materials=(Material("household_move_proof", "m1"),)))
    told = [person(merged_into=OTHER_ID)]
    end_by_person(desk.work, told, now=desk.now(), ids=lambda: "goes-on")
    assert desk.work.papers.bound == {"m1": "goes-on"}
    assert desk.work.papers.ended == {before.registration_id: TODAY, "goes-on": None}


@pytest.mark.parametrize("has_own", [False, True])
def test_a_merged_persons_registration_goes_on_as_the_survivors(has_own: bool) -> None:
    desk = Desk()
    before = desk.create()
    if has_own:
        desk.work.persons.known[OTHER_ID] = person(OTHER_ID)
        desk.create(applied(person_id=OTHER_ID))
    end_by_person(desk.work, [person(merged_into=OTHER_ID)], now=desk.now(), ids=lambda: "goes-on")
    of_survivor = desk.work.registrations.of_person(OTHER_ID)
    (only,) = of_survivor
    assert (only.registration_id == "goes-on") is not has_own
    assert (only.start_date, only.end_date) == (before.start_date, before.end_date)
    gone = desk.work.registrations.find(before.registration_id)
    assert gone.replaced_by_registration_id == (None if has_own else "goes-on")


@pytest.mark.parametrize("is_asked_of_the_former", [True, False])
def test_a_false_statement_is_void_on_both_sides_of_a_merge(is_asked_of_the_former: bool) -> None:
    desk = Desk()
    former = desk.create(by_commitment()).registration_id
    desk.work.persons.known[OTHER_ID] = person(OTHER_ID)
    merge(desk, (PERSON_ID, OTHER_ID))
    (copy,) = desk.work.registrations.of_person(OTHER_ID)
    asked, other = (former, copy.registration_id)[:: 1 if is_asked_of_the_former else -1]
    revoked = desk.given(desk.steps.revoke, desk.act(asked, THIRD, "never lived there"))
    assert revoked.registration_id == asked
    for id in (asked, other):
        row = desk.work.registrations.find(id)
        assert (row.state, row.end_reason) == (State.REVOKED, EndReason.FALSE_STATEMENT)
        assert desk.work.feed.registrations[id].is_void
        assert desk.steps_of(id)[-1] is Event.REVOKED
    until = dt.date(2028, 11, 2)
    for person_id in (PERSON_ID, OTHER_ID):
        assert desk.work.registrations.standing([person_id]).limits == {person_id: until}
    assert {former, copy.registration_id} < set(desk.work.audit.entries[-1].subject_ids)
    again = refusal(desk.steps.revoke, desk.act(other, THIRD, "again"), bytes)
    assert again.reason is Reason.REGISTRATION_STATE


def test_whoever_checked_a_merged_registration_does_not_revoke_it_by_its_former_one() -> None:
    desk = Desk()
    paper = Paper("m1", "commitment_letter", PERSON_ID, PaperState.CLEAN)
    desk.work.papers.known = {"m1": paper}
    letter = (Material("commitment_letter", "m1"),)
    former = desk.create(by_commitment(channel=Channel.APP, materials=letter), APP)
    merge(desk, (PERSON_ID, OTHER_ID))
    (copy,) = desk.work.registrations.of_person(OTHER_ID)
    desk.given(desk.steps.note_checked, desk.act(copy.registration_id, SECOND))
    refused = refusal(desk.steps.revoke, desk.act(former.registration_id, SECOND), bytes)
    assert refused.reason is Reason.SAME_MAKER_AND_CHECKER


def test_a_change_by_wish_is_a_statement_of_its_own() -> None:
    desk = Desk()
    before = desk.create()
    new, _ = desk.change(before.registration_id, applied(treatment_region="320500"))
    desk.given(desk.steps.revoke, desk.act(before.registration_id, THIRD, "false"))
    assert desk.work.registrations.find(new.registration_id).state is State.ACTIVE


@pytest.mark.parametrize("has_own", [False, True])
@pytest.mark.parametrize("is_merged_first", [False, True])
def test_a_survivor_is_limited_as_the_record_that_was_merged(
    is_merged_first: bool, has_own: bool
) -> None:
    desk = Desk()
    desk.work.persons.known[OTHER_ID] = person(OTHER_ID)
    if has_own:
        desk.create(applied(person_id=OTHER_ID))
    false = desk.create().registration_id
    if is_merged_first:
        merge(desk, (PERSON_ID, OTHER_ID))
    desk.given(desk.steps.revoke, desk.act(false, THIRD, "false"))
    if not is_merged_first:
        merge(desk, (PERSON_ID, OTHER_ID))
        # The feed is read anew.
        merge(desk, (PERSON_ID, OTHER_ID))
    asked = applied(person_id=OTHER_ID, channel=Channel.APP, treatment_region="320500")
    assert refusal(desk.create, asked, APP).reason is Reason.SELF_SERVICE_LIMITED


def test_two_merges_told_at_once_leave_nothing_with_who_was_merged_meanwhile() -> None:
    desk = Desk()
    desk.create()
    merge(desk, (PERSON_ID, OTHER_ID), (OTHER_ID, THIRD_ID))
    assert desk.work.registrations.of_person(OTHER_ID) == []
    (goes_on,) = desk.work.registrations.of_person(THIRD_ID)
    assert goes_on.state is State.ACTIVE


def test_a_registration_does_not_go_on_as_that_of_who_has_died() -> None:
    desk = Desk()
    desk.create()
    desk.work.persons.known[OTHER_ID] = person(OTHER_ID, death_date=TODAY)
    merge(desk, (PERSON_ID, OTHER_ID))
    assert desk.work.registrations.of_person(OTHER_ID) == []


@pytest.mark.parametrize(
    "own",
    [
        {"origin": Origin.DEEMED},
        {"state": State.SUBMITTED},
        {"end_date": TODAY - DAY},
    ],
)
def test_what_covers_nobody_from_today_on_keeps_no_registration_from_going_on(
    own: dict[str, Any],
) -> None:
    desk = Desk()
    made = desk.create(applied(start_date=TODAY))
    earlier = application(person_id=OTHER_ID, start_date=TODAY - 9 * DAY)
    values: dict[str, Any] = {"registration_id": "own", "application": earlier, **own}
    desk.work.registrations.rows["own"] = dataclasses.replace(made, **values)
    former = dataclasses.replace(made, application=applied(start_date=TODAY - 9 * DAY))
    desk.work.registrations.rows[made.registration_id] = former
    merge(desk, (PERSON_ID, OTHER_ID))
    assert {each.registration_id for each in desk.work.registrations.of_person(OTHER_ID)} == {
        *("own", "merged-100")
    }
