"""That a settlement was corrected: which took its place, and what the counter has to show."""

from typing import NamedTuple

from yibao_settlement.application.settlement.refunded import GivenBack


class Correction(NamedTuple):
    """That a settlement took the place of another one of the same bill.

    When, why and by whom it was done stands with the reversal of `corrected_id`. What the
    account and its earlier years' money held after both are in fen.
    """

    settlement_id: str
    corrected_id: str
    balance_after_fen: int
    carried_after_fen: int


class Billed(NamedTuple):
    """What a corrected bill costs whom, in fen.

    `others` are bearers, the hospital itself and who had paid already.
    """

    fund_total_fen: int
    other_total_fen: int
    account_fen: int
    cash_fen: int


class CorrectionAmounts(NamedTuple):
    """What goes back of the bill as it stood, and what the corrected one costs."""

    returned: GivenBack
    billed: Billed

    @property
    def back(self) -> GivenBack:
        """What goes back by both together; a part that is to be paid is negative."""
        return GivenBack(
            *(old - new for old, new in zip(self.returned, self.billed, strict=True)),
        )
