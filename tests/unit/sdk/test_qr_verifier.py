"""The offline verifier beyond the vectors: claims, arguments, memory, and what it needs."""

import datetime as dt
import functools
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from support.presentation_minting import (
    CERTIFICATE_ID,
    CHALLENGE,
    certificate,
    device_key,
    device_trust,
    showing,
)
from support.token_minting import (
    AUDIENCE,
    CODE_ID,
    NOW,
    NOW_SECOND,
    REGION,
    SUBJECT,
    Message,
    key_id,
    payload,
    public_key,
    snapshot,
)

from yibao import _base45, qr
from yibao._replay import ReplaySet
from yibao.trust import TrustSnapshot

SECOND = dt.timedelta(seconds=1)
TEXT = Message(payload()).text()
TRUST = TrustSnapshot.verify(snapshot(), trust_key=public_key("trust"), now=NOW)
DEVICE_TRUST = device_trust()


def code(number: int, *, issue_second: int = NOW_SECOND) -> str:
    cti = number.to_bytes(8)
    return Message(payload(cti=cti, iat=issue_second, exp=issue_second + 60)).text()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(qr.QrError) as refused:
        call()
    return refused.value.error


def test_the_claims_are_those_that_were_signed() -> None:
    claims = qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW)
    assert claims == qr.Claims(
        mode="A",
        issuer=REGION,
        subject=SUBJECT,
        audience=AUDIENCE,
        issue_second=NOW_SECOND,
        expire_second=NOW_SECOND + 60,
        code_id=CODE_ID,
        key_id=key_id("active"),
    )
    assert (claims.issue_time, claims.expire_time) == (NOW, NOW + 60 * SECOND)
    assert claims.issue_time.utcoffset() == dt.timedelta(0)
    assert claims.presentation_key == (REGION + SUBJECT, CODE_ID.hex())


@pytest.mark.parametrize("challenge", [None, CHALLENGE])
def test_the_claims_of_mode_b_are_those_of_certificate_and_phone(challenge: bytes | None) -> None:
    text = showing(cnonce=challenge).text()
    claims = qr.verify(text, trust=DEVICE_TRUST, audience=AUDIENCE, now=NOW, challenge=challenge)
    assert claims == qr.Claims(
        mode="B",
        issuer=REGION,
        subject=SUBJECT,
        audience=AUDIENCE,
        issue_second=NOW_SECOND,
        expire_second=NOW_SECOND + 60,
        code_id=CODE_ID,
        key_id=key_id("credential"),
        device_certificate_id=CERTIFICATE_ID,
        challenge=challenge,
    )
    assert claims.presentation_key == (CERTIFICATE_ID.hex(), CODE_ID.hex())


def test_the_time_zone_of_now_does_not_matter() -> None:
    shanghai = NOW.astimezone(dt.timezone(dt.timedelta(hours=8)))
    assert qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=shanghai).issue_time == NOW


@pytest.mark.parametrize("leeway_seconds", [-1, 61])
def test_a_leeway_out_of_range_is_a_mistake_of_the_caller(leeway_seconds: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 60"):
        qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW, leeway_seconds=leeway_seconds)


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_challenge_of_another_length_is_a_mistake_of_the_caller(size: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW, challenge=bytes(size))


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW.replace(tzinfo=None))


def test_a_code_is_accepted_once() -> None:
    verifier = qr.Verifier(TRUST)
    assert verifier.check(TEXT, audience=AUDIENCE, now=NOW).code_id == CODE_ID
    again = refusal(lambda: verifier.check(TEXT, audience=AUDIENCE, now=NOW + SECOND))
    assert again == "replayed"
    verifier.check(code(2), audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("around", ["{}\r\n", "{}\n", "\t{}", " {} ", "{}\r"])
def test_what_a_scanner_adds_is_no_part_of_a_code(around: str) -> None:
    verifier = qr.Verifier(TRUST)
    sent = around.format(code(1))
    assert qr.scanned(sent) == code(1)
    assert verifier.check(sent, audience=AUDIENCE, now=NOW).code_id
    # The same code, however it was sent.
    assert refusal(lambda: verifier.check(code(1), audience=AUDIENCE, now=NOW)) == "replayed"


def test_no_code_begins_or_ends_with_a_space() -> None:
    ends = {_base45.encode(bytes([high, low]))[-1] for high in range(256) for low in range(256)}
    ends |= {_base45.encode(bytes([last]))[-1] for last in range(256)}
    assert " " not in ends


def test_the_same_code_id_under_another_key_is_another_code() -> None:
    verifier = qr.Verifier(TRUST)
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)
    verifier.check(Message(payload(), key="next").text(), audience=AUDIENCE, now=NOW)


def test_a_code_of_mode_b_is_accepted_once_for_each_certificate() -> None:
    verifier = qr.Verifier(DEVICE_TRUST)
    check = functools.partial(verifier.check, audience=AUDIENCE, now=NOW)
    assert check(showing().text()).mode == "B"
    assert refusal(lambda: check(showing().text())) == "replayed"
    # The same statement in another signature is the same code.
    elliptic = functools.partial(
        qr.present, audience=AUDIENCE, now=NOW, random_bytes=lambda _size: CODE_ID
    )
    other = certificate("P-256 device", cti=bytes(8))
    check(elliptic(other, device_key("P-256 device")))
    again = elliptic(other, device_key("P-256 device"))
    assert refusal(lambda: check(again)) == "replayed"


def test_a_verifier_passes_the_challenge_on() -> None:
    verifier = qr.Verifier(DEVICE_TRUST)
    answer = showing(cnonce=CHALLENGE).text()
    check = functools.partial(verifier.check, answer, audience=AUDIENCE, now=NOW)
    assert refusal(lambda: check(challenge=bytes(8))) == "wrong_audience"
    assert check(challenge=CHALLENGE).challenge == CHALLENGE


def test_a_refused_code_is_not_remembered() -> None:
    verifier = qr.Verifier(TRUST)
    assert refusal(lambda: verifier.check(TEXT, audience="02121", now=NOW)) == "wrong_audience"
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(
    ("leeway_seconds", "later", "known"),
    [(None, 124, True), (None, 125, False), (60, 179, True), (60, 180, False)],
)
def test_a_code_is_remembered_a_minute_longer_than_it_lives(
    leeway_seconds: int | None, later: int, known: bool
) -> None:
    verifier = qr.Verifier(TRUST, leeway_seconds=leeway_seconds)
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)
    # Another code at `later` lets the verifier forget; then this clock is set back.
    other = code(2, issue_second=NOW_SECOND + later)
    verifier.check(other, audience=AUDIENCE, now=NOW + later * SECOND)
    if known:
        assert refusal(lambda: verifier.check(TEXT, audience=AUDIENCE, now=NOW)) == "replayed"
    else:
        verifier.check(TEXT, audience=AUDIENCE, now=NOW)


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    verifier = qr.Verifier(TRUST, capacity=2)
    for number in (1, 2, 3):
        verifier.check(code(number), audience=AUDIENCE, now=NOW)
    for number in (3, 2):
        again = functools.partial(verifier.check, code(number), audience=AUDIENCE, now=NOW)
        assert refusal(again) == "replayed"
    verifier.check(code(1), audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(("later", "known"), [(149, True), (150, False)])
def test_a_code_of_mode_b_is_remembered_for_its_longer_leeway(later: int, known: bool) -> None:
    verifier = qr.Verifier(DEVICE_TRUST)
    verifier.check(showing().text(), audience=AUDIENCE, now=NOW)
    moment = NOW_SECOND + later
    other = showing(cti=bytes(8), iat=moment, exp=moment + 60).text()
    verifier.check(other, audience=AUDIENCE, now=NOW + later * SECOND)
    again = functools.partial(verifier.check, showing().text(), audience=AUDIENCE, now=NOW)
    if known:
        assert refusal(again) == "replayed"
    else:
        again()


def test_a_memory_for_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        qr.Verifier(TRUST, capacity=0)
    with pytest.raises(ValueError, match="at least 1"):
        qr.Verifier(TRUST, certificate_capacity=0)


def test_of_many_threads_with_one_code_one_is_first() -> None:
    seen = ReplaySet(100)
    start = threading.Barrier(8)
    first: list[bool] = []

    def show() -> None:
        start.wait()
        first.append(seen.add((b"key", b"code"), end_second=60, now_second=0))

    threads = [threading.Thread(target=show) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(first) == [False] * 7 + [True]
    assert len(seen) == 1


def test_a_verifier_takes_a_newer_snapshot_and_keeps_its_memory() -> None:
    verifier = qr.Verifier(TRUST)
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)
    newer = TrustSnapshot.verify(snapshot(version=8), trust_key=public_key("trust"), now=NOW)
    verifier.replace_trust(newer)
    assert verifier.trust is newer
    assert refusal(lambda: verifier.check(TEXT, audience=AUDIENCE, now=NOW)) == "replayed"
    assert refusal(lambda: verifier.replace_trust(TRUST)) == "stale_trust"
    assert verifier.trust is newer


def test_the_verifier_needs_neither_grpc_nor_protobuf() -> None:
    script = "import sys, yibao.qr; print([m for m in sys.modules if m in ('grpc', 'google')])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
