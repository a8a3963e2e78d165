"""Moving a personal account to another region (个人账户转移), as 医保办发〔2021〕43号 has it.

The region that the person leaves requests it, records the account out, and pays the money; the one
that the person comes to books it in. Both know it by one number, by which each end takes effect
once. What is on its way stands in an account of the ledger of its own, so that the sum over both
regions never changes. The region that is left acts within 10 working days, the other one within 5;
what takes longer is stuck, and seen. Nobody keeps the public holidays here: working days are those
from Monday to Friday.
"""

import datetime as dt
import enum
from collections.abc import Iterable
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.credit.posting import out_of
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.ledger import Entry, balanced, payment_account, transfer_account

# Working days until the region that is left has paid, and the other one has booked it in.
DAYS_OUT, DAYS_IN = 10, 5
_DAY = dt.timedelta(days=1)
_SATURDAY = 5
# psn_type: who is retired, with the classes below it.
_RETIRED = "12"


class Direction(enum.IntEnum):
    """Which end of a transfer a region is; stored with it."""

    OUT = 1
    IN = 2


class TransferState(enum.IntEnum):
    """Where a transfer is; stored with it. An incoming one is IN or not there."""

    REQUESTED = 1
    RECORD_OUT = 2
    MONEY_OUT = 3
    IN = 4
    CANCELLED = 5


class Transfer(NamedTuple):
    """One end of a transfer: `other_region` is the other one, `transfer_number` is of both.

    `amount_fen` is None until the account is recorded out. `checker` recorded it out; `credit_id`
    is of the end that it comes to.
    """

    region: str
    transfer_id: str
    direction: Direction
    person_id: str
    other_region: str
    transfer_number: str
    state: TransferState
    reason: str
    maker: str
    request_time: dt.datetime
    amount_fen: int | None = None
    checker: str | None = None
    record_time: dt.datetime | None = None
    posting_id: str | None = None
    payment_reference: str | None = None
    pay_time: dt.datetime | None = None
    payment_posting_id: str | None = None
    close_time: dt.datetime | None = None
    credit_id: str | None = None

    def is_stuck(self, now: dt.datetime) -> bool:
        """Tells whether it is behind the working days that it has."""
        if self.direction is Direction.IN:
            return False
        if self.state is TransferState.MONEY_OUT:
            assert self.pay_time is not None, self.transfer_id
            return working_days(self.pay_time, now) > DAYS_IN
        is_open = self.state in (TransferState.REQUESTED, TransferState.RECORD_OUT)
        return is_open and working_days(self.request_time, now) > DAYS_OUT


def working_days(since: dt.datetime, now: dt.datetime) -> int:
    """Returns how many days from Monday to Friday lie behind the day of `since`, today's too."""
    day, last, count = shanghai_day(since), shanghai_day(now), 0
    whole_weeks = max((last - day).days, 0) // 7
    count = whole_weeks * 5
    day += whole_weeks * 7 * _DAY
    while day < last:
        day += _DAY
        count += day.weekday() < _SATURDAY
    return count


def check_other_region(region: str, other_region: str) -> None:
    """Raises RuleError FIELD_OUT_OF_RANGE for a move from a region to itself."""
    if other_region == region:
        fault = "a move to or from the region itself is none"
        refuse_faults([FieldFault("other_region", Reason.FIELD_OUT_OF_RANGE, fault)])


def check_step(transfer: Transfer, state: TransferState, *, amount_fen: int | None = None) -> None:
    """Raises TRANSFER_STATE where a transfer is in another state, or is of another amount."""
    is_amount = amount_fen is None or amount_fen == transfer.amount_fen
    if transfer.direction is not Direction.OUT or transfer.state is not state or not is_amount:
        raise transfer_state(transfer)


def check_checker(transfer: Transfer, *, checker: str) -> None:
    """Raises SAME_MAKER_AND_CHECKER where who requested a transfer records it out."""
    if is_same_operator(transfer.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who requested a transfer cannot record it out"
        )


def transfer_state(transfer: Transfer) -> RuleError:
    """Returns the refusal of a step that a transfer does not take now."""
    return RuleError(
        Reason.TRANSFER_STATE,
        f"transfer {transfer.transfer_number} is {transfer.state.name}",
        transfer_id=transfer.transfer_id,
        state=transfer.state.name,
        amount_fen=str(transfer.amount_fen or 0),
    )


def nothing_to_move(payable_fen: int) -> RuleError:
    """Returns the refusal where an account holds nothing to move, or another amount."""
    return RuleError(
        Reason.TRANSFER_STATE,
        f"{payable_fen} fen of the account can be moved",
        amount_fen=str(payable_fen),
    )


def check_not_retired(person_id: str, enrolments: Iterable[Enrolment]) -> None:
    """Raises TRANSFER_STATE for somebody whose newest period is of a class of the retired."""
    newest = max(enrolments, key=lambda each: each.start_date, default=None)
    if newest is not None and newest.person_class.startswith(_RETIRED):
        raise RuleError(
            Reason.TRANSFER_STATE,
            "who is retired keeps the insurance where it is",
            person_id=person_id,
        )


def transfer_not_found(transfer_id: str) -> RuleError:
    """Returns the refusal for a transfer that there is not."""
    return RuleError(
        Reason.TRANSFER_NOT_FOUND, f"no transfer {transfer_id}", transfer_id=transfer_id
    )


def transferred_entries(taken: Purses, *, person_id: str, transfer_id: str) -> tuple[Entry, ...]:
    """Returns the entries by which what an account holds is on its way."""
    moved = Entry(transfer_account(transfer_id), taken.balance_fen)
    return balanced([*out_of(taken, person_id), moved])


def paid_entries(amount_fen: int, *, transfer_id: str) -> tuple[Entry, ...]:
    """Returns the entries by which the bank pays the other region."""
    return balanced(
        [
            Entry(transfer_account(transfer_id), -amount_fen),
            Entry(payment_account(transfer_id), amount_fen),
        ]
    )


def incoming_key(from_region: str, transfer_number: str) -> str:
    """Returns by which business key a transfer is credited once where it comes to."""
    return f"{from_region}/{transfer_number}"
