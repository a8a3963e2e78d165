"""Regions in which bills are taken back from the newest on (`newest_first`)."""

from collections.abc import Iterable, Sequence

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.record import SettlementRecord

# A refusal is told in a header: of more bills than that the newest are named.
MOST_NAMED = 50


def check_newest_first(
    record: SettlementRecord,
    folded: Folded,
    later: Iterable[SettlementRecord],
    caller: Caller,
) -> None:
    """Raises LATER_SETTLEMENTS_EXIST where `later` bills would cost somebody else, or are held.

    It names to an institution its own, the newest first, and of others only how many there are;
    to an agency all, with their institutions and places. Later bills that stay as they are keep
    nobody from anything.
    """
    moved = bills_behind(folded, later)
    if not moved:
        return
    if caller.institution_id is None:
        raise _told_to_agency(moved)
    raise later_settlements_exist(record, moved)


def bills_behind(folded: Folded, later: Iterable[SettlementRecord]) -> list[SettlementRecord]:
    """Returns the later bills that would cost somebody else, and those that are held."""
    return [each for each, _ in folded.moved] + [each for each in later if each.is_held]


def later_settlements_exist(
    record: SettlementRecord, moved: Sequence[SettlementRecord]
) -> RuleError:
    """Returns the refusal to take back a bill before `moved` ones: the own ones by id."""
    newest = _newest_first(moved)
    own = [each.settlement_id for each in newest if each.institution_id == record.institution_id]
    elsewhere = len(moved) - len(own)
    return RuleError(
        Reason.LATER_SETTLEMENTS_EXIST,
        f"{len(own)} later bills of the institution and {elsewhere} elsewhere would cost "
        "somebody else or are held: take back the newest first",
        settlement_ids=",".join(own[:MOST_NAMED]),
        elsewhere_count=elsewhere,
    )


def _told_to_agency(moved: Sequence[SettlementRecord]) -> RuleError:
    named = _newest_first(moved)[:MOST_NAMED]
    return RuleError(
        Reason.LATER_SETTLEMENTS_EXIST,
        f"{len(moved)} later bills would cost somebody else or are held: take back the newest "
        "first, or propose an override that another operator confirms",
        settlement_ids=",".join(each.settlement_id for each in named),
        institution_ids=",".join(each.institution_id for each in named),
        places=",".join(each.place for each in named),
        later_count=len(moved),
    )


def _newest_first(moved: Sequence[SettlementRecord]) -> list[SettlementRecord]:
    return sorted(moved, key=lambda each: each.place, reverse=True)
