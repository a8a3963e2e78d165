"""What is signed when, with which versions; on both databases."""

import datetime as dt
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.roots import HOLDERS, make_root
from support.token_minting import private_key, public_key

from yibao import _status_list
from yibao.trust import TrustSnapshot
from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_identity.application.trust.publish import PublishError, TrustPublisher, next_version
from yibao_identity.application.trust.reading import TrustReader
from yibao_identity.application.trust.rows import Denial, PublishedSnapshot, Root
from yibao_identity.application.trust.signers import SnapshotSigner, StatusSigner
from yibao_identity.rules.trust.published import KeyState, KeyUse, ListedKey
from yibao_identity.storage import tables
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_identity.storage.trust.signing import StatusListSigner, TrustSigner

START = dt.datetime(2026, 11, 2, 8, 0, 0, 500_000, tzinfo=dt.UTC)
WHOLE = START.replace(microsecond=0)
NUMBER = int(START.timestamp())
HALF_HOUR, DAY = dt.timedelta(minutes=30), dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
REGION, OTHER = "330100", "500100"


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


class TestKeys:
    """Holds the private test keys of these names."""

    __test__ = False

    def __init__(self, *names: str) -> None:
        self._by_public = {public_key(name): private_key(name) for name in names}

    def snapshot_signer(self, trust_keys: Collection[bytes]) -> SnapshotSigner | None:
        found = [self._by_public[key] for key in trust_keys if key in self._by_public]
        return TrustSigner(found[0]) if found else None

    def status_signer(self, public: bytes) -> StatusSigner | None:
        found = self._by_public.get(public)
        return None if found is None else StatusListSigner(found)


def listed(name: str, use: KeyUse, state: KeyState = KeyState.ACTIVE) -> ListedKey:
    killed = START if state is KeyState.KILLED else None
    end = START + 365 * DAY
    return ListedKey(
        public_key(name), frozenset({REGION, OTHER}), WHOLE - DAY, end, state, killed, use
    )


class World:
    """One database, with as many processes as a test wants."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.database = database
        self.tables = StoredTrust(database)
        self.reader = TrustReader(self.tables)
        self.add_root(make_root([public_key("trust")]), 1, [public_key("trust")])
        self.put(listed("tok", KeyUse.TOKEN), listed("status", KeyUse.STATUS))

    def process(self, *names: str) -> TrustPublisher:
        keys = TestKeys(*(names or ("trust", "status")))
        return TrustPublisher(self.tables, keys, clock=self.clock)

    def add_root(self, document: bytes, version: int, trust_keys: Sequence[bytes]) -> None:
        root = Root(version, START + DAY, tuple(trust_keys), document)
        with self.tables.change() as change:
            change.add_root(root, now=self.clock(), by="wang")

    def put(self, *keys: ListedKey) -> None:
        with self.tables.change() as change:
            for key in keys:
                change.put_key(key, now=self.clock(), by="wang")

    def revoke(self, number: int, index: int, *, until: dt.datetime = START + DAY) -> None:
        with self.database.write() as connection:
            connection.execute(
                sa.insert(tables.revoked_status).values(
                    region=REGION,
                    list_number=number,
                    status_index=index,
                    device_certificate_id=f"{index:016x}",
                    revoke_time=START,
                    expire_time=until,
                )
            )

    def certify(self, number: int, index: int, *, until: dt.datetime) -> None:
        with self.database.write() as connection:
            connection.execute(
                sa.insert(tables.device_certificate).values(
                    region=REGION,
                    device_certificate_id=f"{number:08x}{index:08x}",
                    device_id="00000000-0000-4000-8000-000000000001",
                    issue_time=START,
                    expire_time=until,
                    list_number=number,
                    status_index=index,
                )
            )

    def rows(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    def read(self, published: PublishedSnapshot) -> TrustSnapshot:
        return TrustSnapshot.verify(
            published.snapshot, trust_key=public_key("trust"), now=self.clock()
        )


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_identity"))


def numbers(trust: TrustSnapshot, region: str = REGION) -> list[int]:
    return sorted(int(uri.split("/")[2]) for uri in trust.lists if uri.split("/")[1] == region)


def test_the_first_process_signs_with_the_second_as_version(world: World) -> None:
    published = world.process().publish()
    assert (published.version, published.issue_time) == (NUMBER, WHOLE)
    assert world.read(published).version == NUMBER


def test_a_restart_and_a_second_process_publish_the_same_snapshot(world: World) -> None:
    first = world.process().publish()
    world.clock.now += dt.timedelta(minutes=5)
    assert world.process().publish() == first
    assert world.reader.snapshot() == first


@pytest.mark.parametrize(
    ("age", "is_signed_anew"),
    [(HALF_HOUR - SECOND - SECOND / 2, False), (HALF_HOUR, True)],
)
def test_it_is_signed_anew_half_way_to_the_refresh(
    world: World, age: dt.timedelta, is_signed_anew: bool
) -> None:
    first = world.process().publish()
    world.clock.now += age
    second = world.process().publish()
    assert (second.version > first.version) is is_signed_anew
    # With the snapshot its lists, so that none is ever older than an hour.
    assert (second.list_digests != first.list_digests) is is_signed_anew
    assert world.process().publish() == second


@pytest.mark.parametrize(
    ("ahead", "is_signed_anew"), [(HALF_HOUR - SECOND, False), (HALF_HOUR, True)]
)
def test_what_a_clock_that_ran_ahead_signed_is_signed_anew(
    world: World, ahead: dt.timedelta, is_signed_anew: bool
) -> None:
    """Verifiers refuse it as long as their clocks are behind it."""
    world.clock.now = WHOLE + ahead
    first = world.process().publish()
    world.clock.now = WHOLE
    second = world.process().publish()
    assert (second.version > first.version) is is_signed_anew
    assert (second.list_digests != first.list_digests) is is_signed_anew
    assert world.process().publish() == second


@pytest.mark.parametrize(
    "change",
    [
        listed("new", KeyUse.TOKEN, KeyState.NEXT),
        listed("tok", KeyUse.TOKEN, KeyState.RETIRING),
        listed("tok", KeyUse.TOKEN, KeyState.KILLED),
        replace(listed("tok", KeyUse.TOKEN), expire_time=START + DAY),
    ],
)
def test_a_change_of_keys_is_published_at_once(world: World, change: ListedKey) -> None:
    first = world.process().publish()
    world.put(change)
    second = world.process().publish()
    assert second.version == first.version + 1
    assert world.process().publish() == second


def test_a_denial_is_published_at_once_and_ends(world: World) -> None:
    first = world.process().publish()
    with world.tables.change() as change:
        change.deny(Denial(b"8 bytes.", START, START + 600 * SECOND, "wang", "stolen"))
    second = world.process().publish()
    assert second.version == first.version + 1
    assert world.read(second).denies(b"8 bytes.")
    world.clock.now += 600 * SECOND
    assert not world.read(world.process().publish()).denies(b"8 bytes.")


def test_a_revocation_makes_a_list_and_the_snapshot_that_binds_it(world: World) -> None:
    first = world.process().publish()
    world.revoke(1, 77)
    second = world.process().publish()
    assert second.version == first.version + 1
    found = world.reader.status_list(f"mi:sl/{REGION}/1")
    assert found.version == NUMBER + 1
    trust = world.read(second).with_status_list(found.document, now=world.clock())
    status = trust.status_lists[f"mi:sl/{REGION}/1"]
    assert [index for index in range(100) if status.is_set(index)] == [77]
    # The lists that did not change are those of before.
    assert len(second.list_digests & first.list_digests) == len(first.list_digests) - 1


def test_a_bit_is_left_out_once_its_certificate_has_expired(world: World) -> None:
    world.revoke(1, 77, until=START + 600 * SECOND)
    for wait, bits in ((599, _status_list.bits_of([77])), (1, _status_list.bits_of([]))):
        world.clock.now += wait * SECOND
        world.process().publish()
        found = world.reader.status_list(f"mi:sl/{REGION}/1")
        assert found.bits == bits


def test_two_lists_are_published_ahead(world: World) -> None:
    publisher = world.process()
    assert numbers(world.read(publisher.publish())) == [1, 2]
    world.certify(1, 5, until=START + 3 * DAY)
    assert numbers(world.read(publisher.publish())) == [1, 2, 3]
    world.certify(2, 5, until=START + 3 * DAY)
    trust = world.read(publisher.publish())
    assert numbers(trust) == [1, 2, 3, 4]
    assert numbers(trust, OTHER) == [1, 2]


def test_a_list_is_left_out_when_its_last_certificate_has_expired(world: World) -> None:
    publisher = world.process()
    world.certify(1, 5, until=START + DAY)
    world.certify(2, 5, until=START + 3 * DAY)
    for now, expected in (
        (START, [1, 2, 3, 4]),
        (START + DAY - SECOND, [1, 2, 3, 4]),
        (START + DAY + HALF_HOUR, [2, 3, 4]),
        # The newest stays, as it will be put on again.
        (START + 4 * DAY, [2, 3, 4]),
    ):
        world.clock.now = now
        assert numbers(world.read(publisher.publish())) == expected
    with pytest.raises(RuleError) as caught:
        world.reader.status_list(f"mi:sl/{REGION}/1")
    assert caught.value.reason is Reason.STATUS_LIST_NOT_FOUND


def test_without_a_key_for_lists_there_are_none(world: World) -> None:
    world.process().publish()
    world.put(listed("status", KeyUse.STATUS, KeyState.KILLED))
    trust = world.read(world.process().publish())
    assert trust.lists == {}
    assert world.process().publish().version == trust.version


def test_a_process_without_the_key_for_lists_publishes_none_without_them(world: World) -> None:
    first = world.process().publish()
    world.put(listed("status", KeyUse.STATUS, KeyState.RETIRING), listed("status 2", KeyUse.STATUS))
    with pytest.raises(PublishError, match="private half of the status key"):
        world.process("trust", "status").publish()
    assert world.reader.snapshot() == first


def test_another_key_for_lists_signs_them_anew(world: World) -> None:
    first = world.process().publish()
    world.put(listed("status", KeyUse.STATUS, KeyState.RETIRING), listed("status 2", KeyUse.STATUS))
    second = world.process("trust", "status 2").publish()
    assert second.list_digests.isdisjoint(first.list_digests)


def test_another_root_signs_with_its_trust_key(world: World) -> None:
    first = world.process().publish()
    new = [public_key("trust 2")]
    world.add_root(make_root(new, HOLDERS[:2], version=2), 2, new)
    with pytest.raises(PublishError, match="root 2 allows trust keys of which none"):
        world.process().publish()
    assert world.reader.snapshot() == first
    second = world.process("trust", "trust 2", "status").publish()
    assert second.version == first.version + 1
    TrustSnapshot.verify(second.snapshot, trust_key=new, now=world.clock())


def test_without_a_root_or_a_key_nothing_is_published(databases: Databases) -> None:
    store = StoredTrust(databases.open("yibao_identity"))
    publisher = TrustPublisher(store, TestKeys("trust"), clock=Clock())
    with pytest.raises(PublishError, match="no root of trust"):
        publisher.publish()
    root = make_root([public_key("trust")])
    with store.change() as change:
        change.add_root(Root(1, START, (public_key("trust"),), root), now=START, by="wang")
    with pytest.raises(PublishError, match="no key to list"):
        publisher.publish()


def test_an_undone_change_is_not_published(world: World) -> None:
    publisher = world.process()
    first = publisher.publish()

    def change_and_fail() -> None:
        with world.tables.change() as change:
            change.put_key(listed("tok", KeyUse.TOKEN, KeyState.KILLED), now=START, by="wang")
            assert publisher.publish_in(change).version > first.version
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert publisher.publish() == first


def test_what_nobody_may_use_any_longer_is_removed(world: World) -> None:
    world.process().publish()
    world.clock.now += 8 * DAY
    world.process().publish()
    assert (world.rows(tables.trust_snapshot), world.rows(tables.status_list)) == (2, 8)
    world.clock.now += HALF_HOUR
    world.process().publish()
    assert (world.rows(tables.trust_snapshot), world.rows(tables.status_list)) == (2, 8)


def test_processes_that_publish_at_once_make_one_snapshot_a_change(world: World) -> None:
    processes = [world.process() for _ in range(4)]
    start = threading.Barrier(4)
    found: list[PublishedSnapshot] = []

    def publish(publisher: TrustPublisher) -> None:
        start.wait(20)
        found.append(publisher.publish())

    for round_ in range(5):
        world.revoke(1, round_)
        found.clear()
        threads = [threading.Thread(target=publish, args=(each,)) for each in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({each.snapshot for each in found}) == 1
    assert world.rows(tables.trust_snapshot) == 5


def test_a_kill_is_not_undone_by_a_process_that_read_the_keys_before(world: World) -> None:
    """The publisher decides inside the transaction that the kill has to wait for."""
    publisher = world.process()
    publisher.publish()
    world.clock.now += HALF_HOUR
    killed = listed("tok", KeyUse.TOKEN, KeyState.KILLED)
    with world.tables.change() as change:
        change.put_key(killed, now=START, by="wang")
        late = threading.Thread(target=publisher.publish)
        late.start()
        late.join(0.3)
        assert late.is_alive(), "it waits for the change"
        by_kill = publisher.publish_in(change)
    late.join(20)
    newest = world.reader.snapshot()
    assert newest == by_kill
    assert any(each.is_killed for each in world.read(newest).keys.values())


@pytest.mark.parametrize(
    ("newest", "version"),
    [(0, NUMBER), (NUMBER - 1, NUMBER), (NUMBER, NUMBER + 1), (NUMBER + 9, NUMBER + 10)],
)
def test_versions_rise_even_where_the_clock_goes_back(newest: int, version: int) -> None:
    assert next_version(newest, START) == version


def test_keys_are_read_as_they_were_written(world: World) -> None:
    killed = listed("dead", KeyUse.CREDENTIAL, KeyState.KILLED)
    world.put(listed("dead", KeyUse.CREDENTIAL, KeyState.NEXT))
    world.clock.now += SECOND
    world.put(killed)
    with world.tables.view() as view:
        found = {each.key.public_key: each for each in view.recorded_keys()}
    assert found[public_key("dead")].key == killed
    # When and by whom it was recorded first does not change.
    assert (found[public_key("dead")].record_time, found[public_key("dead")].recorded_by) == (
        START,
        "wang",
    )


def test_roots_are_read_by_version(world: World) -> None:
    second = make_root([public_key("trust")], version=2)
    world.add_root(second, 2, [public_key("trust")])
    with world.tables.view() as view:
        newest, first, none = view.newest_root(), view.root(1), view.root(3)
    assert newest is not None
    assert (newest.version, newest.document) == (2, second)
    assert first is not None
    assert first.trust_keys == (public_key("trust"),)
    assert none is None


def test_while_its_database_is_restored_identity_is_away_and_not_wrong(
    databases: Databases,
) -> None:
    # Who restores may take away what the service may only add to.
    world = World(databases.owned().open("yibao_identity"))
    world.process().publish()
    with world.database.write() as connection:
        for table in (tables.trust_snapshot, tables.trust_root):
            connection.execute(sa.delete(table))
    for read in (
        lambda: world.reader.root(0),
        world.reader.snapshot,
        lambda: world.reader.status_list(f"mi:sl/{REGION}/1"),
    ):
        with pytest.raises(TransientError):
            read()
