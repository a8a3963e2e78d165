"""Regions in which an institution takes bills back from the newest on (`newest_first`)."""

from collections.abc import Iterable, Sequence

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.record import SettlementRecord


def check_newest_first(
    record: SettlementRecord,
    folded: Folded,
    later: Iterable[SettlementRecord],
    caller: Caller,
) -> None:
    """Raises LATER_SETTLEMENTS_EXIST where `later` bills would cost somebody else, or are held.

    It names the institution's own, the newest first, and of others only how many there are.
    Later bills that stay as they are keep nobody from anything, and an agency is not bound.
    """
    moved = [each for each, _ in folded.moved] + [each for each in later if each.is_held]
    if caller.institution_id is None or not moved:
        return
    raise later_settlements_exist(record, moved)


def later_settlements_exist(
    record: SettlementRecord, moved: Sequence[SettlementRecord]
) -> RuleError:
    """Returns the refusal to take back a bill before `moved` ones: the own ones by id."""
    newest = sorted(moved, key=lambda each: each.place, reverse=True)
    own = [each.settlement_id for each in newest if each.institution_id == record.institution_id]
    elsewhere = len(moved) - len(own)
    return RuleError(
        Reason.LATER_SETTLEMENTS_EXIST,
        f"{len(own)} later bills of the institution and {elsewhere} elsewhere would cost "
        "somebody else or are held: take back the newest first",
        settlement_ids=",".join(own),
        elsewhere_count=elsewhere,
    )
