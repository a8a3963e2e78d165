"""Puts together what serves e-certificates: stores, the two queues of codes, the servicer."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.process.config import BatchConfig
from yibao_common.process.logs import Log
from yibao_common.process.metrics import BatchMetrics, Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.application.commands import IssueCode
from yibao_identity.application.issue import IssueWork
from yibao_identity.application.relative_codes import (
    IssueRelativeCode,
    RelativeCode,
    RelativeIssueWork,
)
from yibao_identity.config import IdentityConfig
from yibao_identity.device_alarms import LoggedAlarms
from yibao_identity.keys import KeyRing
from yibao_identity.rules.device import DevicePolicy
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.servicer.certificate import CertificateServicer
from yibao_identity.storage.batch_codes import CodeBatchStore
from yibao_identity.storage.certificates import CertificateStore
from yibao_identity.storage.codes import CodeTransactions
from yibao_identity.storage.devices import DeviceStore
from yibao_identity.storage.misuse import MisuseStore
from yibao_identity.storage.relative_codes import RelativeCodeTransactions

CommandT = TypeVar("CommandT")
AnswerT = TypeVar("AnswerT")


class CertificateParts:
    """The running parts of CertificateService; `start` and `close` are for its queues."""

    def __init__(
        self,
        config: IdentityConfig,
        database: Database,
        vault: Vault,
        ring: KeyRing,
        *,
        blocking: Blocking,
        metrics: Metrics,
        log: Log,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Makes the parts; `ring` signs codes and device certificates."""
        codes: Batcher[IssueCode, QrClaims] = _queue(
            "issue",
            IssueWork(
                CodeTransactions(database),
                key_expire_time=ring.code_key_expire_time,
                clock=clock,
                random_bytes=os.urandom,
            ),
            config.batch,
            metrics,
        )
        relative_codes: Batcher[IssueRelativeCode, RelativeCode] = _queue(
            "relative",
            RelativeIssueWork(
                RelativeCodeTransactions(database),
                key_expire_time=ring.code_key_expire_time,
                clock=clock,
                random_bytes=os.urandom,
            ),
            config.batch,
            metrics,
        )
        self._batchers = (codes, relative_codes)
        devices = config.devices
        self.servicer = CertificateServicer(
            CertificateStore(database, vault, clock=clock, ids=ids, random_bytes=os.urandom),
            DeviceStore(
                database,
                vault,
                signer=ring,
                policy=DevicePolicy(devices.certificate_hours, devices.most, devices.p256),
                alarms=LoggedAlarms(metrics.device_alarms, log),
                clock=clock,
                ids=ids,
                random_bytes=os.urandom,
            ),
            MisuseStore(database, vault, clock=clock, ids=ids),
            CodeBatchStore(
                database,
                vault,
                most=config.codes.batch_codes,
                key_expire_time=ring.code_key_expire_time,
                clock=clock,
                ids=ids,
                random_bytes=os.urandom,
            ),
            codes,
            relative_codes,
            blocking,
            signer=ring,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts the queues, inside the event loop."""
        for batcher in self._batchers:
            batcher.start(supervisor)

    async def close(self) -> None:
        """Carries out what waits and stops; no call may come any more."""
        for batcher in self._batchers:
            await batcher.close()


def _queue(
    name: str,
    work: Callable[[str, Sequence[CommandT]], Sequence[AnswerT | RuleError]],
    config: BatchConfig,
    metrics: Metrics,
) -> Batcher[CommandT, AnswerT]:
    return Batcher(
        work,
        max_size=config.max_size,
        linger_seconds=config.linger_ms / 1000,
        max_queue=config.max_queue,
        observer=BatchMetrics(metrics, name),
    )
