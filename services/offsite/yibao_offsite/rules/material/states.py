"""The life of a paper: every step that there is, from which states, and where it leads."""

import enum
from collections.abc import Mapping

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class State(enum.IntEnum):
    """Where a paper stands; the numbers are those of the contract and of the table."""

    UPLOADING = 1
    SCANNING = 2
    CLEAN = 3
    NOT_SCANNED = 4
    INFECTED = 5
    RETURNED = 6
    REPLACED = 7
    DISCARDED = 8
    WAIVER_PROPOSED = 9
    WAIVED = 10
    WAIVER_REJECTED = 11
    REMOVED = 12


class Step(enum.Enum):
    """What becomes of a paper."""

    UPLOAD = "a part is uploaded"
    FINISH_TO_SCAN = "finished, a scanner is configured"
    FINISH = "finished, without a scanner"
    FOUND_CLEAN = "the scanner found nothing"
    FOUND_INFECTED = "the scanner found something"
    RETURN = "returned"
    REPLACE = "another takes its place"
    DISCARD = "given up, unused"
    GRANT = "the waiver is granted"
    REJECT = "the waiver is rejected"
    REMOVE = "kept long enough"


# What may be used for something.
USABLE = frozenset({State.CLEAN, State.NOT_SCANNED})
# What counts as the paper where one is asked for.
COUNTS = USABLE | {State.WAIVED}
# Whose contents may be read: a paper that was returned or replaced is kept as it was.
READABLE = USABLE | {State.RETURNED, State.REPLACED}
# What has no contents.
WAIVERS = frozenset({State.WAIVER_PROPOSED, State.WAIVED, State.WAIVER_REJECTED})

STEPS: Mapping[Step, Mapping[State, State]] = {
    Step.UPLOAD: {State.UPLOADING: State.UPLOADING},
    Step.FINISH_TO_SCAN: {State.UPLOADING: State.SCANNING},
    Step.FINISH: {State.UPLOADING: State.NOT_SCANNED},
    Step.FOUND_CLEAN: {State.SCANNING: State.CLEAN},
    Step.FOUND_INFECTED: {State.SCANNING: State.INFECTED},
    Step.RETURN: dict.fromkeys(USABLE, State.RETURNED),
    Step.REPLACE: dict.fromkeys(USABLE | {State.RETURNED, State.INFECTED}, State.REPLACED),
    Step.DISCARD: dict.fromkeys(USABLE | {State.UPLOADING}, State.DISCARDED),
    Step.GRANT: {State.WAIVER_PROPOSED: State.WAIVED},
    Step.REJECT: {State.WAIVER_PROPOSED: State.WAIVER_REJECTED},
    Step.REMOVE: dict.fromkeys(READABLE, State.REMOVED),
}


def after(step: Step, state: State, *, material_id: str) -> State:
    """Returns where a step leads.

    Raises:
        RuleError: MATERIAL_STATE.
    """
    reached = STEPS[step].get(state)
    if reached is None:
        raise wrong_state(material_id, state)
    return reached


def wrong_state(material_id: str, state: State) -> RuleError:
    """Returns the refusal of what the state of a paper does not allow."""
    return RuleError(
        Reason.MATERIAL_STATE,
        f"paper {material_id} is {state.name}",
        material_id=material_id,
        state=state.name,
    )
