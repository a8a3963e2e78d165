"""The life of a case of suspected misuse (I-03, I-04)."""

import datetime as dt
from collections.abc import Callable

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.misuse import (
    CaseState,
    MisuseCase,
    MisuseKind,
    Suspicion,
    lift,
    suspend,
)

NOW = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
MAKER, CHECKER = "agency/500100/wang", "agency/500100/zhang"
REPORTED = MisuseCase(
    "500100",
    "m",
    "p",
    "0123456789ABC",
    Suspicion(MisuseKind.LENT, "出示者不是本人", ""),
    CaseState.REPORTED,
    "institution/H50011200001",
    NOW,
)
SUSPENDED = suspend(REPORTED, operator=MAKER, now=NOW, note="待查")
CLOSED = lift(SUSPENDED, operator=CHECKER, now=LATER, note="误报")
Act = Callable[[MisuseCase], MisuseCase]


def _suspend(case: MisuseCase) -> MisuseCase:
    return suspend(case, operator=MAKER, now=LATER, note="")


def _lift(case: MisuseCase) -> MisuseCase:
    return lift(case, operator=CHECKER, now=LATER, note="误报")


@pytest.mark.parametrize(
    ("case", "act", "state"),
    [
        (REPORTED, _suspend, CaseState.SUSPENDED),
        (REPORTED, _lift, CaseState.CLOSED),
        (SUSPENDED, _lift, CaseState.CLOSED),
        (SUSPENDED, _suspend, None),
        (CLOSED, _suspend, None),
        (CLOSED, _lift, None),
    ],
)
def test_a_case_goes_from_reported_over_suspended_to_closed(
    case: MisuseCase, act: Act, state: CaseState | None
) -> None:
    """I-04: a suspension has a case, and a case is decided once."""
    if state is not None:
        assert act(case).state is state
        return
    with pytest.raises(RuleError) as refused:
        act(case)
    assert refused.value.reason is Reason.MISUSE_CASE_STATE
    assert refused.value.metadata == {"case_id": "m", "state": case.state.name}


def test_a_decision_tells_who_when_and_why() -> None:
    assert (SUSPENDED.suspended_by, SUSPENDED.decider) == (MAKER, MAKER)
    assert (SUSPENDED.decide_time, SUSPENDED.decision_note) == (NOW, "待查")
    assert (CLOSED.suspended_by, CLOSED.decider) == (MAKER, CHECKER)
    assert (CLOSED.decide_time, CLOSED.decision_note) == (LATER, "误报")
    assert CLOSED.suspicion == REPORTED.suspicion


def test_who_suspended_does_not_lift() -> None:
    with pytest.raises(RuleError) as refused:
        lift(SUSPENDED, operator=MAKER, now=LATER, note="")
    assert refused.value.reason is Reason.SAME_MAKER_AND_CHECKER


def test_a_report_that_led_to_nothing_is_closed_by_anyone_of_the_agency() -> None:
    assert lift(REPORTED, operator=MAKER, now=LATER, note="").state is CaseState.CLOSED
