"""Finding a hold that the caller may see."""

from yibao_common.values.caller import Caller
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.hold import HoldState, hold_not_found


def own_hold(hold: Hold | None, hold_id: str, caller: Caller) -> Hold:
    """Returns a hold of the caller's institution, or any where it is an agency.

    Raises RuleError HOLD_NOT_FOUND.
    """
    if hold is None or caller.institution_id not in (None, hold.record.institution_id):
        raise hold_not_found(hold_id)
    return hold


def find_hold(reads: Reads, region: str, hold_id: str, caller: Caller) -> Hold:
    """Returns a hold as it is now: one whose time is over has ended, whoever noted it.

    Raises RuleError HOLD_NOT_FOUND.
    """
    hold = own_hold(reads.hold(region, hold_id), hold_id, caller)
    if hold.state is HoldState.HELD and hold.has_run_out(reads.now()):
        return hold._replace(state=HoldState.EXPIRED, end_time=hold.expire_time)
    return hold
