"""Documents shown for a person: a wrong one may be a guess, and guesses end like a PIN's.

Counted over all methods, cards and callers, because each compares the same number.
"""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

MOST_WRONG = 5
# Nobody can tell a guesser from a clerk who mistypes, so it opens by itself.
LOCK = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DocumentGuesses:
    """How many wrong documents were shown for a person in a row, and when the last one was."""

    wrong: int
    last_time: dt.datetime


def check_may_show_document(guesses: DocumentGuesses | None, *, now: dt.datetime) -> None:
    """Refuses before anything is compared, so that the lock holds for the right one too.

    Raises:
        RuleError: ID_CHECK_LOCKED.
    """
    if guesses is None or guesses.wrong < MOST_WRONG or now >= guesses.last_time + LOCK:
        return
    until = guesses.last_time + LOCK
    raise RuleError(
        Reason.ID_CHECK_LOCKED,
        f"{MOST_WRONG} wrong documents were shown for this person; none is compared "
        f"before {until:%Y-%m-%dT%H:%M:%SZ}",
        until=f"{until:%Y-%m-%dT%H:%M:%SZ}",
    )


def after_wrong_document(guesses: DocumentGuesses | None, *, now: dt.datetime) -> DocumentGuesses:
    """Returns what is stored after a wrong document; one of over 24 hours ago is forgotten."""
    is_over = guesses is None or now >= guesses.last_time + LOCK
    before = 0 if is_over or guesses is None else guesses.wrong
    return DocumentGuesses(before + 1, now)


def tries_left(guesses: DocumentGuesses) -> int:
    """Returns how many more wrong documents may be shown."""
    return MOST_WRONG - guesses.wrong
