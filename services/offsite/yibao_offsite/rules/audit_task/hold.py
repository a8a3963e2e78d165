"""Holds of audits (暂缓结算): no bill of a visit is settled until its task is closed."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold of a visit by a task; `lifter` and `lift_time` are empty and None while it stands."""

    hold_id: str
    task_id: str
    visit_id: str
    person_id: str
    reason: str
    placer: str
    place_time: dt.datetime
    lifter: str = ""
    lift_time: dt.datetime | None = None
    lift_reason: str = ""
    version: int = 1

    @property
    def stands(self) -> bool:
        """Whether bills of the visit are held."""
        return self.lift_time is None


def check_not_held(holds: Iterable[PlacedHold], visit_id: str) -> None:
    """Refuses a second hold of a visit by the same task. Raises RuleError AUDIT_HOLD_EXISTS."""
    for each in holds:
        if each.stands and each.visit_id == visit_id:
            raise RuleError(
                Reason.AUDIT_HOLD_EXISTS,
                f"visit {visit_id} is held by the task",
                hold_id=each.hold_id,
            )


def lifted(hold: PlacedHold, *, lifter: str, reason: str, now: dt.datetime) -> PlacedHold:
    """Returns a hold that stood, lifted.

    Raises:
        RuleError: AUDIT_HOLD_OF_OWN where its placer lifts it.
    """
    if is_same_operator(hold.placer, lifter):
        raise RuleError(
            Reason.AUDIT_HOLD_OF_OWN,
            f"hold {hold.hold_id} is not lifted by who placed it",
            hold_id=hold.hold_id,
        )
    return replace(hold, lifter=lifter, lift_time=now, lift_reason=reason, version=hold.version + 1)


def hold_not_found(hold_id: str) -> RuleError:
    """Returns the refusal for a hold that does not stand."""
    return RuleError(Reason.AUDIT_HOLD_NOT_FOUND, f"no hold {hold_id} stands", hold_id=hold_id)
