"""Remembered device certificates: faster, and never accepted where new ones are not."""

import functools
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.presentation_minting import (
    CERTIFICATE_ID,
    CREDENTIAL_KEYS,
    HELD_LISTS,
    LIST_URI,
    certificate,
    certificate_claims,
    certified,
    device_trust,
    showing,
)
from support.token_minting import (
    AUDIENCE,
    NOW,
    NOW_SECOND,
    listed,
    private_key,
    public_key,
    snapshot,
)

from yibao import _cbor, qr
from yibao._certificate_cache import CertificateCache
from yibao._trust_format import BoundList, KeyState
from yibao.trust import TrustSnapshot

TRUST = device_trust()
SHOWING = showing()


def verify(cache: CertificateCache, trust: TrustSnapshot = TRUST, **changes: int) -> qr.Claims:
    return qr.verify(
        showing(**changes).text(), trust=trust, audience=AUDIENCE, now=NOW, certificates=cache
    )


def error(call: Callable[[], object]) -> str:
    with pytest.raises(qr.QrError) as refused:
        call()
    return refused.value.error


def other_trust(**changes: object) -> TrustSnapshot:
    """Returns a newer snapshot in which one thing is different; it holds the same list."""
    arguments = {"keys": CREDENTIAL_KEYS, "version": 8, "lists": (bound_list(),)} | changes
    data = snapshot(**arguments)  # type: ignore[arg-type]
    trust = TrustSnapshot.verify(data, trust_key=public_key("trust"), now=NOW)
    return trust.with_status_list(HELD_LISTS[0], now=NOW) if trust.lists else trust


def bound_list() -> BoundList:
    return BoundList(LIST_URI, 1, TRUST.lists[LIST_URI].digest)


def credential_key(**changes: object) -> tuple[object, ...]:
    others = [key for key in CREDENTIAL_KEYS if key.public_key != public_key("credential")]
    values = {"use": "cred"} | changes
    changed = listed("credential", **values)  # type: ignore[arg-type]
    return tuple(sorted((*others, changed), key=lambda key: key.key_id))


class CountingKey:
    """A public key that counts how often it verifies: libsodium asks for its bytes each time."""

    def __init__(self) -> None:
        self.count = 0

    def public_bytes_raw(self) -> bytes:
        self.count += 1
        return private_key("credential").public_key().public_bytes_raw()


def counting(trust: TrustSnapshot) -> tuple[TrustSnapshot, CountingKey]:
    """Returns the snapshot with a key for certificates that counts."""
    counter, kid = CountingKey(), credential_kid()
    key = replace(trust.keys[kid], public_key=counter)  # type: ignore[arg-type]
    return replace(trust, keys={**trust.keys, kid: key}), counter


def credential_kid() -> bytes:
    return SHOWING.certificate[8:16]


def test_the_issuers_signature_on_the_same_bytes_is_verified_once() -> None:
    trust, counter = counting(TRUST)
    cache = CertificateCache()
    first = verify(cache, trust)
    assert verify(cache, trust) == first
    assert counter.count == 1
    assert len(cache) == 1


def test_without_a_cache_it_is_verified_each_time() -> None:
    trust, counter = counting(TRUST)
    for _ in range(2):
        qr.verify(SHOWING.text(), trust=trust, audience=AUDIENCE, now=NOW)
    assert counter.count == 2


def test_a_verifier_has_a_cache_of_its_own() -> None:
    trust, counter = counting(TRUST)
    verifier = qr.Verifier(trust)
    for number in range(3):
        text = showing(cti=number.to_bytes(8)).text()
        verifier.check(text, audience=AUDIENCE, now=NOW)
    assert counter.count == 1


def test_a_key_of_a_newer_snapshot_verifies_again() -> None:
    cache = CertificateCache()
    verify(cache)
    trust, counter = counting(other_trust())
    verify(cache, trust)
    verify(cache, trust)
    assert counter.count == 1
    assert len(cache) == 1


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"keys": credential_key(state=KeyState.KILLED, killed_second=NOW_SECOND)}, "unknown_key"),
        ({"keys": credential_key(use="tok")}, "unknown_key"),
        ({"keys": credential_key(issuers=("330200",))}, "unknown_key"),
        ({"keys": credential_key(start_second=NOW_SECOND)}, "unknown_key"),
        ({"keys": (listed("status", use="status"),)}, "unknown_key"),
        ({"denied": (CERTIFICATE_ID,)}, "revoked"),
        ({"lists": ()}, "stale_trust"),
    ],
    ids=["killed", "other use", "other issuer", "later", "gone", "denied", "list not bound"],
)
def test_a_known_certificate_is_refused_once_the_snapshot_refuses_it(
    changes: dict[str, object], refused: str
) -> None:
    cache = CertificateCache()
    verify(cache)
    assert error(functools.partial(verify, cache, other_trust(**changes))) == refused
    # And accepted again under the old one: nothing is remembered of a refusal.
    verify(cache)


def test_a_known_certificate_ends_in_its_time() -> None:
    cache = CertificateCache()
    ending = certificate(exp=NOW_SECOND + 60)
    good = replace(SHOWING, certificate=ending)
    late = replace(good, content=showing(iat=NOW_SECOND + 1, exp=NOW_SECOND + 61).content)
    check = functools.partial(
        qr.verify, trust=TRUST, audience=AUDIENCE, now=NOW, certificates=cache
    )
    check(good.text())
    assert error(lambda: check(late.text())) == "malformed"


def test_a_known_certificate_does_not_vouch_for_other_bytes() -> None:
    cache = CertificateCache()
    verify(cache)
    changed = bytearray(SHOWING.certificate)
    changed[-1] ^= 1
    forged = replace(SHOWING, certificate=bytes(changed)).text()
    check = functools.partial(
        qr.verify, trust=TRUST, audience=AUDIENCE, now=NOW, certificates=cache
    )
    assert error(lambda: check(forged)) == "bad_signature"
    assert error(lambda: check(replace(SHOWING, signature=bytes(64)).text())) == "bad_signature"
    assert len(cache) == 1


@pytest.mark.parametrize(
    "bad",
    [
        certified(_cbor.encode(certificate_claims()), signature=bytes(64)),
        certificate(cti=b""),
        certificate(cnf={1: {1: 1, -1: 6, -2: bytes(32)}}),
    ],
    ids=["signature", "claims", "low order"],
)
def test_a_certificate_that_is_refused_is_not_remembered(bad: bytes) -> None:
    cache = CertificateCache()
    text = replace(SHOWING, certificate=bad).text()
    check = functools.partial(
        qr.verify, trust=TRUST, audience=AUDIENCE, now=NOW, certificates=cache
    )
    for _ in range(2):
        assert error(lambda: check(text)) in ("bad_signature", "malformed")
    assert len(cache) == 0


def test_the_oldest_is_forgotten() -> None:
    trust, counter = counting(TRUST)
    cache = CertificateCache(capacity=2)
    texts = [
        replace(SHOWING, certificate=certificate(cti=number.to_bytes(8))).text()
        for number in range(3)
    ]
    for text in (*texts, texts[2], texts[1]):
        qr.verify(text, trust=trust, audience=AUDIENCE, now=NOW, certificates=cache)
    assert (len(cache), counter.count) == (2, 3)
    qr.verify(texts[0], trust=trust, audience=AUDIENCE, now=NOW, certificates=cache)
    assert (len(cache), counter.count) == (2, 4)


def test_threads_share_one_cache() -> None:
    cache = CertificateCache(capacity=3)
    texts = [
        replace(SHOWING, certificate=certificate(cti=number.to_bytes(8))).text()
        for number in range(6)
    ]
    failures: list[Exception] = []
    start = threading.Barrier(4)

    def scan() -> None:
        start.wait()
        try:
            for text in texts * 20:
                qr.verify(text, trust=TRUST, audience=AUDIENCE, now=NOW, certificates=cache)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=scan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(cache) == 3
