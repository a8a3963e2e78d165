"""Listing settlements: which of them, in which order, from where on."""

import datetime as dt
from typing import NamedTuple

from yibao_settlement.application.settlement.record import Adjustment


class Place(NamedTuple):
    """A settlement's place in lists: they go from the one settled last to the first."""

    settle_time: dt.datetime
    settlement_id: str


class Wish(NamedTuple):
    """Which settlements are listed; what is None limits nothing.

    Instants are the first one included and the first one left out.
    """

    institution_id: str | None = None
    settled_since: dt.datetime | None = None
    settled_before: dt.datetime | None = None
    service_date: dt.date | None = None
    visit_id: str | None = None
    person_id: str | None = None
    bill_number: str | None = None
    is_reversed: bool | None = None


class SettlementSummary(NamedTuple):
    """A settlement in a list; amounts in fen, `reversal_id` is None while it stands.

    `adjustment` tells what it costs whom by now, where that is somebody else than the counter
    showed.
    """

    settlement_id: str
    visit_id: str
    bill_number: str
    person_id: str
    institution_id: str
    insurance_type: str
    service_date: dt.date
    settle_time: dt.datetime
    total_fen: int
    fund_total_fen: int
    account_fen: int
    cash_fen: int
    reversal_id: str | None
    reverse_time: dt.datetime | None
    adjustment: Adjustment | None = None

    @property
    def place(self) -> Place:
        """Its place in lists."""
        return Place(self.settle_time, self.settlement_id)
