"""Settlements under review: a case, and what may be done to it.

A bill under review is settled and paid as any other. One operator proposes what becomes of
it, another confirms; a reversal that comes before leaves nothing to decide.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class ReviewKind(enum.IntEnum):
    """Why a bill is under review."""

    SAME_BILL = 1
    LINES_AGAIN = 2
    STAYS_OVERLAP = 3
    VISIT_COUNT = 4
    UNAPPROVED_DRUG = 5


class ReviewState(enum.IntEnum):
    """Where a case is in its life."""

    OPEN = 1
    PROPOSED = 2
    CONFIRMED = 3
    REVERSED = 4
    WITHDRAWN = 5


WAITING = (ReviewState.OPEN, ReviewState.PROPOSED)


class Decision(enum.IntEnum):
    """What becomes of the settlement."""

    CONFIRM = 1
    REVERSE = 2


class ReviewAct(enum.IntEnum):
    """What somebody did to a case."""

    OPENED = 1
    PROPOSED = 2
    REJECTED = 3
    CONFIRMED = 4
    WITHDRAWN = 5


class Finding(NamedTuple):
    """What a bill was found with: the other settlements, the count or the lines concerned."""

    kind: int
    settlement_ids: tuple[str, ...] = ()
    visit_count: int = 0
    line_numbers: tuple[int, ...] = ()


class ReviewNote(NamedTuple):
    """That a settlement is or was under review, and why."""

    review_id: str
    kinds: tuple[ReviewKind, ...]


class Review(NamedTuple):
    """A case; amounts in fen.

    `decision`, `reason`, `maker` and `propose_time` are None while nothing is proposed;
    `checker` and `close_time` until it is closed, `checker` also where no decision did.
    """

    region: str
    review_id: str
    settlement_id: str
    visit_id: str
    person_id: str
    institution_id: str
    service_date: dt.date
    total_fen: int
    fund_total_fen: int
    findings: tuple[Finding, ...]
    open_time: dt.datetime
    state: ReviewState = ReviewState.OPEN
    decision: Decision | None = None
    reason: str | None = None
    maker: str | None = None
    propose_time: dt.datetime | None = None
    checker: str | None = None
    close_time: dt.datetime | None = None
    reversal_id: str | None = None

    @property
    def note(self) -> ReviewNote:
        """What its settlement tells of it."""
        return ReviewNote(self.review_id, tuple(ReviewKind(each.kind) for each in self.findings))


class ReviewEvent(NamedTuple):
    """Something that was done to a case; `number` counts from 1."""

    review_id: str
    number: int
    event_time: dt.datetime
    caller: str
    act: ReviewAct
    decision: Decision | None = None
    reason: str | None = None


def propose(
    review: Review, decision: Decision, *, reason: str, maker: str, now: dt.datetime
) -> Review:
    """Returns the case with a proposal; raises REVIEW_STATE unless it is open."""
    _check_state(review, ReviewState.OPEN)
    return review._replace(
        state=ReviewState.PROPOSED,
        decision=decision,
        reason=reason,
        maker=maker,
        propose_time=now,
    )


def reject(review: Review, *, checker: str) -> Review:
    """Returns the case without its proposal; raises as `check_checker`."""
    check_checker(review, checker=checker)
    return review._replace(
        state=ReviewState.OPEN, decision=None, reason=None, maker=None, propose_time=None
    )


def confirm(
    review: Review, *, checker: str, now: dt.datetime, reversal_id: str | None = None
) -> Review:
    """Returns the case closed as proposed, with the reversal where there is one."""
    assert review.state is ReviewState.PROPOSED, review.state
    return review._replace(
        state=ReviewState.CONFIRMED if reversal_id is None else ReviewState.REVERSED,
        checker=checker,
        close_time=now,
        reversal_id=reversal_id,
    )


def withdraw(review: Review, *, now: dt.datetime, reversal_id: str) -> Review:
    """Returns a case that waited, closed because its settlement was reversed.

    What was proposed goes with it: nobody decided that.
    """
    return review._replace(
        state=ReviewState.WITHDRAWN,
        decision=None,
        reason=None,
        close_time=now,
        reversal_id=reversal_id,
    )


def check_checker(review: Review, *, checker: str) -> None:
    """Raises REVIEW_STATE where nothing is proposed, SAME_MAKER_AND_CHECKER."""
    _check_state(review, ReviewState.PROPOSED)
    if review.maker is not None and is_same_operator(review.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed a decision cannot confirm or reject it"
        )


def check_proposed(review: Review, decision: Decision) -> None:
    """Raises REVIEW_STATE where another decision is proposed than the checker read."""
    if review.decision is not decision:
        raise RuleError(
            Reason.REVIEW_STATE,
            f"another decision than {decision.name} is proposed by now",
            state=review.state.name,
        )


def _check_state(review: Review, state: ReviewState) -> None:
    if review.state is not state:
        raise RuleError(
            Reason.REVIEW_STATE,
            f"review {review.review_id} is {review.state.name}",
            state=review.state.name,
        )


def review_not_found(review_id: str) -> RuleError:
    """Returns the refusal for a case that the caller cannot see."""
    return RuleError(Reason.REVIEW_NOT_FOUND, f"no review {review_id}", review_id=review_id)
