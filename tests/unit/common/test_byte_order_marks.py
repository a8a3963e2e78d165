"""Files that editors on Windows saved: a byte order mark is no part of what they hold."""

import codecs
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from yibao.client import secure_channel
from yibao_cli.persons_csv import REQUIRED_COLUMNS, open_file
from yibao_common.files.yaml_file import parse_yaml
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.keys.opening import read_passphrase
from yibao_common.keys.vault import read_secret
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.process.config_file import read_tables
from yibao_common.process.text_file import unmarked
from yibao_common.rpc.own_certificate import check_own_certificates
from yibao_common.rpc.tls import check_files, check_serials
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

SECRET = "0f" * 32


def yaml_of(path: Path) -> object:
    reason = Reason.POLICY_FILE_INVALID
    return parse_yaml(path.read_bytes(), name=str(path), reason=reason).data


def serials_of(path: Path) -> None:
    check_serials(path)


Reader = Callable[[Path], object]
READERS = {
    "configuration": (read_tables, "a = 1\n", {"a": 1}),
    "policy": (yaml_of, "a: 1\n", {"a": 1}),
    "secret": (read_secret, f"{SECRET}\n", bytes.fromhex(SECRET)),
    "revocations": (serials_of, "0a:0b # lost\n", None),
}


@pytest.mark.parametrize(("read", "text", "expected"), READERS.values(), ids=READERS)
def test_a_mark_of_utf_8_is_passed_over(
    tmp_path: Path, read: Reader, text: str, expected: object
) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8-sig")
    assert read(path) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize(("read", "text", "expected"), READERS.values(), ids=READERS)
def test_utf_16_is_named(
    tmp_path: Path, read: Reader, text: str, expected: object, encoding: str
) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding=encoding)
    with pytest.raises((StartError, RuleError)) as refused:
        read(path)
    assert "is in UTF-16" in "".join([str(refused.value), *map(str, _faults(refused.value))])


def _faults(error: Exception) -> list[object]:
    return list(error.faults) if isinstance(error, RuleError) else []


def test_what_has_no_mark_is_left_as_it_is() -> None:
    assert unmarked("\ufeff医保".encode()) == unmarked("医保".encode()) == "医保".encode()
    with pytest.raises(ValueError, match="UTF-16"):
        unmarked(codecs.BOM_UTF32_LE)


@pytest.mark.parametrize("marked", ["server.pem", "server.key", "ca.pem"])
def test_pem_with_a_mark_is_served_and_called_with(tmp_path: Path, marked: str) -> None:
    """gRPC would take it, find no certificate in it and make no connection."""
    issue_dev_certificates(tmp_path, [Leaf("server", "service/x", is_server=True)])
    path = tmp_path / marked
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    certificate, key, ca = (tmp_path / each for each in ("server.pem", "server.key", "ca.pem"))
    check_files(certificate, key, ca)
    config = ServerConfig(
        address="127.0.0.1:0", certificate_file=certificate, key_file=key, client_ca_file=ca
    )
    check_own_certificates(config, now=dt.datetime.now(dt.UTC))
    with secure_channel("localhost:1", ca_file=ca, certificate_file=certificate, key_file=key):
        pass


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_passphrase_does_not_begin_with_what_nobody_types(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(mark + b"correct horse")
    with pytest.raises(StartError, match="begins with a byte order mark"):
        read_passphrase(path)


def test_a_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "persons.csv"
    path.write_text(f"{','.join(REQUIRED_COLUMNS)}\n", encoding="utf-8-sig")
    assert open_file(path, encoding="utf-8").rows == 0
    path.write_text(f"{','.join(REQUIRED_COLUMNS)}\n", encoding="utf-16")
    with pytest.raises(StartError, match="such as --encoding utf-16"):
        open_file(path, encoding="utf-8-sig")
    assert open_file(path, encoding="utf-16").rows == 0
