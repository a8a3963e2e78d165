"""What application decides of registrations, without a database."""

import datetime as dt
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.work import memory_work
from support.memory.registration import HandedIn, MemoryRegistrations, MemoryRules
from support.memory.transactions import MemoryTransactions
from support.registrations import (
    APP,
    CLERK,
    DAY,
    HOSPITAL,
    LONG,
    NATIONAL,
    REGION,
    SAMPLE,
    TODAY,
    application,
    referral,
    shown,
)

from yibao_common.commands.request import Request
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.application.registration.orders import (
    ChangeRegistration,
    CreateRegistration,
    Registering,
)
from yibao_offsite.application.registration.recording import DeemedRegistrations, RecordDeemed
from yibao_offsite.application.registration.steps import Act, Steps
from yibao_offsite.rules.material.material import Paper
from yibao_offsite.rules.material.states import State as PaperState
from yibao_offsite.rules.person import KnownPerson, Period, PeriodStatus
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Category,
    Channel,
    EndReason,
    Origin,
    TaskKind,
)
from yibao_offsite.rules.registration.registration import Application, Material, Registration
from yibao_offsite.rules.registration.states import Event, State

PERSON_ID, OTHER_ID = str(uuid.UUID(int=7)), str(uuid.UUID(int=8))
SECOND = Applicant("agency/330100/li", Origin.AGENCY)
THIRD = Applicant("agency/330100/zhao", Origin.AGENCY)
FORM = shown("identity_certificate", "registration_form")
SETTLEMENT = "service/settlement"


def person(person_id: str = PERSON_ID, **fields: Any) -> KnownPerson:
    """Returns somebody whom the region insures since 2020, where not said otherwise."""
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), None)
    values = {"death_date": None, "merged_into": None, "periods": (period,), **fields}
    return KnownPerson(person_id, dt.date(1950, 1, 1), **values)


class Desk:
    """A region's desk over rows in memory, on a clock that tests move."""

    def __init__(self, rules: RegionRules = NATIONAL) -> None:
        self.today = TODAY
        self.evaluated: set[str] = set()
        ids = itertools.count(1)
        work = memory_work(
            REGION,
            registrations=MemoryRegistrations(),
            persons=MemoryPersons({PERSON_ID: person()}),
            papers=HandedIn(),
            region_rules=MemoryRules(said=rules),
        )
        self.transactions = MemoryTransactions(work)
        parts: dict[str, Any] = {"national": NATIONAL, "clock": self.now}
        self.registering = Registering(self.transactions, ids=lambda: f"r{next(ids)}", **parts)
        self.steps = Steps(self.transactions, require_evaluated=self.require_evaluated, **parts)
        self.deemed = DeemedRegistrations(self.transactions, ids=lambda: f"r{next(ids)}", **parts)
        self.requests = itertools.count(1)

    def now(self) -> dt.datetime:
        return dt.datetime.combine(self.today, dt.time(9), SHANGHAI)

    @property
    def work(self) -> Any:
        return self.transactions.work

    def require_evaluated(self, work: object, registration_id: str) -> None:
        if registration_id not in self.evaluated:
            raise RuleError(Reason.REGISTRATION_STATE, "no evaluation")

    def request(self, method: str, by: Applicant) -> Request:
        number = str(next(self.requests))
        digest = f"{method} {number}".encode()
        return Request(REGION, number, digest, method, parse_caller(by.path))

    def create(self, asked: Application | None = None, by: Applicant = CLERK) -> Registration:
        asked = asked or application(person_id=PERSON_ID)
        return self.given(
            self.registering.create,
            CreateRegistration(self.request("CreateRegistration", by), by, asked),
        )

    def change(
        self, registration_id: str, asked: Application, by: Applicant = CLERK
    ) -> tuple[Registration, Registration]:
        given: list[Registration] = []

        def encode(new: Registration, old: Registration) -> bytes:
            given.extend((new, old))
            return b""

        request = self.request("ChangeRegistration", by)
        command = ChangeRegistration(request, by, registration_id, asked)
        self.registering.change(command, encode)
        new, old = given
        return new, old

    def act(self, registration_id: str, by: Applicant = CLERK, remark: str = "") -> Act:
        return Act(self.request("Step", by), by, registration_id, remark)

    def given(self, method: Callable[..., bytes], *arguments: Any, **more: Any) -> Registration:
        """Calls a method that encodes a registration, and returns what it encodes."""
        given: list[Registration] = []

        def encode(registration: Registration) -> bytes:
            given.append(registration)
            return b"answer"

        if "encode" in more:
            method(*arguments, **{**more, "encode": encode})
        else:
            method(*arguments, encode)
        (registration,) = given
        return registration

    def steps_of(self, registration_id: str) -> list[Event]:
        return [each.event for each in self.work.registrations.steps(registration_id)]


def refusal(method: Callable[..., Any], *arguments: Any, **more: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        method(*arguments, **more)
    return caught.value


def applied(category: Category = Category.OTHER_TEMPORARY, **fields: Any) -> Application:
    return application(category, **{"person_id": PERSON_ID, **fields})


def retired(**fields: Any) -> Application:
    papers = shown("household_move_proof")
    values = {"expected_end_date": LONG, "materials": papers, **fields}
    return applied(Category.RETIRED_RESETTLED, **values)


def by_commitment(**fields: Any) -> Application:
    papers = shown("commitment_letter")
    return retired(**{"basis": Basis.COMMITMENT, "materials": papers, **fields})


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


def test_an_app_shows_no_paper_at_a_window() -> None:
    refused = refusal(Desk().create, retired(channel=Channel.APP), APP)
    assert refused.reason is Reason.MATERIAL_MISSING


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
    assert desk.work.registrations.limits == {PERSON_ID: until}
    for today, is_limited in ((until, True), (until + DAY, False)):
        desk.today = today
        asked = applied(channel=Channel.APP, start_date=today)
        if is_limited:
            refused = refusal(desk.create, asked, APP)
            assert refused.reason is Reason.SELF_SERVICE_LIMITED
            assert refused.metadata == {"until": until.isoformat()}
        else:
            assert desk.create(asked, APP).state is State.ACTIVE


def test_an_emergency_is_recorded_once_a_visit() -> None:
    # Rules O-01 and I-30: deemed registered by the mark of the hospital, whoever repeats it.
    desk = Desk()
    desk.create()
    by = Applicant(SETTLEMENT, Origin.DEEMED)
    made = [
        desk.given(
            desk.deemed.record,
            RecordDeemed(
                desk.request("RecordDeemedRegistration", by), PERSON_ID, "v1", "310000", TODAY
            ),
        )
        for _ in range(3)
    ]
    assert len({each.registration_id for each in made}) == 1
    assert (made[0].origin, made[0].end_date) == (Origin.DEEMED, TODAY)
    assert made[0].covers(TODAY)
    assert not made[0].covers(TODAY + DAY)
    assert len(desk.work.registrations.rows) == 2


@pytest.mark.parametrize(
    ("told", "reason", "ended"),
    [
        ({"death_date": TODAY + 3 * DAY}, EndReason.DIED, TODAY + 3 * DAY),
        (
            {
                "periods": (
                    Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), TODAY + 9 * DAY),
                )
            },
            EndReason.ENROLMENT_ENDED,
            TODAY + 9 * DAY,
        ),
        ({"periods": ()}, EndReason.ENROLMENT_ENDED, TODAY - DAY),
        ({"merged_into": OTHER_ID}, EndReason.MERGED, TODAY + 10 * DAY),
    ],
)
def test_what_becomes_of_the_person_ends_the_registration(
    told: dict[str, Any], reason: EndReason, ended: dt.date
) -> None:
    desk = Desk()
    id = desk.create().registration_id
    desk.today = TODAY + 10 * DAY
    ids = itertools.count(100)
    count = end_by_person(desk.work, [person(**told)], now=desk.now(), ids=lambda: f"r{next(ids)}")
    assert count == 1
    gone = desk.work.registrations.find(id)
    assert (gone.state, gone.end_reason, gone.ended_date) == (State.ENDED, reason, ended)
    assert desk.work.feed.registrations[id].end_date == ended
    # Told again, nothing more ends.
    assert end_by_person(desk.work, [person(**told)], now=desk.now(), ids=lambda: "x") == 0


def test_what_goes_on_of_the_person_ends_nothing() -> None:
    desk = Desk()
    desk.create()
    ended_type = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), TODAY)
    next_type = Period("390", PeriodStatus.SUSPENDED, TODAY + DAY, None)
    goes_on = person(periods=(ended_type, next_type))
    assert end_by_person(desk.work, [goes_on], now=desk.now(), ids=lambda: "x") == 0


@pytest.mark.parametrize(("days", "ends"), [(0, False), (-1, True)])
def test_an_enrolment_that_ends_behind_the_cover_ends_nothing(days: int, ends: bool) -> None:
    desk = Desk()
    made = desk.create()
    assert made.end_date is not None
    last = made.end_date + days * DAY
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), last)
    told = [person(periods=(period,))]
    assert end_by_person(desk.work, told, now=desk.now(), ids=lambda: "x") == ends


def test_the_years_of_papers_are_counted_from_the_day_on_which_cover_runs_out() -> None:
    # Nothing happens to a registration on that day.
    desk = Desk()
    made = desk.create(applied(materials=shown("commitment_letter")))
    id, last = made.registration_id, made.end_date
    assert last is not None
    assert desk.work.papers.ended == {id: last}
    later = last + dt.timedelta(days=30)
    desk.given(desk.steps.extend, desk.act(id), (), later)
    assert desk.work.papers.ended == {id: later}


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


def test_an_application_is_refused_by_what_became_of_the_person() -> None:
    desk = Desk(SAMPLE)
    papers = (*FORM, *shown("household_move_proof"))
    id = desk.create(retired(channel=Channel.POST, materials=papers)).registration_id
    end_by_person(desk.work, [person(death_date=TODAY)], now=desk.now(), ids=lambda: "x")
    gone = desk.work.registrations.find(id)
    assert (gone.state, gone.end_reason) == (State.REJECTED, EndReason.DIED)
    assert desk.work.feed.registrations == {}


def test_an_institution_finds_what_it_applied_for_and_no_more() -> None:
    desk = Desk()
    id = desk.create().registration_id
    refused = refusal(desk.steps.withdraw, desk.act(id, HOSPITAL), bytes)
    assert refused.reason is Reason.REGISTRATION_NOT_FOUND
    assert refusal(desk.steps.withdraw, desk.act("unknown"), bytes).reason is (
        Reason.REGISTRATION_NOT_FOUND
    )


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
