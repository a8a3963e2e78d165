"""Tells in time when a service's own certificate ends, and that it has ended.

Connections that stand outlive it, so that nothing else shows in the service itself that nobody can
make another one.
"""

import asyncio
import datetime as dt
from collections.abc import Callable

from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.tls import ServerFiles
from yibao_common.values.clock import Clock

LOOK_SECONDS = 60.0
# Whoever issues certificates needs some days, and those for development last thirty.
_SOON = dt.timedelta(days=14)
_REMIND_SOON = dt.timedelta(days=1)
_REMIND_ENDED = dt.timedelta(hours=1)


class CertificateWatch:
    """When the certificate ends that new connections are shown, its issuer or its clients' CA."""

    def __init__(
        self,
        files: ServerFiles,
        end_time: Callable[[], dt.datetime],
        *,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Looks for the first time; `end_time` is of what handshakes use by now."""
        self._files = files
        self._end_time = end_time
        self._metrics = metrics
        self._clock = clock
        self._log = log
        # When the log told of this end last, and whether it had come by then.
        self._told_time: dt.datetime | None = None
        self._was_over = False
        self._look()

    def problem(self) -> str:
        """Returns why nobody can make a connection, or nothing."""
        return "has ended" if self._clock() >= self._end_time() else ""

    async def run(self) -> None:
        """Looks again and again; ends only if cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        self._files.refresh()
        now, end_time = self._clock(), self._end_time()
        self._metrics.certificate_end.set(end_time.timestamp())
        is_over = now >= end_time
        if not is_over and end_time - now > _SOON:
            if self._told_time is not None:
                self._log.info("own certificate renewed", end_time=end_time.isoformat())
            self._told_time, self._was_over = None, False
            return
        remind = _REMIND_ENDED if is_over else _REMIND_SOON
        is_news = self._told_time is None or is_over != self._was_over
        if not is_news and self._told_time is not None and now - self._told_time < remind:
            return
        self._told_time, self._was_over = now, is_over
        if is_over:
            self._log.error("own certificate has ended", end_time=end_time.isoformat())
        else:
            self._log.warning("own certificate ends soon", days_left=(end_time - now).days)
