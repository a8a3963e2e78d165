"""Tells streams of changes when there are some, whichever process made them.

One look a second serves all streams of a process, and none is made while there are none. It asks
for the changes of a region between the instants of two looks; who they concern is woken and reads
what it may see by itself, page by page, so that nothing is kept of a stream whose caller is slow.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.party_streams import PartyStreams
from yibao_common.values.clock import Clock
from yibao_settlement.application.change import Change, ChangePlace, ChangeWish, told_before
from yibao_settlement.application.reading import Reads

# A change is told a minute after it was made, so a second more is not noticed.
_LOOK_SECONDS = 1.0
# Of more, everybody is woken: whom they concern would take longer to find.
_MOST_CHANGES = 500
# Who finds all streams taken comes again after so long: one ends every few seconds by then.
_WAIT_SECONDS = 10.0

# Whose changes were found in a region: None where there were too many to tell.
_Found = Mapping[str, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """How many streams there may be, and how long one stays silent."""

    most_streams: int
    most_streams_of_party: int
    heartbeat_seconds: float


@dataclass(slots=True, eq=False)
class Follower:
    """A stream of changes: of an institution's settlements, or of all where it is None."""

    party: str
    region: str
    institution_id: str | None
    # Set where there may be something to read.
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    # All before it was told; None until then.
    told_before: dt.datetime | None = None
    # It has told all that there was, and sends nothing.
    is_waiting: bool = False


class ChangeWatch:
    """Looks for changes while somebody follows them; is used on the event loop."""

    def __init__(
        self,
        reads: Reads,
        *,
        writing_for_seconds: Callable[[], float],
        limits: WatchLimits,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes what is read of; nothing runs before `start`.

        `writing_for_seconds()` is for how long the oldest writing transaction has been at it.
        """
        self._reads = reads
        self._writing_for_seconds = writing_for_seconds
        self._limits = limits
        # Threads of its own: who catches up with a year keeps no counter waiting.
        self._looking = Blocking(1, name="change-watch")
        self._reading = Blocking(2, name="changes", party_of=current_party)
        self._followers: set[Follower] = set()
        self._of_parties = PartyStreams(limits.most_streams_of_party, kind="streams of changes")
        # All changes before it can be told; None while nobody follows.
        self.looked: dt.datetime | None = None
        self.is_released = False
        duty = Duty(run=self._look, failure="changes are not watched")
        self._task = BackgroundTask(
            "change-watch", [duty], seconds=_LOOK_SECONDS, metrics=metrics, clock=clock, log=log
        )
        metrics.change_streams.set_function(lambda: len(self._followers))
        metrics.change_stream_lag.set_function(self._lag_seconds)

    @property
    def heartbeat_seconds(self) -> float:
        """After how long a stream without changes says so."""
        return self._limits.heartbeat_seconds

    def start(self, supervisor: Supervisor) -> None:
        """Starts to look; call it inside the event loop.

        Raises:
            StartError: a thread cannot be made.
        """
        self._looking.start(supervisor)
        self._reading.start(supervisor)
        self._task.start(supervisor)

    @contextlib.contextmanager
    def follow(self, party: str, region: str, institution_id: str | None) -> Iterator[Follower]:
        """Gives what is woken when there is something to read, for as long as the block lasts.

        Raises:
            RateLimitedError: the party, or the process, has as many streams as it may.
        """
        with self._of_parties.one_of(party):
            if len(self._followers) >= self._limits.most_streams:
                raise RateLimitedError(_WAIT_SECONDS, "all streams of changes are taken")
            follower = Follower(party, region, institution_id)
            self._followers.add(follower)
            try:
                yield follower
            finally:
                self._followers.discard(follower)

    async def read(
        self, region: str, wish: ChangeWish, *, after: ChangePlace | None, limit: int
    ) -> list[Change]:
        """Returns changes, as `Reads.changes` does, from a thread of the streams."""
        return await self._reading.run(self._reads.changes, region, wish, after=after, limit=limit)

    def release(self) -> None:
        """Lets every stream end, and none wait any more: the process is about to drain."""
        self.is_released = True
        for follower in self._followers:
            follower.woken.set()

    async def close(self) -> None:
        """Stops to look."""
        self.release()
        await self._task.close()
        self._looking.close()
        self._reading.close()

    async def _look(self) -> None:
        regions = frozenset(follower.region for follower in self._followers)
        if not regions:
            self.looked = None
            return
        looked, found = await self._looking.run(self._found, regions, self.looked)
        self.looked = looked
        for follower in self._followers:
            # Who came while this was under way was not looked for.
            if follower.region not in found or _concerns(follower, found[follower.region]):
                follower.woken.set()
            elif follower.is_waiting and not follower.woken.is_set():
                follower.told_before = looked

    def _found(
        self, regions: frozenset[str], since: dt.datetime | None
    ) -> tuple[dt.datetime, _Found]:
        """Returns up to when can be told by now, and whose changes that has more of."""
        # In this order: what begins to write in between bears a later time.
        writing_for = dt.timedelta(seconds=self._writing_for_seconds())
        before = told_before(self._reads.now(), writing_for=writing_for)
        if since is None:
            return before, {}
        before = max(since, before)
        found: dict[str, frozenset[str] | None] = {}
        for region in regions:
            wish = ChangeWish(None, since, before)
            changes = self._reads.changes(region, wish, after=None, limit=_MOST_CHANGES + 1)
            is_whole = len(changes) <= _MOST_CHANGES
            ids = frozenset(change.institution_id for change in changes)
            found[region] = ids if is_whole else None
        return before, found

    def _lag_seconds(self) -> float:
        """Returns how far behind what can be told the last stream is."""
        # Asked in a thread of the metrics: in the loop's, streams begin and end meanwhile.
        followers = tuple(self._followers)
        told = [each.told_before for each in followers if each.told_before is not None]
        if self.looked is None or not told:
            return 0.0
        return max(0.0, (self.looked - min(told)).total_seconds())


def _concerns(follower: Follower, found: frozenset[str] | None) -> bool:
    if found is None:
        return True
    return bool(found) if follower.institution_id is None else follower.institution_id in found
