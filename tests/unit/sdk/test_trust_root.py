"""Roots of trust: a threshold of holders, and of the holders before."""

import datetime as dt
from typing import Any

import pytest
from support.roots import HOLDERS, ROOT_FOR, ROOT_FROM, make_root, root_content, sign_root
from support.token_minting import private_key, public_key

from yibao import _cbor
from yibao._root import MAX_LIFE_SECONDS, SignedRoot, encode_content, open_root
from yibao._token import key_id_of
from yibao.trust import QrError, TrustRoot

TRUST = [public_key("trust")]
ISSUED = int(ROOT_FROM.timestamp())
FIRST = TrustRoot.first(make_root(TRUST))
NEW_HOLDERS = ("holder 2", "holder 4", "holder 5")
NEW_KEYS = tuple(sorted(public_key(name) for name in NEW_HOLDERS))


def refused(data: bytes, *, after: TrustRoot | None = None) -> str:
    with pytest.raises(QrError) as error:
        TrustRoot.first(data) if after is None else after.successor(data)
    return error.value.error


def test_a_root_shows_what_was_signed() -> None:
    assert (FIRST.version, FIRST.threshold) == (1, 2)
    assert (FIRST.issue_time, FIRST.expire_time) == (ROOT_FROM, ROOT_FROM + ROOT_FOR)
    assert FIRST.trust_keys == tuple(TRUST)
    assert set(FIRST.root_keys) == {public_key(name) for name in HOLDERS}


@pytest.mark.parametrize(
    ("signers", "is_taken"),
    [
        ((), False),
        (HOLDERS[:1], False),
        (HOLDERS[:2], True),
        (HOLDERS[1:], True),
        (HOLDERS, True),
        ((HOLDERS[0], "a stranger"), False),
        ((*HOLDERS[:2], "a stranger"), True),
    ],
)
def test_two_of_three_holders_make_a_root(signers: tuple[str, ...], is_taken: bool) -> None:
    data = make_root(TRUST, signers)
    if is_taken:
        # One signature more or less is the same root.
        assert TrustRoot.first(data) == FIRST
    else:
        assert refused(data) == "bad_signature"


@pytest.mark.parametrize(
    ("signers", "is_taken"),
    [
        (("holder 1", "holder 2", "holder 4"), True),  # 1 and 2 of the old, 2 and 4 of the new
        (("holder 1", "holder 2"), False),  # one of the new alone
        (("holder 2", "holder 4"), False),  # one of the old alone
        (("holder 4", "holder 5"), False),
        (("holder 1", "holder 3", "holder 4", "holder 5"), True),
    ],
)
def test_a_successor_needs_the_threshold_of_both(signers: tuple[str, ...], is_taken: bool) -> None:
    data = make_root(TRUST, signers, version=2, root_keys=NEW_KEYS)
    if is_taken:
        assert FIRST.successor(data).root_keys == NEW_KEYS
    else:
        assert refused(data, after=FIRST) == "bad_signature"


@pytest.mark.parametrize("version", [1, 3])
def test_no_version_is_left_out_or_repeated(version: int) -> None:
    assert refused(make_root(TRUST, version=version), after=FIRST) == "stale_trust"


def test_a_root_expires() -> None:
    FIRST.check_age(FIRST.expire_time - dt.timedelta(microseconds=1))
    with pytest.raises(QrError) as error:
        FIRST.check_age(FIRST.expire_time)
    assert error.value.error == "stale_trust"


def test_any_altered_byte_is_refused() -> None:
    data = make_root(TRUST, HOLDERS[:2])
    for at in range(len(data)):
        altered = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        assert refused(altered) in {"malformed", "bad_signature"}


def test_a_false_signature_beside_enough_true_ones_is_refused() -> None:
    document = open_root(make_root(TRUST, HOLDERS))
    key_id = key_id_of(public_key(HOLDERS[2]))
    signatures = {**document.signatures, key_id: bytes(64)}
    assert refused(SignedRoot(document.payload, signatures).encode()) == "bad_signature"


def sorted_keys(count: int) -> tuple[bytes, ...]:
    return tuple(sorted(public_key(f"holder {number}") for number in range(1, count + 1)))


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({"root_keys": sorted_keys(2)}, False),
        ({"root_keys": sorted_keys(3)}, True),
        ({"root_keys": sorted_keys(5)}, True),
        ({"root_keys": sorted_keys(6)}, False),
        ({"root_keys": (*sorted_keys(2), sorted_keys(2)[1])}, False),
        ({"root_keys": (*sorted_keys(2), b"\x01" + bytes(31))}, False),
        ({"threshold": 1}, False),
        ({"threshold": 3}, True),
        ({"threshold": 4}, False),
        ({"trust_keys": ()}, False),
        ({"trust_keys": sorted_keys(1)}, False),
        ({"trust_keys": tuple(sorted(public_key(f"t{n}") for n in range(4)))}, True),
        ({"trust_keys": tuple(sorted(public_key(f"t{n}") for n in range(5)))}, False),
        ({"version": 0}, False),
        ({"expire_second": ISSUED}, False),
        ({"expire_second": ISSUED + 1}, True),
        ({"expire_second": ISSUED + MAX_LIFE_SECONDS}, True),
        ({"expire_second": ISSUED + MAX_LIFE_SECONDS + 1}, False),
    ],
)
def test_the_limits_of_a_root(changes: dict[str, Any], is_taken: bool) -> None:
    data = sign_root(encode_content(root_content(**({"trust_keys": TRUST} | changes))), HOLDERS)
    if is_taken:
        assert TrustRoot.first(data).version == 1
    else:
        assert refused(data) == "malformed"


def test_the_shape_of_the_content_is_fixed() -> None:
    good = _cbor.decode(encode_content(root_content(TRUST)))
    assert isinstance(good, dict)
    keys = good[4]
    assert isinstance(keys, list)
    shapes: list[_cbor.Value] = [
        {**good, 7: 0},
        {label: value for label, value in good.items() if label != 5},
        list(good.values()),
        {**good, 1: "1"},
        {**good, 4: {}},
        {**good, 4: list(reversed(keys))},
        {**good, 4: [*keys[:2], "text"]},
        {**good, 6: [TRUST[0][:31]]},
    ]
    for shape in shapes:
        assert refused(sign_root(_cbor.encode(shape), HOLDERS)) == "malformed"


def test_the_shape_of_the_frame_is_fixed() -> None:
    data = make_root(TRUST)
    assert data.startswith(b"\xd8\x62")
    parts = _cbor.decode(data[2:])
    assert isinstance(parts, list)
    payload, signatures = parts[2], parts[3]
    assert isinstance(signatures, list)
    (header, nothing, signature), other = signatures
    shapes: list[_cbor.Value] = [
        [b"", {}, payload],
        [b"\xa0", {}, payload, signatures],
        [b"", {1: -8}, payload, signatures],
        [b"", {}, "text", signatures],
        [b"", {}, payload, {}],
        [b"", {}, payload, [other, [header, nothing, signature]]],
        [b"", {}, payload, [other, other]],
        [b"", {}, payload, [[header, nothing]]],
        [b"", {}, payload, [[header, {4: b"x"}, signature]]],
        [b"", {}, payload, [[header[:-1], nothing, signature]]],
        [b"", {}, payload, [[b"\xa2\x01\x26" + header[3:], nothing, signature]]],
        [b"", {}, payload, [[header, nothing, signature[:63]]]],
        {0: payload},
    ]
    for shape in shapes:
        assert refused(b"\xd8\x62" + _cbor.encode(shape)) == "malformed"
    for other_data in (b"", data[2:], b"\xd2" + data[2:], data + b"\x00", data + bytes(5_000)):
        assert refused(other_data) == "malformed"
    many = [f"extra {number}" for number in range(11)]
    assert refused(make_root(TRUST, (*HOLDERS, *many))) == "malformed"


def test_a_holder_signs_for_roots_and_nothing_else() -> None:
    document = open_root(make_root(TRUST))
    # The context string keeps a COSE_Sign1 of the same payload apart.
    key_id = key_id_of(public_key(HOLDERS[0]))
    header = b"\xa2\x01\x27\x04\x48" + key_id
    single = b"\x84\x6aSignature1" + _cbor.encode(header) + b"\x40" + _cbor.encode(document.payload)
    signatures = {**document.signatures, key_id: private_key(HOLDERS[0]).sign(single)}
    assert refused(SignedRoot(document.payload, signatures).encode()) == "bad_signature"
