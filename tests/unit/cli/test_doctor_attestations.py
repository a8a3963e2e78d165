"""What `yibao doctor` says of attestations of an offsite service."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from support.attestation_minting import ATTEST_KEYS
from support.roots import make_root
from support.token_minting import HOUR, NOW, NOW_SECOND, REGION, private_key, public_key, snapshot

from yibao.issuing import key_id_of
from yibao.trust_store import TrustStore
from yibao_cli.doctor.attestations import examine_attestations
from yibao_common.keys.key_file import FOR_RANDOM, write_key
from yibao_offsite.config import OffsiteConfig


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """Returns a configuration whose trust was learnt and whose key is there."""
    root = make_root([public_key("trust")], issue_second=NOW_SECOND - HOUR)
    (tmp_path / "root.cose").write_bytes(root)
    (tmp_path / "passphrase").write_text("open")
    (tmp_path / "keys").mkdir()
    file = tmp_path / "keys" / f"{key_id_of(public_key('attest')).hex()}.pem"
    write_key(file, private_key("attest"), passphrase=b"open", stretching=FOR_RANDOM)
    folder = tmp_path / "trust"
    store = TrustStore(
        first_root=root, cache_folder=folder / "cache", state_folder=folder / "state", regions=()
    )
    store.take_snapshot(snapshot(ATTEST_KEYS), now=NOW)
    return {
        "server": {"address": "127.0.0.1:0", "insecure": True},
        "database": {"url": "sqlite:///offsite.db"},
        "identity": {"address": "localhost:1", "regions": [REGION]},
        "keys": {"folder": tmp_path / "keys", "passphrase_file": tmp_path / "passphrase"},
        "attestation": {"root_file": tmp_path / "root.cose", "trust_folder": folder},
    }


def told(values: dict[str, Any], *, now: dt.datetime = NOW) -> list[tuple[str, str, str]]:
    config = OffsiteConfig.model_validate(values)
    found = examine_attestations(config, clock=lambda: now)
    return [(each.subject, each.problem, each.remark) for each in found]


def test_what_signs_is_told(values: dict[str, Any]) -> None:
    assert told(values) == [("attestations", "", "are signed, in regions: 1")]


def test_without_a_table_nothing_is_signed(values: dict[str, Any]) -> None:
    del values["attestation"]
    ((_, problem, remark),) = told(values)
    assert (problem, remark) == ("", "none: the configuration has no [attestation]")


def test_a_key_that_is_not_here_and_one_that_is_not_listed_are_told(values: dict[str, Any]) -> None:
    (file,) = values["keys"]["folder"].glob("*.pem")
    file.unlink()
    values["identity"]["regions"] = [REGION, "440100"]
    (missing, unlisted) = told(values)
    assert missing[0] == f"attestations of {REGION}"
    assert f"{file} is missing" in missing[1]
    assert "no attest key is listed for 440100" in unlisted[1]


def test_files_that_cannot_be_used_are_told(values: dict[str, Any]) -> None:
    values["keys"]["passphrase_file"].unlink()
    ((_, problem, _),) = told(values)
    assert "cannot be read" in problem


def test_a_clock_that_was_ahead_is_told(values: dict[str, Any]) -> None:
    ((_, problem, _),) = told(values, now=NOW - dt.timedelta(hours=2))
    assert "this clock is behind" in problem
    # What is too old is learnt anew with the next start.
    ((_, problem, _),) = told(values, now=NOW + dt.timedelta(days=8))
    assert problem == ""


def test_before_trust_was_learnt_nothing_is_examined(values: dict[str, Any]) -> None:
    values["attestation"]["trust_folder"] = None
    ((_, problem, remark),) = told(values)
    assert (problem, remark) == ("", "not examined: no trust of identity was learnt yet")
