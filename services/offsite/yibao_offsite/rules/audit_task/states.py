"""The life of an audit task: the one table of what may be done to it in which state."""

import enum
from collections.abc import Mapping

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class TaskState(enum.IntEnum):
    """Where a task is in its life, by its number in the contract."""

    OPENED = 1
    ASSIGNED = 2
    IN_PROGRESS = 3
    REPORTED = 4
    CLOSED = 5
    CANCELLED = 6


class TaskAct(enum.IntEnum):
    """What somebody does to a task, by its number in the contract."""

    OPEN = 1
    ASSIGN = 2
    BEGIN = 3
    REPORT = 4
    RETURN = 5
    CLOSE = 6
    CANCEL = 7
    FIND = 8
    ADD_EVIDENCE = 9
    HOLD = 10
    LIFT = 11
    ANSWER = 12


# The states in which a task is somebody's to go on with.
OPEN_STATES = (TaskState.OPENED, TaskState.ASSIGNED, TaskState.IN_PROGRESS, TaskState.REPORTED)

# What leads from one state to another. Nothing leads out of CLOSED and CANCELLED: what comes up
# later is another task. Only what nobody began is given up, so that no finding is.
_STEPS = {
    (TaskState.OPENED, TaskAct.ASSIGN): TaskState.ASSIGNED,
    (TaskState.ASSIGNED, TaskAct.ASSIGN): TaskState.ASSIGNED,
    (TaskState.IN_PROGRESS, TaskAct.ASSIGN): TaskState.ASSIGNED,
    (TaskState.ASSIGNED, TaskAct.BEGIN): TaskState.IN_PROGRESS,
    (TaskState.IN_PROGRESS, TaskAct.FIND): TaskState.IN_PROGRESS,
    (TaskState.IN_PROGRESS, TaskAct.ADD_EVIDENCE): TaskState.IN_PROGRESS,
    (TaskState.IN_PROGRESS, TaskAct.REPORT): TaskState.REPORTED,
    (TaskState.REPORTED, TaskAct.RETURN): TaskState.IN_PROGRESS,
    (TaskState.REPORTED, TaskAct.CLOSE): TaskState.CLOSED,
    (TaskState.OPENED, TaskAct.CANCEL): TaskState.CANCELLED,
    (TaskState.ASSIGNED, TaskAct.CANCEL): TaskState.CANCELLED,
}
# What may be done to a task that is open, wherever it stands, and leaves it there.
_BESIDE = (TaskAct.HOLD, TaskAct.LIFT, TaskAct.ANSWER)

TRANSITIONS: Mapping[tuple[TaskState, TaskAct], TaskState] = {
    **_STEPS,
    **{(state, act): state for act in _BESIDE for state in OPEN_STATES},
}


def state_after(state: TaskState, act: TaskAct, *, task_id: str) -> TaskState:
    """Returns where a task is after an act. Raises RuleError AUDIT_TASK_STATE."""
    after = TRANSITIONS.get((state, act))
    if after is None:
        raise RuleError(
            Reason.AUDIT_TASK_STATE,
            f"task {task_id} is {state.name}, which {act.name} does not go on from",
            task_id=task_id,
            state=state.name,
        )
    return after
