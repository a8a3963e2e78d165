"""How what clears an institution's months is posted: in the open month, behind the fence."""

import datetime as dt
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.batch.changes import Posting
from yibao_settlement.rules.ledger import Entry, PostingKind
from yibao_settlement.rules.period.month import month_of

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class Poster:
    """Makes the postings of a transaction that holds a lock already, and so has begun to write."""

    def __init__(self, work: "Work", *, clock: Clock, ids: Ids) -> None:
        """Reads the fence: who reads an older one is waited for."""
        fence = work.merges.posting_fence()
        self.now: dt.datetime = fence.time(clock())
        self._ids = IdsAbove(ids, fence.posting_id)

    def posting(self, request: Request, kind: PostingKind, entries: tuple[Entry, ...]) -> Posting:
        """Returns a posting of the open month."""
        return Posting(
            self._ids(), kind, entries, request.request_id, request.caller.path, month_of(self.now)
        )


def refers_to(posting: Posting, month: int) -> Posting:
    """Returns a posting that refers to the month of what it changes, where it is another one."""
    return posting if posting.month == month else posting._replace(original_month=month)
