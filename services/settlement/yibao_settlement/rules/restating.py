"""What becomes of an institution's own later bills that would leave the person in debt.

A bill that leaves or costs less may have the person bear more of later ones. Where all of these
are the institution's own, it may ask for it at the counter instead of the agency later.
"""

import enum
import types
from collections.abc import Mapping

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class OwnDebts(enum.Enum):
    """What a region says of them, by the words of its configuration."""

    # It lies between the funds and the person, as of bills elsewhere.
    DIFFERENCE = "difference"
    # They are corrected to what they cost by now, and the counter asks for what is missing.
    RESTATE = "restate"
    # Nothing is taken back before them.
    REFUSE = "refuse"


# By region; none says anything.
NO_OWN_DEBTS: Mapping[str, OwnDebts] = types.MappingProxyType({})


def check_restated_cash(restated_cash_fen: int, *, count: int, expected_fen: int | None) -> None:
    """Refuses that `count` bills are restated where the caller expects other cash to be asked for.

    Raises RuleError AMOUNTS_NOT_CONFIRMED where bills are and the caller said nothing, so that a
    program that knows of none leaves no counter short; AMOUNTS_NOT_AS_EXPECTED.
    """
    message = f"{restated_cash_fen} fen in cash are asked for later bills"
    if expected_fen is None and count:
        # The same as for sums of the bill itself, with another one.
        unconfirmed = Reason.AMOUNTS_NOT_CONFIRMED
        raise RuleError(unconfirmed, message, restated_cash_fen=restated_cash_fen)
    if expected_fen is not None and expected_fen != restated_cash_fen:
        raise RuleError(
            Reason.AMOUNTS_NOT_AS_EXPECTED, message, restated_cash_fen=restated_cash_fen
        )
