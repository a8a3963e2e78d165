"""Who reads: the caller of a request, and the person where it is one by an e-certificate."""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Protocol

from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.values.clock import Clock
from yibao_settlement.application.credential import Viewer, reads_by_certificate, viewer_of
from yibao_settlement.application.reading import Reads


class OwnRequest(Protocol):
    """A request that a holder may make of itself, or a channel for a holder."""

    region: str
    certificate_id: str


class Viewers:
    """Finds whose settlements callers may see, as long as there is news of persons."""

    def __init__(
        self,
        reads: Reads,
        blocking: Blocking,
        *,
        check_feed: Callable[[str, dt.datetime], None],
        clock: Clock,
    ) -> None:
        """Takes what reads, and what refuses by news of a region that are too old."""
        self._reads = reads
        self._blocking = blocking
        self._check_feed = check_feed
        self._clock = clock

    async def of(self, request: OwnRequest) -> Viewer:
        """Returns whose settlements the caller of a request may see; raises as `viewer_of`."""
        caller = current_caller()
        find = functools.partial(
            viewer_of,
            self._reads,
            request.region,
            caller,
            certificate_id=request.certificate_id,
            check_feed=self.check_feed,
        )
        # Of others nothing is read, and nobody waits for a thread.
        return await self._blocking.run(find) if reads_by_certificate(caller) else find()

    def check_feed(self, region: str) -> None:
        """Raises RuleError FEED_STALE where what is known of a region's persons is too old."""
        self._check_feed(region, self._clock())
