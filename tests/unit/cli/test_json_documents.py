"""With --json each command prints one document, and of an error one on stderr."""

import datetime as dt
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.command_paths import LEAVES
from support.former_policies import former_policy
from support.presentation_minting import device_snapshot
from support.roots import make_root
from support.terminals import COMMAND, environment, run
from support.token_minting import NOW, SUBJECT, Message, payload, public_key
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.output import json_where, write_document
from yibao_cli.qr.verify import run_verify

ROOT = Path(__file__).parents[3]
POLICY = ROOT / "policies" / "110000" / "employee-2023.yaml"
BILL = ROOT / "policies" / "110000" / "bill.yaml"
KEYS = {"code", "reason", "message", "message_zh", "metadata", "fields", "exit_code"}


def document(*words: object, code: int = 0) -> Any:
    """Runs a command in this process; returns the one document that it printed on stdout."""
    ended = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert (ended.exit_code, ended.stderr) == (code, "")
    return json.loads(ended.stdout)


def error(*words: object, code: int) -> Any:
    """Runs a command in this process; returns the error that it printed on stderr."""
    ended = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert (ended.exit_code, ended.stdout) == (code, "")
    found = json.loads(ended.stderr)["error"]
    assert (set(found), found["exit_code"]) == (KEYS, code)
    return found


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_that_a_program_would_read_prints_documents(path: tuple[str, ...]) -> None:
    options = {option for each in LEAVES[path].params for option in each.opts}
    # These print text for people and for shells.
    assert ("--json" in options) == (path not in {("help",), ("completion",)})


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_tells_a_program_of_a_mistake(path: tuple[str, ...]) -> None:
    found = error(*path, "--nothing", code=2)
    assert (found["code"], "--nothing" in found["message"]) == ("USAGE", True)


def test_a_policy_is_told_with_its_words_and_warnings() -> None:
    checked = document("policy", "check", POLICY)
    assert (checked["region"], checked["insurance_type"]) == ("110000", "310")
    assert checked["steps"] == ["S1", "D1", "P1", "L1", "D2", "P2", "Z1"]
    assert checked["end_date"] is None
    assert len(checked["policy_version"]) == 64
    assert checked["words"]
    assert checked["words_zh"]
    assert {"line", "key", "message", "message_zh"} == set(checked["warnings"][0])
    shown = document("policy", "show", POLICY)
    assert shown == {key: value for key, value in checked.items() if key != "warnings"}


def test_mistakes_of_a_policy_are_fields_in_both_languages(tmp_path: Path) -> None:
    wrong = tmp_path / "policy.yaml"
    wrong.write_text(POLICY.read_text(encoding="utf-8").replace("window: year", "window: age"))
    found = error("policy", "check", wrong, code=1)
    assert (found["code"], found["reason"]) == (
        "INVALID_ARGUMENT",
        "ERROR_REASON_POLICY_FILE_INVALID",
    )
    for field in found["fields"]:
        assert field["field"].startswith(f"{wrong}:")
        assert "\n" not in field["message"]
        assert field["message_zh"].startswith("应为")


def test_what_two_policies_say_differently_is_a_list(tmp_path: Path) -> None:
    other = tmp_path / "policy.yaml"
    other.write_text(POLICY.read_text(encoding="utf-8").replace("2023-01-01", "2024-01-01"))
    found = document("policy", "diff", POLICY, other, code=1)["differences"]
    assert found
    assert {each["change"] for each in found} <= {"added", "removed", "changed"}
    assert document("policy", "diff", POLICY, POLICY) == {"differences": []}


def test_bills_that_are_tried_are_told_to_the_fen() -> None:
    (bill,) = document("policy", "try", POLICY, BILL)["bills"]
    borne = sum(bill["paid_fen"].values()) + bill["account_fen"] + bill["cash_fen"]
    assert borne == bill["total_fen"]
    assert bill["steps"][0]["step_id"] == "S1"


def test_a_bill_that_a_policy_refuses_is_told_with_its_reason(tmp_path: Path) -> None:
    narrow = tmp_path / "policy.yaml"
    text = POLICY.read_text(encoding="utf-8")
    narrow.write_text(text)
    bills = tmp_path / "bills.yaml"
    bills.write_text(
        "format: yibao-bills/2\nbills:\n  - date: 2026-01-31\n    facts: {care_type: '21'}\n"
        "    lines: [{class: '01', fen: 100}]\n"
    )
    found = document("policy", "try", narrow, bills, code=1)["bills"][0]["refused"]
    assert found["reason"].startswith("ERROR_REASON_")
    assert found["message_zh"]


def test_a_converted_policy_is_one_value() -> None:
    converted = document("policy", "convert", former_policy("500112"), "--by-stay")
    assert "yibao-policy/2" in converted["policy_file"]


def test_a_file_of_no_use_is_told_as_unusable() -> None:
    found = error("policy", "check", "nothing.yaml", code=2)
    assert (found["code"], found["message"]) == (
        "UNUSABLE",
        "nothing.yaml: cannot be read: No such file or directory",
    )
    assert error("db", "upgrade", "--config", "nothing.toml", code=2)["code"] == "UNUSABLE"
    assert error("qr", "scan", "nothing.png", code=2)["code"] == "UNUSABLE"


def test_a_code_is_told_by_its_modules_and_read_back(tmp_path: Path) -> None:
    shown = document("qr", "show", "MI1-ABC")
    assert shown["text"] == "MI1-ABC"
    assert len(shown["modules"]) == len(shown["modules"][0])
    assert {module for row in shown["modules"] for module in row} == {0, 1}
    path = tmp_path / "code.png"
    assert document("qr", "show", "MI1-ABC", "--png", path) == {"file": str(path)}
    assert document("qr", "scan", path) == {"text": "MI1-ABC"}


def test_what_a_code_states_and_why_it_is_refused_are_told(tmp_path: Path) -> None:
    (tmp_path / "root-1.cose").write_bytes(make_root([public_key("trust")]))
    (tmp_path / "trust.cbor").write_bytes(device_snapshot())
    out, err = (Console(file=io.StringIO()) for _ in range(2))
    with json_where(True):
        for seconds, code in ((1, 0), (3_600, 1)):
            ended = run_verify(
                out,
                err,
                Message(payload()).text(),
                snapshot_file=tmp_path / "trust.cbor",
                root_file=tmp_path / "root-1.cose",
                status_list_files=[],
                audiences=[],
                challenge="",
                clock=lambda seconds=seconds: NOW + dt.timedelta(seconds=seconds),
            )
            assert ended == code
    assert isinstance(out.file, io.StringIO)
    assert isinstance(err.file, io.StringIO)
    claims = json.loads(out.file.getvalue())
    assert (claims["mode"], claims["subject"], claims["device_certificate_id"]) == (
        "A",
        SUBJECT,
        None,
    )
    refused = json.loads(err.file.getvalue())["error"]
    assert (refused["code"], refused["reason"], refused["exit_code"]) == ("REFUSED", "expired", 1)


def test_a_root_of_trust_is_told_from_draft_to_complete(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("a passphrase")
    keys = [tmp_path / f"holder-{number}.pem" for number in (1, 2, 3)]
    for key in (*keys, tmp_path / "trust.pem"):
        made = document("keys", "root", "new-key", key, "--passphrase-file", tmp_path / "pass")
        assert made["file"] == str(key)
        assert len(made["key_id"]) == 16
    root = tmp_path / "root-1.cose"
    public = [word for key in keys for word in ("--key", key.with_suffix(".pub.pem"))]
    trust = ("--trust-key", tmp_path / "trust.pub.pem")
    draft = document("keys", "root", "init", "--out", root, *public, *trust)
    assert (draft["version"], draft["missing"], draft["is_complete"]) == (1, 2, False)
    for missing, key in ((1, keys[0]), (0, keys[2])):
        words = ("--key", key, "--passphrase-file", tmp_path / "pass")
        signed = document("keys", "root", "sign", root, *words)
        assert signed["missing"] == missing
    verified = document("keys", "root", "verify", root)
    assert verified["is_complete"]
    assert sorted(key["has_signed"] for key in verified["root_keys"]) == [False, True, True]


def test_a_document_is_written_in_what_a_terminal_of_old_can_hold() -> None:
    ended = run("policy", "show", POLICY, "--json", variables={"PYTHONIOENCODING": "ascii"})
    assert ended.code == 0
    assert "?" not in json.loads(ended.out)["title_zh"]
    assert ended.out.isascii()
    file = io.StringIO()
    write_document(file, {"a": "医保"})
    assert "医保" in file.getvalue()


def test_what_keeps_any_command_from_its_work_is_a_document_too() -> None:
    command = [*COMMAND, "policy", "check", str(POLICY), "--json"]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, env=environment(), stdout=full, stderr=subprocess.PIPE)
    found = json.loads(ended.stderr)["error"]
    assert (ended.returncode, "No space left on device" in found["message"]) == (2, True)
    words: list[str | bytes] = [*command, "统筹区".encode("gb18030")]
    ended = subprocess.run(words, env=environment(), capture_output=True)
    found = json.loads(ended.stderr)["error"]
    assert (ended.returncode, ended.stdout, found["code"]) == (2, b"", "UNUSABLE")
    assert "is not in UTF-8" in found["message"]
