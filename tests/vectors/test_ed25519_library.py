"""The libraries we verify with, and our check of public keys, against published vectors."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from yibao import _ed25519
from yibao._ed25519 import load_public_key

DATA = Path(__file__).parent / "data"


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


@pytest.fixture(autouse=True, params=["libsodium", "OpenSSL"])
def _library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verifies as where PyNaCl is installed, and as where it is not."""
    if request.param == "OpenSSL":
        monkeypatch.setattr(_ed25519, "crypto_sign_open", None)
    else:
        assert importlib.util.find_spec("nacl") is not None


def accepts(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        _ed25519.verify(key, signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("case", load("rfc8032/rfc8032_ed25519.json")["tests"])
def test_rfc_8032_signatures_are_made_and_verified(case: dict[str, str]) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["sk"]))
    message = bytes.fromhex(case["msg"])
    assert private.public_key().public_bytes_raw().hex() == case["pk"]
    assert private.sign(message).hex() == case["sig"]
    assert accepts(load_public_key(bytes.fromhex(case["pk"])), private.sign(message), message)


def test_wycheproof_agrees_in_all_151_cases() -> None:
    tried = 0
    for group in load("wycheproof/ed25519_test.json")["testGroups"]:
        key = load_public_key(bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            assert accepts(key, signature, message) == (case["result"] == "valid"), case
            tried += 1
    assert tried == 151


# 0, 1, 10 and 11 have a public key of low order; OpenSSL alone would accept 0, 1 and 11,
# and 2, whose R has low order. 3 has mixed points: harmless under an honest key.
SPECCHECK = ["no key"] * 2 + ["refused", "accepted"] + ["refused"] * 6 + ["no key"] * 2


@pytest.mark.parametrize(
    ("case", "outcome"), list(zip(load("speccheck/cases.json"), SPECCHECK, strict=True))
)
def test_speccheck_keys_of_low_order_are_never_used(case: dict[str, str], outcome: str) -> None:
    try:
        key = load_public_key(bytes.fromhex(case["pub_key"]))
    except ValueError:
        assert outcome == "no key"
        return
    accepted = accepts(key, bytes.fromhex(case["signature"]), bytes.fromhex(case["message"]))
    assert outcome == ("accepted" if accepted else "refused")


def test_cctv_points_of_low_order_are_refused_and_the_others_verify_as_in_openssl() -> None:
    refused_keys = set()
    for case in load("cctv/ed25519vectors.json"):
        flags = set(case["flags"] or ())
        raw = bytes.fromhex(case["key"])
        if "low_order_A" in flags:
            with pytest.raises(ValueError, match=r"low order|not canonical"):
                load_public_key(raw)
            refused_keys.add(raw)
            continue
        accepted = accepts(load_public_key(raw), bytes.fromhex(case["sig"]), case["msg"].encode())
        assert accepted == flags.isdisjoint(
            {"low_order_residue", "low_order_R", "non_canonical_R"}
        ), case
    assert len(refused_keys) == 14


@pytest.mark.parametrize("length", [0, 32, 63, 65, 96])
def test_a_signature_of_another_length_fits_nothing(length: int) -> None:
    private = Ed25519PrivateKey.generate()
    signature = private.sign(b"code").ljust(length, b"0")[:length]
    assert not accepts(private.public_key(), signature, b"code")
