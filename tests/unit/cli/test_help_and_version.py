"""Help and versions are where people of other commands look for them."""

import json
import platform
import tomllib
from pathlib import Path

import pytest
from support.command_paths import COMMANDS, GROUPS
from support.terminals import run
from typer.testing import CliRunner

from yibao_cli.main import app

ROOT = Path(__file__).parents[3]


def test_help_is_asked_for_in_four_ways() -> None:
    shown = {run(*words) for words in (["-h"], ["--help"], ["help"])}
    assert len(shown) == 1
    (ended,) = shown
    assert (ended.code, ended.err) == (0, "")
    for part in ("Try it:", "Call the services:", "Run the services:", "Exit codes:"):
        assert part in ended.out
    # Told without a command, which is a mistake, it is the same.
    bare = run()
    assert (bare.code, bare.out, bare.err.strip()) == (2, "", ended.out.strip())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_tells_its_help_in_each_way(path: tuple[str, ...]) -> None:
    asked = [[*path, "-h"], [*path, "--help"], ["help", *path]]
    if len(path) > 1:
        asked.append([*path[:-1], "help", path[-1]])
    shown = [CliRunner().invoke(app, words) for words in asked]
    assert {each.exit_code for each in shown} == {0}
    assert len({each.stdout for each in shown}) == 1
    assert shown[0].stdout.startswith(f"Usage: yibao {' '.join(path)} ")
    # Nothing is drawn around it, in a pipe or elsewhere.
    assert not set("╭│\x1b") & set(shown[0].stdout)


def test_what_a_command_does_is_told_whole_in_a_list() -> None:
    for path in [(), *GROUPS]:
        assert "..." not in CliRunner().invoke(app, [*path, "-h"]).stdout.replace("[ARGS]...", "")


def test_help_of_a_command_that_there_is_not_is_a_mistake() -> None:
    for words in (["help", "nothing"], ["help", "policy", "nothing"], ["help", "call", "x"]):
        ended = CliRunner().invoke(app, words)
        assert (ended.exit_code, ended.stdout) == (2, "")


def test_versions_are_told_in_lines_and_as_a_document() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ended = run("version")
    assert ended.code == 0
    first, contract, python = ended.out.splitlines()
    assert first == f"yibao {version}"
    sdk = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]["version"]
    assert contract == (f"contract {sdk}: yibao.identity.v1, yibao.offsite.v1, yibao.settlement.v1")
    assert python.startswith(f"Python {platform.python_version()}, grpcio ")
    document = json.loads(run("version", "--json").out)
    assert document["version"] == version
    assert document["contract"] == ["yibao.identity.v1", "yibao.offsite.v1", "yibao.settlement.v1"]
    assert document["python"] == platform.python_version()
    assert set(document["packages"]) == {"grpcio", "protobuf"}
    assert run("--version").out == f"{version}\n"
