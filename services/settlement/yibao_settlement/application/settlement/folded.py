"""What becomes of a person's bills when one of them leaves or costs less."""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.ledger import Entry


class Folded(NamedTuple):
    """What becomes of a person's later bills and windows when one of the bills leaves.

    `changes` are to years and windows; `revised` are the settlements whose effective column
    is another by now, as they were, each with the new one, in the order of their places.
    """

    changes: Mapping[KeptPlace, Mapping[str, int]]
    revised: tuple[tuple[SettlementRecord, Effective], ...] = ()

    @property
    def moved(self) -> list[tuple[SettlementRecord, Effective]]:
        """Those of `revised` that cost somebody else by now.

        Of others windows alone differ, and of held bills nothing is booked yet.
        """
        return [
            (record, effective)
            for record, effective in self.revised
            if not record.is_held and not effective.costs_as(record.effective)
        ]


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
