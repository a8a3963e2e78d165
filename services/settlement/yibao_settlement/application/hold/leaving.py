"""A hold that leaves: later bills are decided again without it (release and expiry)."""

from typing import NamedTuple

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.give import give_back
from yibao_settlement.application.hold.keeping import keep_hold
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.settlement.adjusting import Because, book_folded
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.naming import begun_fold
from yibao_settlement.application.settlement.reversing import free_bill
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.family import gone_back


class Left(NamedTuple):
    """A hold as it is once it left, and what becomes of the bills behind it."""

    hold: Hold
    folded: Folded


def fold_off(hold: Hold, working_set: WorkingSet) -> Folded:
    """Returns what becomes of later bills without a hold; nothing is changed yet.

    Raises RuleError READJUDICATION_FAILED where one cannot do without it.
    """
    fold = begun_fold(hold.record, working_set)
    fold.decide(working_set.later_bills(hold.record))
    return fold.result()


def book_off(left: Left, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    """Books that a hold left: windows, what it reserved and took, and what moved."""
    hold, folded = left
    working_set.keep(hold.holder_id, folded.changes)
    # It is HELD no more before the stay is looked at: its bill does not stand.
    keep_hold(hold, working_set)
    free_bill(hold.record, working_set)
    book_folded(folded, Because(Cause.RELEASE, hold.hold_id), request, working_set, ids)
    _give_back(hold, request, working_set, ids)


def _give_back(hold: Hold, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    """Gives relatives back what waited in the account; a year that ended has carried it over."""
    record, holder_id = hold.record, hold.holder_id
    if not record.family:
        return
    working_set.carry_over(holder_id, request, ids)
    give_back(
        *(record, gone_back(record.family, ()), request, working_set, ids),
        receiver_id=holder_id,
        is_carried=shanghai_day(record.settle_time).year < working_set.account_year,
    )
