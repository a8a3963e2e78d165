"""What may be done to an audit task, by whom and by when (O-07, O-08, O-09, I-05)."""

import datetime as dt
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao_common.files.calendar_file import national_calendar
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.audit_task.assistance import (
    Assistance,
    AssistanceAnswer,
    answer_due,
    answered,
    check_answered,
    check_asked,
)
from yibao_offsite.rules.audit_task.closing import check_as_read, part_of
from yibao_offsite.rules.audit_task.evidence import (
    Evidence,
    StoredFile,
    check_captured,
    check_file,
    check_may_read,
    evidence_digest,
)
from yibao_offsite.rules.audit_task.hold import PlacedHold, check_not_held, lifted
from yibao_offsite.rules.audit_task.opening import NAMED, AuditTerms, check_named
from yibao_offsite.rules.audit_task.states import (
    OPEN_STATES,
    TRANSITIONS,
    TaskAct,
    TaskState,
    state_after,
)
from yibao_offsite.rules.audit_task.task import (
    MOST_OF_A_TASK,
    AuditOutcome,
    AuditTask,
    Subject,
    TaskEvent,
    TaskType,
    check_room,
)

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 27)
WANG, LI, ZHAO = (f"agency/330100/{name}" for name in ("wang", "li", "zhao"))
OVER = (TaskState.CLOSED, TaskState.CANCELLED)
TASK = AuditTask(
    "330100",
    "t1",
    TaskType.ON_SITE,
    Subject("p1", "H31000000001"),
    "doubtful admission",
    TODAY,
    ZHAO,
    NOW,
)
HOLD = PlacedHold("h1", "t1", "v1", "p1", "who was it?", WANG, NOW)
ASKED = Assistance(
    "310000",
    "ZY001",
    dt.date(2026, 10, 1),
    dt.date(2026, 10, 20),
    "I10.x00",
    3_000_000,
    2_000_000,
    "twenty days for a cold",
    dt.date(2026, 12, 26),
)


def refused(
    refusal_reason: Reason, act: object, /, *arguments: object, **named: object
) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        act(*arguments, **named)  # type: ignore[operator]
    assert refusal.value.reason is refusal_reason
    return refusal.value


def event(caller: str, act: TaskAct) -> TaskEvent:
    return TaskEvent(1, NOW, caller, act, TaskState.IN_PROGRESS)


# The life of a task.


@pytest.mark.parametrize(("state", "act"), list(itertools.product(TaskState, TaskAct)))
def test_an_act_goes_where_the_table_says_or_is_refused(state: TaskState, act: TaskAct) -> None:
    after = TRANSITIONS.get((state, act))
    if after is None:
        told = refused(Reason.AUDIT_TASK_STATE, state_after, state, act, task_id="t1")
        assert told.metadata == {"task_id": "t1", "state": state.name}
    else:
        assert state_after(state, act, task_id="t1") is after


def test_what_is_over_is_over_for_good_and_everything_open_can_end() -> None:
    assert {before for before, _ in TRANSITIONS} == set(OPEN_STATES)
    reached = {TaskState.OPENED}
    for _ in TaskState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(TaskState)
    for state in OPEN_STATES:
        ends, seen = {state}, {state}
        while ends:
            ends = {after for (before, _), after in TRANSITIONS.items() if before in ends} - seen
            seen |= ends
        assert TaskState.CLOSED in seen


def test_only_closing_after_a_report_closes_and_what_was_begun_is_not_given_up() -> None:
    closing = [key for key, after in TRANSITIONS.items() if after is TaskState.CLOSED]
    assert closing == [(TaskState.REPORTED, TaskAct.CLOSE)]
    cancelling = {before for (before, act), _ in TRANSITIONS.items() if act is TaskAct.CANCEL}
    assert cancelling == {TaskState.OPENED, TaskState.ASSIGNED}


@given(acts=st.lists(st.sampled_from(TaskAct), max_size=60))
def test_whatever_is_tried_a_task_counts_its_versions_and_never_comes_back(
    acts: list[TaskAct],
) -> None:
    task, done = TASK, 0
    for act in acts:
        before = task
        try:
            task = task.after(act)
        except RuleError:
            assert task is before
            continue
        done += 1
        assert before.state not in OVER
        assert task.version == before.version + 1 == 1 + done


# What is opened, and when it is due.


@pytest.mark.parametrize(
    ("type", "missing"), [(type, name) for type, names in NAMED.items() for name in names]
)
def test_a_task_names_what_its_type_is_of(type: TaskType, missing: str) -> None:
    asked = ASKED if type is TaskType.ASSISTANCE_CHECK else None
    whole = Subject("p", "H31000000001", "v", "r", "d", "c")
    check_named(type, whole, asked, due_date=TODAY, today=TODAY)
    without = replace(whole, **{missing: ""})
    told = refused(
        Reason.FIELD_REQUIRED, check_named, type, without, asked, due_date=None, today=TODAY
    )
    assert [fault.field for fault in told.faults] == [missing]


def test_all_that_is_wrong_with_a_new_task_is_told_at_once() -> None:
    yesterday = TODAY - dt.timedelta(days=1)
    told = refused(
        Reason.FIELDS_INVALID,
        check_named,
        TaskType.POST_SURGERY_VISIT,
        Subject(),
        ASKED,
        due_date=yesterday,
        today=TODAY,
    )
    assert [fault.field for fault in told.faults] == [
        "person_id",
        "visit_id",
        "assistance",
        "due_date",
    ]


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        # A Friday: five working days later is the next one.
        (dt.date(2026, 11, 27), dt.date(2026, 12, 4)),
        (dt.date(2026, 11, 28), dt.date(2026, 12, 4)),
        (dt.date(2026, 11, 30), dt.date(2026, 12, 7)),
    ],
)
def test_a_term_counts_working_days(opened: dt.date, due: dt.date) -> None:
    days = dict.fromkeys(TaskType, 5)
    terms = AuditTerms(days, 3_000_000, 26, 5, national_calendar())
    assert terms.due(TaskType.SELF_SERVICE_CHECK, opened) == due
    assert terms.confirm_due(opened) == due


def test_a_term_over_the_spring_festival_goes_by_the_calendar() -> None:
    calendar = national_calendar()
    days = dict.fromkeys(TaskType, 3)
    terms = AuditTerms(days, 3_000_000, 26, 5, calendar)
    opened = dt.date(2026, 2, 13)
    due = terms.due(TaskType.ADMISSION_CHECK, opened)
    span = [opened + dt.timedelta(days=number) for number in range(1, (due - opened).days + 1)]
    assert sum(calendar.is_working_day(each) for each in span) == 3
    # Mondays to Fridays alone would say the 18th, in the middle of the festival.
    assert due > dt.date(2026, 2, 23)


# Assistance checks (JS75 art. 56).


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        (dt.date(2026, 11, 1), dt.date(2026, 12, 26)),
        (dt.date(2026, 11, 30), dt.date(2026, 12, 26)),
        (dt.date(2026, 12, 31), dt.date(2027, 1, 26)),
        (dt.date(2027, 1, 31), dt.date(2027, 2, 26)),
    ],
)
def test_an_assistance_check_is_answered_by_the_26th_of_the_month_after(
    asked: dt.date, due: dt.date
) -> None:
    assert answer_due(asked, answer_day=26) == due


@pytest.mark.parametrize(("total_fen", "is_asked"), [(3_000_000, True), (2_999_999, False)])
def test_assistance_is_asked_of_stays_of_thirty_thousand_yuan(
    total_fen: int, is_asked: bool
) -> None:
    asked = replace(ASKED, total_fen=total_fen)
    arguments = {"region": "330100", "minimum_fen": 3_000_000, "today": TODAY}
    if is_asked:
        check_asked(asked, **arguments)  # type: ignore[arg-type]
    else:
        refused(Reason.ASSISTANCE_BELOW_MINIMUM, check_asked, asked, **arguments)


def test_faults_of_what_is_asked_are_told_before_its_amount() -> None:
    asked = replace(
        ASKED,
        treatment_region="330100",
        discharge_date=dt.date(2026, 9, 30),
        total_fen=1,
    )
    told = refused(
        Reason.FIELD_OUT_OF_RANGE,
        check_asked,
        asked,
        region="330100",
        minimum_fen=3_000_000,
        today=TODAY,
    )
    assert [fault.field.removeprefix("assistance.") for fault in told.faults] == [
        "treatment_region",
        "discharge_date",
        "fund_total_fen",
    ]


def test_an_answer_is_given_once_and_a_report_waits_for_it_until_its_day_is_over() -> None:
    due = ASKED.answer_due_date
    refused(Reason.ASSISTANCE_STATE, check_answered, ASKED, task_id="t1", today=due)
    check_answered(ASKED, task_id="t1", today=due + dt.timedelta(days=1))
    check_answered(None, task_id="t1", today=due)
    words = {"task_id": "t1", "reason": "as billed", "answerer": LI, "now": NOW}
    told = answered(ASKED, AssistanceAnswer.CORRECT, **words)  # type: ignore[arg-type]
    check_answered(told, task_id="t1", today=TODAY)
    refused(Reason.ASSISTANCE_STATE, answered, told, AssistanceAnswer.INCORRECT, **words)
    refused(Reason.ASSISTANCE_STATE, answered, None, AssistanceAnswer.CORRECT, **words)


# Who closes.


@pytest.mark.parametrize(
    ("act", "part"),
    [
        (TaskAct.OPEN, "opened"),
        (TaskAct.BEGIN, "began"),
        (TaskAct.FIND, "found"),
        (TaskAct.ADD_EVIDENCE, "evidence"),
        (TaskAct.REPORT, "reported"),
        # These only led.
        (TaskAct.ASSIGN, ""),
        (TaskAct.RETURN, ""),
        (TaskAct.LIFT, ""),
    ],
)
def test_whoever_took_part_is_known_by_it_after_the_task_went_to_another(
    act: TaskAct, part: str
) -> None:
    task = replace(TASK, assignee=ZHAO)
    assert part_of(LI, task, [event(ZHAO, TaskAct.OPEN), event(LI, act)], []) == part


def test_who_has_the_task_or_placed_a_standing_hold_takes_part() -> None:
    assert part_of(LI, replace(TASK, assignee=LI), [], []) == "assigned"
    assert part_of(WANG, TASK, [], [HOLD]) == "held"
    gone = lifted(HOLD, lifter=LI, reason="wrong visit", now=NOW)
    assert part_of(WANG, TASK, [], [gone]) == ""


def test_a_closer_says_what_was_read() -> None:
    task = replace(TASK, outcome=AuditOutcome.FRAUD, version=7)
    check_as_read(task, outcome=AuditOutcome.FRAUD, version=7)
    for outcome, version in ((AuditOutcome.FRAUD, 6), (AuditOutcome.IN_ORDER, 7)):
        refused(Reason.AUDIT_TASK_CHANGED, check_as_read, task, outcome=outcome, version=version)


# Holds.


def test_a_hold_is_not_lifted_by_who_placed_it() -> None:
    # A certificate of the same name in other letters is the same person's.
    for placer in (WANG, WANG.replace("wang", "Wang")):
        refused(Reason.AUDIT_HOLD_OF_OWN, lifted, HOLD, lifter=placer, reason="", now=NOW)
    gone = lifted(HOLD, lifter=LI, reason="in order", now=NOW)
    assert (gone.stands, gone.version, gone.lifter) == (False, 2, LI)


def test_a_task_holds_a_visit_once_at_a_time() -> None:
    refused(Reason.AUDIT_HOLD_EXISTS, check_not_held, [HOLD], "v1")
    check_not_held([HOLD], "v2")
    check_not_held([lifted(HOLD, lifter=LI, reason="", now=NOW)], "v1")


# Evidence (O-07, O-09).

PHOTO = Evidence(1, "m1", b"a" * 32, NOW, "Wang", "ward 3, bed 12", WANG, NOW)


@pytest.mark.parametrize(
    "altered",
    [
        {"sha256": b"b" * 32},
        {"material_id": "m2"},
        {"taken_time": NOW - dt.timedelta(microseconds=1)},
        {"author": "Li"},
        {"place": "ward 3, bed 1"},
        {"adder": LI},
        {"number": 2},
    ],
)
def test_evidence_that_is_changed_has_another_digest(altered: dict[str, object]) -> None:
    other = replace(PHOTO, **altered)  # type: ignore[arg-type]
    assert evidence_digest("t1", [PHOTO]) != evidence_digest("t1", [other])


def test_evidence_that_is_left_out_added_or_of_another_task_has_another_digest() -> None:
    second = replace(PHOTO, number=2, material_id="m2")
    digests = {
        evidence_digest("t1", each) for each in ([], [PHOTO], [PHOTO, second], [second, PHOTO])
    }
    assert len(digests | {evidence_digest("t2", [PHOTO])}) == 5


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        (StoredFile("p1", b"a" * 32, None, True), True),
        (StoredFile("p1", b"a" * 32, (NOW, "Wang", "ward"), True), True),
        (None, False),
        (StoredFile("p2", b"a" * 32, None, True), False),
        (StoredFile("p1", b"b" * 32, None, True), False),
        (StoredFile("p1", b"a" * 32, None, False), False),
        (StoredFile("p1", b"a" * 32, (NOW, "Li", "ward"), True), False),
    ],
)
def test_evidence_is_the_file_that_was_handed_in(file: StoredFile | None, fits: bool) -> None:
    arguments = {
        "material_id": "m1",
        "sha256": b"a" * 32,
        "photo": (NOW, "Wang", "ward"),
        "person_id": "p1",
    }
    if fits:
        check_file(file, **arguments)  # type: ignore[arg-type]
    else:
        refused(Reason.AUDIT_EVIDENCE_UNKNOWN, check_file, file, **arguments)


def test_a_task_of_no_person_takes_anybodys_paper() -> None:
    file = StoredFile("p2", b"a" * 32, None, True)
    photo = (NOW, "Wang", "ward")
    check_file(file, material_id="m1", sha256=b"a" * 32, photo=photo, person_id="")


def test_a_photo_is_not_of_later() -> None:
    check_captured(NOW + dt.timedelta(minutes=5), now=NOW)
    refused(
        Reason.FIELD_OUT_OF_RANGE,
        check_captured,
        NOW + dt.timedelta(minutes=5, seconds=1),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("state", "caller", "may_read"),
    [
        (TaskState.IN_PROGRESS, WANG, True),
        (TaskState.IN_PROGRESS, LI, False),
        (TaskState.ASSIGNED, LI, False),
        (TaskState.CANCELLED, LI, False),
        # Somebody else has to close it, who has to see it before.
        (TaskState.REPORTED, LI, True),
        (TaskState.CLOSED, LI, True),
        (TaskState.OPENED, "supervisor/330100/zhou", True),
    ],
)
def test_evidence_is_read_by_few(state: TaskState, caller: str, may_read: bool) -> None:
    task = replace(TASK, state=state, assignee=WANG)
    if may_read:
        check_may_read(task, parse_caller(caller))
    else:
        refused(Reason.AUDIT_EVIDENCE_RESTRICTED, check_may_read, task, parse_caller(caller))


def test_a_task_does_not_grow_without_end() -> None:
    check_room(MOST_OF_A_TASK - 1, TASK)
    refused(Reason.AUDIT_TASK_STATE, check_room, MOST_OF_A_TASK, TASK)
