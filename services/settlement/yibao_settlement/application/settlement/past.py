"""How a settlement came to its amounts: what each adjustment moved between its two columns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.find import (
    SettlementName,
    find_settlement,
    settlement_named,
)
from yibao_settlement.application.settlement.record import Adjustment, Effective, SettlementRecord


class Gap(NamedTuple):
    """What the effective column has more than the counter's, in fen.

    The four amounts sum to zero: both columns come to the bill. `arrears_fen` are no part of
    it, and owed to the person beside.
    """

    funds_fen: int
    others_fen: int
    account_fen: int
    cash_fen: int
    arrears_fen: int

    @classmethod
    def of(cls, counter: Effective, effective: Effective) -> "Gap":
        """Returns what lies between two columns."""
        return cls(
            effective.fund_total_fen - counter.fund_total_fen,
            effective.other_total_fen - counter.other_total_fen,
            effective.account_fen - counter.account_fen,
            effective.cash_fen - counter.cash_fen,
            effective.borne.arrears_fen - counter.borne.arrears_fen,
        )

    @property
    def difference_fen(self) -> int:
        """What is owed to the person, negative where the person owes it."""
        return self.arrears_fen - self.cash_fen

    @property
    def due_fen(self) -> int:
        """What is owed to the account."""
        return -self.account_fen

    def less(self, other: "Gap") -> "Gap":
        """Returns by how much it grew since another one."""
        return Gap._make([now - before for now, before in zip(self, other, strict=True)])


class Moved(NamedTuple):
    """An adjustment that moved money, and by how much the gap between the columns grew."""

    adjustment: Adjustment
    change: Gap


class ToldAdjustment(NamedTuple):
    """An adjustment as a caller may learn of it.

    `cause_id` is None to an institution, and `cause_settlement_id` too where the cause is of
    no settlement.
    """

    adjustment: Adjustment
    change: Gap
    cause_id: str | None
    cause_settlement_id: str | None


def moved_by(told: Sequence[SettlementRecord], adjustments: Iterable[Adjustment]) -> list[Moved]:
    """Returns what each adjustment of a settlement moved; those that moved no money are none.

    `told` is the settlement as it was settled and as each refund left it.
    """
    found = []
    counters = {each.refunds[-1].refund_id: each.counter for each in told if each.refunds}
    counter = before = told[0].counter
    for adjustment in sorted(adjustments, key=lambda each: each.revision):
        was = Gap.of(counter, before)
        # The counter's column moves by the settlement's own refunds alone.
        counter = counters.get(adjustment.cause_id, counter)
        before = adjustment.effective
        if adjustment.posting_id is not None:
            found.append(Moved(adjustment, Gap.of(counter, before).less(was)))
    return found


def find_with_past(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> tuple[SettlementRecord, list[ToldAdjustment]]:
    """Returns a settlement as `find_settlement` does, with what moved of it, oldest first."""
    record = find_settlement(reads, region, settlement_id, caller)
    return record, adjustments_told(reads, record, caller)


def find_named_with_past(
    reads: Reads, region: str, name: SettlementName, viewer: Viewer
) -> tuple[SettlementRecord, list[ToldAdjustment]]:
    """Returns a settlement as `find_with_past` does; raises as `settlement_named` too."""
    return find_with_past(reads, region, settlement_named(reads, region, name, viewer), viewer)


def adjustments_told(
    reads: Reads, record: SettlementRecord, caller: Caller | Viewer
) -> list[ToldAdjustment]:
    """Returns what moved of a settlement that the caller may see, as far as it may learn of it."""
    if record.adjustment is None:
        return []
    told, adjustments = reads.told(record.region, record.settlement_id)
    # What came between two reads belongs to a later state than the one that is told.
    moved = [
        each for each in moved_by(told, adjustments) if each.adjustment.revision <= record.revision
    ]
    if caller.institution_id is not None:
        return [ToldAdjustment(each.adjustment, each.change, None, None) for each in moved]
    causes = _causes(reads, record, moved)
    return [
        ToldAdjustment(
            each.adjustment,
            each.change,
            each.adjustment.cause_id,
            causes.get(each.adjustment.cause_id),
        )
        for each in moved
    ]


def _causes(reads: Reads, record: SettlementRecord, moved: Iterable[Moved]) -> Mapping[str, str]:
    cause_ids = {each.adjustment.cause_id for each in moved}
    return reads.causes(record.region, record.person_id, cause_ids) if cause_ids else {}
