"""Offline verification, text to claims, on one core against `openssl speed`.

`python -m bench.verify` measures this alone.
"""

import argparse
import contextlib
import datetime as dt
import hashlib
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import issuing, qr
from yibao.trust import TrustSnapshot
from yibao_identity.rules.code import QrClaims

# Few enough to stay in the processor's cache, as the one signature of openssl's does.
_CODES = 50
_REGION = "999019"
_AUDIENCE = "01301"
_LIST_URI = f"mi:sl/{_REGION}/1"
_DAY = 86_400


class VerifyBench:
    """Distinct codes of one issuer in both modes, and a snapshot that lists its keys."""

    def __init__(self) -> None:
        """Makes the codes; those of mode B are of as many phones."""
        self._now = dt.datetime.now(dt.UTC)
        self._second = int(self._now.timestamp())
        keys = {use: Ed25519PrivateKey.generate() for use in ("tok", "cred", "status", "trust")}
        self._trust = self._snapshot(keys)
        self._codes = [self._code(keys["tok"], f"S{number:012d}") for number in range(_CODES)]
        self._presentations = [
            self._presentation(keys["cred"], f"S{number:012d}", number) for number in range(_CODES)
        ]

    def codes_per_second(self, *, seconds: float) -> float:
        """Returns how many codes of mode A this thread verifies in a second of its CPU time."""
        return _CODES * turns_per_second(self._verify_all(self._codes, None), seconds)

    def new_presentations_per_second(self, *, seconds: float) -> float:
        """Returns how many codes of mode B, of phones not seen before."""
        return _CODES * turns_per_second(self._verify_all(self._presentations, None), seconds)

    def known_presentations_per_second(self, *, seconds: float) -> float:
        """Returns how many codes of mode B, of phones whose certificate is known."""
        cache = qr.CertificateCache(_CODES)
        verify = self._verify_all(self._presentations, cache)
        verify()
        return _CODES * turns_per_second(verify, seconds)

    def _verify_all(
        self, texts: list[str], cache: qr.CertificateCache | None
    ) -> Callable[[], None]:
        def verify() -> None:
            for text in texts:
                qr.verify(
                    text,
                    trust=self._trust,
                    audience=_AUDIENCE,
                    now=self._now,
                    certificates=cache,
                )

        return verify

    def _code(self, key: Ed25519PrivateKey, subject: str) -> str:
        claims = QrClaims(
            issuer=_REGION,
            subject=subject,
            audience=_AUDIENCE,
            issue_second=self._second,
            expire_second=self._second + 60,
            code_id=os.urandom(8),
        )
        return issuing.code_text(_signed(key, claims.encoded()))

    def _presentation(self, key: Ed25519PrivateKey, subject: str, index: int) -> str:
        device_key = Ed25519PrivateKey.generate()
        certificate = issuing.DeviceCertificate(
            issuer=_REGION,
            subject=subject,
            issue_second=self._second - 3_600,
            expire_second=self._second + _DAY,
            device_certificate_id=os.urandom(8),
            device_key=device_key.public_key().public_bytes_raw(),
            status_uri=_LIST_URI,
            # A random entry of 2**20 is nearly always of four bytes.
            status_index=1 << 17 | index,
        )
        data = _signed(key, issuing.encode_device_certificate(certificate))
        return qr.present(data, device_key, audience=_AUDIENCE, now=self._now)

    def _snapshot(self, keys: dict[str, Ed25519PrivateKey]) -> TrustSnapshot:
        status_list = self._status_list(keys["status"])
        content = issuing.SnapshotContent(
            version=1,
            issue_second=self._second,
            expire_second=self._second + 7 * _DAY,
            refresh_seconds=3_600,
            keys=tuple(self._listed(use, keys[use]) for use in ("tok", "cred", "status")),
            lists=(issuing.BoundList(_LIST_URI, 1, hashlib.sha256(status_list).digest()),),
        )
        trust = TrustSnapshot.verify(
            _signed(keys["trust"], issuing.encode_snapshot(content)),
            trust_key=keys["trust"].public_key().public_bytes_raw(),
            now=self._now,
        )
        return trust.with_status_list(status_list, now=self._now)

    def _listed(self, use: str, key: Ed25519PrivateKey) -> issuing.KeyEntry:
        public_key = key.public_key().public_bytes_raw()
        return issuing.KeyEntry(
            issuing.key_id_of(public_key),
            public_key,
            use,
            (_REGION,),
            self._second - _DAY,
            self._second + _DAY,
            issuing.KeyState.ACTIVE,
        )

    def _status_list(self, key: Ed25519PrivateKey) -> bytes:
        content = issuing.StatusList(
            uri=_LIST_URI,
            issue_second=self._second,
            expire_second=self._second + _DAY,
            refresh_seconds=3_600,
            bits=issuing.bits_of(()),
        )
        key_id = issuing.key_id_of(key.public_key().public_bytes_raw())
        return issuing.sign_status_list(content, key_id=key_id, sign=key.sign)


def _signed(key: Ed25519PrivateKey, payload: bytes) -> bytes:
    key_id = issuing.key_id_of(key.public_key().public_bytes_raw())
    return issuing.sign_message(payload, key_id=key_id, sign=key.sign)


def turns_per_second(work: Callable[[], None], seconds: float) -> float:
    """Returns how often `work` is done in a second of this thread's CPU time."""
    turns = 0
    end = time.perf_counter() + seconds
    began = time.thread_time()
    while time.perf_counter() < end:
        work()
        turns += 1
    return turns / (time.thread_time() - began)


def openssl_verifies_per_second(*, seconds: int) -> float | None:
    """Returns what `openssl speed` says of Ed25519 verification; None without openssl."""
    if not any((Path(part) / "openssl").exists() for part in os.get_exec_path()):
        return None
    done = subprocess.run(
        ["openssl", "speed", "-seconds", str(seconds), "ed25519"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"Ed25519.*\s([0-9.]+)\s*$", done.stdout.strip())
    assert found is not None, done.stdout
    return float(found[1])


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keeps this thread and the processes it starts on one core, where that can be told."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    """Prints the ratios, round by round and their medians."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    bench = VerifyBench()
    measures = {
        "mode A": bench.codes_per_second,
        "mode B, new certificate": bench.new_presentations_per_second,
        "mode B, known certificate": bench.known_presentations_per_second,
    }
    ratios: dict[str, list[float]] = {name: [] for name in measures}
    with one_core():
        for _ in range(arguments.rounds):
            limit = openssl_verifies_per_second(seconds=1)
            assert limit is not None, "openssl is not installed"
            for name, measure in measures.items():
                ratios[name].append(measure(seconds=0.5) / limit)
    for name, rounds in ratios.items():
        each = " ".join(f"{ratio:.3f}" for ratio in rounds)
        print(f"{name:<28}{statistics.median(rounds):.3f} of openssl speed  [{each}]")


if __name__ == "__main__":
    main()
