"""What the identity service does for trust in the background: keys read anew, lists signed."""

import datetime as dt

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

    It does so every `seconds`, and warns of keys, and of a root, that expire soon.
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

    ends = _EndWarnings(ring, metrics, clock=clock, log=log)
    duties = [
        Duty(run=read_keys, failure="keys were not read", name="keys"),
        Duty(run=publish, failure="trust is not published", name="publish"),
        Duty(run=ends.tell, failure="ends of keys are not watched", name="ends"),
    ]
    return BackgroundTask(
        "trust-keeper", duties, seconds=seconds, metrics=metrics, clock=clock, log=log
    )


class _EndWarnings:
    """Tells when keys and the root end: as metrics, daily of those that do soon, then hourly."""

    def __init__(self, ring: KeyRing, metrics: Metrics, *, clock: Clock, log: Log) -> None:
        self._ring = ring
        self._key_end, self._root_end = metrics.signing_key_end, metrics.trust_root_end
        self._clock = clock
        self._log = log
        self._warned: dict[str, dt.datetime] = {}

    async def tell(self) -> None:
        """Logs what is to be said now."""
        for use, expire_time in self._ring.expire_times().items():
            self._key_end.labels(use.value).set(expire_time.timestamp())
            self._tell("a signing key", expire_time, use=use.value)
        root_end = self._ring.root_expire_time()
        if root_end is not None:
            self._root_end.set(root_end.timestamp())
            self._tell("the root of trust", root_end)

    def _tell(self, what: str, expire_time: dt.datetime, **told: str) -> None:
        now = self._clock()
        left = expire_time - now
        has_ended = left <= dt.timedelta()
        pause = _TELL_ENDED_EVERY if has_ended else _WARN_EVERY
        kind = told.get("use", "")
        warned = self._warned.get(kind)
        if left >= _WARN_BEFORE or (warned is not None and now - warned < pause):
            return
        self._warned[kind] = now
        if has_ended:
            self._log.error(f"{what} has ended", **told)
        else:
            self._log.warning(f"{what} expires soon", **told, days_left=left.days)
