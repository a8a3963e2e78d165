"""Keys that are rotated, killed or denied, as verifiers see it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import Databases
from support.identity_world import IdentityFiles, make_identity_files
from support.trust_deployment import (
    DAY,
    HOUR,
    START,
    YEAR,
    Deployment,
    key_id_text,
    published_trust,
)

from yibao.trust import QrError
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_identity.rules.trust.keys import KeyChangeError
from yibao_identity.rules.trust.published import KeyUse

PACKAGE = "yibao_identity"


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


def test_codes_of_the_old_key_hold_to_their_end_across_a_rotation(
    deployment: Deployment, database: Database
) -> None:
    clock = deployment.clock
    with deployment.admin() as admin:
        admin.rotate(KeyUse.TOKEN, life=YEAR)
    clock.now += 7 * DAY
    before = deployment.ring(database)
    text = deployment.code(before)
    trust_before = published_trust(deployment, database)
    with deployment.admin() as admin:
        outcome = admin.rotate(KeyUse.TOKEN, life=YEAR)
    assert outcome.promotion is not None
    trust = published_trust(deployment, database)
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
    deployment.verify(deployment.code(stale), published_trust(deployment, database))
    clock.now += 10 * dt.timedelta(minutes=1)
    with pytest.raises(QrError, match="unknown_key"):
        deployment.verify(deployment.code(stale), published_trust(deployment, database))


@pytest.mark.parametrize(("days", "is_taken"), [(6, False), (7, True)])
def test_a_next_key_waits_until_every_verifier_knows_it(
    deployment: Deployment, database: Database, days: int, is_taken: bool
) -> None:
    published_trust(deployment, database)
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
    before = published_trust(deployment, database)
    key_id = deployment.verify(text, before).key_id
    with deployment.admin() as admin:
        outcome = admin.kill(key_id, since=START - HOUR, is_replaced=True, life=YEAR)
    assert outcome.promotion is not None
    trust = published_trust(deployment, database)
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
        deployment.code(deployment.ring(database)), published_trust(deployment, database)
    ).key_id
    with deployment.admin() as admin:
        end = admin.recorded_keys()[0].key.expire_time
        admin.kill(key_id, since=START, is_replaced=True, life=100 * YEAR)
        for use in (KeyUse.CREDENTIAL, KeyUse.STATUS):
            admin.rotate(use, life=100 * YEAR, is_emergency=True)
    last = end + dt.timedelta(seconds=60 + 90)
    for moment, is_listed in ((last - dt.timedelta(seconds=1), True), (last, False)):
        deployment.clock.now = moment
        assert (published_trust(deployment, database).find(key_id) is not None) is is_listed


def test_a_kill_without_another_key_stops_the_signing(
    deployment: Deployment, database: Database
) -> None:
    ring = deployment.ring(database)
    with deployment.admin() as admin:
        (tok,) = [each for each in admin.recorded_keys() if each.key.use is KeyUse.TOKEN]
        key_id = bytes.fromhex(key_id_text(tok.key.public_key))
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
        key_id = bytes.fromhex(key_id_text(tok.public_key))
        outcome = admin.kill(key_id, since=START, is_replaced=True, life=YEAR)
    assert (outcome.made, outcome.promotion) == (None, None)
    listed = published_trust(deployment, database).find(key_id)
    assert listed is not None
    assert listed.is_killed


def test_a_denied_certificate_is_refused_until_its_denial_ends(
    deployment: Deployment, database: Database
) -> None:
    one, other = bytes(8), b"\x01" * 8
    with deployment.admin() as admin:
        admin.deny([one, other], expire_time=START + 3 * DAY, explanation="stolen")
        trust = published_trust(deployment, database)
        assert trust.denies(one)
        assert trust.denies(other)
        admin.undeny([other])
        assert not published_trust(deployment, database).denies(other)
        with pytest.raises(KeyChangeError, match="not denied"):
            admin.undeny([other])
    deployment.clock.now += 3 * DAY
    assert not published_trust(deployment, database).denies(one)


def test_1024_denials_are_the_most(deployment: Deployment, database: Database) -> None:
    ids = [number.to_bytes(8) for number in range(1_025)]
    with deployment.admin() as admin:
        admin.deny(ids[:1_024], expire_time=START + DAY, explanation="a lost van")
        assert len(published_trust(deployment, database).denied) == 1_024
        with pytest.raises(KeyChangeError, match="1025 certificates"):
            admin.deny(ids[1_024:], expire_time=START + DAY, explanation="one more")
        # The same one again is no further one.
        admin.deny(ids[:1], expire_time=START + DAY, explanation="again")


def test_a_successor_that_is_not_here_leaves_the_former_key_at_work(
    deployment: Deployment, database: Database
) -> None:
    clock = deployment.clock
    ring = deployment.ring(database)
    with deployment.admin() as admin:
        made = admin.rotate(KeyUse.TOKEN, life=YEAR, is_emergency=True).made
    assert made is not None
    folder = deployment.config.keys.folder
    (folder / f"{key_id_text(made.public_key)}.pem").rename(folder / "elsewhere")
    with pytest.raises(StartError, match="copy it there"):
        ring.reload()
    # For as long as the former key is allowed to, and no longer.
    assert ring.code_key_expire_time() == clock() + dt.timedelta(minutes=65)
    deployment.verify(deployment.code(ring), published_trust(deployment, database))
    (folder / "elsewhere").rename(folder / f"{key_id_text(made.public_key)}.pem")
    ring.reload()
    claims = deployment.verify(deployment.code(ring), published_trust(deployment, database))
    assert claims.key_id.hex() == key_id_text(made.public_key)
