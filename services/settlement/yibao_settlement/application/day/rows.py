"""What is read of the acts of a day."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.rules.day.act import DayAct, DayAmounts, DaySpan


class DaySum(NamedTuple):
    """What acts of an insurance type and a care type come to.

    `counts` are by kind of act, in their order; `funds` what each pays, by its type, and
    `family_fen` what of the accounts' part those of relatives do.
    """

    insurance_type: str
    care_type: str
    counts: tuple[int, int, int, int]
    amounts: DayAmounts
    funds: Mapping[str, int]
    family_fen: int = 0


class DayRows(Protocol):
    """Acts of institutions, as one snapshot of a region finds them."""

    def acts(
        self, institution_id: str, span: DaySpan, *, after: str, until: str, limit: int
    ) -> Sequence[DayAct]:
        """Returns at most `limit` acts by their request ids, then as they were done.

        Behind `after`, up to and with `until`; empty is from the first, and to the last.
        """
        ...

    def acts_of_settlements(
        self, institution_id: str, span: DaySpan, settlement_ids: Collection[str]
    ) -> Sequence[DayAct]:
        """Returns the acts that concern some settlements."""
        ...

    def sums(self, institution_id: str, span: DaySpan) -> Sequence[DaySum]:
        """Returns what all acts come to, by insurance type and care type."""
        ...

    def asked(
        self, institution_id: str, request_ids: Collection[str], before: dt.datetime
    ) -> Mapping[str, AskedRequest]:
        """Returns those of some requests that were answered before an instant, without answers.

        With what they did of the institution's settlements.
        """
        ...
