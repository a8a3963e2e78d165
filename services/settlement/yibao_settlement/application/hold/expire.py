"""Holds that run out, by the time that the batch took under its locks.

Expiry is a command of its own, before any other of the persons: it stands even where that
one is refused.
"""

from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.leaving import Left, book_off, fold_off
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.rules.hold import HoldState

EXPIRE_METHOD = "ExpireHold"
# Nobody asks for it.
_ITSELF = Caller(Role.SERVICE, "settlement", "service/settlement")


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """Ends those of a person's holds that ran out, and no more: its batch does so anyway."""

    request: Request
    person_id: str

    @classmethod
    def of(cls, region: str, person_id: str) -> "ExpireHolds":
        """Returns the command, which is no caller's, and whose answer nobody repeats."""
        return cls(Request.trial(_ITSELF, method=EXPIRE_METHOD, region=region), person_id)

    def needs(self) -> Needs:
        """Returns the person."""
        return Needs(person_ids=(self.person_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Does nothing more; see `Command`."""
        return b""


def expire_holds(working_set: WorkingSet, ids: Ids) -> None:
    """Ends the holds that ran out; one without which a later bill cannot be decided stays."""
    for hold in working_set.holds.run_out(working_set.now):
        _expire(working_set.holds.by_id[hold.hold_id], working_set, ids)


def _expire(hold: Hold, working_set: WorkingSet, ids: Ids) -> None:
    expired = hold._replace(
        state=HoldState.EXPIRED, end_time=hold.expire_time, ended_by=_ITSELF.path
    )
    try:
        folded = fold_off(hold, working_set)
    except RuleError:
        # Nothing changes; the sweeper tells of it.
        return
    # What it posts carries out what was asked when the bill was held: until then, no longer.
    request = Request(working_set.region, hold.record.request_id, b"", EXPIRE_METHOD, _ITSELF)
    book_off(Left(expired, folded), request, working_set, ids)
