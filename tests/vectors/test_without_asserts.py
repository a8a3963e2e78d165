"""The verifier refuses what it must where Python leaves asserts out."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from yibao import _cbor, _device_key, _status_list, _token

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk" / "yibao"


def test_every_vector_comes_out_the_same_under_dash_o() -> None:
    ended = subprocess.run(
        [sys.executable, "-O", "-m", "vectors.verdicts"],
        cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("asserts off: 683 of 683")


def only_tells_the_type(check: ast.expr) -> bool:
    """Tells whether an assert says to the type checker what was checked before."""
    match check:
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
    return False


def test_what_the_sdk_checks_it_does_not_check_by_assert() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(SDK.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) and not only_tells_the_type(node.test)
    ]
    assert found == []


def test_lengths_are_refused_by_exceptions() -> None:
    with pytest.raises(ValueError, match="a public key has 32 bytes"):
        _token.key_id_of(bytes(31))
    with pytest.raises(ValueError, match="a signature has 64 bytes"):
        _token.close_frame(_token.frame_opening(bytes(8)), bytes(24), bytes(63))
    with pytest.raises(ValueError, match="outside of its status list"):
        _status_list.bits_of([8], entries=8)
    with pytest.raises(_cbor.CborError):
        _cbor.encode(True)


def test_a_signature_of_another_length_fits_no_key_of_p256() -> None:
    private_key = ec.generate_private_key(ec.SECP256R1())
    key = _device_key.load(_device_key.raw_public_key(private_key))
    signature = _device_key.sign(private_key, b"message")
    assert _device_key.is_signed(key, signature, b"message")
    # The second number would be the same one with zeros before it.
    assert not _device_key.is_signed(key, signature[:32] + b"\0" + signature[32:], b"message")
