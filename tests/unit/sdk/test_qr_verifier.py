"""The offline verifier beyond the vectors: claims, arguments, memory, and what it needs."""

import datetime as dt
import functools
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
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

from yibao import qr
from yibao._replay import ReplaySet
from yibao.trust import TrustSnapshot

SECOND = dt.timedelta(seconds=1)
TEXT = Message(payload()).text()
TRUST = TrustSnapshot.verify(snapshot(), trust_key=public_key("trust"), now=NOW)


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
        issuer=REGION,
        subject=SUBJECT,
        audience=AUDIENCE,
        issue_time=NOW,
        expire_time=NOW + 60 * SECOND,
        code_id=CODE_ID,
        key_id=key_id("active"),
    )
    assert claims.issue_time.utcoffset() == dt.timedelta(0)


def test_the_time_zone_of_now_does_not_matter() -> None:
    shanghai = NOW.astimezone(dt.timezone(dt.timedelta(hours=8)))
    assert qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=shanghai).issue_time == NOW


@pytest.mark.parametrize("leeway_seconds", [-1, 61])
def test_a_leeway_out_of_range_is_a_mistake_of_the_caller(leeway_seconds: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 60"):
        qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW, leeway_seconds=leeway_seconds)


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        qr.verify(TEXT, trust=TRUST, audience=AUDIENCE, now=NOW.replace(tzinfo=None))


def test_a_code_is_accepted_once() -> None:
    verifier = qr.Verifier(TRUST)
    assert verifier.check(TEXT, audience=AUDIENCE, now=NOW).code_id == CODE_ID
    again = refusal(lambda: verifier.check(TEXT, audience=AUDIENCE, now=NOW + SECOND))
    assert again == "replayed"
    verifier.check(code(2), audience=AUDIENCE, now=NOW)


def test_the_same_code_id_under_another_key_is_another_code() -> None:
    verifier = qr.Verifier(TRUST)
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)
    verifier.check(Message(payload(), key="next").text(), audience=AUDIENCE, now=NOW)


def test_a_refused_code_is_not_remembered() -> None:
    verifier = qr.Verifier(TRUST)
    assert refusal(lambda: verifier.check(TEXT, audience="02121", now=NOW)) == "wrong_audience"
    verifier.check(TEXT, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(("later", "known"), [(124, True), (125, False)])
def test_a_code_is_remembered_a_minute_longer_than_it_lives(later: int, known: bool) -> None:
    verifier = qr.Verifier(TRUST, leeway_seconds=5)
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


def test_a_memory_for_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        qr.Verifier(TRUST, capacity=0)


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
