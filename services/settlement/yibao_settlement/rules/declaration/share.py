"""What each payer owes for a declared month: the identity of clearing.

Paid = declared - deducted - offset of a prepayment - deposit, of each payer by itself
(act_dfr_amt = fund_appy_sum - det_sumamt - dpst_sumamt).
"""

from typing import NamedTuple

from yibao_common.values.money import PPM
from yibao_settlement.rules.ledger import fund_account

# A deposit is at most so much of what is to be paid (2025 procedure, art. 26).
DEPOSIT_RATIO_MAX_PPM = 50_000
# All personal accounts together, as sums of months have them.
PERSONS = "person:"


class Share(NamedTuple):
    """A payer's part of a declaration, in fen; `declared_fen` is negative where more went back."""

    account_id: str
    declared_fen: int
    deducted_fen: int = 0
    offset_fen: int = 0
    deposit_fen: int = 0

    @property
    def payable_fen(self) -> int:
        """What is paid of it."""
        return self.declared_fen - self.deducted_fen - self.offset_fen - self.deposit_fen

    def with_deposit(self, *, ratio_ppm: int) -> "Share":
        """Returns it with the deposit that is withheld of a fund's part."""
        if not self.account_id.startswith(fund_account("")):
            return self
        base_fen = self.declared_fen - self.deducted_fen
        return self._replace(deposit_fen=deposit_of(base_fen, ratio_ppm=ratio_ppm))


def deposit_of(base_fen: int, *, ratio_ppm: int) -> int:
    """Returns `ratio_ppm` of what is to be paid, rounded down to a fen: never above the limit.

    Nothing of what is not positive.
    """
    return max(base_fen, 0) * ratio_ppm // PPM
