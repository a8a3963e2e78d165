"""Personal data at rest: sealed to its place, found by keyed hashes."""

import os
from pathlib import Path

import pytest

from yibao_common.keys.vault import SealError, Vault, read_secret
from yibao_common.process.config import StartError

OLD, NEW, HASH = b"o" * 32, b"n" * 32, b"h" * 32
NUMBER = "50010119900307123X"


def _vault(*keys: bytes, hash_key: bytes = HASH) -> Vault:
    return Vault(keys or (OLD,), hash_key, random_bytes=os.urandom)


def test_what_is_sealed_opens_at_its_place_only() -> None:
    vault = _vault()
    sealed = vault.seal(NUMBER.encode(), place="500100/person/1/number")
    assert vault.open(sealed, place="500100/person/1/number") == NUMBER.encode()
    for place in ("500100/person/2/number", "500100/person/1/name", "330100/person/1/number"):
        with pytest.raises(SealError, match="does not open"):
            vault.open(sealed, place=place)


def test_the_same_text_is_sealed_differently_each_time_and_never_in_clear() -> None:
    vault = _vault()
    sealed = [vault.seal(NUMBER.encode(), place="p") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert NUMBER.encode() not in sealed[0]


@pytest.mark.parametrize("place", [0, 7, 8, 19, 20, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    vault = _vault()
    sealed = bytearray(vault.seal(b"name", place="p"))
    sealed[place] ^= 1
    with pytest.raises(SealError):
        vault.open(bytes(sealed), place="p")


def test_the_first_key_seals_and_all_open() -> None:
    sealed = _vault(OLD).seal(b"name", place="p")
    rotated = _vault(NEW, OLD)
    assert rotated.open(sealed, place="p") == b"name"
    fresh = rotated.seal(b"name", place="p")
    assert _vault(NEW).open(fresh, place="p") == b"name"
    with pytest.raises(SealError, match="no encryption key"):
        _vault(OLD).open(fresh, place="p")


def test_a_number_has_one_hash_that_depends_on_key_type_and_number() -> None:
    vault = _vault()
    assert vault.number_hash("01", NUMBER) == _vault(NEW).number_hash("01", NUMBER)
    hashes = {
        vault.number_hash("01", NUMBER),
        vault.number_hash("02", NUMBER),
        vault.number_hash("01", NUMBER[:-1] + "1"),
        _vault(hash_key=b"x" * 32).number_hash("01", NUMBER),
        vault.keyed_digest(f"01\n{NUMBER}".encode()),
    }
    assert len(hashes) == 5
    assert {len(value) for value in hashes} == {32}


def test_a_vault_shows_no_key() -> None:
    shown = repr(_vault())
    assert OLD.hex() not in shown
    assert HASH.hex() not in shown


def test_a_secret_is_64_hexadecimal_digits(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(OLD.hex().upper() + "\n")
    assert read_secret(path) == OLD


@pytest.mark.parametrize("content", ["", "ab" * 31, "ab" * 33, "zz" * 32, "钥" * 64])
def test_anything_else_is_no_secret_and_is_not_repeated(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    with pytest.raises(StartError, match="secret") as caught:
        read_secret(path)
    assert not content or content not in str(caught.value)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="nowhere"):
        read_secret(tmp_path / "nowhere")
