"""Credits of personal accounts: each names its business key and takes effect once per key (T-33).

A key is of a person, an insurance type and a source: the month of an allocation, the bank's
number of a recharge, the number of a transfer. A credit that names none has the id of its
request as its key, which takes effect once as every request does.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.enrolment import Enrolment, paying_on

# The sources of credits, as the ledger names them.
ALLOCATION, RECHARGE, TRANSFER = "allocation", "recharge", "transfer"


class CreditState(enum.IntEnum):
    """Where a credit is in its life; stored with it."""

    # A second person is to confirm it.
    WAITING = 1
    BOOKED = 2
    # It never took effect, and its key is free again.
    REJECTED = 3
    # All of it was taken back, and its key is free again.
    TAKEN_BACK = 4


class CreditKey(NamedTuple):
    """By what a credit takes effect once; `insurance_type` is empty where none was told."""

    person_id: str
    insurance_type: str
    source: str
    business_key: str


class Credit(NamedTuple):
    """Money that comes into a personal account, in fen.

    It is this year's but for `is_carried`. `order_id` is what a second person confirms,
    `posting_id` what booked it; `taken_back_fen` is what corrections took back of it.
    """

    region: str
    credit_id: str
    person_id: str
    insurance_type: str
    source: str
    business_key: str
    amount_fen: int
    is_carried: bool
    state: CreditState
    order_id: str | None
    posting_id: str | None
    taken_back_fen: int
    credit_time: dt.datetime

    @property
    def key(self) -> CreditKey:
        """By what it takes effect once."""
        return CreditKey(self.person_id, self.insurance_type, self.source, self.business_key)

    @property
    def holds_key(self) -> bool:
        """Whether no other credit may have its key."""
        return self.state in (CreditState.WAITING, CreditState.BOOKED)

    @property
    def left_fen(self) -> int:
        """What corrections can still take back."""
        return self.amount_fen - self.taken_back_fen if self.state is CreditState.BOOKED else 0

    def taken_back(self, amount_fen: int) -> "Credit":
        """Returns the credit with some of it, or the rest, taken back."""
        assert 0 < amount_fen <= self.left_fen, self.credit_id
        taken_fen = self.taken_back_fen + amount_fen
        is_whole = taken_fen == self.amount_fen
        state = CreditState.TAKEN_BACK if is_whole else self.state
        return self._replace(taken_back_fen=taken_fen, state=state)


def check_repeats(known: Credit, *, amount_fen: int, is_carried: bool) -> None:
    """Checks that who credits under a key that was used says the same again.

    Raises RuleError CREDIT_KEY_USED, which names both, where it does not.
    """
    if (known.amount_fen, known.is_carried) != (amount_fen, is_carried):
        raise RuleError(
            Reason.CREDIT_KEY_USED,
            f"{known.source} {known.business_key} credited {known.amount_fen} fen before, "
            f"not {amount_fen}",
            credit_id=known.credit_id,
            business_key=known.business_key,
            credited_fen=str(known.amount_fen),
            amount_fen=str(amount_fen),
        )


def credit_not_found(credit_id: str) -> RuleError:
    """Returns the refusal for a credit that there is not."""
    return RuleError(Reason.CREDIT_NOT_FOUND, f"no credit {credit_id}", credit_id=credit_id)


def account_closed(person_id: str) -> RuleError:
    """Returns the refusal for an account that was paid out or moved to another region."""
    return RuleError(
        Reason.ACCOUNT_CLOSED,
        f"the account of person {person_id} is closed",
        person_id=person_id,
    )


def is_insured_anew(
    enrolments: Sequence[Enrolment],
    leaves: Iterable[tuple[dt.datetime, bool]],
    *,
    now: dt.datetime,
) -> bool:
    """Tells whether a person is insured again since the account was left each time.

    `leaves` are when, and whether by a pay-out: nobody was insured then who was alive. Who moved
    away may still have been, so that a period counts that began later.
    """
    today = shanghai_day(now)
    return all(
        paying_on(
            [each for each in enrolments if is_paid_out or each.start_date > shanghai_day(left)],
            today,
        )
        is not None
        for left, is_paid_out in leaves
    )


def drawn(available: Purses, amount_fen: int, *, carried_first: bool) -> Purses:
    """Returns what is taken out of each purse for `amount_fen`, or all that is there.

    `available` is what holds do not reserve; less than nothing of a purse counts as nothing.
    """
    purses = Purses(max(available.current_year_fen, 0), max(available.carried_fen, 0))
    amount_fen = min(amount_fen, purses.balance_fen)
    if carried_first:
        carried_fen = min(purses.carried_fen, amount_fen)
    else:
        carried_fen = max(amount_fen - purses.current_year_fen, 0)
    return Purses(amount_fen - carried_fen, carried_fen)


def met_of(owed: Iterable[tuple[str, int]], amount_fen: int) -> list[tuple[str, int]]:
    """Returns what of receivables, by account in fen, some money meets, in their order."""
    met = []
    for account_id, owed_fen in owed:
        fen = min(owed_fen, amount_fen)
        if fen > 0:
            met.append((account_id, fen))
            amount_fen -= fen
    return met
