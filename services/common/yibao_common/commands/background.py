"""A supervised task that does duties in the background of a service, round after round."""

import asyncio
import contextlib
import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from yibao_common.commands.sandbox import SandboxClock
from yibao_common.process.logs import Log, kinds
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock

# How long closing waits for the duty that is under way, before it is cancelled and after.
_CLOSE_SECONDS = 5.0
# When it is told that a duty is still under way; after that each time the time has doubled.
_LONG_SECONDS = 60.0
# No duty takes so long but one that hangs: what there is much of is done in pages.
_HANG_SECONDS = 3_600.0
# How often the log is reminded of a failure that lasts.
_REMIND_AFTER = dt.timedelta(hours=1)


class ToldError(Exception):
    """A duty failed for a reason that its text tells the operator; the text is logged.

    It holds no personal data. Of any other exception only the kind is logged.
    """


class DutyHangsError(Exception):
    """A duty did not end within an hour; its task cannot go on."""


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


def duties_of(
    regions: Iterable[str], run: Callable[[str], Awaitable[object]], *, failure: str
) -> list[Duty]:
    """Returns a duty of each region, which `run` is given."""
    return [
        Duty(run=functools.partial(run, region), failure=failure, region=region)
        for region in regions
    ]


class BackgroundTask:
    """Does its duties one after the other every `seconds`, the first time at once.

    Whatever one raises is logged and tried again in the next round, after `retry_seconds`
    where they are given, and keeps no other from its turn. The log tells each kind of
    failure when it comes and each hour while it lasts, and that the duty succeeds again.
    Should the task itself die, or a duty hang, the supervisor ends the service.
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
        self._retry_seconds = seconds if retry_seconds is None else retry_seconds
        self._clock = clock
        self._closing = asyncio.Event()
        # Ends the wait for the next round.
        self._awake = asyncio.Event()
        self._did_round = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._supervisor: Supervisor | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Starts; call it inside the event loop."""
        self._supervisor = supervisor
        if isinstance(self._clock, SandboxClock):
            # What is due then is done then, and not after seconds that did not pass.
            self._clock.calls_when_moved(self._awake.set)
        self._task = asyncio.create_task(self._run(), name=self._name)
        supervisor.watch(self._task)

    async def first_round(self) -> None:
        """Waits until each duty was tried once, or the task has ended."""
        assert self._task is not None, "it was started"
        waiting = asyncio.create_task(self._did_round.wait())
        try:
            await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def close(self) -> None:
        """Lets the duty that is under way end, within some seconds, and begins no other.

        What it does in a thread ends there even so: close `Blocking` afterwards.
        """
        self._closing.set()
        self._awake.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
        self._task.cancel()
        # How it ended is the supervisor's matter.
        _, left = await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
        if left and self._supervisor is not None:
            self._supervisor.leave([self._name])

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
                succeeded &= await _in_time(turns)
            self._did_round.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds if succeeded else self._retry_seconds):
                    await self._awake.wait()
            self._awake.clear()
            if self._closing.is_set():
                return


async def _in_time(turns: "_Turns") -> bool:
    """Takes a turn; tells when it takes long.

    Raises:
        DutyHangsError: it did not end within an hour.
    """
    telling = asyncio.create_task(_tell_long(turns))
    try:
        async with asyncio.timeout(_HANG_SECONDS):
            return await turns.take()
    except TimeoutError:
        raise DutyHangsError(turns.duty.label) from None
    finally:
        telling.cancel()


async def _tell_long(turns: "_Turns") -> None:
    after = _LONG_SECONDS
    while True:
        await asyncio.sleep(after)
        turns.tell_long(after)
        after *= 2


class _Turns:
    """The turns of one duty, and what the log and the metrics say of them."""

    def __init__(self, task: str, duty: Duty, *, metrics: Metrics, clock: Clock, log: Log) -> None:
        self.duty = duty
        self._metrics = metrics.background(task, duty.label)
        self._clock = clock
        told = {"region": duty.region, "duty": duty.name}
        self._log = log.bind(task=task, **{key: value for key, value in told.items() if value})
        # The kinds of failure that were told since it succeeded last, with when.
        self._told: dict[tuple[str, ...], dt.datetime] = {}
        self._failing_since: dt.datetime | None = None

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
        now = self._clock()
        self._metrics.succeeded(now)
        if self._failing_since is not None:
            failed_seconds = round((now - self._failing_since).total_seconds())
            self._log.info("background duty succeeds again", failed_seconds=failed_seconds)
            self._told.clear()
            self._failing_since = None
        return True

    def tell_long(self, seconds: float) -> None:
        """Tells that the duty has been under way for so long."""
        self._log.warning("background duty takes long", seconds=round(seconds))

    def _failed(self, error: BaseException) -> None:
        self._metrics.failed()
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        # What an operator is to mend is told by its text: another text is another failure.
        problem = (str(error),) if isinstance(error, ToldError) else ()
        kind = (*kinds(error), *problem)
        told_time = self._told.get(kind)
        is_due = told_time is None or now - told_time >= _REMIND_AFTER
        if is_due:
            self._told[kind] = now
        told: dict[str, object] = {"error": list(kinds(error))}
        if problem:
            told["problem"] = str(error)
        if told_time is not None:
            told["failing_seconds"] = round((now - self._failing_since).total_seconds())
        (self._log.error if is_due else self._log.debug)(self.duty.failure, **told)
