"""What an act that takes a bill back comes to, whichever of the three it is."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from yibao_settlement.application.settlement.correct import CorrectionDone
from yibao_settlement.application.settlement.folded import Folded, Reversal
from yibao_settlement.application.settlement.moved import each_moved
from yibao_settlement.application.settlement.newest_first import bills_behind
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refund import RefundDone
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.override import OverrideKind, OverrideSums

Done: TypeAlias = Reversal | RefundDone | CorrectionDone


class LaterBill(NamedTuple):
    """A later bill that would cost somebody else, or is held; what the funds pay more, in fen."""

    record: SettlementRecord
    fund_change_fen: int


class Outcome(NamedTuple):
    """What was tried of an act: the bill, what goes back of it, and the bills behind it.

    `taken_back_id` is the reversal or refund that it would be.
    """

    kind: OverrideKind
    record: SettlementRecord
    back: GivenBack
    later: tuple[LaterBill, ...]
    taken_back_id: str

    @property
    def sums(self) -> OverrideSums:
        """What both operators read of it."""
        held = sum(each.record.is_held for each in self.later)
        return OverrideSums(
            len(self.later) - held,
            held,
            sum(each.fund_change_fen for each in self.later),
            *self.back,
        )


def outcome_of(done: Done, later: Sequence[SettlementRecord]) -> Outcome:
    """Returns what an act comes to; `later` are all of the person's bills behind, in no order."""
    match done:
        case RefundDone():
            kind, record, back = OverrideKind.REFUND, done.before, done.refund.given_back
            taken_back_id = done.refund.refund_id
        case Reversal():
            kind, record, back = OverrideKind.REVERSAL, done.settlement, _all_of(done.settlement)
            taken_back_id = done.reversal_id
        case _:
            kind, record, back = (
                OverrideKind.CORRECTION,
                done.reversal.settlement,
                done.amounts.back,
            )
            taken_back_id = done.reversal.reversal_id
    return Outcome(kind, record, back, _later(done.folded, later), taken_back_id)


def _all_of(record: SettlementRecord) -> GivenBack:
    others_fen = 0 if record.benefit is None else record.benefit.other_total_fen
    return GivenBack(record.fund_total_fen, others_fen, record.account_fen, record.cash_fen)


def _later(folded: Folded, later: Sequence[SettlementRecord]) -> tuple[LaterBill, ...]:
    """Returns the bills that keep others from taking an earlier one back, the newest first."""
    changes = {
        moved.record.settlement_id: moved.fund_change_fen for moved in each_moved(folded.moved)
    }
    behind = sorted(bills_behind(folded, later), key=lambda each: each.place, reverse=True)
    return tuple([LaterBill(each, changes.get(each.settlement_id, 0)) for each in behind])
