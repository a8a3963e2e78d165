"""What attestations need to run: the keys, what identity publishes of them, and the watch."""

import asyncio
import contextlib
import datetime as dt
import os

import grpc

from yibao.offsite.v1 import attestation_service_pb2_grpc
from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.keys.opening import open_key_store
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.rpc.trust_client import TrustClient
from yibao_common.rpc.trust_opening import open_trust
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_offsite.application.attestation import Attestations, AttestationSigner
from yibao_offsite.application.work import Work
from yibao_offsite.config import DEFAULT_LIFE, AttestationConfig, OffsiteConfig
from yibao_offsite.keys import AttestationKeys, NoAttestationKeys, signer_of_hold
from yibao_offsite.rules.attestation import HoldStatement
from yibao_offsite.rules.feed import AuditHold
from yibao_offsite.servicer.attestation import AttestationServicer

_SERVICE = "offsite"
# A rotation at identity shows here after a pull; until then nothing is wrong.
_LOOK_SECONDS = 30.0
# How long the start waits for identity; without it nothing is attested.
_FIRST_NEWS_SECONDS = 5.0


class AttestationParts:
    """The running parts; made inside the event loop. `signer` signs holds too."""

    def __init__(
        self,
        config: OffsiteConfig,
        transactions: Transactions[Work],
        blocking: Blocking,
        *,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Opens the keys where the configuration names them; nothing runs before `start`.

        Raises:
            StartError: the keys or the pinned root cannot be used.
        """
        self._clock = clock
        self._tasks: list[TrustClient | BackgroundTask] = []
        self._channel: grpc.aio.Channel | None = None
        self.signer: AttestationSigner = NoAttestationKeys()
        said = config.attestation
        if said is not None:
            self.signer = self._open(config, said, blocking, metrics=metrics, clock=clock, log=log)
        attestations = Attestations(
            transactions,
            self.signer,
            life=DEFAULT_LIFE if said is None else said.life,
            clock=clock,
            random_bytes=os.urandom,
        )
        self._servicer = AttestationServicer(attestations, blocking)

    def attest_hold(self, region: str, told: AuditHold) -> bytes:
        """Returns the attestation of a hold as it is told now; see `told_attestation`."""
        return told_attestation(self.signer, region, told, at=self._clock())

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicer."""
        attestation_service_pb2_grpc.add_AttestationServiceServicer_to_server(
            self._servicer, server
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts to pull what identity publishes, and to tell where nothing can be signed."""
        for task in self._tasks:
            task.start(supervisor)

    async def first_news(self) -> None:
        """Waits for what identity publishes, but not for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_NEWS_SECONDS):
                for task in self._tasks:
                    await task.first_round()

    async def close(self) -> None:
        """Stops both."""
        for task in self._tasks:
            await task.close()
        if self._channel is not None:
            await self._channel.close()

    def _open(
        self,
        config: OffsiteConfig,
        said: AttestationConfig,
        blocking: Blocking,
        *,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> AttestationKeys:
        identity = config.identity
        assert identity is not None, "the configuration is refused without it"
        assert config.keys is not None, "the configuration is refused without them"
        # No device certificate is verified here, so no list of them is fetched.
        trust = open_trust(said.root_file, said.trust_folder, regions=(), section="attestation")
        keys = AttestationKeys(open_key_store(config.keys), trust, clock=clock)
        peer = Peer(identity.address, identity.server_name, identity.use_environment_proxy)
        self._channel = open_aio_channel(peer, own=config.server, service=_SERVICE, log=log)
        client = TrustClient(
            self._channel,
            trust,
            seconds=said.trust_seconds,
            blocking=blocking,
            metrics=metrics,
            clock=clock,
            log=log,
            failure="no attestation can be signed",
        )

        async def look() -> None:
            found = [await blocking.run(keys.problem, region) for region in identity.regions]
            if told := "; ".join(dict.fromkeys(each for each in found if each)):
                raise ToldError(told)

        duty = Duty(run=look, failure="attestations are not signed")
        watch = BackgroundTask(
            "attestations", [duty], seconds=_LOOK_SECONDS, metrics=metrics, clock=clock, log=log
        )
        self._tasks = [client, watch]
        return keys


def told_attestation(
    signer: AttestationSigner, region: str, told: AuditHold, *, at: dt.datetime
) -> bytes:
    """Returns the attestation of a hold by the key that signs now.

    The stored one where that signed it by now, or where none may sign: who reads the feed anew
    long afterwards would not find a former key in his trust, and one that was signed while a
    clock was ahead would keep him from reading on until its time has come.
    """
    try:
        if signer_of_hold(told.attestation, at=at) == signer.key_id(region):
            return told.attestation
        return signer.sign_hold(stated(region, told), at=at)
    except RuleError:
        return told.attestation


def stated(region: str, told: AuditHold) -> HoldStatement:
    """Returns what the attestation of a hold states."""
    return HoldStatement(
        region,
        told.hold_id,
        told.visit_id,
        told.person_id,
        told.task_id,
        told.is_lifted,
        told.version,
    )
