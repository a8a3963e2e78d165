"""Keeping holds in the batch, and in their persons' standings when the first one runs out."""

import datetime as dt

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.state import Hold


def keep_hold(hold: Hold, working_set: WorkingSet) -> None:
    """Keeps a hold as it is now, and notes when the first of its person's runs out."""
    holds = working_set.holds
    holds.put(hold)
    standing = working_set.standing(hold.holder_id)
    earliest = earliest_end(hold.holder_id, working_set)
    if standing.hold_expire_time != earliest:
        standing = standing._replace(hold_expire_time=earliest)
        working_set.standings[hold.holder_id] = standing
        holds.holder_ids.add(hold.holder_id)


def earliest_end(holder_id: str, working_set: WorkingSet) -> dt.datetime | None:
    """Returns when the first of a person's holds runs out, None where there is none."""
    ends = [each.expire_time for each in working_set.holds.of(holder_id)]
    return min(ends, default=None)
