"""Offline verification, text to claims, on one core against `openssl speed`."""

import datetime as dt
import os
import re
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import qr
from yibao.trust import TrustSnapshot
from yibao_identity.rules.qr_code import new_claims
from yibao_identity.rules.trust_list import KeyState, ListedKey, TrustList
from yibao_identity.storage.signing import TokenSigner, TrustSigner

_CODES = 2_000


class VerifyBench:
    """Distinct codes of one issuer and a snapshot that lists its key."""

    def __init__(self) -> None:
        """Makes the codes."""
        now = dt.datetime.now(dt.UTC)
        signer = TokenSigner(Ed25519PrivateKey.generate())
        trust_signer = TrustSigner(Ed25519PrivateKey.generate())
        listed = ListedKey(
            signer.public_key,
            frozenset({"999019"}),
            now - dt.timedelta(days=1),
            now + dt.timedelta(days=1),
            KeyState.ACTIVE,
        )
        snapshot = trust_signer.sign_snapshot(TrustList(1, now, (listed,)))
        self._trust = TrustSnapshot.verify(snapshot, trust_key=trust_signer.public_key, now=now)
        self._now = now
        self._codes = [
            signer.sign_code(
                new_claims(
                    issuer="999019",
                    subject=f"S{number:012d}",
                    audience="01301",
                    now=now,
                    code_id=os.urandom(8),
                )
            )
            for number in range(_CODES)
        ]

    def per_second(self, *, seconds: float) -> float:
        """Returns how many codes this thread verifies in a second of its CPU time."""
        done = 0
        end = time.perf_counter() + seconds
        began = time.thread_time()
        while time.perf_counter() < end:
            for text in self._codes[:200]:
                qr.verify(text, trust=self._trust, audience="01301", now=self._now)
            done += 200
        return done / (time.thread_time() - began)


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
