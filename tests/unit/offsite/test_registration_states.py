"""The life of a registration: one table, whatever is done in whichever order."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.registrations import DAY, LONG, NATIONAL, NOW, TODAY, application, registered, shown

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration import change
from yibao_offsite.rules.registration.kinds import Basis, Category, EndReason, TaskKind
from yibao_offsite.rules.registration.registration import Registration
from yibao_offsite.rules.registration.states import (
    BEGINNINGS,
    TRANSITIONS,
    Event,
    State,
    step,
)
from yibao_offsite.rules.registration.told import registered_care

LATER = TODAY + 40 * DAY


def submitted() -> Registration:
    """Returns what one operator handed in and another decides about."""
    made = registered(application(Category.REFERRAL))
    return dataclasses.replace(made, state=State.SUBMITTED)


def taken(registration: Registration, event: Event, today: dt.date) -> Registration:
    """Takes a registration through a step."""
    new = dataclasses.replace(registered(application()), registration_id="new")
    basis = NATIONAL.categories[registration.category].bases[registration.application.basis]
    later = (registration.end_date or TODAY) + DAY
    steps = {
        Event.APPROVED: lambda: change.approve(
            registration, NATIONAL, checker="second", today=today
        ),
        Event.REJECTED: lambda: change.reject(registration, by="second"),
        Event.RETURNED: lambda: change.give_back(registration, [("referral_proof", "old")]),
        Event.RESUBMITTED: lambda: change.hand_in_again(
            registration, shown("referral_proof"), NATIONAL, by="first", today=today
        ),
        Event.WITHDRAWN: lambda: change.withdraw(registration),
        Event.CHECKED: lambda: change.note_checked(
            registration, NATIONAL, steps=(), checker="second", today=today
        ),
        Event.EXTENDED: lambda: change.extend(
            registration, basis, NATIONAL, end_date=later, today=today
        ),
        Event.CHANGED: lambda: change.give_way(registration, new),
        Event.CANCELLED: lambda: change.cancel(
            registration, is_wish=True, by="first", now=NOW, today=today
        ),
        Event.ENDED: lambda: change.end(registration, EndReason.DIED, last_date=today),
        Event.REVOKED: lambda: change.revoke(registration, checker="third"),
    }
    return steps[event]()


@given(st.lists(st.sampled_from([each for each in Event if each not in BEGINNINGS]), max_size=12))
def test_whatever_is_done_the_table_decides_and_what_is_told_holds(events: list[Event]) -> None:
    registration = submitted()
    was_granted = False
    for event in events:
        task = registration.task
        is_due = task is not None and task.kind is TaskKind.CHECK
        # Of what the table lets pass a check is refused where none is due, and nothing is given
        # up of what is over, as all is here that has ended.
        is_nothing = event is Event.CANCELLED and registration.state is State.ENDED
        if (registration.state, event) not in TRANSITIONS or (
            is_nothing or (event is Event.CHECKED and not is_due)
        ):
            with pytest.raises(RuleError, match="REGISTRATION_STATE"):
                taken(registration, event, LATER)
            continue
        after = taken(registration, event, LATER)
        assert after.state is TRANSITIONS[registration.state, event]
        assert after.version == registration.version + 1
        registration = after
        was_granted |= registration.state is State.ACTIVE
        told = registered_care(registration)
        # Settlement hears of what was granted, and only of that.
        assert (told is not None) == was_granted
        if told is not None:
            assert told.is_void == (registration.state is State.REVOKED)
            assert told.version == registration.version
            if told.is_void:
                assert not registration.covers(registration.start_date)
            last = told.end_date
            assert last is None or last >= registration.start_date - DAY
        # Nothing is left to do about what is over.
        assert registration.state.is_open or registration.task is None


def test_every_state_is_reached_and_every_end_is_one() -> None:
    reached = {*BEGINNINGS.values(), *TRANSITIONS.values()}
    assert reached == set(State)
    left = {state for state, _ in TRANSITIONS}
    assert set(State) - left == {State.REJECTED, State.WITHDRAWN, State.REVOKED}
    assert {event for _, event in TRANSITIONS} | BEGINNINGS.keys() == set(Event)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_a_step_that_is_not_in_the_table_is_refused(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event, registration_id="r") is TRANSITIONS[state, event]
        return
    with pytest.raises(RuleError) as caught:
        step(state, event, registration_id="r")
    assert caught.value.reason is Reason.REGISTRATION_STATE
    assert caught.value.metadata == {"registration_id": "r", "state": state.name}


@pytest.mark.parametrize(
    ("today", "is_taken"), [(dt.date(2027, 5, 2), False), (dt.date(2027, 5, 3), True)]
)
def test_a_commitment_binds_for_half_a_year_and_proof_does_not(
    today: dt.date, is_taken: bool
) -> None:
    by_commitment = registered(
        application(Category.RETIRED_RESETTLED, basis=Basis.COMMITMENT, expected_end_date=LONG)
    )
    by_proof = registered(application(Category.RETIRED_RESETTLED, expected_end_date=LONG))
    change.check_changeable(by_proof, today=TODAY)
    if is_taken:
        change.check_changeable(by_commitment, today=today)
        return
    with pytest.raises(RuleError) as caught:
        change.check_changeable(by_commitment, today=today)
    assert caught.value.reason is Reason.CHANGE_NOT_YET_ALLOWED
    assert caught.value.metadata["change_allowed_date"] == "2027-05-03"


def test_an_agency_that_finds_it_wrong_cancels_at_any_time() -> None:
    by_commitment = registered(
        application(Category.RETIRED_RESETTLED, basis=Basis.COMMITMENT, expected_end_date=LONG)
    )
    cancelled = change.cancel(by_commitment, is_wish=False, by="agency", now=NOW, today=TODAY)
    assert (cancelled.end_reason, cancelled.ended_date) == (EndReason.AGENCY, TODAY)
    # Who is treated elsewhere since this morning is covered.
    assert cancelled.covers(TODAY)
    assert not cancelled.covers(TODAY + DAY)


@pytest.mark.parametrize(
    ("start", "ended"), [(TODAY + 9 * DAY, TODAY + 8 * DAY), (TODAY, TODAY - DAY)]
)
def test_another_one_takes_the_place_from_its_first_day(start: dt.date, ended: dt.date) -> None:
    # Case O2 asks for the registration of the day of admission: no day has two, and none has none.
    before = registered(application())
    new = dataclasses.replace(registered(application(start_date=start)), registration_id="new")
    gone = change.give_way(before, new)
    assert (gone.state, gone.ended_date) == (State.ENDED, ended)
    assert gone.replaced_by_registration_id == "new"
    assert new.covers(start)
    assert not gone.covers(start)
    assert gone.covers(start - DAY) == (start > TODAY)


@pytest.mark.parametrize(
    ("end_date", "is_taken"), [(dt.date(2027, 12, 12), True), (dt.date(2027, 12, 13), False)]
)
def test_extensions_reach_two_terms_ahead_however_many_there_are(
    end_date: dt.date, is_taken: bool
) -> None:
    # Extended on 12 December, from 2 May to 2 November, and at once again.
    basis = NATIONAL.categories[Category.OTHER_TEMPORARY].bases[Basis.NONE]
    once = change.extend(
        registered(application()), basis, NATIONAL, end_date=dt.date(2027, 11, 2), today=LATER
    )
    if is_taken:
        again = change.extend(once, basis, NATIONAL, end_date=end_date, today=LATER)
        assert again.end_date == end_date
        return
    with pytest.raises(RuleError) as caught:
        change.extend(once, basis, NATIONAL, end_date=end_date, today=LATER)
    assert caught.value.reason is Reason.REGISTRATION_NOT_EXTENDABLE
    assert caught.value.metadata["latest_end_date"] == "2027-12-12"


@pytest.mark.parametrize(
    ("end_date", "is_taken"),
    [
        (dt.date(2027, 5, 2), False),
        (dt.date(2027, 5, 3), True),
        (dt.date(2027, 11, 2), True),
        (dt.date(2027, 11, 3), False),
    ],
)
def test_a_registration_is_extended_by_one_term_at_most(end_date: dt.date, is_taken: bool) -> None:
    made = registered(application())
    basis = NATIONAL.categories[Category.OTHER_TEMPORARY].bases[Basis.NONE]
    if is_taken:
        extended = change.extend(made, basis, NATIONAL, end_date=end_date, today=LATER)
        assert (extended.end_date, extended.version) == (end_date, 2)
        return
    with pytest.raises(RuleError) as caught:
        change.extend(made, basis, NATIONAL, end_date=end_date, today=LATER)
    assert caught.value.metadata["latest_end_date"] == "2027-11-02"


@pytest.mark.parametrize("days", [0, 1])
def test_what_is_over_is_not_extended(days: int) -> None:
    made = registered(application())
    assert made.end_date is not None
    basis = NATIONAL.categories[Category.OTHER_TEMPORARY].bases[Basis.NONE]
    new_end, today = made.end_date + 9 * DAY, made.end_date + days * DAY
    if not days:
        change.extend(made, basis, NATIONAL, end_date=new_end, today=today)
        return
    with pytest.raises(RuleError, match="REGISTRATION_NOT_EXTENDABLE"):
        change.extend(made, basis, NATIONAL, end_date=new_end, today=today)
