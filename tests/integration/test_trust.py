"""Trust through the real service: rotation, kill, rollback, offline, several processes."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import (
    KEYS_FROM,
    REGION,
    Identity,
    IdentityFiles,
    make_identity_files,
    refusal,
    serving_identity,
)
from support.roots import HOLDERS, make_root
from support.serving import channel_credentials, open_test_log, reason_in
from support.token_minting import SUBJECT

from yibao import qr
from yibao._token import key_id_of
from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.trust import AgeState, QrError, TrustSnapshot
from yibao.trust_client import TrustClient
from yibao.trust_store import TrustStore
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_identity.application.trust.admin import TrustAdmin
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing, open_key_store
from yibao_identity.main import IdentityService
from yibao_identity.rules.code import new_claims
from yibao_identity.rules.trust.keys import KeyChangeError
from yibao_identity.rules.trust.published import KeyUse
from yibao_identity.storage import tables
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_identity.trust_setup import open_trust_admin

PACKAGE = "yibao_identity"
AUDIENCE = "01301"
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
YEAR = 365 * DAY
START = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
URI = f"mi:sl/{REGION}/1"


class SetClock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


class Deployment:
    """A database with keys, changed as `yibao keys` does, and what services make of it."""

    def __init__(self, files: IdentityFiles, url: str) -> None:
        self.clock = SetClock()
        self.files = files
        self.config = files.config(url)
        files.provision(self.config)

    def admin(self) -> "AdminScope":
        return AdminScope(self.config, self.clock)

    def ring(self, database: Database) -> KeyRing:
        """Returns the keys as a process takes them over now."""
        ring = KeyRing(
            StoredTrust(database),
            open_key_store(self.config.keys),
            regions=self.config.issuer.regions,
            clock=self.clock,
        )
        ring.reload()
        return ring

    def code(self, ring: KeyRing) -> str:
        claims = new_claims(
            issuer=REGION, subject=SUBJECT, audience=AUDIENCE, now=self.clock(), code_id=b"8 bytes."
        )
        return ring.sign_code(claims)

    def verify(self, text: str, trust: TrustSnapshot) -> qr.Claims:
        return qr.verify(text, trust=trust, audience=AUDIENCE, now=self.clock())


class AdminScope:
    """Opens what changes trust, for one `with`."""

    def __init__(self, config: IdentityConfig, clock: SetClock) -> None:
        self._opened = open_trust_admin(config, clock=clock, by="wang")

    def __enter__(self) -> TrustAdmin:
        return self._opened.__enter__()

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    return make_identity_files(tmp_path)


@pytest.fixture
def deployment(databases: Databases, files: IdentityFiles) -> Deployment:
    return Deployment(files, databases.migrated_url(PACKAGE))


@pytest.fixture
def database(deployment: Deployment) -> Iterator[Database]:
    opened = Database(deployment.config.database.url)
    yield opened
    opened.close()


class Verifier:
    """A terminal that fetches from a running service when it can."""

    def __init__(self, identity: Identity, files: IdentityFiles, folder: Path) -> None:
        self.channel = grpc.secure_channel(
            f"localhost:{identity.port}",
            channel_credentials(files.folder, "hospital"),
            options=[("grpc.use_local_subchannel_pool", 1)],
        )
        self.store = TrustStore(
            first_root=files.root,
            cache_folder=folder / "cache",
            state_folder=folder / "state",
            source=TrustClient(self.channel),
        )

    def close(self) -> None:
        self.channel.close()


def test_a_terminal_fetches_root_snapshot_and_lists_and_works_offline(
    deployment: Deployment, tmp_path: Path
) -> None:
    config, clock = deployment.config, deployment.clock

    async def fetch() -> None:
        url = config.database.url
        async with serving_identity(deployment.files, url, clock=clock) as identity:
            verifier = Verifier(identity, deployment.files, tmp_path / "terminal")
            trust = await asyncio.to_thread(verifier.store.refresh, now=clock())
            assert set(trust.status_lists) == set(trust.lists) != set()
            assert f"mi:sl/{REGION}/1" in trust.lists
            trust.check_status(URI, 7, now=clock())
            assert not verifier.store.needs_refresh(now=clock())
            await asyncio.to_thread(verifier.store.refresh, now=clock())
            # Nothing is asked for that is not there: it would be on record as a refusal.
            assert "TRUST_ROOT_NOT_FOUND" not in identity.lines.getvalue()
            verifier.close()

    asyncio.run(fetch())
    offline = TrustStore(
        first_root=deployment.files.root,
        cache_folder=tmp_path / "terminal" / "cache",
        state_folder=tmp_path / "terminal" / "state",
    )
    ages = [
        offline.current(now=START + after).age_state(START + after) for after in (DAY, DAY + HOUR)
    ]
    assert ages == [AgeState.FRESH, AgeState.AGEING]
    sixth = offline.current(now=START + 6 * DAY)
    assert sixth.age_state(START + 6 * DAY) is AgeState.AGEING
    with pytest.raises(QrError) as refused:
        offline.current(now=START + 8 * DAY)
    assert refused.value.error == "stale_trust"


def test_codes_of_the_old_key_hold_to_their_end_across_a_rotation(
    deployment: Deployment, database: Database
) -> None:
    clock = deployment.clock
    with deployment.admin() as admin:
        admin.rotate(KeyUse.TOKEN, life=YEAR)
    clock.now += 7 * DAY
    before = deployment.ring(database)
    text = deployment.code(before)
    trust_before = _published(deployment, database)
    with deployment.admin() as admin:
        outcome = admin.rotate(KeyUse.TOKEN, life=YEAR)
    assert outcome.promotion is not None
    trust = _published(deployment, database)
    after = deployment.ring(database)
    new_text = deployment.code(after)
    assert new_text != text

    # Who has fetched neither snapshot since, takes both too: the new key was published.
    for held in (trust_before, trust):
        old, new = deployment.verify(text, held), deployment.verify(new_text, held)
        assert old.key_id != new.key_id
    clock.now += dt.timedelta(seconds=64)
    deployment.verify(text, trust)
    clock.now += dt.timedelta(seconds=1)
    with pytest.raises(QrError, match="expired"):
        deployment.verify(text, trust)


def test_a_process_that_has_not_heard_of_the_rotation_signs_on_for_an_hour(
    deployment: Deployment, database: Database
) -> None:
    clock = deployment.clock
    with deployment.admin() as admin:
        admin.rotate(KeyUse.TOKEN, life=YEAR)
        clock.now += 7 * DAY
        stale = deployment.ring(database)
        admin.rotate(KeyUse.TOKEN, life=YEAR)
    clock.now += HOUR
    deployment.verify(deployment.code(stale), _published(deployment, database))
    clock.now += 10 * dt.timedelta(minutes=1)
    with pytest.raises(QrError, match="unknown_key"):
        deployment.verify(deployment.code(stale), _published(deployment, database))


@pytest.mark.parametrize(("days", "is_taken"), [(6, False), (7, True)])
def test_a_next_key_waits_until_every_verifier_knows_it(
    deployment: Deployment, database: Database, days: int, is_taken: bool
) -> None:
    _published(deployment, database)
    deployment.clock.now += dt.timedelta(minutes=1)
    with deployment.admin() as admin:
        admin.rotate(KeyUse.TOKEN, life=YEAR)
        # The last snapshot without it was signed a minute before.
        deployment.clock.now += days * DAY - dt.timedelta(minutes=1 if is_taken else 2)
        if is_taken:
            assert admin.rotate(KeyUse.TOKEN, life=YEAR).promotion is not None
            return
        with pytest.raises(KeyChangeError, match="7 days"):
            admin.rotate(KeyUse.TOKEN, life=YEAR)
        assert admin.rotate(KeyUse.TOKEN, life=YEAR, is_emergency=True).promotion is not None


def test_a_kill_refuses_every_code_of_the_key_and_signs_with_another(
    deployment: Deployment, database: Database
) -> None:
    ring = deployment.ring(database)
    text = deployment.code(ring)
    before = _published(deployment, database)
    key_id = deployment.verify(text, before).key_id
    with deployment.admin() as admin:
        outcome = admin.kill(key_id, since=START - HOUR, is_replaced=True, life=YEAR)
    assert outcome.promotion is not None
    trust = _published(deployment, database)
    trust.check_follows(before)
    with pytest.raises(QrError, match="unknown_key"):
        deployment.verify(text, trust)
    listed = trust.find(key_id)
    assert listed is not None
    assert listed.is_killed
    ring.reload()
    assert deployment.verify(deployment.code(ring), trust).key_id != key_id


def test_a_killed_key_stays_listed_until_nothing_it_signed_can_be_valid(
    deployment: Deployment, database: Database
) -> None:
    key_id = deployment.verify(
        deployment.code(deployment.ring(database)), _published(deployment, database)
    ).key_id
    with deployment.admin() as admin:
        end = admin.recorded_keys()[0].key.expire_time
        admin.kill(key_id, since=START, is_replaced=True, life=100 * YEAR)
        for use in (KeyUse.CREDENTIAL, KeyUse.STATUS):
            admin.rotate(use, life=100 * YEAR, is_emergency=True)
    last = end + dt.timedelta(seconds=60 + 90)
    for moment, is_listed in ((last - dt.timedelta(seconds=1), True), (last, False)):
        deployment.clock.now = moment
        assert (_published(deployment, database).find(key_id) is not None) is is_listed


def test_a_kill_without_another_key_stops_the_signing(
    deployment: Deployment, database: Database
) -> None:
    ring = deployment.ring(database)
    with deployment.admin() as admin:
        (tok,) = [each for each in admin.recorded_keys() if each.key.use is KeyUse.TOKEN]
        key_id = bytes.fromhex(_id(tok.key.public_key))
        admin.kill(key_id, since=START, is_replaced=False, life=YEAR)
        with pytest.raises(KeyChangeError, match="killed before"):
            admin.kill(key_id, since=START, is_replaced=False, life=YEAR)
    with pytest.raises(StartError, match="yibao keys new --use tok"):
        ring.reload()
    assert ring.code_key_expire_time() < START


def test_a_next_key_out_of_its_time_does_not_save_the_active_one(
    deployment: Deployment, database: Database
) -> None:
    with deployment.admin() as admin:
        (tok,) = [each.key for each in admin.recorded_keys() if each.key.use is KeyUse.TOKEN]
        admin.new(KeyUse.TOKEN, issuers=tok.issuers, life=HOUR)
        deployment.clock.now += HOUR
        key_id = bytes.fromhex(_id(tok.public_key))
        outcome = admin.kill(key_id, since=START, is_replaced=True, life=YEAR)
    assert (outcome.made, outcome.promotion) == (None, None)
    listed = _published(deployment, database).find(key_id)
    assert listed is not None
    assert listed.is_killed


def test_a_denied_certificate_is_refused_until_its_denial_ends(
    deployment: Deployment, database: Database
) -> None:
    one, other = bytes(8), b"\x01" * 8
    with deployment.admin() as admin:
        admin.deny([one, other], expire_time=START + 3 * DAY, explanation="stolen")
        trust = _published(deployment, database)
        assert trust.denies(one)
        assert trust.denies(other)
        admin.undeny([other])
        assert not _published(deployment, database).denies(other)
        with pytest.raises(KeyChangeError, match="not denied"):
            admin.undeny([other])
    deployment.clock.now += 3 * DAY
    assert not _published(deployment, database).denies(one)


def test_1024_denials_are_the_most(deployment: Deployment, database: Database) -> None:
    ids = [number.to_bytes(8) for number in range(1_025)]
    with deployment.admin() as admin:
        admin.deny(ids[:1_024], expire_time=START + DAY, explanation="a lost van")
        assert len(_published(deployment, database).denied) == 1_024
        with pytest.raises(KeyChangeError, match="1025 certificates"):
            admin.deny(ids[1_024:], expire_time=START + DAY, explanation="one more")
        # The same one again is no further one.
        admin.deny(ids[:1], expire_time=START + DAY, explanation="again")


def test_a_revoked_certificate_is_in_the_next_list(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    config, clock = deployment.config, deployment.clock

    async def main() -> None:
        url = config.database.url
        async with serving_identity(deployment.files, url, clock=clock) as identity:
            verifier = Verifier(identity, deployment.files, tmp_path / "terminal")
            store = verifier.store
            first = await asyncio.to_thread(store.refresh, now=clock())
            first.check_status(URI, 5, now=clock())
            clock.now += dt.timedelta(seconds=10)
            _revoke(database, index=5, until=clock() + DAY)
            async with asyncio.timeout(20):
                while (
                    await asyncio.to_thread(store.refresh, now=clock())
                ).version == first.version:
                    await asyncio.sleep(0.05)
            trust = store.current(now=clock())
            with pytest.raises(QrError) as refused:
                trust.check_status(URI, 5, now=clock())
            assert refused.value.error == "revoked"
            trust.check_status(URI, 6, now=clock())
            verifier.close()

    asyncio.run(main())


def test_what_does_not_exist_is_not_found(deployment: Deployment) -> None:
    async def main() -> None:
        url = deployment.config.database.url
        async with serving_identity(deployment.files, url, clock=deployment.clock) as identity:
            stub = identity.trust()
            found = await stub.GetTrustRoot(pb.GetTrustRootRequest())
            assert (found.root, found.version, found.newest_version) == (
                deployment.files.root,
                1,
                1,
            )
            unknown = await refusal(stub.GetTrustRoot(pb.GetTrustRootRequest(version=2)))
            assert reason_in(unknown) == "TRUST_ROOT_NOT_FOUND"
            for uri in (f"mi:sl/{REGION}/99", "mi:sl/110000/1", "mi:sl/500100/0", "x"):
                call = stub.GetStatusList(pb.GetStatusListRequest(uri=uri))
                assert reason_in(await refusal(call)) == "STATUS_LIST_NOT_FOUND"

    asyncio.run(main())


def test_two_processes_publish_one_line_of_versions(
    deployment: Deployment, database: Database
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite is served by one process")
    config, clock = deployment.config, deployment.clock

    async def main() -> None:
        url = config.database.url
        async with (
            serving_identity(deployment.files, url, clock=clock) as one,
            serving_identity(deployment.files, url, clock=clock) as other,
        ):
            for _ in range(4):
                clock.now += HOUR
                await asyncio.sleep(0.5)
                answers = [
                    await each.trust().GetTrustSnapshot(pb.GetTrustSnapshotRequest())
                    for each in (one, other)
                ]
                assert answers[0].snapshot == answers[1].snapshot
                assert answers[0].version >= int((clock() - HOUR).timestamp())

    asyncio.run(main())


def test_a_database_from_a_backup_does_not_take_verifiers_back(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    store = TrustStore(
        first_root=deployment.files.root,
        cache_folder=tmp_path / "cache",
        state_folder=tmp_path / "state",
    )
    old = _publish(deployment, database)
    store.take_snapshot(old, now=deployment.clock())
    deployment.clock.now += HOUR
    store.take_snapshot(_publish(deployment, database), now=deployment.clock())
    # The backup knows the first alone; what it publishes next is newer all the same.
    newest = store.current(now=deployment.clock())
    with database.write() as connection:
        table = tables.trust_snapshot
        connection.execute(sa.delete(table).where(table.c.version == newest.version))
    with pytest.raises(QrError, match="older"):
        store.take_snapshot(old, now=deployment.clock())
    deployment.clock.now += dt.timedelta(seconds=1)
    assert store.take_snapshot(_publish(deployment, database), now=deployment.clock()).version == (
        newest.version + 1
    )


def test_a_new_root_withdraws_the_former_trust_key(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    clock = deployment.clock
    store = TrustStore(first_root=deployment.files.root)
    held = store.take_snapshot(_publish(deployment, database), now=clock())
    with deployment.admin() as admin:
        trust_key = admin.make_trust_key()
        second = make_root([trust_key], HOLDERS[:2], version=2)
        root, outcome = admin.add_root(second)
        assert (root.version, outcome.version) == (2, held.version + 1)
        assert admin.add_root(second)[0] == root
        for wrong, message in (
            (make_root([trust_key], HOLDERS[:2], version=4), "does not follow"),
            (make_root([trust_key], HOLDERS[:1], version=3), "1 of the keys"),
            (second[:-1], "not taken"),
        ):
            with pytest.raises(KeyChangeError, match=message):
                admin.add_root(wrong)
    published = _publish(deployment, database)
    with pytest.raises(QrError, match="unknown_key"):
        store.take_snapshot(published, now=clock())
    store.take_root(second, now=clock())
    with pytest.raises(QrError, match="no trust snapshot is held"):
        store.current(now=clock())
    assert store.take_snapshot(published, now=clock()).trust_key_id != held.trust_key_id


def test_a_key_that_expires_soon_is_logged_once_a_day(deployment: Deployment) -> None:
    clock = deployment.clock
    end = KEYS_FROM + 73 * YEAR
    # Certificates of the transport end long before, so nobody calls.
    clock.now = end - 30 * DAY
    log, lines = open_test_log()

    async def main() -> None:
        config = deployment.config
        service = IdentityService(config, log=log, clock=clock)
        stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(service.serve(stop, started=started))
        await started
        clock.now += HOUR
        async with asyncio.timeout(20):
            while "expires soon" not in lines.getvalue():
                await asyncio.sleep(0.05)
        for _ in range(2):
            clock.now += HOUR
            await asyncio.sleep(0.5)
        stop.set()
        await task

    # A root lives three years at most, so it ends before the keys do.
    with deployment.admin() as admin:
        assert admin.newest_root() is not None
    asyncio.run(main())
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    told = [line for line in found if line["event"] == "a signing key expires soon"]
    assert sorted((line["use"], line["days_left"]) for line in told) == [
        ("cred", 29),
        ("status", 29),
        ("tok", 29),
    ]


def test_keys_that_cannot_serve_keep_the_service_from_starting(
    databases: Databases, files: IdentityFiles, tmp_path: Path
) -> None:
    log, _ = open_test_log()
    url = databases.migrated_url(PACKAGE)
    with pytest.raises(StartError, match="yibao keys new --use tok"):
        IdentityService(files.config(url), log=log)
    files.provision(files.config(url))
    keys, personal = files.values["keys"], files.values["personal_data"]
    secret = files.folder / "hash.hex"
    empty = tmp_path / "empty"
    empty.mkdir()
    for changed, message in (
        ({"keys": {**keys, "folder": empty}}, r"empty/\w{16}\.pem is missing"),
        ({"keys": {**keys, "passphrase_file": secret}}, "check the passphrase"),
        ({"issuer": {"regions": [REGION, "110000"]}}, "does not sign for 110000"),
        ({"personal_data": {**personal, "hash_key_file": keys["passphrase_file"]}}, "64 hexa"),
    ):
        with pytest.raises(StartError, match=message):
            IdentityService(files.config(url, **changed), log=log)
    trust_file = next(keys["folder"].glob(f"{_id(files.trust_key)}.pem"))
    trust_file.unlink()
    with pytest.raises(StartError, match="root 1 allows trust keys of which none"):
        IdentityService(files.config(url), log=log)


def test_a_successor_that_is_not_here_leaves_the_former_key_at_work(
    deployment: Deployment, database: Database
) -> None:
    clock = deployment.clock
    ring = deployment.ring(database)
    with deployment.admin() as admin:
        made = admin.rotate(KeyUse.TOKEN, life=YEAR, is_emergency=True).made
    assert made is not None
    folder = deployment.config.keys.folder
    (folder / f"{_id(made.public_key)}.pem").rename(folder / "elsewhere")
    with pytest.raises(StartError, match="copy it there"):
        ring.reload()
    # For as long as the former key is allowed to, and no longer.
    assert ring.code_key_expire_time() == clock() + dt.timedelta(minutes=65)
    deployment.verify(deployment.code(ring), _published(deployment, database))
    (folder / "elsewhere").rename(folder / f"{_id(made.public_key)}.pem")
    ring.reload()
    claims = deployment.verify(deployment.code(ring), _published(deployment, database))
    assert claims.key_id.hex() == _id(made.public_key)


def _published(deployment: Deployment, database: Database) -> TrustSnapshot:
    data = _publish(deployment, database)
    return TrustSnapshot.verify(data, trust_key=deployment.files.trust_key, now=deployment.clock())


def _publish(deployment: Deployment, database: Database) -> bytes:
    """Publishes what is due, as a running service does by itself."""
    store = StoredTrust(database)
    ring = KeyRing(
        store,
        open_key_store(deployment.config.keys),
        regions=deployment.config.issuer.regions,
        clock=deployment.clock,
    )
    return TrustPublisher(store, ring, clock=deployment.clock).publish().snapshot


def _revoke(database: Database, *, index: int, until: dt.datetime) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(tables.revoked_status).values(
                region=REGION,
                list_number=1,
                status_index=index,
                device_certificate_id="00" * 8,
                revoke_time=START,
                expire_time=until,
            )
        )


def _id(public_key: bytes) -> str:
    return key_id_of(public_key).hex()
