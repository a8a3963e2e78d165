"""The page of the `yibao` command says of documents, variables and exit codes what is so."""

import json
import re
from pathlib import Path

import pytest
from support.command_paths import LEAVES
from support.contracts import ROOT
from support.former_policies import former_policy
from support.terminals import run, run_in_terminal
from support.usual_ports import usual_ports
from typer.testing import CliRunner

from yibao_cli.connection import ADDRESS_VARIABLES, VALUES
from yibao_cli.contexts.file import Context
from yibao_cli.contexts.names import FILE_VARIABLE
from yibao_cli.main import app

PAGE = (ROOT / "docs" / "operating" / "command.md").read_text(encoding="utf-8")
POLICY = ROOT / "policies" / "110000" / "employee-2023.yaml"
BILL = ROOT / "policies" / "110000" / "bill.yaml"


def rows(heading: str) -> list[list[str]]:
    """Returns the cells of the tables of a part of the page."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]
    return [row for row in cells if row[0] not in {"---", "command", "code", "option", "shell"}]


def documents() -> dict[str, str]:
    """Returns what the page says of each command's document."""
    return {
        name: row[1] for row in rows("For programs") for name in re.findall("`([^`]+)`", row[0])
    }


def test_every_command_with_documents_is_told_of() -> None:
    commands = {" ".join(("yibao", *path)) for path in LEAVES}
    assert set(documents()) == {*commands, "yibao call --list"} - {
        "yibao help",
        "yibao completion",
    }


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("version", ()),
        ("call --list", ()),
        ("policy show", (POLICY,)),
        ("policy diff", (POLICY, POLICY)),
        ("policy convert", (former_policy("500112"), "--by-stay")),
        ("qr show", ("MI1-ABC",)),
    ],
)
def test_a_document_has_the_keys_that_the_page_tells(
    command: str, words: tuple[object, ...]
) -> None:
    ended = CliRunner().invoke(app, [*command.split(), *map(str, words), "--json"])
    assert ended.exit_code == 0
    told = documents()[f"yibao {command}"]
    found = json.loads(ended.stdout)
    keys = set(re.findall("`([^`]+)`", told)) - {"--png", "file" if command == "qr show" else ""}
    inner = {
        key
        for value in found.values()
        if isinstance(value, list)
        for each in value[:1]
        if isinstance(each, dict)
        for key in each
    }
    assert set(found) <= keys
    assert keys <= set(found) | (inner or keys)


def test_every_variable_and_key_of_a_connection_is_told_of() -> None:
    variables = {*ADDRESS_VARIABLES.values(), *(variable for _, variable, _ in VALUES)}
    told = rows("Contexts")
    assert {name for row in told for name in re.findall("`(YIBAO_[A-Z_]+)`", row[1])} == {
        *variables,
        "YIBAO_CONTEXT",
    }
    keys = {name for row in told for name in re.findall("`([a-z_]+)`", row[2])}
    assert keys == {*Context.model_fields, "current"}
    assert f"`{FILE_VARIABLE}`" in PAGE


def test_every_exit_code_is_told_of() -> None:
    assert [row[0] for row in rows("Exit codes")] == ["0", "1", "2", "130"]


OF_A_CALL = ("--address", "127.0.0.1:1", "--ca", "ca.pem", "--cert", "a.pem", "--key", "a.key")
CODES = [
    (("version",), 0),
    (("policy", "check", POLICY), 0),
    (("policy", "diff", POLICY, POLICY), 0),
    (("qr", "show", "MI1-ABC"), 0),
    (("policy", "diff", POLICY, "other.yaml"), 1),
    (("policy", "check", "faulty.yaml"), 1),
    (("doctor", "--config", "identity.toml"), 1),
    (("qr", "scan", "empty.png"), 1),
    (("call", "GetVisit", "{}", *OF_A_CALL), 1),
    ((), 2),
    (("policy",), 2),
    (("nothing",), 2),
    (("call",), 2),
    (("call", "GetNothing", "{}", *OF_A_CALL), 2),
    (("call", "GetVisit", "no JSON", *OF_A_CALL), 2),
    (("call", "GetVisit", "{}", *OF_A_CALL[:-1], "no.key"), 2),
    (("policy", "check", "nothing.yaml"), 2),
    (("review", "list", "--context", "nobody"), 2),
    (("qr", "scan", "nothing.png"), 2),
    (("db", "upgrade", "--config", "nothing.toml"), 2),
    (("up", "--folder", "faulty.yaml"), 2),
    (("doctor",), 2),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates

    folder = tmp_path_factory.mktemp("codes")
    text = POLICY.read_text(encoding="utf-8")
    (folder / "other.yaml").write_text(text.replace("2023-01-01", "2024-01-01"))
    (folder / "faulty.yaml").write_text(text.replace("window: year", "window: age"))
    (folder / "identity.toml").write_text("")
    Image.new("L", (300, 300), 255).save(folder / "empty.png")
    issue_dev_certificates(folder, [Leaf("a", "channel/app")])
    return folder


@pytest.mark.parametrize(
    ("words", "code"), CODES, ids=[" ".join(map(str, w))[-60:] for w, _ in CODES]
)
def test_a_command_ends_with_the_code_of_the_page(
    folder: Path, words: tuple[object, ...], code: int
) -> None:
    ended = run(*words, cwd=folder)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err


def test_an_interrupted_command_ends_as_shells_expect(tmp_path: Path) -> None:
    with usual_ports():
        ended = run_in_terminal(
            "up", "--folder", tmp_path / "sandbox", until=lambda shown: "Starting" in shown
        )
    assert ended.code == 130, ended.out
