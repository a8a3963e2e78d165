"""Puts together what serves e-certificates: commands, the two queues of codes, the servicer."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from yibao.identity.v1 import certificate_service_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceServicer
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.process.metrics import BatchMetrics, Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.parts import composed
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.application.certificate import Certificates
from yibao_identity.application.code.ahead import CodeBatches
from yibao_identity.application.code.queue import IssueCode, IssueWork
from yibao_identity.application.device.certifier import DeviceCertifier
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.application.device.device import Devices
from yibao_identity.application.misuse import MisuseCases
from yibao_identity.application.relative_code import (
    IssueRelativeCode,
    RelativeCode,
    RelativeIssueWork,
)
from yibao_identity.application.work import Work
from yibao_identity.config import DevicesConfig, IdentityConfig
from yibao_identity.device_alarms import LoggedAlarms
from yibao_identity.keys import KeyRing
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.device import DevicePolicy
from yibao_identity.servicer.certificate import CertificateMethods, OwnCertificate
from yibao_identity.servicer.code import CodeMethods
from yibao_identity.servicer.device import DeviceMethods
from yibao_identity.servicer.misuse import MisuseMethods
from yibao_identity.servicer.relative_code import RelativeCodeMethods
from yibao_identity.storage.device.certifier import SignedStatements
from yibao_identity.storage.device.proof import PhoneKeys

SERVICE = certificate_service_pb2.DESCRIPTOR.services_by_name["CertificateService"]

CommandT = TypeVar("CommandT")
AnswerT = TypeVar("AnswerT")


class CertificateParts:
    """The running parts of CertificateService; `start` and `close` are for its queues."""

    def __init__(
        self,
        config: IdentityConfig,
        transactions: Transactions[Work],
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
                transactions,
                key_expire_time=ring.code_key_expire_time,
                clock=clock,
                random_bytes=os.urandom,
            ),
            config,
            metrics,
            party_of=lambda command: command.caller,
        )
        relative_codes: Batcher[IssueRelativeCode, RelativeCode] = _queue(
            "relative",
            RelativeIssueWork(
                transactions,
                key_expire_time=ring.code_key_expire_time,
                clock=clock,
                random_bytes=os.urandom,
            ),
            config,
            metrics,
            party_of=lambda command: command.caller,
        )
        self._batchers = (codes, relative_codes)
        certificates = Certificates(transactions, clock=clock, ids=ids, random_bytes=os.urandom)
        own = OwnCertificate(certificates, blocking)
        code_batches = CodeBatches(
            transactions,
            most=config.codes.batch_codes,
            key_expire_time=ring.code_key_expire_time,
            clock=clock,
            random_bytes=os.urandom,
        )
        alarms = LoggedAlarms(metrics.device_alarms, log)
        devices = _devices(config.devices, transactions, vault, ring, alarms, clock=clock, ids=ids)
        self.servicer: CertificateServiceServicer = composed(
            CertificateServiceServicer,
            SERVICE,
            CertificateMethods(certificates, own, blocking),
            CodeMethods(codes, code_batches, own, blocking, signer=ring, clock=clock),
            RelativeCodeMethods(relative_codes, own, signer=ring, clock=clock),
            DeviceMethods(devices, own, blocking),
            MisuseMethods(MisuseCases(transactions, clock=clock, ids=ids), blocking),
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts the queues, inside the event loop."""
        for batcher in self._batchers:
            batcher.start(supervisor)

    async def close(self) -> None:
        """Carries out what waits and stops; no call may come any more."""
        for batcher in self._batchers:
            await batcher.close()


def _devices(
    config: DevicesConfig,
    transactions: Transactions[Work],
    vault: Vault,
    ring: KeyRing,
    alarms: LoggedAlarms,
    *,
    clock: Clock,
    ids: Ids,
) -> Devices:
    policy = DevicePolicy(config.certificate_hours, config.most, config.p256)
    signer = SignedStatements(ring)
    return Devices(
        transactions,
        keys=PhoneKeys(),
        challenges=Challenges(vault.keyed, clock=clock, random_bytes=os.urandom),
        certifier=DeviceCertifier(signer, policy=policy, random_bytes=os.urandom),
        policy=policy,
        alarms=alarms,
        clock=clock,
        ids=ids,
    )


def _queue(
    name: str,
    work: Callable[[str, Sequence[CommandT]], Sequence[AnswerT | RuleError]],
    config: IdentityConfig,
    metrics: Metrics,
    *,
    party_of: Callable[[CommandT], str],
) -> Batcher[CommandT, AnswerT]:
    batch = config.batch
    return Batcher(
        work,
        party_of=party_of,
        regions=config.issuer.regions,
        max_size=batch.max_size,
        linger_seconds=batch.linger_ms / 1000,
        max_queue=batch.max_queue,
        observer=BatchMetrics(metrics, name),
    )
