"""What application decides of who registers, without a database."""

import dataclasses
import datetime as dt

import pytest
from support.registration_desk import (
    FORM,
    OTHER_ID,
    PERSON_ID,
    SECOND,
    THIRD,
    Desk,
    applied,
    person,
    refusal,
    retired,
)
from support.registrations import (
    APP,
    CLERK,
    DAY,
    HOSPITAL,
    SAMPLE,
    TODAY,
    referral,
    shown,
)

from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.material import Paper
from yibao_offsite.rules.material.states import State as PaperState
from yibao_offsite.rules.person import KnownPerson, Period, PeriodStatus
from yibao_offsite.rules.registration.kinds import (
    Category,
    Channel,
    TaskKind,
)
from yibao_offsite.rules.registration.registration import Material
from yibao_offsite.rules.registration.states import Event, State


def test_a_registration_is_stored_under_the_lock_of_its_person_and_put_on_record() -> None:
    desk = Desk()
    registration = desk.create()
    assert desk.work.persons.locked == [PERSON_ID]
    (entry,) = desk.work.audit.entries
    assert (entry.method, entry.outcome) == ("CreateRegistration", "OK")
    assert entry.subject_ids == (PERSON_ID, registration.registration_id)
    told = desk.work.feed.registrations[registration.registration_id]
    assert (told.person_id, told.version, told.is_void) == (PERSON_ID, 1, False)
    assert desk.steps_of(registration.registration_id) == [Event.GRANTED]


def test_a_second_one_that_overlaps_is_refused_and_leaves_nothing() -> None:
    desk = Desk()
    desk.create()
    assert refusal(desk.create).reason is Reason.REGISTRATION_EXISTS
    assert len(desk.work.registrations.rows) == len(desk.work.audit.entries) == 1


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, Reason.PERSON_NOT_FOUND),
        ({PERSON_ID: person(merged_into=OTHER_ID)}, Reason.PERSON_MERGED),
        ({PERSON_ID: person(death_date=TODAY)}, Reason.PERSON_DECEASED),
        ({PERSON_ID: person(periods=())}, Reason.PERSON_NOT_ENROLLED),
    ],
)
def test_a_person_whom_the_region_does_not_insure_is_refused(
    known: dict[str, KnownPerson], reason: Reason
) -> None:
    # Rule I-30: what identity knows of a person holds here too.
    desk = Desk()
    desk.work.persons.known = known
    assert refusal(desk.create).reason is reason
    # Where nobody follows identity, whom nobody finds may exist.
    desk.work.persons.followed = False
    assert desk.create().state is State.ACTIVE


@pytest.mark.parametrize(("days", "is_taken"), [(0, True), (-1, False)])
def test_the_day_of_the_application_decides_of_the_enrolment(days: int, is_taken: bool) -> None:
    last = TODAY + days * DAY
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), last)
    desk = Desk()
    desk.work.persons.known = {PERSON_ID: person(periods=(period,))}
    if is_taken:
        assert desk.create().state is State.ACTIVE
    else:
        assert refusal(desk.create).reason is Reason.PERSON_NOT_ENROLLED


def test_a_second_operator_approves_and_settlement_is_told_then() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    made = desk.create(retired(channel=Channel.POST, materials=papers))
    assert made.state is State.SUBMITTED
    assert desk.work.feed.registrations == {}
    act = desk.act(made.registration_id)
    assert refusal(desk.steps.approve, act, bytes).reason is Reason.SAME_MAKER_AND_CHECKER
    approved = desk.given(desk.steps.approve, desk.act(made.registration_id, SECOND))
    assert (approved.state, approved.decided_by) == (State.ACTIVE, SECOND.path)
    assert made.registration_id in desk.work.feed.registrations
    assert desk.steps_of(made.registration_id) == [Event.APPLIED, Event.APPROVED]


def test_a_name_in_other_letters_is_no_second_operator() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    made = desk.create(retired(channel=Channel.POST, materials=papers))
    same = dataclasses.replace(CLERK, path=CLERK.path.upper().replace("AGENCY", "agency"))
    refused = refusal(desk.steps.approve, desk.act(made.registration_id, same), bytes)
    assert refused.reason is Reason.SAME_MAKER_AND_CHECKER


def test_a_referral_waits_for_its_evaluation() -> None:
    # Rules O-06 and O-10: the region wants a pre-evaluation.
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("referral_proof"))
    asked = applied(
        Category.REFERRAL, channel=Channel.HOSPITAL, materials=papers, referral=referral()
    )
    made = desk.create(asked, HOSPITAL)
    assert made.state is State.SUBMITTED
    act = desk.act(made.registration_id)
    assert refusal(desk.steps.approve, act, bytes).message == "no evaluation"
    desk.evaluated.add(made.registration_id)
    assert desk.given(desk.steps.approve, act).state is State.ACTIVE


def test_what_is_returned_goes_on_with_its_papers() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    id = desk.create(retired(channel=Channel.POST, materials=papers)).registration_id
    faults = (("household_move_proof", "of another person"), ("residence_permit", "missing"))
    returned = desk.given(desk.steps.give_back, desk.act(id, SECOND), faults)
    assert (returned.state, returned.task) == (State.RETURNED, None)
    assert [each.fault for each in returned.application.materials] == [
        *("", ""),
        *("of another person", "missing"),
    ]
    # Nothing new: what was wrong still is.
    refused = refusal(desk.steps.hand_in_again, desk.act(id), (), bytes)
    assert refused.metadata["missing"] == "household_move_proof,residence_permit"
    new = shown("household_move_proof", "residence_permit")
    again = desk.given(desk.steps.hand_in_again, desk.act(id), new)
    assert (again.state, again.application.materials) == (State.SUBMITTED, (*FORM, *new))
    rejected = desk.given(desk.steps.reject, desk.act(id, SECOND, "moved back"))
    assert rejected.state is State.REJECTED
    assert desk.work.feed.registrations == {}


def test_what_is_not_decided_is_taken_back() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    id = desk.create(retired(channel=Channel.POST, materials=papers)).registration_id
    assert desk.given(desk.steps.withdraw, desk.act(id)).state is State.WITHDRAWN
    assert desk.work.papers.ended == {id: TODAY}


def test_self_service_is_accepted_at_once_and_checked_by_somebody_else() -> None:
    desk = Desk()
    paper = Paper("m1", "household_move_proof", PERSON_ID, PaperState.CLEAN)
    desk.work.papers.known = {"m1": paper}
    asked = retired(channel=Channel.APP, materials=(Material("household_move_proof", "m1"),))
    made = desk.create(asked, APP)
    assert made.state is State.ACTIVE
    assert made.task is not None
    assert made.task.kind is TaskKind.CHECK
    assert desk.work.papers.bound == {"m1": made.registration_id}
    # Until it is checked its papers may be returned, and go on.
    assert desk.work.papers.ended == {made.registration_id: None}
    desk.work.papers.known = {"m1": paper._replace(state=PaperState.RETURNED)}
    returned = refusal(desk.steps.note_checked, desk.act(made.registration_id), bytes)
    assert returned.reason is Reason.MATERIAL_MISSING
    desk.work.papers.known = {"m1": paper}
    checked = desk.given(desk.steps.note_checked, desk.act(made.registration_id))
    assert (checked.state, checked.task) == (State.ACTIVE, None)
    assert desk.work.papers.ended == {made.registration_id: checked.end_date}
    again = refusal(desk.steps.note_checked, desk.act(made.registration_id), bytes)
    assert again.reason is Reason.REGISTRATION_STATE


@pytest.mark.parametrize(
    "paper",
    [
        None,
        Paper("m1", "household_move_proof", OTHER_ID, PaperState.CLEAN),
        Paper("m1", "lease", PERSON_ID, PaperState.CLEAN),
        Paper("m1", "household_move_proof", PERSON_ID, PaperState.SCANNING),
    ],
)
def test_a_paper_counts_where_it_is_whole_and_of_the_person_and_kind(
    paper: Paper | None,
) -> None:
    desk = Desk()
    desk.work.papers.known = {"m1": paper} if paper else {}
    asked = retired(channel=Channel.APP, materials=(Material("household_move_proof", "m1"),))
    refused = refusal(desk.create, asked, APP)
    assert refused.reason is Reason.MATERIAL_MISSING
    assert refused.metadata["missing"] == "household_move_proof"


@pytest.mark.parametrize("state", [PaperState.CLEAN, PaperState.RETURNED])
def test_a_paper_that_was_replaced_counts_as_what_took_its_place(state: PaperState) -> None:
    desk = Desk(SAMPLE)
    first, second = (
        Paper(id, "household_move_proof", PERSON_ID, PaperState.CLEAN) for id in ("m1", "m2")
    )
    desk.work.papers.known = {"m1": first, "m2": second}
    papers = (*FORM, Material("household_move_proof", "m1"))
    id = desk.create(retired(channel=Channel.POST, materials=papers)).registration_id
    desk.given(desk.steps.give_back, desk.act(id, SECOND), (("registration_form", "无签名"),))
    # What ReplaceMaterial does: the second one is used for all that the first one was.
    replaced = first._replace(state=PaperState.REPLACED)
    desk.work.papers.known = {"m1": replaced, "m2": second._replace(state=state)}
    new = shown("registration_form")
    refused = refusal(desk.steps.hand_in_again, desk.act(id), new, bytes)
    assert refused.metadata["missing"] == "household_move_proof"
    desk.work.papers.bound["m2"] = id
    if state is PaperState.CLEAN:
        again = desk.given(desk.steps.hand_in_again, desk.act(id), new)
        assert again.state is State.SUBMITTED
    else:
        refused = refusal(desk.steps.hand_in_again, desk.act(id), new, bytes)
        assert refused.metadata["missing"] == "household_move_proof"


def resting_on_a_paper() -> tuple[Desk, str, Paper]:
    """Returns a desk with a registration that rests on an uploaded paper."""
    desk, paper = Desk(SAMPLE), Paper("m1", "household_move_proof", PERSON_ID, PaperState.CLEAN)
    desk.work.papers.known = {"m1": paper}
    papers = (*FORM, Material("household_move_proof", "m1"))
    made = desk.create(retired(channel=Channel.POST, materials=papers))
    return desk, made.registration_id, paper


@pytest.mark.parametrize("state", [PaperState.RETURNED, PaperState.INFECTED])
def test_nothing_is_approved_by_a_paper_that_was_returned_since(state: PaperState) -> None:
    desk, id, paper = resting_on_a_paper()
    desk.work.papers.known["m1"] = paper._replace(state=state)
    refused = refusal(desk.steps.approve, desk.act(id, SECOND), bytes)
    assert refused.reason is Reason.MATERIAL_MISSING
    assert refused.metadata["missing"] == "household_move_proof"
    desk.work.papers.known["m1"] = paper
    assert desk.given(desk.steps.approve, desk.act(id, SECOND)).state is State.ACTIVE


def test_nobody_approves_a_paper_that_they_put_in_the_place_of_another_one() -> None:
    desk, id, paper = resting_on_a_paper()
    desk.work.papers.known = {
        "m1": paper._replace(state=PaperState.REPLACED),
        "m2": paper._replace(material_id="m2", put_in_place_by=SECOND.path),
    }
    desk.work.papers.bound["m2"] = id
    refused = refusal(desk.steps.approve, desk.act(id, SECOND), bytes)
    assert refused.reason is Reason.SAME_MAKER_AND_CHECKER
    assert desk.given(desk.steps.approve, desk.act(id, THIRD)).state is State.ACTIVE


def test_an_app_shows_no_paper_at_a_window() -> None:
    refused = refusal(Desk().create, retired(channel=Channel.APP), APP)
    assert refused.reason is Reason.MATERIAL_MISSING


def test_nobody_approves_what_he_applied_for_though_another_one_handed_it_in_again() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    asked = retired(channel=Channel.POST, materials=papers)
    id = desk.create(asked).registration_id
    fault = (("household_move_proof", "no stamp"),)
    desk.given(desk.steps.give_back, desk.act(id), fault)
    again = shown("household_move_proof")
    desk.given(desk.steps.hand_in_again, desk.act(id, SECOND), again)
    for maker in (CLERK, SECOND):
        refused = refusal(desk.steps.approve, desk.act(id, maker), lambda _: b"")
        assert refused.reason is Reason.SAME_MAKER_AND_CHECKER
    desk.given(desk.steps.approve, desk.act(id, THIRD))


def test_an_institution_finds_what_it_applied_for_and_no_more() -> None:
    desk = Desk()
    id = desk.create().registration_id
    refused = refusal(desk.steps.withdraw, desk.act(id, HOSPITAL), bytes)
    assert refused.reason is Reason.REGISTRATION_NOT_FOUND
    assert refusal(desk.steps.withdraw, desk.act("unknown"), bytes).reason is (
        Reason.REGISTRATION_NOT_FOUND
    )
