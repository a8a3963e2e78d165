"""What settlement learns from identity: the trust snapshot and the enrolment feed.

Both are pulled, so that identity need not know who listens, and neither lies on the
path of a bill: with identity down, bills settle by what was learnt last, until the
snapshot's hard age.
"""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import grpc

from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao.identity.v1 import trust_service_pb2 as trust_pb
from yibao.identity.v1 import trust_service_pb2_grpc as trust_rpc
from yibao.qr import QrError
from yibao_common.blocking import Blocking
from yibao_common.clock import Clock
from yibao_common.logs import Log, kinds
from yibao_common.wire import to_date
from yibao_settlement.application.ports import Feed
from yibao_settlement.application.records import EnrolmentChange
from yibao_settlement.rules.visit import Enrolment
from yibao_settlement.servicer.trust import TrustHolder

_PAGE_SIZE = 1_000
_DEADLINE_SECONDS = 5.0


class IdentityClient:
    """Pulls from identity, in the background and when asked."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        regions: tuple[str, ...],
        trust_key: bytes,
        snapshot_file: Path | None,
        poll_seconds: float,
        trust: TrustHolder,
        feed: Feed,
        blocking: Blocking,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes a channel to identity; `trust_key` are the 32 bytes of the pinned key.

        `snapshot_file` keeps the last snapshot over a restart; it is verified again when
        it is read.
        """
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._persons = cast(
            "person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel)
        )
        self._trust_service = cast(
            "trust_rpc.TrustServiceAsyncStub", trust_rpc.TrustServiceStub(channel)
        )
        self._regions = regions
        self._trust_key = trust_key
        self._snapshot_file = snapshot_file
        self._poll_seconds = poll_seconds
        self._trust = trust
        self._feed = feed
        self._blocking = blocking
        self._clock = clock
        self._log = log
        self._feed_locks = {region: asyncio.Lock() for region in regions}
        self._task: asyncio.Task[None] | None = None
        # What could not be pulled last time, so that the log tells of it once.
        self._failing: set[str] = set()

    def start(self) -> None:
        """Reads the kept snapshot and starts pulling; call it inside the event loop."""
        self._read_kept_snapshot()
        self._task = asyncio.create_task(self._run(), name="identity-client")

    async def close(self) -> None:
        """Stops pulling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def refresh_enrolments(self, region: str) -> None:
        """Pulls the region's news now; without an answer nothing changes."""
        await self._tried(region, self._pull_enrolments(region))

    async def _run(self) -> None:
        while True:
            if self._trust.needs_refresh(self._clock()):
                await self._tried("snapshot", self._pull_snapshot())
            for region in self._regions:
                await self._tried(region, self._pull_enrolments(region))
            await asyncio.sleep(self._poll_seconds)

    async def _tried(self, what: str, pull: Coroutine[Any, Any, None]) -> None:
        """Carries out one pull; whatever fails is told once and tried again next time.

        No failure may end the pulling: what is suspended would never be heard of.
        """
        try:
            await pull
        except Exception as error:
            if what not in self._failing:
                self._log.error("identity gives no news", what=what, error=kinds(error))
            self._failing.add(what)
        else:
            self._failing.discard(what)

    async def _pull_snapshot(self) -> None:
        response = await self._trust_service.GetTrustSnapshot(
            trust_pb.GetTrustSnapshotRequest(), timeout=_DEADLINE_SECONDS
        )
        self._trust.take(response.snapshot, trust_key=self._trust_key, now=self._clock())
        if self._snapshot_file is not None:
            await self._blocking.run(_write_atomically, self._snapshot_file, response.snapshot)

    def _read_kept_snapshot(self) -> None:
        if self._snapshot_file is None or not self._snapshot_file.exists():
            return
        data = self._snapshot_file.read_bytes()
        try:
            self._trust.take(data, trust_key=self._trust_key, now=self._clock())
        except QrError as error:
            self._log.warning("the kept trust snapshot is of no use", error=error.error)

    async def _pull_enrolments(self, region: str) -> None:
        if region not in self._feed_locks:
            return
        async with self._feed_locks[region]:
            while True:
                position = await self._blocking.run(self._feed.position, region)
                response = await self._persons.ListEnrolmentChanges(
                    person_pb.ListEnrolmentChangesRequest(
                        region=region, after_sequence=position, page_size=_PAGE_SIZE
                    ),
                    timeout=_DEADLINE_SECONDS,
                )
                changes = [_change_of(change) for change in response.changes]
                await self._blocking.run(self._feed.apply, region, changes)
                if len(changes) < _PAGE_SIZE:
                    return


def _change_of(message: person_pb.EnrolmentChange) -> EnrolmentChange:
    enrolment = message.enrolment
    return EnrolmentChange(
        message.sequence,
        Enrolment(
            person_id=message.person_id,
            subject=message.subject,
            credential_usable=message.credential_usable,
            birth_date=to_date(message.birth_date),
            insurance_type=enrolment.insurance_type,
            person_class=enrolment.person_class,
            entitlement_groups=tuple(sorted(enrolment.entitlement_groups)),
            status=enrolment.status,
            start_date=to_date(enrolment.start_date),
        ),
    )


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
