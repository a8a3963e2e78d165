"""When trust snapshots are signed, with which versions, and which list stands."""

import datetime as dt
from collections.abc import Sequence

import pytest

from yibao_identity.application.publish import TrustPublisher, list_digest, next_version
from yibao_identity.application.records import PublishedSnapshot
from yibao_identity.rules.trust_list import KeyState, ListedKey, TrustList

START = dt.datetime(2026, 11, 2, 8, 0, 0, 500_000, tzinfo=dt.UTC)
SECOND = int(START.timestamp())
HALF_HOUR = dt.timedelta(minutes=30)


class FakeClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


class FakeSnapshots:
    """Keeps snapshots; `race` is stored by somebody else just before the next one."""

    def __init__(self) -> None:
        self.all: dict[int, PublishedSnapshot] = {}
        self.race: PublishedSnapshot | None = None

    def newest(self) -> PublishedSnapshot | None:
        return self.all[max(self.all)] if self.all else None

    def add(self, snapshot: PublishedSnapshot) -> bool:
        if self.race is not None:
            self.all[self.race.version] = self.race
            self.race = None
        if snapshot.version in self.all:
            return False
        self.all[snapshot.version] = snapshot
        return True


class FakeSigner:
    def __init__(self, key_id: bytes = b"trustkey") -> None:
        self.key_id = key_id

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        return f"{trust_list.version} {len(trust_list.keys)}".encode()


def _key(name: str, state: KeyState = KeyState.ACTIVE) -> ListedKey:
    killed = START if state is KeyState.KILLED else None
    year = dt.timedelta(days=365)
    issuers = frozenset({"500100", "330100"})
    return ListedKey(name.encode().ljust(32), issuers, START, START + year, state, killed)


class World:
    """One database and clock, with as many processes as a test wants."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.snapshots = FakeSnapshots()

    def process(
        self, keys: Sequence[ListedKey] = (_key("a"),), signer: FakeSigner | None = None
    ) -> TrustPublisher:
        return TrustPublisher(self.snapshots, signer or FakeSigner(), keys, clock=self.clock)


def test_the_first_process_signs_with_the_second_as_version() -> None:
    world = World()
    published = world.process().publish()
    assert published.version == SECOND
    assert published.issue_time == START.replace(microsecond=0)
    assert published.snapshot == f"{SECOND} 1".encode()


def test_a_restart_and_a_second_process_publish_the_same_snapshot() -> None:
    world = World()
    first = world.process().publish()
    world.clock.now += dt.timedelta(minutes=5)
    assert world.process().publish() == first
    assert world.process().current() == first


@pytest.mark.parametrize(
    ("age", "is_signed_anew"),
    [
        (HALF_HOUR - dt.timedelta(seconds=1, microseconds=500_000), False),
        (HALF_HOUR, True),
    ],
)
def test_a_snapshot_is_signed_anew_half_way_to_its_refresh(
    age: dt.timedelta, is_signed_anew: bool
) -> None:
    world = World()
    process = world.process()
    first = process.publish()
    world.clock.now += age
    second = process.current()
    assert (second.version > first.version) is is_signed_anew
    assert process.current() == second


def test_other_keys_are_published_at_once() -> None:
    world = World()
    first = world.process().publish()
    second = world.process([_key("a"), _key("b", KeyState.NEXT)]).publish()
    assert second.version == first.version + 1
    assert second.snapshot.endswith(b" 2")


def test_another_trust_key_signs_anew() -> None:
    world = World()
    first = world.process().publish()
    second = world.process(signer=FakeSigner(b"newtrust")).publish()
    assert second.version > first.version
    assert second.trust_key_id == b"newtrust"


def test_a_process_with_an_older_list_does_not_bring_a_killed_key_back() -> None:
    world = World()
    old = world.process([_key("a"), _key("b")])
    old.publish()
    new = world.process([_key("a"), _key("b", KeyState.KILLED)])
    killed = new.publish()
    world.clock.now += HALF_HOUR * 3
    assert old.current() == killed
    newer = new.current()
    assert newer.version > killed.version
    assert newer.list_digest == killed.list_digest


def test_of_two_processes_that_sign_at_once_one_wins() -> None:
    world = World()
    process = world.process()
    process.publish()
    world.clock.now += HALF_HOUR
    issue_time = world.clock.now.replace(microsecond=0)
    other = PublishedSnapshot(
        int(issue_time.timestamp()), b"trustkey", list_digest([_key("a")]), issue_time, b"other"
    )
    world.snapshots.race = other
    assert process.current() == other
    assert len(world.snapshots.all) == 2


@pytest.mark.parametrize(
    ("newest", "version"),
    [
        (0, SECOND),
        (SECOND - 1, SECOND),
        (SECOND, SECOND + 1),
        (SECOND + 9, SECOND + 10),
    ],
)
def test_versions_rise_even_where_the_clock_goes_back(newest: int, version: int) -> None:
    assert next_version(newest, START) == version


def test_the_digest_of_a_list_depends_on_everything_but_the_order() -> None:
    one, other = _key("a"), _key("b")
    assert list_digest([one, other]) == list_digest([other, one])
    lists = [[one], [other], [one, other], [_key("a", KeyState.RETIRING)]]
    assert len({list_digest(each) for each in lists}) == len(lists)
