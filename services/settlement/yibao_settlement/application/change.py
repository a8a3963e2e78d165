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

    Instants are the first one included and the first one left out. `only_by_others` leaves out
    what institutions did themselves.
    """

    institution_id: str | None
    changed_since: dt.datetime
    changed_before: dt.datetime
    only_by_others: bool = False


class Change(NamedTuple):
    """That amounts of a settlement changed.

    `revision` is how often its amounts had been told by then; `cause` is None but for what
    ADJUSTED it. `is_by_other` tells that no institution asked for it.
    """

    place: ChangePlace
    revision: int
    is_reversed: bool
    cause: Cause | None
    visit_id: str
    bill_number: str
    institution_id: str
    is_by_other: bool = False


def told_before(now: dt.datetime, *, writing_for: dt.timedelta = dt.timedelta()) -> dt.datetime:
    """Returns before which instant all changes can be told.

    `writing_for` is for how long the oldest transaction has been under way that writes: a
    change of it may bear the time of its begin.
    """
    return now - TOLD_AFTER - writing_for
