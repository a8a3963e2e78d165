"""What the identity service does for trust in the background: keys read anew, lists signed."""

import datetime as dt

from prometheus_client import Gauge

from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_identity.application.trust.publish import PublishError, TrustPublisher
from yibao_identity.keys import KeyRing

# A new key is published a week before its first use, so there has to be time for that.
_WARN_BEFORE = dt.timedelta(days=30)
_WARN_EVERY = dt.timedelta(days=1)
# After its end something is refused at every counter.
_TELL_ENDED_EVERY = dt.timedelta(hours=1)


def trust_keeping(
    ring: KeyRing,
    publisher: TrustPublisher,
    blocking: Blocking,
    *,
    seconds: float,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that takes over changed keys and publishes what is due.

    It does so every `seconds`, and warns of keys that expire soon.
    """

    async def read_keys() -> None:
        try:
            await blocking.run(ring.reload)
        except StartError as error:
            raise ToldError(str(error)) from None

    async def publish() -> None:
        try:
            await blocking.run(publisher.publish)
        except PublishError as error:
            raise ToldError(str(error)) from None

    ends = _EndWarnings(ring, metrics.signing_key_end, clock=clock, log=log)
    duties = [
        Duty(run=read_keys, failure="keys were not read", name="keys"),
        Duty(run=publish, failure="trust is not published", name="publish"),
        Duty(run=ends.tell, failure="no warning", name="ends"),
    ]
    return BackgroundTask(
        "trust-keeper", duties, seconds=seconds, metrics=metrics, clock=clock, log=log
    )


class _EndWarnings:
    """Tells when keys end: as a metric, once a day of those that do soon, then each hour."""

    def __init__(self, ring: KeyRing, end: Gauge, *, clock: Clock, log: Log) -> None:
        self._ring = ring
        self._end = end
        self._clock = clock
        self._log = log
        self._warned: dict[str, dt.datetime] = {}

    async def tell(self) -> None:
        """Logs what is to be said now."""
        now = self._clock()
        for use, expire_time in self._ring.expire_times().items():
            self._end.labels(use.value).set(expire_time.timestamp())
            left = expire_time - now
            has_ended = left <= dt.timedelta()
            pause = _TELL_ENDED_EVERY if has_ended else _WARN_EVERY
            warned = self._warned.get(use.value)
            if left >= _WARN_BEFORE or (warned is not None and now - warned < pause):
                continue
            self._warned[use.value] = now
            if has_ended:
                self._log.error("a signing key has ended", use=use.value)
            else:
                self._log.warning("a signing key expires soon", use=use.value, days_left=left.days)
