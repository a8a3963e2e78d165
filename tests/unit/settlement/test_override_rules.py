"""Overrides: by two operators, once, and as they were read."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check.override import override_faults
from yibao_settlement.rules.override import (
    Override,
    OverrideKind,
    OverrideState,
    OverrideSums,
    carry_out,
    check_checker,
    check_sums,
    withdraw,
)

NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
SUMS = OverrideSums(2, 1, -52_000, 1_546_000, 0, 0, 454_000)
PROPOSED = Override(
    "999019", "O1", "S1", OverrideKind.REVERSAL, SUMS, b"", "why", "agency/999019/wang", NOW
)
DONE = carry_out(PROPOSED, checker="agency/999019/li", now=NOW, taken_back_id="R1")


def reason_of(call: object, *args: object, **named: object) -> Reason:
    with pytest.raises(RuleError) as refusal:
        call(*args, **named)  # type: ignore[operator]
    return refusal.value.reason


def test_another_operator_confirms_and_once() -> None:
    check_checker(PROPOSED, checker="agency/999019/li")
    own = reason_of(check_checker, PROPOSED, checker=PROPOSED.maker)
    assert own is Reason.SAME_MAKER_AND_CHECKER
    assert reason_of(check_checker, DONE, checker="agency/999019/li") is Reason.OVERRIDE_STATE
    assert (DONE.state, DONE.taken_back_id) == (OverrideState.CARRIED_OUT, "R1")


@pytest.mark.parametrize("name", OverrideSums._fields)
def test_each_sum_is_as_proposed_as_read_and_as_it_comes_to_by_now(name: str) -> None:
    check_sums(PROPOSED, now=SUMS, read=SUMS)
    other = SUMS._replace(**{name: getattr(SUMS, name) + 1})
    assert reason_of(check_sums, PROPOSED, now=SUMS, read=other) is Reason.OVERRIDE_STATE
    assert reason_of(check_sums, PROPOSED, now=other, read=SUMS) is Reason.OVERRIDE_STATE
    assert reason_of(check_sums, PROPOSED, now=other, read=other) is Reason.OVERRIDE_STATE


def test_what_is_proposed_is_withdrawn_by_anybody_and_once() -> None:
    done = withdraw(PROPOSED, withdrawer=PROPOSED.maker, now=NOW)
    assert (done.state, done.checker, done.close_time, done.taken_back_id) == (
        OverrideState.WITHDRAWN,
        PROPOSED.maker,
        NOW,
        None,
    )
    for ended in (done, DONE):
        again = reason_of(withdraw, ended, withdrawer="agency/999019/li", now=NOW)
        assert again is Reason.OVERRIDE_STATE
    assert reason_of(check_checker, done, checker="agency/999019/li") is Reason.OVERRIDE_STATE


@pytest.mark.parametrize("checker", ["agency/999019/wang", "agency/999019/Wang"])
def test_the_ledger_checker_takes_no_capital_for_another_operator(checker: str) -> None:
    done = DONE._replace(checker=checker)
    taken_back = {"R1": (done.settlement_id, checker, done.reason)}
    audited = {"O1": {"maker": done.maker, "taken_back": "R1", "kind": "REVERSAL"}}
    said = f"was proposed by {done.maker}, confirmed by {checker}"
    assert list(override_faults([done], taken_back, audited)) == [("O1", said)]
