"""Trust through the real service: published, fetched, offline, several processes."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from support.trust_deployment import DAY, HOUR, START, YEAR, Deployment, key_id_text, publish_trust

from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.trust import AgeState, QrError
from yibao.trust_client import TrustClient
from yibao.trust_store import TrustStore
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_identity.keys import KeyEndedError
from yibao_identity.main import IdentityService
from yibao_identity.rules.trust.keys import KeyChangeError
from yibao_identity.rules.trust.published import KeyUse
from yibao_identity.storage import tables

PACKAGE = "yibao_identity"
URI = f"mi:sl/{REGION}/1"


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

    async def agreed(one: Identity, other: Identity) -> int:
        """Returns the version that both serve, or 0."""
        first, second = [
            await each.trust().GetTrustSnapshot(pb.GetTrustSnapshotRequest())
            for each in (one, other)
        ]
        # What has one version is one snapshot at every moment.
        assert first.version != second.version or first.snapshot == second.snapshot
        return int(first.version) if first.version == second.version else 0

    async def main() -> None:
        url = config.database.url
        async with (
            serving_identity(deployment.files, url, clock=clock) as one,
            serving_identity(deployment.files, url, clock=clock) as other,
        ):
            version = 0
            for _ in range(4):
                clock.now += HOUR
                former = version
                async with asyncio.timeout(20):
                    while (version := await agreed(one, other)) <= former:
                        await asyncio.sleep(0.05)
                assert version >= int((clock() - HOUR).timestamp())

    asyncio.run(main())


def test_a_database_from_a_backup_does_not_take_verifiers_back(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    store = TrustStore(
        first_root=deployment.files.root,
        cache_folder=tmp_path / "cache",
        state_folder=tmp_path / "state",
    )
    old = publish_trust(deployment, database)
    store.take_snapshot(old, now=deployment.clock())
    deployment.clock.now += HOUR
    store.take_snapshot(publish_trust(deployment, database), now=deployment.clock())
    # The backup knows the first alone; what it publishes next is newer all the same.
    newest = store.current(now=deployment.clock())
    with database.write() as connection:
        table = tables.trust_snapshot
        connection.execute(sa.delete(table).where(table.c.version == newest.version))
    with pytest.raises(QrError, match="older"):
        store.take_snapshot(old, now=deployment.clock())
    deployment.clock.now += dt.timedelta(seconds=1)
    assert store.take_snapshot(
        publish_trust(deployment, database), now=deployment.clock()
    ).version == (newest.version + 1)


def test_a_new_root_withdraws_the_former_trust_key(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    clock = deployment.clock
    store = TrustStore(first_root=deployment.files.root)
    held = store.take_snapshot(publish_trust(deployment, database), now=clock())
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
    published = publish_trust(deployment, database)
    with pytest.raises(QrError, match="unknown_key"):
        store.take_snapshot(published, now=clock())
    store.take_root(second, now=clock())
    with pytest.raises(QrError, match="no trust snapshot is held"):
        store.current(now=clock())
    assert store.take_snapshot(published, now=clock()).trust_key_id != held.trust_key_id


def told_while_hours_pass(deployment: Deployment, event: str) -> list[dict[str, Any]]:
    """Runs the service until it logs `event`, and two hours longer; returns what it logged."""
    clock = deployment.clock
    log, lines = open_test_log()

    async def main() -> None:
        service = IdentityService(deployment.config, log=log, clock=clock)
        stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(service.serve(stop, started=started))
        await started
        clock.now += HOUR
        async with asyncio.timeout(20):
            while event not in lines.getvalue():
                await asyncio.sleep(0.05)
        for _ in range(2):
            clock.now += HOUR
            await asyncio.sleep(0.5)
        stop.set()
        await task

    # A root lives three years at most, so it ends before the keys do.
    with deployment.admin() as admin:
        assert admin.newest_root() is not None
    # Certificates of the transport end long before, so nobody calls.
    asyncio.run(main())
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_key_that_expires_soon_is_logged_once_a_day(deployment: Deployment) -> None:
    deployment.clock.now = KEYS_FROM + 73 * YEAR - 30 * DAY
    found = told_while_hours_pass(deployment, "expires soon")
    told = [line for line in found if line["event"] == "a signing key expires soon"]
    assert sorted((line["use"], line["days_left"]) for line in told) == [
        ("cred", 29),
        ("status", 29),
        ("tok", 29),
    ]


@pytest.mark.parametrize(
    ("left", "event", "least"),
    [
        (30 * DAY, "the root of trust expires soon", 1),
        (HOUR / 2, "the root of trust has ended", 2),
    ],
)
def test_the_end_of_the_root_is_told(
    deployment: Deployment, left: dt.timedelta, event: str, least: int
) -> None:
    """After it nobody verifies a code, whatever keys sign."""
    with deployment.admin() as admin:
        root = admin.newest_root()
    assert root is not None
    deployment.clock.now = root.expire_time - left
    found = told_while_hours_pass(deployment, event)
    told = [line for line in found if line["event"] == event]
    assert len(told) >= least
    assert [line.get("days_left") for line in told[:1]] == [29 if least == 1 else None]


def test_a_service_starts_although_its_keys_ended_as_one_that_ran_goes_on(
    deployment: Deployment, database: Database
) -> None:
    end = KEYS_FROM + 73 * YEAR
    deployment.clock.now = end - HOUR / 2
    ring = deployment.ring(database)
    deployment.clock.now = end
    with pytest.raises(KeyEndedError, match=f"tok.*; the last one ended at {end:%Y-%m-%dT%H}"):
        ring.reload()
    found = told_while_hours_pass(deployment, "has ended")
    events = [(line["event"], line.get("use")) for line in found]
    assert ("keys were not read", None) in events
    for use in ("tok", "cred", "status"):
        assert events.count(("a signing key has ended", use)) >= 2, "each hour"
        assert ring.expire_times()[KeyUse(use)] == end


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
    trust_file = next(keys["folder"].glob(f"{key_id_text(files.trust_key)}.pem"))
    trust_file.unlink()
    with pytest.raises(StartError, match="root 1 allows trust keys of which none"):
        IdentityService(files.config(url), log=log)


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
