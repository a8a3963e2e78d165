"""Overrides: an agency takes back a bill although later ones stand behind it.

In a region of `newest_first` it needs a reason and two operators: one proposes and reads what
would move, another one confirms it.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class OverrideKind(enum.IntEnum):
    """How the bill is taken back; stored."""

    REVERSAL = 1
    REFUND = 2
    CORRECTION = 3


class OverrideState(enum.IntEnum):
    """The life of an override; stored."""

    PROPOSED = 1
    CARRIED_OUT = 2
    WITHDRAWN = 3


class OverrideSums(NamedTuple):
    """What an override comes to, which both operators read.

    How many later bills would cost somebody else, and how many are held; what the funds pay more
    for these; and what goes back of the bill, by a correction together with the one in its place.
    Amounts in fen.
    """

    adjusted_count: int
    held_count: int
    adjusted_fund_change_fen: int
    fund_total_fen: int
    other_total_fen: int
    account_fen: int
    cash_fen: int


class Override(NamedTuple):
    """That a bill is to be taken back before later ones.

    `told` is the whole of it as it was proposed and told, with what is returned or put in the
    bill's place. `taken_back_id` is the reversal or refund, None until it is carried out.
    """

    region: str
    override_id: str
    settlement_id: str
    kind: OverrideKind
    sums: OverrideSums
    told: bytes
    reason: str
    maker: str
    propose_time: dt.datetime
    state: OverrideState = OverrideState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None
    taken_back_id: str | None = None


def check_checker(override: Override, *, checker: str) -> None:
    """Raises OVERRIDE_STATE where it is carried out or withdrawn, SAME_MAKER_AND_CHECKER."""
    _check_open(override)
    if is_same_operator(checker, override.maker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who proposed an override cannot confirm it")


def check_sums(override: Override, *, now: OverrideSums, read: OverrideSums) -> None:
    """Raises OVERRIDE_STATE where it comes to other sums `now`, or the checker `read` others."""
    if not override.sums == now == read:
        raise override_state(override, "the override comes to other amounts than were read")


def carry_out(
    override: Override, *, checker: str, now: dt.datetime, taken_back_id: str
) -> Override:
    """Returns the override carried out; `check_checker` comes first."""
    assert override.state is OverrideState.PROPOSED, override.state
    return override._replace(
        state=OverrideState.CARRIED_OUT,
        checker=checker,
        close_time=now,
        taken_back_id=taken_back_id,
    )


def withdraw(override: Override, *, withdrawer: str, now: dt.datetime) -> Override:
    """Returns the override withdrawn; raises OVERRIDE_STATE where it is carried out or was so."""
    _check_open(override)
    return override._replace(state=OverrideState.WITHDRAWN, checker=withdrawer, close_time=now)


def _check_open(override: Override) -> None:
    if override.state is not OverrideState.PROPOSED:
        ended = "carried out" if override.state is OverrideState.CARRIED_OUT else "withdrawn"
        raise override_state(override, f"the override is {ended}")


def override_state(override: Override, message: str) -> RuleError:
    """Returns the refusal of an override that is not, or no more, what was read of it."""
    return RuleError(Reason.OVERRIDE_STATE, message, state=override.state.name)


def override_not_found(override_id: str) -> RuleError:
    """Returns the refusal for an override that there is not."""
    return RuleError(
        Reason.OVERRIDE_NOT_FOUND, f"no override {override_id}", override_id=override_id
    )


def nothing_to_override(settlement_id: str) -> RuleError:
    """Returns the refusal where the bill may be taken back without an override."""
    return RuleError(
        Reason.NOTHING_TO_OVERRIDE,
        f"nothing keeps settlement {settlement_id} from being taken back",
        settlement_id=settlement_id,
    )
