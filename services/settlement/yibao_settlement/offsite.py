"""The running parts by which settlement follows offsite, if its configuration names one."""

import asyncio
import contextlib

import grpc

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.rpc.peer_certificate import tell_of_peer
from yibao_common.values.clock import Clock
from yibao_settlement.application.elsewhere.feed import OffsiteFeed
from yibao_settlement.application.work import Work
from yibao_settlement.config import SettlementConfig
from yibao_settlement.deemed_telling import deemed_telling, record_at
from yibao_settlement.servicer.elsewhere.feed_client import (
    OffsiteAges,
    OffsiteFollower,
    VerifyHold,
    offsite_follower,
)

_SERVICE = "settlement"
# How long the start waits for offsite; without it bills settle by what was known.
_FIRST_NEWS_SECONDS = 2.0


class Offsite:
    """What follows offsite; made inside the event loop. Without a configuration it does nothing."""

    def __init__(
        self,
        config: SettlementConfig,
        transactions: Transactions[Work],
        *,
        verify_hold: VerifyHold,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes what verifies holds; nothing runs before `start`."""
        self._own = config.server
        self._regions = config.offsite.regions if config.offsite else ()
        self._metrics, self._clock, self._log = metrics, clock, log
        self._channel: grpc.aio.Channel | None = None
        self._follower: OffsiteFollower | None = None
        followed = config.offsite
        if followed is None:
            self.ages = OffsiteAges(
                (), most=config.identity.max_feed_age, metrics=metrics, clock=clock
            )
            return
        most = followed.max_feed_age
        self.ages = OffsiteAges(followed.regions, most=most, metrics=metrics, clock=clock)
        self._peer = Peer(followed.address, followed.server_name, followed.use_environment_proxy)
        self._channel = open_aio_channel(self._peer, own=self._own, service=_SERVICE, log=log)
        self._follower = offsite_follower(
            self._channel,
            followed,
            OffsiteFeed(transactions),
            self.ages,
            verify_hold=verify_hold,
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts to follow.

        Raises:
            StartError: a thread cannot be made.
        """
        if self._follower is not None:
            self._follower.start(supervisor)

    def telling(self, database: Database, blocking: Blocking) -> tuple[BackgroundTask, ...]:
        """Returns the task that tells offsite of emergencies; none where it is not configured."""
        if self._channel is None:
            return ()
        return (
            deemed_telling(
                database,
                record_at(self._channel),
                blocking,
                regions=self._regions,
                metrics=self._metrics,
                clock=self._clock,
                log=self._log,
            ),
        )

    async def first_news(self, blocking: Blocking) -> None:
        """Waits for what offsite has, but not for long: by what was known it is settled too."""
        if self._follower is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_NEWS_SECONDS):
                await tell_of_peer(self._peer, own=self._own, by=blocking, log=self._log)
                await self._follower.first_round()

    async def close(self) -> None:
        """Stops to follow."""
        if self._follower is not None:
            await self._follower.close()
        if self._channel is not None:
            await self._channel.close()
