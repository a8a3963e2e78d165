"""Listing what changed amounts of settlements: which changes, in which order, from where on."""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_settlement.rules.difference import Cause

# A change bears the time at which its batch began, and is seen when that is committed. None is
# told that young, so that whoever follows leaves none out that was being written.
TOLD_AFTER = dt.timedelta(minutes=1)


class ChangeKind(enum.IntEnum):
    """What changed amounts of a settlement, by the numbers of the contract."""

    SETTLED = 1
    REVERSED = 2
    REFUNDED = 3
    ADJUSTED = 4


class ChangePlace(NamedTuple):
    """A change's place in lists: they go from the oldest one on.

    `number` tells changes of a kind and a time apart: which refund, or which revision.
    """

    change_time: dt.datetime
    kind: ChangeKind
    settlement_id: str
    number: int


class ChangeWish(NamedTuple):
    """Which changes are listed: of an institution's settlements, or of all where it is None.

    Instants are the first one included and the first one left out.
    """

    institution_id: str | None
    changed_since: dt.datetime
    changed_before: dt.datetime


class Change(NamedTuple):
    """That amounts of a settlement changed.

    `revision` is how often its amounts had been told by then; `cause` is None but for what
    ADJUSTED it.
    """

    place: ChangePlace
    revision: int
    is_reversed: bool
    cause: Cause | None
    visit_id: str
    bill_number: str
    institution_id: str


def told_before(now: dt.datetime) -> dt.datetime:
    """Returns before which instant all changes can be told."""
    return now - TOLD_AFTER
