"""Trust in the background: a key that is missing keeps nothing else from its turn."""

import asyncio
import datetime as dt
from collections.abc import Callable

from support.memory.trust import MemoryTrustTables, PlainSigners
from support.tasks import Watched

from yibao_common.commands.blocking import Blocking
from yibao_common.keys.signing_key import SigningKey
from yibao_common.process.metrics import Metrics
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.application.trust.rows import Root
from yibao_identity.housekeeping import trust_keeping
from yibao_identity.keys import KeyRing
from yibao_identity.rules.trust.published import KeyState, ListedKey

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
REGION = "500100"


class NoKeys:
    """An empty key folder."""

    def find(self, public_key: bytes) -> SigningKey | None:
        return None

    def make(self) -> bytes:
        raise AssertionError("nothing makes keys in the background")

    def place(self, public_key: bytes) -> str:
        return public_key.hex()


def kept(tables: MemoryTrustTables, *, until: Callable[[Watched], bool]) -> Watched:
    """Keeps trust in the background, without any private key, until something has happened."""

    async def main() -> Watched:
        watched, blocking = Watched(), Blocking(threads=1)
        task = trust_keeping(
            KeyRing(tables, NoKeys(), regions=[REGION], clock=lambda: NOW),
            TrustPublisher(tables, PlainSigners(), clock=lambda: NOW),
            blocking,
            seconds=0.001,
            metrics=Metrics(),
            clock=lambda: NOW,
            log=watched.log,
        )
        task.start(watched.supervisor)
        async with asyncio.timeout(10):
            while not until(watched):
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        await task.close()
        blocking.close()
        return watched

    return asyncio.run(main())


def test_a_missing_key_is_told_once_and_trust_is_published_all_the_same() -> None:
    tables = MemoryTrustTables()
    with tables.change() as change:
        key = ListedKey(b"k" * 32, frozenset({REGION}), NOW - DAY, NOW + DAY, KeyState.ACTIVE)
        change.put_key(key, now=NOW, by="wang")
        change.add_root(Root(1, NOW + DAY, (b"t" * 32,), b"root"), now=NOW, by="wang")
    watched = kept(tables, until=lambda _watched: bool(tables.rows.snapshots))
    (told,) = (each for each in watched.logged if each["level"] == "error")
    assert (told["event"], told["duty"]) == ("keys were not read", "keys")
    first, *_ = told["problem"].splitlines()
    assert "is missing, the private half of the tok key" in first
    assert not watched.stop.is_set()


def test_without_a_root_it_is_told_that_nothing_is_published() -> None:
    watched = kept(MemoryTrustTables(), until=lambda watched: len(watched.logged) >= 2)
    keys, lists = (each for each in watched.logged if each["level"] == "error")
    assert (keys["event"], lists["event"]) == ("keys were not read", "trust is not published")
    assert lists["problem"].startswith("no root of trust")
