"""Pre-evaluations of transfers (O-06) and rechecks: what can happen to one, and who decides."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.medical_desk import LI, TIMES, WANG, at

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.evaluation import (
    TRANSITIONS,
    Comparison,
    Difference,
    DifferenceKind,
    Evaluation,
    EvaluationEvent,
    EvaluationStanding,
    EvaluationState,
    Examination,
    Opinion,
    Referral,
    approve,
    check_evaluated,
    check_not_past,
    check_waits,
    compare,
    moved,
    record,
    send_back,
)
from yibao_offsite.rules.recheck import OUTCOMES, Recheck, RecheckState, close_recheck

NOW = at("2026-11-02T09:00")
TODAY = NOW.date()
OPEN = Evaluation("330100", "e", "r", "p", EvaluationState.OPEN, TODAY, WANG, NOW)


def examination(opinion: Opinion = Opinion.NECESSARY) -> Examination:
    return Examination(opinion, "胸痛", "陈医师", TODAY, WANG, NOW, 1)


def recorded(opinion: Opinion = Opinion.NECESSARY, today: dt.date = TODAY) -> Evaluation:
    return record(OPEN, examination(opinion), today=today, calendar=TIMES.calendar)


def comparison(*differences: Difference) -> Comparison:
    return Comparison(TODAY, "d", "c", "f", differences, WANG, NOW)


def reason_of(act: object) -> Reason:
    with pytest.raises(RuleError) as refused:
        act()  # type: ignore[operator]
    return refused.value.reason


def test_what_is_recorded_waits_for_a_second_operator_until_the_next_working_day() -> None:
    assert recorded().due_date == dt.date(2026, 11, 3)
    assert recorded(today=dt.date(2026, 11, 6)).due_date == dt.date(2026, 11, 9)
    assert recorded(today=dt.date(2026, 2, 14)).due_date == dt.date(2026, 2, 24)


def test_who_recorded_decides_nothing_of_it() -> None:
    for act in (
        lambda: approve(recorded(), version=2, checker=WANG, now=NOW),
        lambda: send_back(recorded(), version=2, checker=WANG, note="?", due_date=TODAY),
    ):
        assert reason_of(act) is Reason.SAME_MAKER_AND_CHECKER


def test_a_checker_decides_of_what_it_read() -> None:
    again = record(
        send_back(recorded(), version=2, checker=LI, note="?", due_date=TODAY),
        examination(Opinion.NOT_NECESSARY),
        today=TODAY,
        calendar=TIMES.calendar,
    )
    assert again.version == 4
    assert reason_of(lambda: approve(again, version=2, checker=LI, now=NOW)) is (
        Reason.PRE_EVALUATION_STATE
    )


@pytest.mark.parametrize(
    ("approved", "due"),
    [
        ("2026-11-02T09:00", "2027-05-02"),
        ("2026-08-31T09:00", "2027-02-28"),
        ("2027-08-31T23:59:59", "2028-02-29"),
        ("2027-09-01T00:00", "2028-03-01"),
    ],
)
def test_a_treatment_is_compared_within_six_months_of_its_approval(approved: str, due: str) -> None:
    told = approve(recorded(), version=2, checker=LI, now=at(approved).astimezone(dt.UTC))
    assert (told.due_date, told.is_due) == (dt.date.fromisoformat(due), True)


def test_of_a_transfer_that_is_not_necessary_nothing_is_compared() -> None:
    told = approve(recorded(Opinion.NOT_NECESSARY), version=2, checker=LI, now=NOW)
    assert not told.is_due
    assert reason_of(lambda: compare(told, comparison())) is Reason.PRE_EVALUATION_STATE


def test_a_comparison_is_consistent_where_nothing_differs() -> None:
    told = approve(recorded(), version=2, checker=LI, now=NOW)
    same = compare(told, comparison()).comparison
    other = compare(told, comparison(Difference(DifferenceKind.OPERATION, "未手术"))).comparison
    assert [each and each.is_consistent for each in (same, other)] == [True, False]


_STATES = EvaluationState


@pytest.mark.parametrize(
    ("state", "opinion", "allows"),
    [
        (_STATES.OPEN, None, False),
        (_STATES.RECORDED, Opinion.NECESSARY, False),
        (_STATES.APPROVED, Opinion.NECESSARY, True),
        (_STATES.APPROVED, Opinion.NOT_NECESSARY, False),
        (_STATES.COMPARED, Opinion.NECESSARY, True),
        (_STATES.CANCELLED, Opinion.NECESSARY, False),
    ],
)
def test_a_referral_needs_an_approved_evaluation_that_finds_it_necessary(
    state: EvaluationState, opinion: Opinion | None, allows: bool
) -> None:
    """O-06 with O-01: the transfer is really necessary."""
    standing = EvaluationStanding("e", state, opinion)
    if allows:
        check_evaluated(standing, "r")
        return
    assert reason_of(lambda: check_evaluated(standing, "r")) is Reason.PRE_EVALUATION_REQUIRED


def test_a_referral_without_an_evaluation_is_refused() -> None:
    """O-06."""
    assert reason_of(lambda: check_evaluated(None, "r")) is Reason.PRE_EVALUATION_REQUIRED


@pytest.mark.parametrize(
    ("referral", "waits"),
    [
        (Referral("r", "p", is_referral=True, is_waiting=True), True),
        (Referral("r", "p", is_referral=True, is_waiting=False), False),
        (Referral("r", "p", is_referral=False, is_waiting=True), False),
        (None, False),
    ],
)
def test_a_referral_that_waits_is_evaluated_and_nothing_else(
    referral: Referral | None, waits: bool
) -> None:
    if waits:
        assert check_waits(referral, "r") == referral
    else:
        assert reason_of(lambda: check_waits(referral, "r")) is Reason.REFERRAL_NOT_WAITING


def test_a_due_day_is_today_or_later() -> None:
    check_not_past(TODAY, today=TODAY)
    yesterday = TODAY - dt.timedelta(days=1)
    assert reason_of(lambda: check_not_past(yesterday, today=TODAY)) is Reason.FIELD_OUT_OF_RANGE


@given(st.lists(st.sampled_from(list(EvaluationEvent))))
def test_nothing_happens_to_an_evaluation_but_what_the_table_allows(
    events: list[EvaluationEvent],
) -> None:
    told = OPEN
    for event in events:
        allowed = TRANSITIONS.get((told.state, event))
        if allowed is None:
            state = told
            assert reason_of(lambda s=state, e=event: moved(s, e)) is Reason.PRE_EVALUATION_STATE
            continue
        after = moved(told, event)
        assert (after.state, after.version) == (allowed, told.version + 1)
        assert dataclasses.replace(after, state=told.state, version=told.version) == told
        told = after
    assert (told.state is EvaluationState.CANCELLED) == (
        not any(state is told.state for state, _ in TRANSITIONS)
    )


@pytest.mark.parametrize("state", RecheckState)
@pytest.mark.parametrize("outcome", RecheckState)
def test_a_recheck_is_closed_once(state: RecheckState, outcome: RecheckState) -> None:
    """O-06: the effect is checked; who was absent is called by another one."""
    recheck = Recheck("330100", "k", "e", "p", state, TODAY, "复查", WANG, NOW)

    def act() -> Recheck:
        return close_recheck(recheck, outcome, findings="好转", by=LI, now=NOW)

    if outcome in OUTCOMES.get(state, ()):
        closed = act()
        assert (closed.state, closed.closed_by, closed.findings) == (outcome, LI, "好转")
    elif outcome is RecheckState.CALLED:
        assert reason_of(act) is Reason.FIELD_OUT_OF_RANGE
    else:
        assert reason_of(act) is Reason.RECHECK_STATE
