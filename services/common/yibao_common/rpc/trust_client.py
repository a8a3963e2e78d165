"""Pulls from identity what is trusted: roots, snapshots, status lists.

With identity down, what was pulled last serves on, until its hard age.
"""

import datetime as dt
import math
from typing import cast

import grpc

from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc
from yibao.trust import AgeState, QrError
from yibao.trust_store import TrustFolderError, TrustStore
from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import told
from yibao_common.values.clock import Clock

_DEADLINE_SECONDS = 5.0
# After a failure; short, so that a restart of identity is not felt for long.
_RETRY_SECONDS = 1.0
# How often the operator is reminded that all codes will be refused unless something is done.
_REMIND_AFTER = dt.timedelta(hours=1)


class TrustClient:
    """Keeps a store of trust up to date in the background."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        store: TrustStore,
        *,
        seconds: float,
        blocking: Blocking,
        metrics: Metrics,
        clock: Clock,
        log: Log,
        failure: str = "no code can be verified",
    ) -> None:
        """Takes a channel to identity; a killed key is known here within `seconds`.

        `failure` is what the log says while nothing that is held may be used.
        """
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._stub = cast("rpc.TrustServiceAsyncStub", rpc.TrustServiceStub(channel))
        self._store = store
        self._blocking = blocking
        self._clock = clock
        self._log = log
        # Until identity was reached once, questions wait for it: both may be starting.
        self._was_reached = False
        self._remind_time: dt.datetime | None = None
        metrics.trust_age.labels("identity").set_function(self._age_seconds)
        # Whatever fails, what is held serves on and the next round tries again.
        duties = [
            Duty(run=self._renew, failure="trust is not renewed", name="renewal"),
            Duty(run=self._tell_age, failure=failure, name="age"),
        ]
        self._task = BackgroundTask(
            "trust",
            duties,
            seconds=seconds,
            retry_seconds=min(_RETRY_SECONDS, seconds),
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts pulling; call it inside the event loop."""
        self._task.start(supervisor)

    async def first_round(self) -> None:
        """Waits until trust was asked for once, whatever came of it."""
        await self._task.first_round()

    async def close(self) -> None:
        """Stops pulling."""
        await self._task.close()

    async def _renew(self) -> None:
        try:
            await self._pull()
        except (QrError, TrustFolderError) as error:
            # Its text names what is wrong with a document or a folder, and no person.
            raise ToldError(str(error)) from error
        except grpc.aio.AioRpcError as error:
            raise told(error) from error

    def _age_seconds(self) -> float:
        now = self._clock()
        try:
            return (now - self._store.current(now=now).issue_time).total_seconds()
        except (QrError, TrustFolderError):
            return math.inf

    async def _tell_age(self) -> None:
        self._remind_of_age()

    def _remind_of_age(self) -> None:
        """Warns each hour while what is held is past its soft age, whatever the cause.

        Identity may answer and yet publish nothing new; that is no failure of a pull. Nor is it
        one where this clock was ahead before, so that what is held is refused by what was seen.

        Raises ToldError where nothing that is held may be used.
        """
        now = self._clock()
        try:
            snapshot = self._store.current(now=now)
        except QrError as error:
            raise ToldError(error.message) from error
        except TrustFolderError as error:
            raise ToldError(str(error)) from error
        if snapshot.age_state(now) is AgeState.FRESH:
            self._remind_time = None
        elif self._remind_time is None or now >= self._remind_time:
            hours_left = (snapshot.expire_time - now) // dt.timedelta(hours=1)
            self._log.warning("trust is ageing", version=snapshot.version, hours_left=hours_left)
            self._remind_time = now + _REMIND_AFTER

    async def _pull(self) -> None:
        store, run = self._store, self._blocking.run
        while (root := await self._next_root()) is not None:
            await run(store.take_root, root, now=self._clock())
        self._was_reached = True
        snapshot = (
            await self._stub.GetTrustSnapshot(
                pb.GetTrustSnapshotRequest(), timeout=_DEADLINE_SECONDS
            )
        ).snapshot
        try:
            for uri in await run(store.lists_ahead, snapshot, now=self._clock()):
                await run(store.keep_list, await self._list(uri))
        finally:
            # A kill must not wait for a list that cannot be had.
            await run(store.take_snapshot, snapshot, now=self._clock())
        for uri in store.missing_lists():
            # Refused where a newer snapshot came between; the next round takes both.
            await run(store.take_status_list, await self._list(uri), now=self._clock())

    async def _list(self, uri: str) -> bytes:
        request = pb.GetStatusListRequest(uri=uri)
        return (await self._stub.GetStatusList(request, timeout=_DEADLINE_SECONDS)).status_list

    async def _next_root(self) -> bytes | None:
        """Returns the root that follows the one held, or None.

        The newest one is asked for first: to ask for one that is not there is a refusal,
        which would be on record each minute of a healthy system.
        """
        newest = await self._root()
        following = self._store.root.version + 1
        if newest.newest_version < following:
            return None
        return (newest if newest.version == following else await self._root(following)).root

    async def _root(self, version: int = 0) -> pb.GetTrustRootResponse:
        request = pb.GetTrustRootRequest(version=version)
        return await self._stub.GetTrustRoot(
            request, timeout=_DEADLINE_SECONDS, wait_for_ready=not self._was_reached
        )
