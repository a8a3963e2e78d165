"""Repairs: a person's bills that order went wrong for come to cost what they should.

One operator proposes a repair and reads what it would move; another one confirms it.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class RepairState(enum.IntEnum):
    """The life of a repair; stored."""

    PROPOSED = 1
    CARRIED_OUT = 2
    WITHDRAWN = 3


class Repair(NamedTuple):
    """That all bills of a person are to be decided again in their order, from the first one.

    `bill_count` tells how many of them come to cost somebody else; amounts, in fen, are what
    the funds pay more, and what is owed more to the person and to the account.
    """

    region: str
    repair_id: str
    person_id: str
    first_settlement_id: str
    bill_count: int
    fund_change_fen: int
    difference_fen: int
    due_fen: int
    reason: str
    maker: str
    propose_time: dt.datetime
    state: RepairState = RepairState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None

    @property
    def sums(self) -> tuple[int, int, int, int]:
        """What it moves."""
        return self.bill_count, self.fund_change_fen, self.difference_fen, self.due_fen


def check_checker(repair: Repair, *, checker: str) -> None:
    """Raises REPAIR_STATE where it is carried out or withdrawn, SAME_MAKER_AND_CHECKER."""
    _check_open(repair)
    if is_same_operator(checker, repair.maker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who proposed a repair cannot confirm it")


def carry_out(repair: Repair, *, checker: str, now: dt.datetime) -> Repair:
    """Returns the repair carried out; `check_checker` comes first."""
    assert repair.state is RepairState.PROPOSED, repair.state
    return repair._replace(state=RepairState.CARRIED_OUT, checker=checker, close_time=now)


def withdraw(repair: Repair, *, withdrawer: str, now: dt.datetime) -> Repair:
    """Returns the repair withdrawn; raises REPAIR_STATE where it is carried out or was so."""
    _check_open(repair)
    return repair._replace(state=RepairState.WITHDRAWN, checker=withdrawer, close_time=now)


def _check_open(repair: Repair) -> None:
    if repair.state is not RepairState.PROPOSED:
        ended = "carried out" if repair.state is RepairState.CARRIED_OUT else "withdrawn"
        raise repair_state(repair, f"the repair is {ended}")


def repair_state(repair: Repair, message: str) -> RuleError:
    """Returns the refusal of a repair that is not, or no more, what was read of it."""
    return RuleError(Reason.REPAIR_STATE, message, state=repair.state.name)


def repair_not_found(repair_id: str) -> RuleError:
    """Returns the refusal for a repair that there is not."""
    return RuleError(Reason.REPAIR_NOT_FOUND, f"no repair {repair_id}", repair_id=repair_id)


def nothing_to_repair(person_id: str) -> RuleError:
    """Returns the refusal where every bill costs what it should, and windows hold what they do."""
    return RuleError(
        Reason.NOTHING_TO_REPAIR,
        f"the bills of person {person_id} cost what they should",
        person_id=person_id,
    )
