"""Tasks that must not end while a service serves, and what happens when one does."""

import asyncio

from yibao_common.process.logs import Log, kinds, places


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

    def watch(self, task: "asyncio.Task[None]") -> None:
        """Watches `task`: it may return or be cancelled, but not fail."""
        task.add_done_callback(self._ended)

    def raise_if_dead(self) -> None:
        """Tells, once everything is closed, that the service ended because of a task.

        Raises:
            TaskDiedError: one died.
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
