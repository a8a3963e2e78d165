"""What the identity service does for trust in the background: keys read anew, lists signed."""

import asyncio
import datetime as dt

from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log, kinds
from yibao_common.values.clock import Clock
from yibao_identity.application.trust.publish import PublishError, TrustPublisher
from yibao_identity.keys import KeyRing

# A new key is published a week before its first use, so there has to be time for that.
_WARN_BEFORE = dt.timedelta(days=30)
_WARN_EVERY = dt.timedelta(days=1)


class TrustKeeper:
    """Takes over changed keys and publishes what is due, every `seconds`."""

    def __init__(
        self,
        ring: KeyRing,
        publisher: TrustPublisher,
        blocking: Blocking,
        *,
        seconds: float,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes what it keeps; nothing runs before `start`."""
        self._ring = ring
        self._publisher = publisher
        self._blocking = blocking
        self._seconds = seconds
        self._clock = clock
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._warned: dict[str, dt.datetime] = {}

    def start(self) -> None:
        """Starts; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="trust-keeper")

    async def close(self) -> None:
        """Stops before the next round."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._round()
            await asyncio.sleep(self._seconds)

    async def _round(self) -> None:
        """Does what is due; whatever fails is logged and tried again in the next round."""
        try:
            await self._blocking.run(self._ring.reload)
        except StartError as error:
            self._log.error("a signing key is missing", problem=str(error))
        except Exception as error:
            self._log.error("keys were not read", error=kinds(error))
        try:
            await self._blocking.run(self._publisher.publish)
        except PublishError as error:
            self._log.error("trust is not published", problem=str(error))
        except Exception as error:
            self._log.error("trust is not published", error=kinds(error))
        self._warn_of_ends()

    def _warn_of_ends(self) -> None:
        now = self._clock()
        for use, expire_time in self._ring.expire_times().items():
            left = expire_time - now
            warned = self._warned.get(use.value)
            if left < _WARN_BEFORE and (warned is None or now - warned >= _WARN_EVERY):
                self._warned[use.value] = now
                self._log.warning("a signing key expires soon", use=use.value, days_left=left.days)
