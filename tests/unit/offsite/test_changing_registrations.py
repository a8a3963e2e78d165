"""Registrations that change, are extended or turn out to be false, without a database."""

import dataclasses
import datetime as dt

import pytest
from support.registration_desk import (
    FORM,
    PERSON_ID,
    SECOND,
    THIRD,
    Desk,
    applied,
    by_commitment,
    refusal,
    retired,
)
from support.registrations import (
    APP,
    CLERK,
    DAY,
    HOSPITAL,
    NATIONAL,
    SAMPLE,
    TODAY,
    application,
    referral,
    shown,
)

from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.kinds import (
    Category,
    Channel,
    EndReason,
    TaskKind,
)
from yibao_offsite.rules.registration.registration import Task
from yibao_offsite.rules.registration.states import State


def test_another_registration_takes_the_place_in_one_transaction() -> None:
    desk = Desk()
    before = desk.create()
    moved = applied(person_id="", treatment_region="320500", start_date=TODAY + 5 * DAY)
    new, old = desk.change(before.registration_id, moved)
    assert (new.state, new.person_id) == (State.ACTIVE, PERSON_ID)
    assert new.replaces_registration_id == old.registration_id == before.registration_id
    assert old.replaced_by_registration_id == new.registration_id
    assert (old.end_reason, old.ended_date) == (EndReason.CHANGED, TODAY + 4 * DAY)
    told = desk.work.feed.registrations
    assert told[old.registration_id].end_date == TODAY + 4 * DAY
    assert told[new.registration_id].start_date == TODAY + 5 * DAY


def test_a_change_within_the_city_is_no_second_registration_of_it() -> None:
    desk = Desk()
    before = desk.create()
    new, old = desk.change(before.registration_id, retired(person_id=""))
    assert (new.category, new.treatment_region) == (Category.RETIRED_RESETTLED, "310000")
    assert not old.covers(TODAY)
    assert new.covers(TODAY)


def test_what_a_second_operator_decides_takes_the_place_when_it_is_approved() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    before = desk.create(retired(materials=papers))
    asked = retired(channel=Channel.POST, materials=papers, treatment_region="320500")
    new, old = desk.change(before.registration_id, asked)
    assert (new.state, old.state) == (State.SUBMITTED, State.ACTIVE)
    # One at a time: two could not both take the place.
    other = retired(materials=papers, treatment_region="110000")
    refused = refusal(desk.change, before.registration_id, other)
    assert refused.reason is Reason.REGISTRATION_EXISTS
    assert refused.metadata == {"registration_id": new.registration_id}
    desk.given(desk.steps.approve, desk.act(new.registration_id, SECOND))
    gone = desk.work.registrations.find(before.registration_id)
    assert (gone.state, gone.replaced_by_registration_id) == (State.ENDED, new.registration_id)


def test_a_change_that_is_refused_leaves_the_registration_as_it_was() -> None:
    desk = Desk()
    before = desk.create()
    refused = refusal(desk.change, before.registration_id, applied(treatment_region="810000"))
    assert refused.reason is Reason.REGION_EXCLUDED
    assert desk.work.registrations.find(before.registration_id) == before


@pytest.mark.parametrize(("days", "is_taken"), [(181, False), (182, True)])
def test_who_committed_is_bound_for_half_a_year(days: int, is_taken: bool) -> None:
    # Rule O-02: from 2 November through 2 May, 181 days later.
    desk = Desk()
    id = desk.create(by_commitment()).registration_id
    desk.today = TODAY + days * DAY
    act = desk.act(id)
    if is_taken:
        cancelled = desk.given(desk.steps.cancel, act, is_wish=True, encode=None)
        assert cancelled.state is State.CANCELLED
        return
    refused = refusal(desk.steps.cancel, act, is_wish=True, encode=bytes)
    assert refused.reason is Reason.CHANGE_NOT_YET_ALLOWED
    asked = retired(start_date=desk.today, treatment_region="320500")
    assert refusal(desk.change, id, asked).reason is Reason.CHANGE_NOT_YET_ALLOWED


def test_days_to_come_of_what_ended_are_given_up_by_cancelling_it() -> None:
    """So that somebody who moved is not kept from another place until the last of them."""
    desk = Desk()
    before = desk.create(by_commitment())
    desk.today = TODAY + 200 * DAY
    later = by_commitment(treatment_region="320500", start_date=desk.today + 20 * DAY)
    new, _ = desk.change(before.registration_id, later)
    desk.given(
        desk.steps.cancel,
        desk.act(new.registration_id, SECOND, "wrong"),
        is_wish=False,
        encode=None,
    )
    moved = by_commitment(treatment_region="320500", start_date=desk.today + DAY)
    refused = refusal(desk.create, moved)
    assert refused.reason is Reason.SEVERAL_PLACES_NEED_PROOF
    assert refused.metadata == {"registration_id": before.registration_id}
    act = desk.act(before.registration_id)
    given_up = desk.given(desk.steps.cancel, act, is_wish=True, encode=None)
    assert (given_up.state, given_up.ended_date) == (State.CANCELLED, desk.today)
    assert desk.work.feed.registrations[before.registration_id].end_date == desk.today
    assert desk.create(moved).state is State.ACTIVE
    # Nothing is left to give up, and no cancelling makes it longer.
    desk.today += DAY
    again = refusal(desk.steps.cancel, desk.act(before.registration_id), is_wish=True, encode=bytes)
    assert again.reason is Reason.REGISTRATION_STATE


@pytest.mark.parametrize("days", [0, -1])
def test_what_ended_by_today_is_not_cancelled(days: int) -> None:
    desk = Desk()
    before = desk.create()
    desk.today = TODAY + DAY
    moved = applied(treatment_region="320500", start_date=desk.today + (days + 1) * DAY)
    _, old = desk.change(before.registration_id, moved)
    assert old.ended_date == desk.today + days * DAY
    refused = refusal(desk.steps.cancel, desk.act(old.registration_id), is_wish=True, encode=bytes)
    assert refused.reason is Reason.REGISTRATION_STATE
    assert desk.work.registrations.find(old.registration_id) == old


def test_a_commitment_names_one_place() -> None:
    desk = Desk()
    desk.create(by_commitment())
    refused = refusal(desk.create, by_commitment(treatment_region="320500"))
    assert refused.reason is Reason.SEVERAL_PLACES_NEED_PROOF


def test_a_false_statement_makes_it_void_and_limits_self_service() -> None:
    # Jiangsu's annex 1: direct settlement and self-service are suspended.
    desk = Desk()
    made = desk.create(by_commitment())
    act = desk.act(made.registration_id, CLERK, "never lived there")
    assert refusal(desk.steps.revoke, act, bytes).reason is Reason.SAME_MAKER_AND_CHECKER
    revoked = desk.given(desk.steps.revoke, desk.act(made.registration_id, THIRD, "never"))
    assert (revoked.state, revoked.end_reason) == (State.REVOKED, EndReason.FALSE_STATEMENT)
    assert desk.work.feed.registrations[made.registration_id].is_void
    until = dt.date(2028, 11, 2)
    assert desk.work.registrations.standing([PERSON_ID]).limits == {PERSON_ID: until}
    for today, is_limited in ((until, True), (until + DAY, False)):
        desk.today = today
        asked = applied(channel=Channel.APP, start_date=today)
        if is_limited:
            refused = refusal(desk.create, asked, APP)
            assert refused.reason is Reason.SELF_SERVICE_LIMITED
            assert refused.metadata == {"until": until.isoformat()}
        else:
            assert desk.create(asked, APP).state is State.ACTIVE


def test_a_longer_stay_extends_the_registration() -> None:
    desk = Desk()
    made = desk.create()
    end_date = dt.date(2027, 6, 30)
    extended = desk.given(desk.steps.extend, desk.act(made.registration_id), (), end_date)
    assert (extended.end_date, extended.version) == (end_date, 2)
    assert desk.work.feed.registrations[made.registration_id].end_date == end_date
    # Not into the days of another one of the place.
    later = application(person_id=PERSON_ID, start_date=dt.date(2027, 7, 10))
    desk.create(later)
    act = desk.act(made.registration_id)
    refused = refusal(desk.steps.extend, act, (), dt.date(2027, 7, 10), bytes)
    assert refused.reason is Reason.REGISTRATION_EXISTS


def test_what_an_app_extends_is_checked_afterwards() -> None:
    # Accepted at once, as what it applies for: and looked at, also where that would wait.
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("referral_proof"))
    asked = applied(
        Category.REFERRAL, channel=Channel.HOSPITAL, materials=papers, referral=referral()
    )
    id = desk.create(asked, HOSPITAL).registration_id
    desk.evaluated.add(id)
    desk.given(desk.steps.approve, desk.act(id))
    extended = desk.given(desk.steps.extend, desk.act(id, APP), (), dt.date(2027, 6, 30))
    assert extended.task == Task(TaskKind.CHECK, TODAY + SAMPLE.check_days * DAY)
    again = desk.given(desk.steps.extend, desk.act(id), (), dt.date(2027, 7, 1))
    assert again.task == extended.task
    checked = desk.given(desk.steps.note_checked, desk.act(id, SECOND))
    assert checked.task == Task(TaskKind.EXPIRY, dt.date(2027, 6, 1))


def test_no_operator_extends_alone_where_a_second_one_decides() -> None:
    category = Category.OTHER_TEMPORARY
    asked = dataclasses.replace(
        NATIONAL.categories[category], second_operator=frozenset({Channel.WINDOW})
    )
    desk = Desk(dataclasses.replace(NATIONAL, categories={**NATIONAL.categories, category: asked}))
    id = desk.create().registration_id
    granted = desk.given(desk.steps.approve, desk.act(id, SECOND))
    assert granted.task is not None
    assert granted.task.kind is TaskKind.EXPIRY
    extended = desk.given(desk.steps.extend, desk.act(id), (), dt.date(2027, 6, 30))
    assert extended.task == Task(TaskKind.CHECK, TODAY + NATIONAL.check_days * DAY)
    alone = refusal(desk.steps.note_checked, desk.act(id), bytes)
    assert alone.reason is Reason.SAME_MAKER_AND_CHECKER
    checked = desk.given(desk.steps.note_checked, desk.act(id, SECOND))
    assert checked.task is not None
    assert checked.task.kind is TaskKind.EXPIRY
    # Whoever extends is the one that another has to look after, whoever registered: also where
    # somebody else extends once more behind that.
    desk.given(desk.steps.extend, desk.act(id, SECOND), (), dt.date(2027, 7, 30))
    desk.given(desk.steps.extend, desk.act(id, APP), (), dt.date(2027, 7, 31))
    alone = refusal(desk.steps.note_checked, desk.act(id, SECOND), bytes)
    assert alone.reason is Reason.SAME_MAKER_AND_CHECKER
    assert desk.given(desk.steps.note_checked, desk.act(id)).task == Task(
        TaskKind.EXPIRY, dt.date(2027, 7, 1)
    )


def test_an_app_extends_nothing_by_channels_that_are_closed() -> None:
    category = Category.OTHER_TEMPORARY
    asked = dataclasses.replace(NATIONAL.categories[category], channels=frozenset({Channel.WINDOW}))
    rules = dataclasses.replace(NATIONAL, categories={**NATIONAL.categories, category: asked})
    desk = Desk(rules)
    id = desk.create().registration_id
    end_date = dt.date(2027, 6, 30)
    refused = refusal(desk.steps.extend, desk.act(id, APP), (), end_date, bytes)
    assert refused.reason is Reason.REGISTRATION_CHANNEL_CLOSED
    desk.given(desk.steps.extend, desk.act(id), (), end_date)


def test_the_years_of_papers_are_counted_from_the_day_on_which_cover_runs_out() -> None:
    # Nothing happens to a registration on that day.
    desk = Desk()
    made = desk.create(applied(materials=shown("commitment_letter")))
    id, last = made.registration_id, made.end_date
    assert last is not None
    assert desk.work.papers.ended == {id: last}
    later = last + 30 * DAY
    desk.given(desk.steps.extend, desk.act(id), (), later)
    assert desk.work.papers.ended == {id: later}
