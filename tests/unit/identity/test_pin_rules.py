"""PINs: how often one may be tried, what may be one, and when it is refused."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.pin import (
    PinState,
    after_try,
    check_new_pin,
    check_pin_can_be_tried,
    check_pin_is_not_set,
    check_pin_is_set,
    pin_state,
)

NUMBER = "500112199003071232"
BIRTH = dt.date(1990, 3, 7)


def reason_of(check: object, *arguments: object, **named: object) -> Reason | None:
    try:
        check(*arguments, **named)  # type: ignore[operator]
    except RuleError as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(("wrong", "left"), [(0, 4), (1, 3), (3, 1), (4, 0)])
def test_each_wrong_try_is_counted_and_the_fifth_locks(wrong: int, left: int) -> None:
    """I-13: 5 tries."""
    outcome = after_try(wrong, is_right=False, most_tries=5)
    assert outcome.wrong_tries == wrong + 1
    assert outcome.refusal is not None
    assert outcome.refusal.reason is Reason.PIN_INCORRECT
    assert outcome.refusal.metadata == {"tries_left": str(left)}
    state = pin_state(
        is_set=True, is_reported_lost=False, wrong_tries=outcome.wrong_tries, most_tries=5
    )
    assert state is (PinState.SET if left else PinState.LOCKED)


@pytest.mark.parametrize("wrong", range(5))
def test_the_right_pin_forgets_wrong_tries(wrong: int) -> None:
    """I-13."""
    outcome = after_try(wrong, is_right=True, most_tries=5)
    assert (outcome.wrong_tries, outcome.refusal) == (0, None)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_locked_pin_is_never_compared(is_right: bool) -> None:
    """I-13."""
    with pytest.raises(AssertionError):
        after_try(5, is_right=is_right, most_tries=5)


@pytest.mark.parametrize(
    ("is_set", "is_lost", "tries", "state"),
    [
        (False, False, 0, PinState.NOT_SET),
        (True, False, 0, PinState.SET),
        (True, False, 4, PinState.SET),
        (True, False, 5, PinState.LOCKED),
        (True, True, 0, PinState.REPORTED_LOST),
        (True, True, 5, PinState.REPORTED_LOST),
    ],
)
def test_the_state_of_a_pin(is_set: bool, is_lost: bool, tries: int, state: PinState) -> None:
    """I-13, I-15."""
    found = pin_state(is_set=is_set, is_reported_lost=is_lost, wrong_tries=tries, most_tries=5)
    assert found is state


@pytest.mark.parametrize(
    ("state", "tried", "reset", "first"),
    [
        (PinState.NOT_SET, Reason.PIN_NOT_SET, Reason.PIN_NOT_SET, None),
        (PinState.SET, None, None, Reason.PIN_ALREADY_SET),
        (PinState.LOCKED, Reason.PIN_LOCKED, None, Reason.PIN_ALREADY_SET),
        (PinState.REPORTED_LOST, Reason.PIN_REPORTED_LOST, None, Reason.PIN_ALREADY_SET),
    ],
)
def test_what_can_be_done_with_a_pin_in_each_state(
    state: PinState, tried: Reason | None, reset: Reason | None, first: Reason | None
) -> None:
    """I-13, I-15: locked and forgotten PINs are not tried, but reset."""
    assert reason_of(check_pin_can_be_tried, state) is tried
    assert reason_of(check_pin_is_set, state) is reset
    assert reason_of(check_pin_is_not_set, state) is first


SIMPLE = [
    *(digit * 6 for digit in "0123456789"),
    *("012345", "123456", "456789", "567890", "890123", "901234"),
    *("543210", "654321", "987654", "098765", "210987"),
    # Of the birth date.
    *("199003", "900307", "990030"),
    # Of the number: its region, where region and birth meet, its end.
    *("500112", "121990", "071232"),
]


@pytest.mark.parametrize("pin", SIMPLE)
def test_pins_that_are_tried_first_are_refused(pin: str) -> None:
    """I-13: equal and consecutive digits, the holder's number and birth date."""
    assert reason_of(check_new_pin, pin, certificate_number=NUMBER, birth_date=BIRTH) is (
        Reason.PIN_TOO_SIMPLE
    )


@pytest.mark.parametrize(
    "pin", ["111112", "123457", "135791", "730519", "070390", "232121", "102030", "013456"]
)
def test_other_pins_are_taken(pin: str) -> None:
    """I-13."""
    assert reason_of(check_new_pin, pin, certificate_number=NUMBER, birth_date=BIRTH) is None


def test_birth_dates_are_refused_where_the_number_does_not_hold_them() -> None:
    """I-13."""
    assert (
        reason_of(check_new_pin, "900307", certificate_number="C12345678", birth_date=BIRTH)
        is Reason.PIN_TOO_SIMPLE
    )


def test_the_refusal_tells_nothing_of_the_holder() -> None:
    """I-13."""
    told = set()
    for pin in SIMPLE:
        with pytest.raises(RuleError) as caught:
            check_new_pin(pin, certificate_number=NUMBER, birth_date=BIRTH)
        told.add((str(caught.value), tuple(caught.value.metadata.items())))
        assert pin not in str(caught.value)
    assert len(told) == 1
