"""Key files: encrypted, readable by other tools, never replaced, errors that help."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from support.token_minting import private_key

from yibao_common.keys.key_file import KeyFileError, encrypt_key, read_key, write_key

KEY = private_key("active")
PASSPHRASE = "correct horse 电池".encode()


def pem(encryption: KeySerializationEncryption) -> bytes:
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="module")
def encrypted() -> bytes:
    return encrypt_key(KEY, passphrase=PASSPHRASE, salt=bytes(16), iv=bytes(range(16)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "issuer.pem"


def test_a_written_key_is_read_back_and_only_its_owner_may_read_it(path: Path) -> None:
    write_key(path, KEY, passphrase=PASSPHRASE)
    assert read_key(path, passphrase=PASSPHRASE).private_bytes_raw() == KEY.private_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_the_library_reads_it(encrypted: bytes) -> None:
    loaded = load_pem_private_key(encrypted, password=PASSPHRASE)
    assert loaded.public_key() == KEY.public_key()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_it(path: Path, encrypted: bytes) -> None:
    path.write_bytes(encrypted)
    command = ["openssl", "pkey", "-in", str(path), "-passin", "stdin", "-pubout"]
    done = subprocess.run(command, input=PASSPHRASE, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"BEGIN PUBLIC KEY" in done.stdout


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_encryption_is_scrypt_and_aes_256(path: Path, encrypted: bytes) -> None:
    path.write_bytes(encrypted)
    command = ["openssl", "asn1parse", "-in", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for word in ("PBES2", ":scrypt", "aes-256-cbc", ":4000", ":08", ":05"):
        assert word in done.stdout


def test_each_file_has_its_own_salt(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    for path in (first, second):
        write_key(path, KEY, passphrase=PASSPHRASE)
    assert first.read_bytes() != second.read_bytes()


def test_a_file_that_exists_is_not_replaced(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(KeyFileError, match=r"issuer\.pem: exists .* another name"):
        write_key(path, KEY, passphrase=PASSPHRASE)
    assert path.read_text() == "precious"


def test_a_file_that_comes_up_meanwhile_is_not_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("precious")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(KeyFileError, match="exists"):
        write_key(path, KEY, passphrase=PASSPHRASE)
    assert path.read_text() == "precious"
    assert os.listdir(path.parent) == [path.name]


def test_an_empty_passphrase_is_refused(path: Path) -> None:
    with pytest.raises(KeyFileError, match="passphrase that is not empty"):
        write_key(path, KEY, passphrase=b"")
    assert not path.exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere/issuer\.pem: not written .* folder"):
        write_key(tmp_path / "nowhere" / "issuer.pem", KEY, passphrase=PASSPHRASE)
    with pytest.raises(KeyFileError, match=r"nowhere/issuer\.pem: not read .* path"):
        read_key(tmp_path / "nowhere" / "issuer.pem", passphrase=PASSPHRASE)


def test_a_wrong_passphrase_is_told_without_showing_it(path: Path, encrypted: bytes) -> None:
    path.write_bytes(encrypted)
    with pytest.raises(KeyFileError, match=r"issuer\.pem: not opened; check the pass") as refused:
        read_key(path, passphrase=b"wrong guess")
    assert "guess" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no key", b"\x00" * 100])
def test_a_damaged_file_is_told(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="not opened"):
        read_key(path, passphrase=PASSPHRASE)


def test_an_unencrypted_key_is_refused(path: Path) -> None:
    path.write_bytes(pem(NoEncryption()))
    with pytest.raises(KeyFileError, match="not encrypted"):
        read_key(path, passphrase=PASSPHRASE)


def test_a_key_encrypted_by_another_tool_is_read(path: Path) -> None:
    path.write_bytes(pem(BestAvailableEncryption(PASSPHRASE)))
    assert read_key(path, passphrase=PASSPHRASE).public_key() == KEY.public_key()


def test_a_key_of_another_kind_is_refused(path: Path) -> None:
    encryption = BestAvailableEncryption(PASSPHRASE)
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        read_key(path, passphrase=PASSPHRASE)
