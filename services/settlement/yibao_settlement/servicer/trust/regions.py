"""Regions of the configuration whose codes nobody signs: a slip of a digit, mostly."""

import datetime as dt
from collections.abc import Collection

from yibao.trust import QrError, TrustSnapshot
from yibao.trust_store import TrustStore
from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock

_SECONDS = 5.0
_CODES = "tok"


def region_watch(
    store: TrustStore,
    *,
    regions: Collection[str],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that tells of such regions, once trust has been learnt."""

    async def look() -> None:
        now = clock()
        try:
            snapshot = store.current(now=now)
        except QrError:
            return  # Nothing is held yet, which is told elsewhere.
        if missing := regions_without_key(snapshot, regions, now=now):
            raise ToldError(f"identity.regions: no key signs codes for {', '.join(missing)}")

    duty = Duty(run=look, failure="a region is not served")
    return BackgroundTask(
        "regions", [duty], seconds=_SECONDS, metrics=metrics, clock=clock, log=log
    )


def regions_without_key(
    snapshot: TrustSnapshot, regions: Collection[str], *, now: dt.datetime
) -> list[str]:
    """Returns the regions for which no key of `snapshot` signs codes at `now`."""
    second = int(now.timestamp())
    keys = [key for key in snapshot.keys.values() if key.use == _CODES]
    return [
        region
        for region in regions
        if not any(key.may_sign(issuer=region, at_second=second) for key in keys)
    ]
