"""What `grpc.health.v1.Health` tells: whether the process serves, from its start to its end."""

import asyncio
from collections.abc import Callable, Sequence

from grpc_health.v1 import health, health_pb2

from yibao_common.process.logs import Log

_LOOK_SECONDS = 1.0
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """Tells SERVING of each name while nothing keeps the process from it.

    `problems` is asked every second. A task that died keeps it from serving for good, a queue
    that stands still until it moves again.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        problems: Callable[[], Sequence[str]],
        watch: Callable[["asyncio.Task[None]"], None],
        log: Log,
    ) -> None:
        """Takes what is told of, and what watches over the task that looks for problems.

        Nothing is known of it before `start`.
        """
        self.servicer = health.aio.HealthServicer()
        self._names = tuple(names)
        self._problems = problems
        self._watch = watch
        self._log = log
        self._told: list[str] = []
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tells SERVING from now on, and looks for problems."""
        await self._set(_SERVING)
        self._looking = asyncio.create_task(self._look(), name="health")
        self._watch(self._looking)

    async def drain(self) -> None:
        """Tells NOT_SERVING for good."""
        if self._looking is not None:
            self._looking.cancel()
        await self.servicer.enter_graceful_shutdown()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            problems = list(self._problems())
            if problems == self._told:
                continue
            self._told = problems
            await self._set(_NOT_SERVING if problems else _SERVING)
            if problems:
                self._log.error("not serving", problems=problems)
            else:
                self._log.info("serving again")

    async def _set(self, status: int) -> None:
        for name in self._names:
            await self.servicer.set(name, status)
