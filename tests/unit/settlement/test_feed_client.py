"""Pulling from identity goes on, whatever fails."""

import asyncio
import datetime as dt
import io
import json

import grpc
import grpc.aio
from support.faulty_network import unused_port

from yibao.client import channel_options
from yibao.identity.v1 import person_service_pb2 as pb
from yibao.identity.v1 import person_service_pb2_grpc as rpc
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import TransientError
from yibao_settlement.application.feed import Applied, Feed, FeedAnswer, FeedPosition
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.servicer.feed.age import FeedAges
from yibao_settlement.servicer.feed.client import FeedClient


class FailingFeed(Feed):
    """A database that is away for some regions; counts who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def position(self, region: str) -> FeedPosition:
        self.asked.append(region)
        raise TransientError("the database is restarting")


def test_a_failing_database_neither_ends_the_pulling_nor_starves_another_region() -> None:
    feed, lines = FailingFeed(), io.StringIO()

    async def main() -> None:
        channel = grpc.aio.insecure_channel("127.0.0.1:1")
        log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
        metrics, regions = Metrics(), ("500112", "999019")
        client = FeedClient(
            channel,
            regions=regions,
            poll_seconds=0.001,
            feed=feed,
            ages=FeedAges(regions, most=dt.timedelta(hours=1), metrics=metrics, clock=system_clock),
            metrics=metrics,
            clock=system_clock,
            log=log,
        )
        client.start(Supervisor(asyncio.Event(), log=log))
        async with asyncio.timeout(10):
            while len(feed.asked) < 6:
                await asyncio.sleep(0.001)
        await client.close()
        await channel.close()

    asyncio.run(main())
    assert {"500112", "999019"} == set(feed.asked[:2])
    assert min(map(feed.asked.count, set(feed.asked))) >= 2
    # Each region is told of once, not at every poll.
    assert lines.getvalue().count("identity gives no news") == 2


class EmptyFeed(Feed):
    """A database that knows nothing; counts the answers."""

    def __init__(self) -> None:
        self.answers = 0

    def position(self, region: str) -> FeedPosition:
        return FeedPosition()

    def apply(self, region: str, asked: FeedPosition, answer: FeedAnswer) -> Applied:
        self.answers += 1
        return Applied(asked)


class UndecidedFeed(EmptyFeed):
    """A database in which a merge leaves the bills of both as they were."""

    def apply(self, region: str, asked: FeedPosition, answer: FeedAnswer) -> Applied:
        super().apply(region, asked, answer)
        undecided = (UndecidedMerge("retired", "survivor", "bill"),) if self.answers == 1 else ()
        return Applied(asked, undecided=undecided)


class NoNews(rpc.PersonServiceServicer):
    async def ListEnrolmentChanges(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        return pb.ListEnrolmentChangesResponse()


def test_the_first_question_waits_for_identity_to_start() -> None:
    assert told_while_identity_starts(EmptyFeed()) == ""


def test_a_merge_whose_bills_were_not_decided_is_told() -> None:
    (line,) = told_while_identity_starts(UndecidedFeed()).splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("bills of a merge were not decided", "error")
    names = ("region", "person_id", "settlement_id")
    assert [told[name] for name in names] == ["500112", "survivor", "bill"]


def told_while_identity_starts(feed: EmptyFeed) -> str:
    """Returns what is logged until a question was answered."""
    lines = io.StringIO()

    async def main() -> None:
        address = f"127.0.0.1:{unused_port()}"
        channel = grpc.aio.insecure_channel(address, options=channel_options())
        log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
        metrics, regions = Metrics(), ("500112",)
        client = FeedClient(
            channel,
            regions=regions,
            # A question that failed would not be asked again in this test.
            poll_seconds=3_600,
            feed=feed,
            ages=FeedAges(regions, most=dt.timedelta(hours=1), metrics=metrics, clock=system_clock),
            metrics=metrics,
            clock=system_clock,
            log=log,
        )
        client.start(Supervisor(asyncio.Event(), log=log))
        await asyncio.sleep(0.5)
        server = grpc.aio.server()
        servicer = NoNews()  # type: ignore[abstract]  # one method is served
        rpc.add_PersonServiceServicer_to_server(servicer, server)
        server.add_insecure_port(address)
        await server.start()
        async with asyncio.timeout(10):
            while not feed.answers:
                await asyncio.sleep(0.005)
        await client.close()
        await channel.close()
        await server.stop(None)

    asyncio.run(main())
    return lines.getvalue()
