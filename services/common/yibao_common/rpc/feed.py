"""How a service tells its feed: who may read it, pages, and questions that wait for news."""

from typing import Protocol, TypeVar

from yibao_common.commands.feed import Bookmark, FeedPage
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

_DEFAULT_CHANGES = 1_000
_MOST_CHANGES = 5_000
# A call ends soon even so, for the drain of this process and the deadline of the caller.
_MOST_WAIT_MILLISECONDS = 2_000

ChangeT = TypeVar("ChangeT")


class FeedRequest(Protocol):
    """A message that asks for what follows a bookmark."""

    region: str
    after_sequence: int
    page_size: int
    epoch: str
    head_sequence: int
    head_mark: str
    wait_milliseconds: int


class Pages(Protocol[ChangeT]):
    """What has the feed of each region. Blocks."""

    def page(self, region: str, bookmark: Bookmark, *, limit: int) -> FeedPage[ChangeT]:
        """Returns at most `limit` changes that follow a bookmark, without a gap."""
        ...


def require_reader(*readers: str) -> None:
    """Raises OUT_OF_SCOPE for any caller but the services that a feed is for."""
    caller = current_caller()
    if caller.role is not Role.SERVICE or caller.id not in readers:
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the feed is for the {' and the '.join(readers)} service",
            scope=" ".join(f"service/{each}" for each in readers),
        )


async def answered_page(
    request: FeedRequest, pages: Pages[ChangeT], watch: FeedWatch
) -> FeedPage[ChangeT]:
    """Reads what changed after a sequence number, and waits for it where asked to."""
    page = await _page(request, pages, watch)
    is_empty = not page.changes and not page.starts_anew
    if request.wait_milliseconds and is_empty and page.epoch:
        wait_milliseconds = min(request.wait_milliseconds, _MOST_WAIT_MILLISECONDS)
        await watch.wait(
            request.region, beyond=page.head_sequence, seconds=wait_milliseconds / 1_000
        )
        page = await _page(request, pages, watch)
    return page


async def _page(request: FeedRequest, pages: Pages[ChangeT], watch: FeedWatch) -> FeedPage[ChangeT]:
    bookmark = Bookmark(
        request.epoch, request.after_sequence, request.head_sequence, request.head_mark
    )
    limit = min(request.page_size or _DEFAULT_CHANGES, _MOST_CHANGES)
    return await watch.pages.run(pages.page, request.region, bookmark, limit=limit)
