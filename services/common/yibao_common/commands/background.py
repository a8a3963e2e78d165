"""A supervised task that does duties in the background of a service, round after round."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from yibao_common.process.logs import Log, kinds
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock

# How long closing waits for the duty that is under way before it is cancelled.
_CLOSE_SECONDS = 5.0


class ToldError(Exception):
    """A duty failed for a reason that its text tells the operator; the text is logged.

    It holds no personal data. Of any other exception only the kind is logged.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One thing that a background task does in each round, apart from its others.

    `failure` is the event that the log shows when `run` raises. `region` or `name` tells it
    from the other duties of its task, in log and metrics; one that is alone has neither.
    """

    run: Callable[[], Awaitable[object]]
    failure: str
    region: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """Its region or its name."""
        return self.region or self.name


class BackgroundTask:
    """Does its duties one after the other every `seconds`, the first time at once.

    Whatever one raises is logged and tried again in the next round, after `retry_seconds`
    where they are given, and keeps no other from its turn. The log tells each kind of
    failure once until the duty succeeds again, and tells that it did. Should the task itself
    die, the supervisor ends the service.
    """

    def __init__(
        self,
        name: str,
        duties: Sequence[Duty],
        *,
        seconds: float,
        retry_seconds: float | None = None,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes what it does; nothing runs before `start`."""
        self._name = name
        self._turns = [_Turns(name, duty, metrics=metrics, clock=clock, log=log) for duty in duties]
        self._seconds = seconds
        self._retry_seconds = seconds if retry_seconds is None else min(retry_seconds, seconds)
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Starts; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name=self._name)
        supervisor.watch(self._task)

    async def close(self) -> None:
        """Lets the duty that is under way end, within some seconds, and begins no other.

        What it does in a thread ends there even so: close `Blocking` afterwards.
        """
        self._closing.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
        self._task.cancel()
        # How it ended is the supervisor's matter.
        await asyncio.wait([self._task])

    async def do_now(self, label: str) -> bool:
        """Does one duty outside its turn and tells whether it succeeded.

        An unknown label does nothing. A duty that must not meet itself has a lock of its own.
        """
        for turns in self._turns:
            if turns.duty.label == label:
                return await turns.take()
        return False

    async def _run(self) -> None:
        while True:
            succeeded = True
            for turns in self._turns:
                if self._closing.is_set():
                    return
                succeeded &= await turns.take()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds if succeeded else self._retry_seconds):
                    await self._closing.wait()


class _Turns:
    """The turns of one duty, and what the log and the metrics say of them."""

    def __init__(self, task: str, duty: Duty, *, metrics: Metrics, clock: Clock, log: Log) -> None:
        self.duty = duty
        self._metrics = metrics.background(task, duty.label)
        self._clock = clock
        told = {"region": duty.region, "duty": duty.name}
        self._log = log.bind(task=task, **{key: value for key, value in told.items() if value})
        # The kinds of failure that were told since it succeeded last.
        self._told: set[tuple[str, ...]] = set()

    async def take(self) -> bool:
        """Does the duty and tells whether it succeeded; raises only if cancelled."""
        try:
            await self.duty.run()
        except asyncio.CancelledError as error:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            # Nobody cancelled this task: something that the duty awaited was.
            self._failed(error)
            return False
        except Exception as error:
            self._failed(error)
            return False
        self._metrics.succeeded(self._clock())
        if self._told:
            self._told.clear()
            self._log.info("background duty succeeds again")
        return True

    def _failed(self, error: BaseException) -> None:
        self._metrics.failed()
        # What an operator is to mend is told by its text: another text is another failure.
        problem = (str(error),) if isinstance(error, ToldError) else ()
        kind = (*kinds(error), *problem)
        tell = self._log.debug if kind in self._told else self._log.error
        self._told.add(kind)
        if isinstance(error, ToldError):
            tell(self.duty.failure, error=list(kinds(error)), problem=str(error))
        else:
            tell(self.duty.failure, error=list(kinds(error)))
