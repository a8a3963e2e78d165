"""Starts the identity service: configuration, keys, database, engine, server, in this order."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc

from yibao.identity.v1 import (
    certificate_service_pb2,
    certificate_service_pb2_grpc,
    person_service_pb2,
    person_service_pb2_grpc,
    trust_service_pb2,
    trust_service_pb2_grpc,
)
from yibao_common.batcher import Batcher
from yibao_common.blocking import Blocking
from yibao_common.clock import Clock, system_clock
from yibao_common.config import StartError, load_config
from yibao_common.database import Database
from yibao_common.ids import Ids, new_id
from yibao_common.logs import Log, open_log
from yibao_common.metrics import BatchMetrics, Metrics
from yibao_common.migrations import check_is_current
from yibao_common.server import Server, run
from yibao_identity.access import ACCESS
from yibao_identity.application.commands import IssueCode
from yibao_identity.application.issue import IssueWork
from yibao_identity.application.publish import TrustPublisher
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import Keys, load_keys
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.servicer.certificate import CertificateServicer
from yibao_identity.servicer.person import PersonServicer
from yibao_identity.servicer.trust import TrustServicer
from yibao_identity.storage.certificates import CertificateStore
from yibao_identity.storage.codes import CodeTransactions
from yibao_identity.storage.persons import PersonStore
from yibao_identity.storage.snapshots import SnapshotStore

DESCRIPTORS = (
    person_service_pb2.DESCRIPTOR.services_by_name["PersonService"],
    certificate_service_pb2.DESCRIPTOR.services_by_name["CertificateService"],
    trust_service_pb2.DESCRIPTOR.services_by_name["TrustService"],
)

# A new key is published a week before its first use, so there has to be time for that.
_WARN_DAYS = 30


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
        """Loads the keys, opens the database and publishes the trust list.

        Raises:
            StartError: a key cannot be used, or the database's schema is not current.
        """
        self._config = config
        self._log = log
        self._clock = clock
        self._ids = ids
        keys = load_keys(config, now=clock())
        self.database = Database(config.database.url)
        try:
            if self.database.is_sqlite and config.server.reuse_port:
                raise StartError("server.reuse_port: SQLite is served by one process alone")
            check_is_current(self.database, "yibao_identity")
            self._publisher = TrustPublisher(
                SnapshotStore(self.database), keys.trust_signer, keys.listed, clock=clock
            )
            self._publisher.publish()
        except BaseException:
            self.database.close()
            raise
        self._keys: Keys = keys
        days_left = (config.issuer.expire_time - clock()).days
        if days_left < _WARN_DAYS:
            log.warning("issuer key expires soon", days_left=days_left)

    async def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> None:
        """Serves until `stop` is set, then finishes what runs; `started` gets the port."""
        config, keys = self._config, self._keys
        metrics = Metrics()
        blocking = Blocking()
        batcher: Batcher[IssueCode, QrClaims] = Batcher(
            IssueWork(
                CodeTransactions(self.database),
                key_expire_time=config.issuer.expire_time,
                clock=self._clock,
                random_bytes=os.urandom,
            ),
            max_size=config.batch.max_size,
            linger_seconds=config.batch.linger_ms / 1000,
            max_queue=config.batch.max_queue,
            observer=BatchMetrics(metrics, "issue"),
        )

        def register(server: grpc.aio.Server) -> None:
            persons = PersonStore(self.database, keys.vault, clock=self._clock, ids=self._ids)
            certificates = CertificateStore(
                self.database,
                keys.vault,
                clock=self._clock,
                ids=self._ids,
                random_bytes=os.urandom,
            )
            person_service_pb2_grpc.add_PersonServiceServicer_to_server(
                PersonServicer(persons, blocking, regions=config.issuer.regions), server
            )
            certificate_service_pb2_grpc.add_CertificateServiceServicer_to_server(
                CertificateServicer(certificates, batcher, blocking, signer=keys.token_signer),
                server,
            )
            trust_service_pb2_grpc.add_TrustServiceServicer_to_server(
                TrustServicer(self._publisher, blocking), server
            )

        server = Server(
            config.server,
            service_name="identity",
            register=register,
            descriptors=DESCRIPTORS,
            access=ACCESS,
            log=self._log,
            metrics=metrics,
            clock=self._clock,
            ids=self._ids,
        )
        batcher.start()
        try:
            port = await server.start()
            if started is not None:
                started.set_result(port)
            await stop.wait()
        finally:
            # Calls end first, then what they wait for, then what that needs.
            await server.drain()
            await batcher.close()
            blocking.close()
            self.database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the service; returns the exit code."""
    parser = argparse.ArgumentParser(prog="yibao-identity", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path: Path = parser.parse_args(arguments).config
    try:
        config = load_config(IdentityConfig, path=path, environ=os.environ)
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    log = open_log(config.log, service="identity", clock=system_clock)

    async def serve(stop: asyncio.Event) -> None:
        await IdentityService(config, log=log).serve(stop)

    return run(serve, log=log)


if __name__ == "__main__":
    raise SystemExit(main())
