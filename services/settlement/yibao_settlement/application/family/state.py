"""What a batch knows and writes of relatives who pay for one another."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_settlement.rules.family import Giver


class FamilyPayment(NamedTuple):
    """What came from a giver's account for a bill of a receiver, or, negative, went back, in fen.

    `place` is the bill's among the receiver's, which those that take it over keep; `year` is
    the calendar year in which it was given: what goes back counts there. `giver_id` is who gave,
    `to_id` who holds that account by now, which a merge changes. `institution_id` is where.
    """

    posting_id: str
    giver_id: str
    receiver_id: str
    place: str
    to_id: str
    institution_id: str
    link_id: str
    relation: int
    amount_fen: int
    carried_fen: int
    year: int
    pay_time: dt.datetime


@dataclass(slots=True)
class Family:
    """Relatives of the batch's persons: nothing of those who agreed with nobody."""

    # Those who agreed, in the order in which they did, by receiver.
    givers: dict[str, Sequence[Giver]] = field(default_factory=dict)
    # What was paid of bills of the current year, less what came back: by receiver and giver, then
    # by the bill's place.
    paid_fen: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    payments: list[FamilyPayment] = field(default_factory=list)
    # What of the account's part relatives pay of acts at counters, by act; negative where it is
    # given back.
    of_acts: dict[str, int] = field(default_factory=dict)

    def note(self, payment: FamilyPayment, *, account_year: int) -> None:
        """Keeps a payment, and counts it where it is of the current year."""
        self.payments.append(payment)
        if payment.year == account_year:
            key = payment.receiver_id, payment.giver_id
            of_bills = self.paid_fen.setdefault(key, {})
            of_bills[payment.place] = of_bills.get(payment.place, 0) + payment.amount_fen


class MoreToLockError(Exception):
    """Accounts of others move, too: all are to be locked in order, before anything is read."""

    def __init__(self, person_ids: Collection[str]) -> None:
        """Takes whose they are."""
        super().__init__("accounts of relatives are to be locked")
        self.person_ids = frozenset(person_ids)
