"""Tasks that must not end while a service serves, and what happens when one does."""

import asyncio
from collections.abc import Callable, Sequence

from yibao_common.process.logs import Log, kinds, places

# What has been under way for so long is no longer slow, it stands still.
_STALLED_SECONDS = 30.0


class TaskDiedError(Exception):
    """A supervised task ended by itself; the process is to end with a code that says so."""


class Supervisor:
    """Ends the service when a task that it watches dies, rather than let it serve on without.

    A process that ends is started again by whoever runs it. One that serves without its
    queue lets callers wait for ever, and one without its feed pays what was suspended.
    """

    def __init__(self, stop: asyncio.Event, *, log: Log) -> None:
        """Takes the event that makes the service drain."""
        self._stop = stop
        self._log = log
        self._dead: list[str] = []
        self._stalled_seconds: dict[str, Callable[[], float]] = {}

    def watch(self, task: "asyncio.Task[None]") -> None:
        """Watches `task`: it may return or be cancelled, but not fail."""
        task.add_done_callback(self._ended)

    def expect_progress(self, name: str, stalled_seconds: Callable[[], float]) -> None:
        """Takes what tells for how long something has stood still, for `problems`."""
        self._stalled_seconds[name] = stalled_seconds

    def problems(self) -> list[str]:
        """Returns what keeps the service from serving: what died, and what stands still."""
        stalled = self._stalled_seconds.items()
        return [
            *(f"{name} has died" for name in self._dead),
            *(f"{name} stands still" for name, told in stalled if told() > _STALLED_SECONDS),
        ]

    def leave(self, names: Sequence[str]) -> None:
        """Takes what did not end in time when the service closed; the process ends without."""
        self._log.error("did not end in time", left=list(names))
        self._dead.extend(names)

    def raise_if_dead(self) -> None:
        """Tells, once everything is closed, that the service ended because of a task.

        Raises:
            TaskDiedError: one died, or did not end in time.
        """
        if self._dead:
            raise TaskDiedError(", ".join(self._dead))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._dead.append(task.get_name())
        self._log.error(
            "a task died", task=task.get_name(), error=kinds(error), places=places(error)
        )
        self._stop.set()
