"""Starts the settlement service: configuration, database, engine, server, in this order."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence

import grpc

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.sandbox import open_sandbox_clock, start_sandbox_clock
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.db.failures import database_problem, database_told
from yibao_common.db.opening import open_database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.program import run_program
from yibao_common.process.readiness import Readiness
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc import sandbox
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.rpc.news import News as AskedNews
from yibao_common.rpc.own_certificate import check_client_identity
from yibao_common.rpc.peer_certificate import tell_of_peer
from yibao_common.rpc.refusals import Refusals
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.server import Server
from yibao_common.rpc.trust_client import TrustClient
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_settlement.access import ACCESS
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.feed import Feed
from yibao_settlement.application.report.find import Reports
from yibao_settlement.application.work import Work
from yibao_settlement.batches import make_batcher
from yibao_settlement.config import SettlementConfig
from yibao_settlement.housekeeping import background_tasks, refusal_counting
from yibao_settlement.offsite import Offsite
from yibao_settlement.servicer.change.watch import ChangeWatch, WatchLimits
from yibao_settlement.servicer.feed.age import FeedAges
from yibao_settlement.servicer.feed.client import FeedClient
from yibao_settlement.servicer.news import News, calls_await
from yibao_settlement.servicer.trust.ahead import SignerAhead
from yibao_settlement.servicer.trust.holder import TrustHolder
from yibao_settlement.servicers import DESCRIPTORS, Servicers
from yibao_settlement.serving import SERVICE, Serving
from yibao_settlement.storage import tables
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.work import UNIT
from yibao_settlement.trust_opening import open_trust_store, trust_problem

# How long the start waits for identity; without it settlement serves by what it knew.
_FIRST_NEWS_SECONDS = 5.0

# What settles, what reads, and the threads of calls that block.
Engine = tuple[Batcher[Command, bytes], StoredReads, Blocking]


class SettlementService:
    """The running parts of the settlement service."""

    def __init__(
        self,
        config: SettlementConfig,
        *,
        log: Log,
        clock: Clock = system_clock,
        database_clock: Clock | None = None,
        ids: Ids = new_id,
    ) -> None:
        """Reads the pinned root and opens the database.

        `database_clock` stands for the database's, by which bills are settled and held.

        Raises:
            StartError: identity would not know this service by its certificate, the root
                cannot be used, or the database is not reached or its schema not current.
        """
        check_client_identity(config.server, service=SERVICE)
        self._config = config
        self._log = log
        self._clock = clock
        self._database_clock = database_clock
        self._ids = ids
        named = config.identity
        self._identity = Peer(named.address, named.server_name, named.use_environment_proxy)
        self._trust_store = open_trust_store(config)
        self.database = open_database(config, package="yibao_settlement", metadata=tables.metadata)
        # Who closes a month or a year waits for seconds: nobody who reads waits behind them.
        self._closing = Blocking(1, name="closing", party_of=current_party)

    async def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> None:
        """Serves until `stop` is set, then finishes what runs; `started` gets the port."""
        supervisor, metrics = Supervisor(stop, log=self._log), Metrics()
        reference = ReferenceCache(*self._config.terms, regions=self._config.identity.regions)
        blocking = Blocking(party_of=current_party)
        reads = StoredReads(self.database, reference, clock=self._database_clock)
        ages = self._make_feed_ages(metrics)
        trust = TrustHolder(self._trust_store, check_feed=ages.check)
        batcher = self._make_batcher(reference, metrics)
        engine = (batcher, reads, blocking)
        channel = self._open_channel_to_identity()
        transactions: Transactions[Work] = StoredTransactions(
            self.database, answers=tables.answer, unit=UNIT, clock=self._clock
        )
        # What merges move is booked, and by the clock that everything else is booked by.
        feed = Feed(transactions, clock=reads.now, ids=self._ids)
        feed_client = self._make_feed_client(channel, feed, ages, metrics)
        offsite = self._make_offsite(transactions, trust, metrics)
        trust_client = self._make_trust_client(channel, blocking, metrics)
        asked = AskedNews(regions=self._config.identity.regions, ask=feed_client.refresh)
        changes = self._make_change_watch(reads, metrics)
        refusals = Refusals(self._config.identity.regions, clock=self._clock)
        keeping = self._make_keeping(engine, transactions, metrics)
        counting, count_refusals = self._make_counting(transactions, refusals, engine, metrics)
        keeping += (counting, *offsite.telling(self.database, blocking))
        server = self._make_server(
            metrics,
            supervisor,
            refusals,
            self._make_readiness(ages),
            self._serving(engine, transactions).servicers(
                ages=ages,
                offsite_ages=offsite.ages,
                trust=trust,
                news=News(batcher.submit, asked),
                changes=changes,
                metrics=metrics,
                trust_store=self._trust_store,
            ),
            asked,
            problem=lambda: trust_problem(self._trust_store, self._clock()) or ages.problem(),
        )
        for each in (blocking, self._closing, batcher, feed_client, offsite, trust_client, changes):
            each.start(supervisor)
        for task in keeping:
            task.start(supervisor)
        try:
            told = tell_of_peer(self._identity, own=self._config.server, by=blocking, log=self._log)
            first_news = (_first_news(trust_client, feed_client), offsite.first_news(blocking))
            await asyncio.gather(*first_news, told)
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            await _drain(server, changes, keeping, count_refusals)
            for needed in (trust_client, asked, offsite, feed_client, channel, batcher):
                await needed.close()
            self._close(blocking)
        supervisor.raise_if_dead()

    def _make_offsite(
        self, transactions: Transactions[Work], trust: TrustHolder, metrics: Metrics
    ) -> Offsite:
        tell_ahead = SignerAhead(clock=self._clock, log=self._log)
        return Offsite(
            self._config,
            transactions,
            verify_hold=lambda region, hold, attestation: trust.problem_of_hold(
                *(region, hold, attestation), at=self._clock(), tell_ahead=tell_ahead
            ),
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )

    def _close(self, blocking: Blocking) -> None:
        self._closing.close()
        blocking.close()
        self.database.close()

    def _make_keeping(
        self, engine: Engine, transactions: Transactions[Work], metrics: Metrics
    ) -> tuple[BackgroundTask, ...]:
        return background_tasks(
            self._config,
            self.database,
            engine,
            transactions,
            self._trust_store,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )

    def _serving(
        self,
        engine: Engine,
        transactions: Transactions[Work],
    ) -> Serving:
        return Serving(
            self._config,
            engine,
            transactions,
            database=self.database,
            closing=self._closing,
            clock=self._clock,
            ids=self._ids,
            log=self._log,
        )

    def _open_channel_to_identity(self) -> grpc.aio.Channel:
        own = self._config.server
        return open_aio_channel(self._identity, own=own, service=SERVICE, log=self._log)

    def _make_counting(
        self,
        transactions: Transactions[Work],
        refusals: Refusals,
        engine: Engine,
        metrics: Metrics,
    ) -> tuple[BackgroundTask, Callable[[], Awaitable[None]]]:
        _, reads, blocking = engine
        reports = Reports(transactions, clock=reads.now)
        return refusal_counting(
            reports, refusals, blocking, metrics=metrics, clock=self._clock, log=self._log
        )

    def _make_batcher(self, reference: ReferenceCache, metrics: Metrics) -> Batcher[Command, bytes]:
        return make_batcher(
            self.database,
            reference,
            self._config,
            clock=self._database_clock,
            ids=self._ids,
            metrics=metrics,
            log=self._log,
        )

    def _make_change_watch(self, reads: StoredReads, metrics: Metrics) -> ChangeWatch:
        said = self._config.changes
        return ChangeWatch(
            reads,
            writing_for_seconds=self.database.writing_for_seconds,
            limits=WatchLimits(
                said.most_streams, said.most_streams_of_party, said.heartbeat_seconds
            ),
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )

    def _make_readiness(self, ages: FeedAges) -> Readiness:
        readiness = Readiness()
        readiness.require("database", lambda: database_problem(self.database))
        readiness.require("trust", lambda: trust_problem(self._trust_store, self._clock()))
        readiness.require("feed", ages.problem)
        return readiness

    def _make_feed_ages(self, metrics: Metrics) -> FeedAges:
        identity = self._config.identity
        most = identity.max_feed_age
        return FeedAges(identity.regions, most=most, metrics=metrics, clock=self._clock)

    def _make_feed_client(
        self,
        channel: grpc.aio.Channel,
        feed: Feed,
        ages: FeedAges,
        metrics: Metrics,
    ) -> FeedClient:
        identity = self._config.identity
        return FeedClient(
            channel,
            regions=identity.regions,
            poll_seconds=identity.poll_seconds,
            feed=feed,
            ages=ages,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )

    def _make_trust_client(
        self, channel: grpc.aio.Channel, blocking: Blocking, metrics: Metrics
    ) -> TrustClient:
        return TrustClient(
            channel,
            self._trust_store,
            seconds=self._config.identity.trust_seconds,
            blocking=blocking,
            metrics=metrics,
            clock=self._clock,
            log=self._log,
        )

    def _make_server(
        self,
        metrics: Metrics,
        supervisor: Supervisor,
        refusals: Refusals,
        readiness: Readiness,
        servicers: Servicers,
        asked: AskedNews,
        *,
        problem: Callable[[], str],
    ) -> Server:
        start_sandbox_clock(self._clock, supervisor)
        return Server(
            self._config.server,
            service_name=SERVICE,
            register=functools.partial(self._register, servicers, problem=problem),
            descriptors=sandbox.served(DESCRIPTORS, self._clock),
            access=ACCESS,
            log=self._log,
            metrics=metrics,
            problems=supervisor.problems,
            watch=supervisor.watch,
            readiness=readiness,
            refusals=refusals,
            clock=self._clock,
            ids=self._ids,
            behind_gate=(*refusals_behind_gate(self._config), calls_await(asked)),
        )

    def _register(
        self, servicers: Servicers, server: grpc.aio.Server, *, problem: Callable[[], str]
    ) -> None:
        servicers.register(server)
        sandbox.register(server, self._clock, problem=problem)


async def _drain(
    server: Server,
    changes: ChangeWatch,
    keeping: Sequence[BackgroundTask],
    count_refusals: Callable[[], Awaitable[None]],
) -> None:
    """Lets calls end first, then what they wait for; what that needs is closed afterwards."""
    changes.release()
    await server.drain()
    await changes.close()
    for task in keeping:
        await task.close()
    await _last_time(count_refusals)


async def _last_time(store: Callable[[], Awaitable[None]]) -> None:
    """Stores what was counted since, where the database still takes it."""
    with contextlib.suppress(Exception):
        await store()


async def _first_news(trust_client: TrustClient, feed_client: FeedClient) -> None:
    """Waits for what identity has: who is told that this serves finds trust and news here."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_NEWS_SECONDS):
            await trust_client.first_round()
            await feed_client.first_round()


def _make(config: SettlementConfig, log: Log) -> SettlementService:
    clock = open_sandbox_clock(config)
    # Also what fails once it is open, while parts are made that look into it.
    with database_told(config.database.url):
        if clock is None:
            return SettlementService(config, log=log)
        return SettlementService(config, log=log, clock=clock, database_clock=clock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    return run_program(
        arguments,
        service=SERVICE,
        description=__doc__,
        config_type=SettlementConfig,
        make=_make,
    )


if __name__ == "__main__":
    raise SystemExit(main())
