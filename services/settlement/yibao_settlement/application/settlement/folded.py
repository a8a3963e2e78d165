"""What becomes of a person's bills when one of them leaves or costs less."""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.application.settlement.corrected import Billed, CorrectionAmounts
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.review import Review


class Folded(NamedTuple):
    """What becomes of a person's later bills and windows when one of the bills leaves.

    `changes` are to years and windows; `revised` are the settlements whose effective column
    is another by now, as they were, each with the new one, in the order of their places;
    `restated` are those that were settled anew for it instead.
    """

    changes: Mapping[KeptPlace, Mapping[str, int]]
    revised: tuple[tuple[SettlementRecord, Effective], ...] = ()
    restated: "tuple[Restated, ...]" = ()

    @property
    def is_nothing(self) -> bool:
        """Whether everything stays as it is."""
        return not self.changes and not self.revised

    @property
    def moved(self) -> list[tuple[SettlementRecord, Effective]]:
        """Those of `revised` of which a fund, a bearer, the account or the person pays other sums.

        Of others windows alone differ, or which step of a fund pays; of held bills nothing is
        booked yet.
        """
        return [
            (record, effective)
            for record, effective in self.revised
            if not record.is_held and not effective.is_borne_as(record.effective)
        ]

    @property
    def leaves_debt(self) -> bool:
        """Whether the person would owe more for the later bills that moved."""
        return sum([_owed_fen(now) - _owed_fen(each.effective) for each, now in self.moved]) > 0

    @property
    def restated_cash_fen(self) -> int:
        """What the counter asks for bills that are restated; what it gives back is negative."""
        return -sum([each.amounts.back.cash_fen for each in self.restated])


class Reversal(NamedTuple):
    """A settlement with its reversal, as just booked; amounts in fen."""

    settlement: SettlementRecord
    entries: tuple[Entry, ...]
    balance_after_fen: int
    carried_after_fen: int
    folded: Folded

    @property
    def reversal_id(self) -> str:
        """The id of the reversal."""
        assert self.settlement.reversal is not None, self.settlement.settlement_id
        return self.settlement.reversal.reversal_id


class Restated(NamedTuple):
    """A bill that was reversed and settled anew at its place, for what it costs by now.

    `review` is the case that waited of it, as one of the new settlement.
    """

    reversal: Reversal
    settlement: SettlementRecord
    review: Review | None

    @property
    def amounts(self) -> CorrectionAmounts:
        """What the counter gives back and what it asks for."""
        return exchanged(self.reversal.settlement, self.settlement)


def exchanged(old: SettlementRecord, new: SettlementRecord) -> CorrectionAmounts:
    """Returns what goes back of a settlement, and what the one in its place costs."""
    return CorrectionAmounts(GivenBack(*_parts(old)), Billed(*_parts(new)))


def _parts(record: SettlementRecord) -> tuple[int, int, int, int]:
    others_fen = 0 if record.benefit is None else record.benefit.other_total_fen
    return record.fund_total_fen, others_fen, record.account_fen, record.cash_fen


def _owed_fen(effective: Effective) -> int:
    """Returns what a bill leaves the person to pay, less what is owed for bills before it."""
    borne = effective.borne
    return borne.cash_fen - borne.arrears_fen
