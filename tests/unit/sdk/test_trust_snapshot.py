"""The trust snapshot beyond the vectors: contents, succession, arguments."""

import datetime as dt

import pytest
from support.token_minting import KEYS, NOW, key_id, listed, public_key, snapshot

from yibao import _trust_format
from yibao.trust import KeyState, QrError, TrustSnapshot

TRUST_KEY = public_key("trust")
ISSUED = NOW - dt.timedelta(minutes=10)
MOMENT = dt.timedelta(microseconds=1)


def verified(data: bytes, previous: TrustSnapshot | None = None) -> TrustSnapshot:
    return TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=NOW, previous=previous)


def test_the_snapshot_shows_what_was_signed() -> None:
    trust = verified(snapshot())
    assert (trust.version, trust.issue_time) == (7, ISSUED)
    assert trust.expire_time == ISSUED + dt.timedelta(days=7)
    assert trust.refresh_after == dt.timedelta(hours=1)
    assert {key.key_id: key.state for key in trust.keys.values() if key.use == "tok"} == {
        key_id("active"): KeyState.ACTIVE,
        key_id("next"): KeyState.NEXT,
        key_id("retiring"): KeyState.RETIRING,
        key_id("killed"): KeyState.KILLED,
    }


def test_keys_of_other_uses_are_not_for_codes() -> None:
    trust = verified(snapshot())
    assert trust.find(key_id("credential")) is None
    assert trust.find(key_id("unlisted")) is None
    active = trust.find(key_id("active"))
    assert active is not None
    assert active.public_key.public_bytes_raw() == public_key("active")


def test_a_snapshot_cannot_be_changed() -> None:
    trust = verified(snapshot())
    with pytest.raises(TypeError):
        trust.keys[b"new"] = trust.keys[key_id("active")]  # type: ignore[index]


@pytest.mark.parametrize(
    ("version", "refresh_seconds", "accepted"),
    [(6, 3600, False), (7, 3600, True), (7, 1800, False), (8, 1800, True)],
    ids=["older", "the same", "other content under its version", "newer"],
)
def test_a_snapshot_never_goes_back(version: int, refresh_seconds: int, accepted: bool) -> None:
    previous = verified(snapshot())
    data = snapshot(version=version, refresh_seconds=refresh_seconds)
    if accepted:
        assert verified(data, previous).version == version
        return
    with pytest.raises(QrError) as refused:
        verified(data, previous)
    assert refused.value.error == "stale_trust"


def test_a_refresh_is_due_after_its_time_and_before_the_hard_age() -> None:
    trust = verified(snapshot())
    due = ISSUED + dt.timedelta(hours=1)
    assert not trust.needs_refresh(due - MOMENT)
    assert trust.needs_refresh(due)
    trust.check_age(due)


@pytest.mark.parametrize(
    "trust_key", [b"", TRUST_KEY[:31], TRUST_KEY + b"\x00", b"\x01" + bytes(31)]
)
def test_a_pinned_key_that_is_none_is_a_mistake_of_the_caller(trust_key: bytes) -> None:
    with pytest.raises(ValueError, match="public key"):
        TrustSnapshot.verify(snapshot(), trust_key=trust_key, now=NOW)


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        TrustSnapshot.verify(snapshot(), trust_key=TRUST_KEY, now=NOW.replace(tzinfo=None))


def test_a_snapshot_holds_a_key_for_every_region_of_a_large_country() -> None:
    keys = tuple(
        listed(f"key {number}", issuers=tuple(f"{region:06}" for region in range(40)))
        for number in range(120)
    )
    trust = verified(snapshot(keys))
    assert len(trust.keys) == 120


@pytest.mark.parametrize(("keys", "accepted"), [(512, True), (513, False)])
def test_512_keys_are_the_most(keys: int, accepted: bool) -> None:
    data = snapshot(tuple(listed(f"key {number}", issuers=("330100",)) for number in range(keys)))
    if accepted:
        assert len(verified(data).keys) == _trust_format.MAX_KEYS
        return
    with pytest.raises(QrError) as refused:
        verified(data)
    assert refused.value.error == "malformed"


def test_a_payload_over_65535_bytes_is_refused() -> None:
    regions = tuple(f"{number:06}" for number in range(10_000))
    with pytest.raises(QrError) as refused:
        verified(snapshot((listed("active", issuers=regions),)))
    assert refused.value.error == "malformed"


def test_each_test_key_has_its_own_state() -> None:
    assert len({key.state for key in KEYS}) == len(KeyState)
