"""Status lists: bits in, bits out, and nothing else is taken."""

import datetime as dt
import hashlib
import random
import tracemalloc
import zlib
from typing import Any

import pytest
from support.token_minting import (
    DAY,
    HOUR,
    KEYS,
    NOW,
    NOW_SECOND,
    key_id,
    listed,
    private_key,
    public_key,
    snapshot,
)

from yibao import _cbor, _status_list
from yibao._status_list import MAX_ENTRIES, StatusList, bits_of
from yibao._trust_format import BoundList, KeyState, list_uri
from yibao.trust import QrError, TrustSnapshot

URI = "mi:sl/330100/7"
STATUS_KEYS = (*KEYS, listed("status", use="status"))
SECOND = dt.timedelta(seconds=1)


def content(revoked: tuple[int, ...] = (), **changes: Any) -> StatusList:
    issued = NOW_SECOND - 600
    values: dict[str, Any] = {
        "uri": URI,
        "issue_second": issued,
        "expire_second": issued + 7 * DAY,
        "refresh_seconds": HOUR,
        "bits": bits_of(revoked),
    }
    return StatusList(**(values | changes))


def signed(payload: bytes, key: str = "status") -> bytes:
    signature = private_key(key).sign(_status_list.bytes_to_sign(key_id(key), payload))
    return _status_list.close(key_id(key), payload, signature)


def document(revoked: tuple[int, ...] = (), key: str = "status", **changes: Any) -> bytes:
    return signed(_status_list.encode_claims(content(revoked, **changes)), key)


def trust_of(data: bytes, *, uri: str = URI, keys: Any = STATUS_KEYS) -> TrustSnapshot:
    bound = (BoundList(uri, 1, hashlib.sha256(data).digest()),)
    made = snapshot(keys, lists=bound)
    return TrustSnapshot.verify(made, trust_key=public_key("trust"), now=NOW)


def refused(data: bytes, trust: TrustSnapshot | None = None, now: dt.datetime = NOW) -> str:
    with pytest.raises(QrError) as found:
        (trust or trust_of(data)).with_status_list(data, now=now)
    return found.value.error


def is_revoked(trust: TrustSnapshot, index: int, now: dt.datetime = NOW) -> bool:
    try:
        trust.check_status(URI, index, now=now)
    except QrError as error:
        if error.error == "revoked":
            return True
        raise
    return False


def test_each_set_bit_and_no_other_is_revoked() -> None:
    seed = 20261102
    revoked = {0, 7, 8, MAX_ENTRIES - 1, *random.Random(seed).sample(range(MAX_ENTRIES), 500)}
    data = document(tuple(revoked))
    trust = trust_of(data).with_status_list(data, now=NOW)
    bits = trust.status_lists[URI]
    assert {index for index in range(MAX_ENTRIES) if bits.is_set(index)} == revoked
    for index in (0, 1, 7, 8, 9, MAX_ENTRIES - 1):
        assert is_revoked(trust, index) is (index in revoked)


@pytest.mark.parametrize("index", [-1, MAX_ENTRIES])
def test_an_entry_outside_of_the_list_is_malformed(index: int) -> None:
    data = document()
    trust = trust_of(data).with_status_list(data, now=NOW)
    with pytest.raises(QrError) as error:
        trust.check_status(URI, index, now=NOW)
    assert error.value.error == "malformed"


def test_a_list_may_be_short() -> None:
    data = document(bits=b"\x80")
    trust = trust_of(data).with_status_list(data, now=NOW)
    assert [is_revoked(trust, index) for index in range(8)] == [False] * 7 + [True]


def test_a_list_that_is_not_held_decides_nothing() -> None:
    data = document()
    trust = trust_of(data)
    for uri in (URI, "mi:sl/330100/8"):
        with pytest.raises(QrError) as error:
            trust.check_status(uri, 0, now=NOW)
        assert error.value.error == "stale_trust"


def test_a_list_past_its_age_decides_nothing() -> None:
    data = document(expire_second=NOW_SECOND + 60, refresh_seconds=60)
    trust = trust_of(data).with_status_list(data, now=NOW)
    assert not is_revoked(trust, 0, NOW + 59 * SECOND)
    with pytest.raises(QrError, match="past its age"):
        trust.check_status(URI, 0, now=NOW + 60 * SECOND)
    assert refused(data, now=NOW + 60 * SECOND) == "stale_trust"


def test_only_the_content_that_the_snapshot_binds_is_taken() -> None:
    data, other = document(), document((1,))
    assert refused(other, trust_of(data)) == "stale_trust"
    assert refused(data, trust_of(data, uri="mi:sl/330100/8")) == "stale_trust"


@pytest.mark.parametrize(
    ("key", "listed_as", "error"),
    [
        ("unlisted", None, "unknown_key"),
        ("active", None, "unknown_key"),
        ("credential", None, "unknown_key"),
        (
            "dead",
            {"use": "status", "state": KeyState.KILLED, "killed_second": NOW_SECOND},
            "unknown_key",
        ),
        ("foreign", {"use": "status", "issuers": ("330200",)}, "unknown_key"),
        ("late", {"use": "status", "start_second": NOW_SECOND - 599}, "unknown_key"),
        ("over", {"use": "status", "expire_second": NOW_SECOND - 600}, "unknown_key"),
        ("just", {"use": "status", "start_second": NOW_SECOND - 600}, None),
        ("old", {"use": "status", "state": KeyState.RETIRING}, None),
    ],
)
def test_the_key_must_be_for_lists_of_the_region_at_that_time(
    key: str, listed_as: dict[str, Any] | None, error: str | None
) -> None:
    data = document(key=key)
    keys = STATUS_KEYS if listed_as is None else (*STATUS_KEYS, listed(key, **listed_as))
    trust = trust_of(data, keys=keys)
    if error is None:
        assert trust.with_status_list(data, now=NOW).status_lists.keys() == {URI}
    else:
        assert refused(data, trust) == error


def test_any_altered_byte_is_refused() -> None:
    data = document((3,), bits=b"\x08")
    for at in range(len(data)):
        altered = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        # Bound as it is, so that the signature and the frame have to tell.
        assert refused(altered, trust_of(altered)) in {"malformed", "bad_signature", "unknown_key"}


def claims_of(**changes: Any) -> dict[int | str, _cbor.Value]:
    claims = _cbor.decode(_status_list.encode_claims(content(bits=b"\x00")))
    assert isinstance(claims, dict)
    return {**claims, **{int(label[1:]): value for label, value in changes.items()}}


PACKED = zlib.compress(b"\x00")
BOMB = zlib.compress(bytes(_status_list.MAX_BITS_BYTES + 1))


@pytest.mark.parametrize(
    "claims",
    [
        claims_of(_1="330100"),
        {label: value for label, value in claims_of().items() if label != 65534},
        claims_of(_2=7),
        claims_of(_2="mi:sl/330100/"),
        claims_of(_6=-1),
        claims_of(_4=NOW_SECOND - 600),
        claims_of(_4=NOW_SECOND - 600 + 7 * DAY + 1),
        claims_of(_65534=0),
        claims_of(_65534=7 * DAY + 1),
        claims_of(_65533=7),
        claims_of(_65533={"bits": 1}),
        claims_of(_65533={"bits": 2, "lst": PACKED}),
        claims_of(_65533={"bits": 1, "lst": "text"}),
        claims_of(_65533={"bits": 1, "lst": b""}),
        claims_of(_65533={"bits": 1, "lst": b"not zlib"}),
        claims_of(_65533={"bits": 1, "lst": PACKED[:-1]}),
        claims_of(_65533={"bits": 1, "lst": PACKED + b"\x00"}),
        claims_of(_65533={"bits": 1, "lst": zlib.compress(b"")}),
        claims_of(_65533={"bits": 1, "lst": BOMB}),
        claims_of(_65533={"bits": 1, "lst": PACKED, "x": 0}),
    ],
)
def test_signed_does_not_mean_sane(claims: dict[int | str, _cbor.Value]) -> None:
    data = signed(_cbor.encode(claims))
    assert refused(data) == "malformed"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    assert len(bomb) < _status_list.MAX_LIST_BYTES
    data = signed(_cbor.encode(claims_of(_65533={"bits": 1, "lst": bomb})))
    trust = trust_of(data)
    tracemalloc.start()
    try:
        assert refused(data, trust) == "malformed"
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"\xd2", bytes(200), bytes(_status_list.MAX_LIST_BYTES + 1)])
def test_what_is_no_list_is_malformed(data: bytes) -> None:
    assert refused(data, trust_of(document())) == "malformed"


def test_bits_that_do_not_compress_fit() -> None:
    bits = random.Random(7).randbytes(MAX_ENTRIES // 8)
    data = document(bits=bits)
    assert MAX_ENTRIES // 8 < len(data) <= _status_list.MAX_LIST_BYTES
    trust = trust_of(data).with_status_list(data, now=NOW)
    assert trust.status_lists[URI].bits == bits


def test_lists_that_both_snapshots_bind_alike_are_carried_over() -> None:
    data, other = document(), document((1,))
    held = trust_of(data).with_status_list(data, now=NOW)
    assert trust_of(data).with_lists_of(held).status_lists == held.status_lists
    assert trust_of(other).with_lists_of(held).status_lists == {}
    assert trust_of(data, uri="mi:sl/330100/8").with_lists_of(held).status_lists == {}


def test_names_of_lists() -> None:
    assert list_uri("330100", 7) == URI
    with pytest.raises(ValueError, match="from 1 on"):
        list_uri("330100", 0)
