"""Calls that wait for news are woken by what any process, or a command, has written."""

import asyncio
import contextlib
import dataclasses
import threading

import pytest
from support.databases import Databases
from support.person_stores import REGION, PersonWorld
from support.tasks import Watched

from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import system_clock
from yibao_identity.application.feed import Bookmark, Feed
from yibao_identity.storage.feed import renew_epochs

OTHER_REGION = "330100"
# Far longer than a test may take.
FOR_EVER = 600


@dataclasses.dataclass
class Place:
    world: PersonWorld
    feed: Feed
    watch: FeedWatch


@contextlib.asynccontextmanager
async def place(databases: Databases):  # type: ignore[no-untyped-def]
    world = PersonWorld(databases.open("yibao_identity"))
    # Connections of its own, as another process has.
    own = Database(world.database.engine.url.render_as_string(hide_password=False))
    other = PersonWorld(own)
    feed, watched = Feed(other.transactions, clock=system_clock), Watched()
    watch = FeedWatch(feed, metrics=Metrics(), clock=system_clock, log=watched.log)
    watch.start(watched.supervisor)
    async with asyncio.timeout(30):
        yield Place(world, feed, watch)
    await watch.close()
    own.close()


def test_a_change_wakes_those_who_wait_for_its_region(databases: Databases) -> None:
    async def main() -> None:
        async with place(databases) as here:
            here.world.person_id()
            waiting = [
                asyncio.create_task(here.watch.wait(REGION, beyond=1, seconds=FOR_EVER))
                for _ in range(3)
            ]
            elsewhere = asyncio.create_task(
                here.watch.wait(OTHER_REGION, beyond=0, seconds=FOR_EVER)
            )
            await asyncio.sleep(0.1)
            assert not any(each.done() for each in waiting)
            await asyncio.to_thread(here.world.person_id)
            await asyncio.gather(*waiting)
            assert not elsewhere.done()
            here.watch.release()
            await elsewhere

    asyncio.run(main())


def test_who_waits_beyond_the_end_and_who_waits_long_enough_is_let_go(
    databases: Databases,
) -> None:
    async def main() -> None:
        async with place(databases) as here:
            here.world.person_id()
            await here.watch.wait(REGION, beyond=9, seconds=FOR_EVER)
            await here.watch.wait(REGION, beyond=1, seconds=0.001)
            here.watch.release()
            await here.watch.wait(REGION, beyond=1, seconds=FOR_EVER)

    asyncio.run(main())


@pytest.mark.parametrize("is_served", [True, False])
def test_a_region_has_an_epoch_from_the_start_and_another_one_after_a_restore(
    databases: Databases, is_served: bool
) -> None:
    world = PersonWorld(databases.open("yibao_identity"))
    feed = Feed(world.transactions, clock=world.clock)
    nothing = Bookmark("", 0, 0, "")
    assert feed.page(REGION, nothing, limit=1).epoch == ""
    if is_served:
        feed.begin(REGION)
    else:
        world.person_id()
    first = feed.page(REGION, nothing, limit=1)
    feed.begin(REGION)
    assert feed.page(REGION, nothing, limit=1) == first
    assert len(first.epoch) == 36
    with world.database.write() as connection:
        assert renew_epochs(connection) == [REGION]
    read = Bookmark(first.epoch, 0, first.head_sequence, first.head_mark)
    again = feed.page(REGION, read, limit=1)
    assert again.starts_anew
    assert again.epoch != first.epoch
    assert not feed.page(REGION, dataclasses.replace(read, epoch=again.epoch), limit=1).starts_anew


def test_a_watch_whose_thread_cannot_be_made_does_not_start(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        world, watched = PersonWorld(databases.open("yibao_identity")), Watched()
        feed = Feed(world.transactions, clock=system_clock)
        watch = FeedWatch(feed, metrics=Metrics(), clock=system_clock, log=watched.log)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(StartError, match="feed-watch"):
            watch.start(watched.supervisor)

    asyncio.run(main())
