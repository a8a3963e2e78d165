"""The life of a registration: the only place that says which step leads where.

`docs/concepts/registration-elsewhere.md` draws it, made of this table.
"""

import enum

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class State(enum.Enum):
    """Where a registration is in its life; numbers as in the contract."""

    ACTIVE = 1
    CANCELLED = 2
    SUBMITTED = 3
    RETURNED = 4
    REJECTED = 5
    WITHDRAWN = 6
    ENDED = 7
    REVOKED = 8

    @property
    def is_open(self) -> bool:
        """Whether it covers care, or may come to."""
        return self in _OPEN

    @property
    def takes_its_place(self) -> bool:
        """Whether nothing else may be registered on its days.

        Of one that ended with days to come, until the last of them. One that was cancelled
        covers care of its last day too, on which another one may begin.
        """
        return self in _TAKING_PLACES

    @property
    def was_granted(self) -> bool:
        """Whether it covers or covered something, or was said to."""
        return self in _GRANTED


class Event(enum.Enum):
    """What is done to a registration; numbers as in the contract."""

    APPLIED = 1
    GRANTED = 2
    APPROVED = 3
    REJECTED = 4
    RETURNED = 5
    RESUBMITTED = 6
    WITHDRAWN = 7
    CHECKED = 8
    EXTENDED = 9
    CHANGED = 10
    CANCELLED = 11
    ENDED = 12
    REVOKED = 13


BEGINNINGS = {Event.APPLIED: State.SUBMITTED, Event.GRANTED: State.ACTIVE}
"""In which state a registration begins."""

TRANSITIONS = {
    (State.SUBMITTED, Event.APPROVED): State.ACTIVE,
    (State.SUBMITTED, Event.REJECTED): State.REJECTED,
    (State.SUBMITTED, Event.RETURNED): State.RETURNED,
    (State.SUBMITTED, Event.WITHDRAWN): State.WITHDRAWN,
    # What became of the person refuses what was never granted.
    (State.SUBMITTED, Event.ENDED): State.REJECTED,
    (State.RETURNED, Event.RESUBMITTED): State.SUBMITTED,
    (State.RETURNED, Event.REJECTED): State.REJECTED,
    (State.RETURNED, Event.WITHDRAWN): State.WITHDRAWN,
    (State.RETURNED, Event.ENDED): State.REJECTED,
    (State.ACTIVE, Event.CHECKED): State.ACTIVE,
    (State.ACTIVE, Event.EXTENDED): State.ACTIVE,
    (State.ACTIVE, Event.CHANGED): State.ENDED,
    (State.ACTIVE, Event.CANCELLED): State.CANCELLED,
    (State.ACTIVE, Event.ENDED): State.ENDED,
    (State.ACTIVE, Event.REVOKED): State.REVOKED,
    # Days to come are given up: of one that is over there are none, which `cancel` looks at.
    (State.ENDED, Event.CANCELLED): State.CANCELLED,
    # A false statement is often found when all is over.
    (State.CANCELLED, Event.REVOKED): State.REVOKED,
    (State.ENDED, Event.REVOKED): State.REVOKED,
}
"""Where each step leads; a step that is not here is refused."""

_TAKING_PLACES = frozenset({State.ACTIVE, State.SUBMITTED, State.RETURNED, State.ENDED})
_OPEN = frozenset({State.ACTIVE, State.SUBMITTED, State.RETURNED})
_GRANTED = frozenset({State.ACTIVE, State.CANCELLED, State.ENDED, State.REVOKED})


def step(state: State, event: Event, *, registration_id: str) -> State:
    """Returns the state after a step.

    Raises:
        RuleError: REGISTRATION_STATE; the step is none from this state.
    """
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise wrong_state(state, registration_id=registration_id)
    return after


def wrong_state(state: State, *, registration_id: str) -> RuleError:
    """Returns the refusal of a step that is none from a state."""
    return RuleError(
        Reason.REGISTRATION_STATE,
        f"registration {registration_id} is {state.name.lower()}",
        registration_id=registration_id,
        state=state.name,
    )
