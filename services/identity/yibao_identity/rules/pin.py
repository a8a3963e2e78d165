"""PINs of cards (密码): what may be one, how often it may be tried, and when it is refused."""

import datetime as dt
import enum
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

PIN_DIGITS = 6

# Going on from 9 to 0, because keypads do.
_RISING = "012345678901234"
_RUNS = (_RISING, _RISING[::-1])


class PinState(enum.Enum):
    """Whether the PIN of a card can be used."""

    NOT_SET = 1
    SET = 2
    LOCKED = 3
    REPORTED_LOST = 4


@dataclass(frozen=True, slots=True)
class PinOutcome:
    """What a try leads to: the tries to store, and the refusal of a wrong one."""

    wrong_tries: int
    refusal: RuleError | None


def pin_state(
    *, is_set: bool, is_reported_lost: bool, wrong_tries: int, most_tries: int
) -> PinState:
    """Returns whether a PIN can be used; a report counts more than a lock (I-13, I-15)."""
    if not is_set:
        return PinState.NOT_SET
    if is_reported_lost:
        return PinState.REPORTED_LOST
    return PinState.LOCKED if wrong_tries >= most_tries else PinState.SET


def check_pin_is_set(state: PinState) -> None:
    """Refuses where there never was a PIN.

    Raises:
        RuleError: PIN_NOT_SET.
    """
    if state is PinState.NOT_SET:
        raise RuleError(Reason.PIN_NOT_SET, "the card has no PIN yet; a counter sets it")


def check_pin_is_not_set(state: PinState) -> None:
    """Refuses a first PIN where there is one.

    Raises:
        RuleError: PIN_ALREADY_SET.
    """
    if state is not PinState.NOT_SET:
        raise RuleError(Reason.PIN_ALREADY_SET, "the card has a PIN")


def check_pin_can_be_tried(state: PinState) -> None:
    """Refuses a try before anything is compared, so that a lock holds for the right PIN too.

    Raises:
        RuleError: PIN_NOT_SET, PIN_REPORTED_LOST, PIN_LOCKED.
    """
    check_pin_is_set(state)
    if state is PinState.REPORTED_LOST:
        raise RuleError(Reason.PIN_REPORTED_LOST, "the PIN was reported forgotten")
    if state is PinState.LOCKED:
        raise RuleError(Reason.PIN_LOCKED, "the PIN is locked after too many wrong tries")


def after_try(wrong_tries: int, *, is_right: bool, most_tries: int) -> PinOutcome:
    """Returns what follows from a try of a PIN that is not locked (I-13)."""
    assert 0 <= wrong_tries < most_tries, "a locked PIN is not compared"
    if is_right:
        return PinOutcome(0, None)
    tries = wrong_tries + 1
    refusal = RuleError(
        Reason.PIN_INCORRECT, "the PIN is wrong; the try was counted", tries_left=most_tries - tries
    )
    return PinOutcome(tries, refusal)


def tries_with_guess(wrong_tries: int, *, most_tries: int) -> int:
    """Returns the tries of a PIN that cannot be tried, with a guess at another request's PIN."""
    return min(wrong_tries + 1, _guesses_at_most(most_tries))


def check_not_guessed_out(wrong_tries: int, *, most_tries: int) -> None:
    """Refuses to say anything about the PIN of a request of before, right or wrong.

    A PIN that cannot be tried is not compared, so guesses at what a request held are counted by
    themselves, as many again as lock the card.

    Raises:
        RuleError: PIN_LOCKED.
    """
    if wrong_tries >= _guesses_at_most(most_tries):
        raise RuleError(Reason.PIN_LOCKED, "the PIN is locked, and was guessed at since")


def _guesses_at_most(most_tries: int) -> int:
    return 2 * most_tries


def check_new_pin(pin: str, *, certificate_number: str, birth_date: dt.date) -> None:
    """Refuses a PIN that is among the first that anybody tries.

    Such are equal digits, digits in a row, and any six digits in a row of the holder's
    identity number or birth date: both are on papers that are lost together with a card.

    Raises:
        RuleError: PIN_TOO_SIMPLE. The text does not tell which of them it is, because a
            channel could guess the number by it.
    """
    assert len(pin) == PIN_DIGITS
    written = (*_RUNS, certificate_number, birth_date.isoformat().replace("-", ""))
    if len(set(pin)) == 1 or any(pin in text for text in written):
        raise RuleError(
            Reason.PIN_TOO_SIMPLE,
            "equal or consecutive digits, or part of the holder's number or birth date",
        )
