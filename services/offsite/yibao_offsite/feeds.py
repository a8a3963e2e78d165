"""What the service follows and what it tells: the feed of persons, and that of registrations."""

import asyncio
import contextlib
from collections.abc import Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from yibao.offsite.v1 import offsite_feed_service_pb2_grpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.readiness import Readiness
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.rpc.feed_ages import FeedAges
from yibao_common.rpc.news import News
from yibao_common.rpc.peer_certificate import tell_of_peer
from yibao_common.rpc.server_info import Known
from yibao_common.values.clock import Clock
from yibao_offsite.application.feed import Feed
from yibao_offsite.application.following import Following, OnPersons
from yibao_offsite.application.work import Work
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.servicer.feed.changes import AttestHold, OffsiteFeedServicer
from yibao_offsite.servicer.following.client import person_ages, person_follower
from yibao_offsite.servicer.following.news import calls_await
from yibao_offsite.storage.following import follow, unfollow

# How long the start waits for identity; without it persons are checked by what was known.
_FIRST_NEWS_SECONDS = 2.0
_SERVICE = "offsite"


class Feeds:
    """The running parts of both feeds; made inside the event loop."""

    def __init__(
        self,
        config: OffsiteConfig,
        transactions: Transactions[Work],
        *,
        on_persons: OnPersons,
        attest_hold: AttestHold,
        database: Database,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes what follows from what is told of persons; nothing runs before `start`."""
        self._config = config
        self._log = log
        feed = Feed(transactions)
        self._watch = FeedWatch(feed, metrics=metrics, clock=clock, log=log)
        self._servicer = OffsiteFeedServicer(feed, self._watch, attest_hold=attest_hold)
        self.ages: FeedAges | None = None
        followed = config.identity
        self._follow(database, followed.regions if followed else ())
        self._news: News | None = None
        if followed is None:
            return
        self._peer = Peer(followed.address, followed.server_name, followed.use_environment_proxy)
        self._channel = open_aio_channel(self._peer, own=config.server, service=_SERVICE, log=log)
        self.ages = person_ages(followed, metrics=metrics, clock=clock)
        self._follower = person_follower(
            self._channel,
            followed,
            Following(transactions, on_persons=on_persons),
            self.ages,
            metrics=metrics,
            clock=clock,
            log=log,
        )
        self._news = News(regions=followed.regions, ask=self._follower.refresh)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose persons are followed."""
        return self._config.regions

    @property
    def known(self) -> Known | None:
        """How old what is known of their persons is, None where nobody is followed."""
        return None if self.ages is None else Known(self.ages.state)

    @property
    def channel(self) -> grpc.aio.Channel | None:
        """The channel to identity, None where nobody is followed; closed by `close`."""
        return None if self.ages is None else self._channel

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicer of the feed."""
        offsite_feed_service_pb2_grpc.add_OffsiteFeedServiceServicer_to_server(
            self._servicer, server
        )

    def behind_gate(
        self, services: Sequence[ServiceDescriptor]
    ) -> tuple[grpc.aio.ServerInterceptor, ...]:
        """Returns what has calls wait for news of persons, where they are followed."""
        return () if self._news is None else (calls_await(self._news, services),)

    def require(self, readiness: Readiness) -> None:
        """Has the service ready only once persons are known, where they are followed."""
        if self.ages is not None:
            readiness.require("feed", self.ages.problem)

    def start(self, supervisor: Supervisor) -> None:
        """Starts to follow, and to look for what those wait for who follow.

        Raises:
            StartError: a thread cannot be made.
        """
        self._watch.start(supervisor)
        if self.ages is not None:
            self._follower.start(supervisor)

    async def first_news(self, blocking: Blocking) -> None:
        """Waits for what identity has, but not for long."""
        if self.ages is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_NEWS_SECONDS):
                await tell_of_peer(self._peer, own=self._config.server, by=blocking, log=self._log)
                await self._follower.first_round()

    def release(self) -> None:
        """Lets every call go that waits for news: the process is about to drain."""
        self._watch.release()

    async def close(self) -> None:
        """Stops to follow and to look."""
        await self._watch.close()
        if self._news is not None:
            await self._news.close()
        if self.ages is not None:
            await self._follower.close()
            await self._channel.close()

    def _follow(self, database: Database, followed: tuple[str, ...]) -> None:
        with database.write() as connection:
            regions = unfollow(connection, but=followed)
            follow(connection, followed)
        if regions:
            self._log.warning("persons are not followed any more", regions=", ".join(regions))
        if not followed:
            self._log.warning("persons are not checked")
