"""Rechecks (复查, O-06): the person is called again to see the effect of a treatment elsewhere."""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason


class RecheckState(enum.IntEnum):
    """Where a recheck is in its life, by its number in the contract."""

    CALLED = 1
    EFFECTIVE = 2
    DOUBTFUL = 3
    ABSENT = 4
    CALLED_OFF = 5


# What may come of a recheck, and nothing else; whoever is to be seen after that is called anew.
OUTCOMES: Mapping[RecheckState, tuple[RecheckState, ...]] = {
    RecheckState.CALLED: (
        RecheckState.EFFECTIVE,
        RecheckState.DOUBTFUL,
        RecheckState.ABSENT,
        RecheckState.CALLED_OFF,
    ),
}


@dataclass(frozen=True, slots=True)
class Recheck:
    """A person who is called by a day; `closed_by` and `close_time` are None while it waits."""

    region: str
    recheck_id: str
    evaluation_id: str
    person_id: str
    state: RecheckState
    due_date: dt.date
    reason: str = field(repr=False)
    called_by: str
    call_time: dt.datetime
    findings: str = field(default="", repr=False)
    closed_by: str | None = None
    close_time: dt.datetime | None = None


def close_recheck(
    recheck: Recheck, outcome: RecheckState, *, findings: str, by: str, now: dt.datetime
) -> Recheck:
    """Returns a recheck with what came of it.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE for an outcome that is none, RECHECK_STATE.
    """
    if outcome is RecheckState.CALLED:
        refuse_faults([FieldFault("outcome", Reason.FIELD_OUT_OF_RANGE, "is no outcome")])
    if outcome not in OUTCOMES.get(recheck.state, ()):
        raise RuleError(
            Reason.RECHECK_STATE,
            f"recheck {recheck.recheck_id} is {recheck.state.name}",
            recheck_id=recheck.recheck_id,
            state=recheck.state.name,
        )
    return replace(recheck, state=outcome, findings=findings, closed_by=by, close_time=now)


def recheck_not_found(recheck_id: str) -> RuleError:
    """Returns the refusal of a recheck that is not there."""
    return RuleError(
        Reason.RECHECK_NOT_FOUND, f"there is no recheck {recheck_id}", recheck_id=recheck_id
    )
