"""The feed of a region: which registrations and holds changed, and what stands when it is read.

`yibao_common.commands.feed` has what feeds have in common. A change says that something changed;
what stands is read with it, so a reader that reads the feed anew is never told of what was over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.feed import Bookmark, FeedHead, FeedPage
from yibao_common.commands.transactions import Transactions
from yibao_offsite.rules.feed import AuditHold, RegisteredCare

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A row of the feed: that a registration or a hold changed, and nothing else."""

    sequence: int
    registration_id: str | None
    hold_id: str | None


@dataclass(frozen=True, slots=True)
class OffsiteChange:
    """An entry of the region's feed: that something changed, and what stands now."""

    sequence: int
    subject: RegisteredCare | AuditHold


class FeedRows(Protocol):
    """The feed of a region and what it tells of, as one transaction reads them."""

    def head(self) -> FeedHead | None:
        """Returns the end of the feed, or None where the region has none yet."""
        ...

    def begin(self) -> None:
        """Begins the feed of the region with an epoch of its own, unless there is one."""
        ...

    def mark(self, sequence: int) -> str:
        """Returns what tells the change of this number from any other one; empty for none."""
        ...

    def after(self, sequence: int, *, limit: int) -> Sequence[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        ...

    def registrations(self, registration_ids: Collection[str]) -> Mapping[str, RegisteredCare]:
        """Returns what was told last of registrations, by their ids."""
        ...

    def holds(self, hold_ids: Collection[str]) -> Mapping[str, AuditHold]:
        """Returns what was told last of holds, by their ids."""
        ...


class Feed:
    """What settlement follows. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def begin(self, region: str) -> None:
        """Begins the feed of a region, unless there is one: an epoch is told from the start."""
        self._transactions.change(region, lambda work: work.feed_rows.begin())

    def head_sequence(self, region: str) -> int:
        """Returns the number of the newest change, 0 before the first."""
        head = self._transactions.look(region, lambda work: work.feed_rows.head())
        return 0 if head is None else head.sequence

    def page(self, region: str, bookmark: Bookmark, *, limit: int) -> FeedPage[OffsiteChange]:
        """Returns at most `limit` changes that follow a bookmark, without a gap.

        The feed of a region that has none yet begins with the first question.
        """
        with self._transactions.read(region) as work:
            rows = work.feed_rows
            head = rows.head()
            if head is not None:
                return _page(rows, head, bookmark, limit=limit)
        self.begin(region)
        return self.page(region, bookmark, limit=limit)


def _page(
    rows: FeedRows, head: FeedHead, bookmark: Bookmark, *, limit: int
) -> FeedPage[OffsiteChange]:
    end = (head.epoch, head.sequence, rows.mark(head.sequence))
    if not bookmark.is_of(head, mark_at=rows.mark):
        return FeedPage((), *end, starts_anew=True)
    entries = rows.after(bookmark.sequence, limit=limit)
    registrations = rows.registrations({each.registration_id or "" for each in entries} - {""})
    holds = rows.holds({each.hold_id or "" for each in entries} - {""})
    changes = (
        OffsiteChange(
            each.sequence,
            holds[each.hold_id] if each.hold_id else registrations[each.registration_id or ""],
        )
        for each in entries
    )
    return FeedPage(tuple(changes), *end)
