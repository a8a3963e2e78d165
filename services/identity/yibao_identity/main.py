"""Starts the identity service: configuration, keys, database, engine, server, in this order."""

import asyncio
import datetime as dt
from collections.abc import Sequence

import grpc

from yibao.common.v1 import server_service_pb2_grpc
from yibao.identity.v1 import (
    card_service_pb2,
    card_service_pb2_grpc,
    certificate_service_pb2,
    certificate_service_pb2_grpc,
    person_service_pb2,
    person_service_pb2_grpc,
    supervision_service_pb2,
    supervision_service_pb2_grpc,
    trust_service_pb2,
    trust_service_pb2_grpc,
)
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.commands.sandbox import open_sandbox_clock, start_sandbox_clock
from yibao_common.db.failures import database_problem, database_told
from yibao_common.db.opening import open_database
from yibao_common.db.pruning import answer_pruning
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.key_store import KeyStore
from yibao_common.keys.opening import open_key_store
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.program import run_program
from yibao_common.process.readiness import Readiness
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc import sandbox, server_info
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.server import Server
from yibao_common.rpc.server_info import ServerInfoServicer
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_identity.access import ACCESS
from yibao_identity.application.feed import Feed
from yibao_identity.application.supervision import Supervision
from yibao_identity.application.trust.publish import PublishError, TrustPublisher
from yibao_identity.application.trust.reading import TrustReader
from yibao_identity.card_parts import CardParts
from yibao_identity.certificate_parts import CertificateParts
from yibao_identity.config import IdentityConfig
from yibao_identity.housekeeping import trust_keeping
from yibao_identity.keys import KeyEndedError, KeyRing, open_vault
from yibao_identity.person_parts import move_numbers, person_servicer
from yibao_identity.rules.trust.published import HARD_AGE
from yibao_identity.secret_files import require_secrets
from yibao_identity.servicer.supervision import SupervisionServicer
from yibao_identity.servicer.trust import TrustServicer
from yibao_identity.storage import tables
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_identity.storage.work import unit_of_work

DESCRIPTORS = (
    person_service_pb2.DESCRIPTOR.services_by_name["PersonService"],
    card_service_pb2.DESCRIPTOR.services_by_name["CardService"],
    certificate_service_pb2.DESCRIPTOR.services_by_name["CertificateService"],
    trust_service_pb2.DESCRIPTOR.services_by_name["TrustService"],
    supervision_service_pb2.DESCRIPTOR.services_by_name["SupervisionService"],
    server_info.DESCRIPTOR,
    sandbox.DESCRIPTOR,
)
_SERVICE = "identity"


class IdentityService:
    """The running parts of the identity service."""

    def __init__(
        self,
        config: IdentityConfig,
        *,
        log: Log,
        clock: Clock = system_clock,
        ids: Ids = new_id,
    ) -> None:
        """Loads the keys, opens the database, publishes the trust list and makes the parts.

        Raises:
            StartError: a key cannot be used, or the database's schema is not current.
        """
        self._config = config
        self._log = log
        self._clock = clock
        self._ids = ids
        vault, key_store = open_vault(config), open_key_store(config.keys)
        self._metrics, self._readiness = Metrics(), Readiness()
        self._blocking = blocking = Blocking(party_of=current_party)
        self.database = database = open_database(
            config, package="yibao_identity", metadata=tables.metadata
        )
        try:
            with database_told(config.database.url):
                # Before anything is written with them.
                require_secrets(config, database, vault, clock=clock)
                ring = self._keep_trust(key_store)
            transactions = StoredTransactions(
                database,
                answers=tables.answer,
                unit=unit_of_work(vault),
                clock=clock,
                vault=vault,
            )
            move_numbers(transactions, config.issuer.regions, log)
            feed = Feed(transactions, clock=clock)
            for region in config.issuer.regions:
                feed.begin(region)
            self._watch = FeedWatch(feed, metrics=self._metrics, clock=clock, log=log)
            self._persons = person_servicer(
                config, transactions, watch=self._watch, blocking=blocking, clock=clock, ids=ids
            )
            self._supervision = SupervisionServicer(Supervision(transactions), blocking)
            self._cards = CardParts(
                config,
                transactions,
                ring,
                blocking=blocking,
                metrics=self._metrics,
                log=log,
                clock=clock,
                ids=ids,
            )
            self._certificates = CertificateParts(
                config,
                transactions,
                vault,
                ring,
                blocking=blocking,
                metrics=self._metrics,
                log=log,
                clock=clock,
                ids=ids,
            )
        except BaseException:
            database.close()
            raise

    async def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> None:
        """Serves until `stop` is set, then finishes what runs; `started` gets the port."""
        supervisor = Supervisor(stop, log=self._log)
        start_sandbox_clock(self._clock, supervisor)
        server = Server(
            self._config.server,
            service_name=_SERVICE,
            register=self._register,
            descriptors=sandbox.served(DESCRIPTORS, self._clock),
            access=ACCESS,
            log=self._log,
            metrics=self._metrics,
            problems=supervisor.problems,
            watch=supervisor.watch,
            readiness=self._readiness,
            clock=self._clock,
            ids=self._ids,
            behind_gate=refusals_behind_gate(self._config),
        )
        pruning = answer_pruning(
            self.database,
            tables.answer,
            self._config.answers,
            self._blocking,
            metrics=self._metrics,
            clock=self._clock,
            log=self._log,
        )
        self._blocking.start(supervisor)
        pruning.start(supervisor)
        self._certificates.start(supervisor)
        self._cards.start(supervisor)
        self._keeper.start(supervisor)
        self._watch.start(supervisor)
        try:
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            # Calls end first, then what they wait for, then what that needs.
            self._watch.release()
            await server.drain()
            await self._watch.close()
            await pruning.close()
            await self._keeper.close()
            await self._cards.close()
            await self._certificates.close()
            self._blocking.close()
            self.database.close()
        supervisor.raise_if_dead()

    def _keep_trust(self, key_store: KeyStore) -> KeyRing:
        """Takes over the keys, publishes what is due, and makes what goes on doing both.

        Raises:
            StartError: a key cannot be used, and not because it ended.
        """
        config, trust = self._config, StoredTrust(self.database)
        ring = KeyRing(trust, key_store, regions=config.issuer.regions, clock=self._clock)
        publisher = TrustPublisher(trust, ring, clock=self._clock)
        try:
            ring.reload()
        except KeyEndedError as error:
            # Whoever ran at that moment serves on without it; a start is no reason to do less.
            self._log.error("keys were not read", problem=str(error))
        _publish(publisher)
        self._keeper = trust_keeping(
            ring,
            publisher,
            self._blocking,
            seconds=config.trust.publish_seconds,
            metrics=self._metrics,
            clock=self._clock,
            log=self._log,
        )
        self._ring = ring
        self._trust_reader = reader = TrustReader(trust)
        self._trust = TrustServicer(reader, self._blocking)
        self._readiness.require("database", lambda: database_problem(self.database))
        self._readiness.require("trust", lambda: _trust_problem(reader, self._clock()))
        self._readiness.require("keys", lambda: _keys_problem(ring, self._clock()))
        return ring

    def _register(self, server: grpc.aio.Server) -> None:
        person_service_pb2_grpc.add_PersonServiceServicer_to_server(self._persons, server)
        card_service_pb2_grpc.add_CardServiceServicer_to_server(self._cards.servicer, server)
        certificate_service_pb2_grpc.add_CertificateServiceServicer_to_server(
            self._certificates.servicer, server
        )
        supervision_service_pb2_grpc.add_SupervisionServiceServicer_to_server(
            self._supervision, server
        )
        trust_service_pb2_grpc.add_TrustServiceServicer_to_server(self._trust, server)
        info = ServerInfoServicer(
            self._config,
            service_name=_SERVICE,
            regions=self._config.issuer.regions,
            clock=self._clock,
        )
        server_service_pb2_grpc.add_ServerServiceServicer_to_server(info, server)
        sandbox.register(server, self._clock, problem=self._problem_of_now)

    def _problem_of_now(self) -> str:
        """Returns what keeps codes of now from being issued and verified. Blocks."""
        now = self._clock()
        return _trust_problem(self._trust_reader, now) or _keys_problem(self._ring, now)


def _publish(publisher: TrustPublisher) -> None:
    try:
        publisher.publish()
    except PublishError as error:
        raise StartError(str(error)) from None


def _trust_problem(reader: TrustReader, now: dt.datetime) -> str:
    """Returns why verifiers refuse what is published; nothing where they take it. Blocks."""
    is_stale = now - reader.snapshot().issue_time >= HARD_AGE
    return f"nothing was published for {HARD_AGE.days} days" if is_stale else ""


def _keys_problem(ring: KeyRing, now: dt.datetime) -> str:
    """Returns why no code can be signed at present; nothing where they can."""
    return "no key may sign codes" if now >= ring.code_key_expire_time() else ""


def _make(config: IdentityConfig, log: Log) -> IdentityService:
    clock = open_sandbox_clock(config)
    # Also what fails once it is open, while parts are made that look into it.
    with database_told(config.database.url):
        return IdentityService(config, log=log, clock=clock or system_clock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    return run_program(
        arguments,
        service=_SERVICE,
        description=__doc__,
        config_type=IdentityConfig,
        make=_make,
    )


if __name__ == "__main__":
    raise SystemExit(main())
