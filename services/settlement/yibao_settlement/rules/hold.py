"""Holds (预结算占用): a bill that stands at its place, reserved and not booked yet."""

import datetime as dt
import enum
from collections.abc import Collection, Iterable
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account import Purses

MOST_HOLDS = 8
LONGEST = dt.timedelta(hours=24)


class HoldState(enum.IntEnum):
    """Where a hold is in its life."""

    HELD = 1
    CONFIRMED = 2
    RELEASED = 3
    EXPIRED = 4


class Reserved(NamedTuple):
    """What a hold reserves of an account, in fen, and since when.

    `carried_fen` is what of `account_fen` was of earlier years' money then.
    """

    account_fen: int
    carried_fen: int
    hold_time: dt.datetime


def expire_time_of(now: dt.datetime, valid_for: dt.timedelta, *, account_fen: int) -> dt.datetime:
    """Returns from when on a hold of `now` cannot be confirmed any more.

    One whose account pays ends with the calendar year: after that the money it reserved is of
    another purse.
    """
    until = now + min(valid_for, LONGEST)
    if account_fen:
        next_year = dt.date(shanghai_day(now).year + 1, 1, 1)
        until = min(until, shanghai_midnight(next_year))
    return until


def unreserved(purses: Purses, reserved: Iterable[Reserved], *, year: int) -> Purses:
    """Returns what the purses hold beside what holds reserve, in a calendar year.

    What a hold of a year before reserves is by then of earlier years' money.
    """
    for each in reserved:
        is_old = shanghai_day(each.hold_time).year < year
        carried_fen = each.account_fen if is_old else each.carried_fen
        purses = Purses(
            purses.current_year_fen - (each.account_fen - carried_fen),
            purses.carried_fen - carried_fen,
        )
    return purses


def check_room(expire_times: Collection[dt.datetime]) -> None:
    """Raises HOLDS_TOO_MANY where a person's holds, which run out then, leave no room."""
    if len(expire_times) >= MOST_HOLDS:
        raise RuleError(
            Reason.HOLDS_TOO_MANY,
            f"the person has {len(expire_times)} holds",
            limit=str(MOST_HOLDS),
            earliest_expire_time=min(expire_times).isoformat(),
        )


def hold_not_found(hold_id: str) -> RuleError:
    """Returns the refusal for a hold that the caller cannot see."""
    return RuleError(Reason.HOLD_NOT_FOUND, f"no hold {hold_id}", hold_id=hold_id)


def hold_expired(hold_id: str, expire_time: dt.datetime) -> RuleError:
    """Returns the refusal for a hold that ran out."""
    until = expire_time.isoformat()
    return RuleError(
        Reason.HOLD_EXPIRED, f"hold {hold_id} ran out", hold_id=hold_id, expire_time=until
    )


def hold_released(hold_id: str) -> RuleError:
    """Returns the refusal for a hold that was released."""
    return RuleError(Reason.HOLD_RELEASED, f"hold {hold_id} was released", hold_id=hold_id)


def released_before(request_id: str) -> RuleError:
    """Returns the refusal to hold what was released before it came, or to release it again."""
    return RuleError(
        Reason.HOLD_RELEASED,
        f"what request {request_id} holds was released before it came",
        hold_request_id=request_id,
    )


def reused(request_id: str) -> RuleError:
    """Returns the refusal of a request that held a bill, and whose answer is no longer kept."""
    return RuleError(
        Reason.REQUEST_ID_REUSED,
        f"request_id {request_id} has held a bill",
        request_id=request_id,
    )


def hold_confirmed(hold_id: str, settlement_id: str) -> RuleError:
    """Returns the refusal for a hold that is settled."""
    return RuleError(
        Reason.HOLD_CONFIRMED,
        f"hold {hold_id} is settled",
        hold_id=hold_id,
        settlement_id=settlement_id,
    )
