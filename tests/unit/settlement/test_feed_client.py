"""Pulling from identity goes on, whatever fails."""

import asyncio
import io
from collections.abc import Sequence

import grpc
import grpc.aio

from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import TransientError
from yibao_settlement.application.feed import EnrolmentChange, Feed
from yibao_settlement.servicer.feed import FeedClient


class FailingFeed(Feed):
    """A database that is away for some regions; counts who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def position(self, region: str) -> int:
        self.asked.append(region)
        raise TransientError("the database is restarting")

    def apply(self, region: str, changes: Sequence[EnrolmentChange]) -> None:
        raise AssertionError("nothing was pulled")


def test_a_failing_database_neither_ends_the_pulling_nor_starves_another_region() -> None:
    feed, lines = FailingFeed(), io.StringIO()

    async def main() -> None:
        channel = grpc.aio.insecure_channel("127.0.0.1:1")
        blocking = Blocking(1)
        log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
        client = FeedClient(
            channel,
            regions=("500112", "999019"),
            poll_seconds=0.001,
            feed=feed,
            blocking=blocking,
            metrics=Metrics(),
            clock=system_clock,
            log=log,
        )
        client.start(Supervisor(asyncio.Event(), log=log))
        async with asyncio.timeout(10):
            while len(feed.asked) < 6:
                await asyncio.sleep(0.001)
        await client.close()
        await channel.close()
        blocking.close()

    asyncio.run(main())
    assert feed.asked[:4] == ["500112", "999019", "500112", "999019"]
    # Each region is told of once, not at every poll.
    assert lines.getvalue().count("identity gives no news") == 2
