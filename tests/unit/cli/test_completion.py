"""The scripts of completion work in the shells themselves, where they are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminals import environment, run

CONTEXTS = """
[contexts.hospital]
region = "110000"

[contexts.agency-maker]
"""
# What is typed, and what is offered of it, among other things where there are many.
LINES = [
    ("yibao po", {"policy"}),
    ("yibao ", {"up", "call", "context", "policy", "version"}),
    ("yibao policy li", {"list"}),
    ("yibao policy list --st", {"--state"}),
    ("yibao policy list --state ", {"draft", "active", "ended", "withdrawn"}),
    ("yibao call GetVi", {"GetVisit"}),
    ("yibao call GetVisit --ex", {"--example"}),
    ("yibao policy list --context ", {"hospital", "agency-maker"}),
    ("yibao --context ag", {"agency-maker"}),
    ("yibao context use hos", {"hospital"}),
    ("yibao help policy sub", {"submit"}),
    ("yibao completion ", {"bash", "zsh", "fish"}),
]
ids = [line for line, _ in LINES]

BASH = r"""
source <(yibao completion bash)
read -ra COMP_WORDS <<< "$1"
[[ "$1" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
COMP_LINE="$1" COMP_POINT=${#1}
# As bash itself calls what is registered for the command.
function_of=$(complete -p yibao | sed 's/.*-F \([^ ]*\).*/\1/')
$function_of yibao "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# zsh offers by a call of `_arguments`, which outside a terminal is this one.
ZSH = r"""
compdef() { : }
source <(yibao completion zsh)
_arguments() {
  local inside=${1#*\(\(} each items
  eval "items=( ${inside%\)\)} )"
  for each in $items; do print -r -- ${each%%:*}; done
}
words=(${(s: :)1}); [[ "$1" == *" " ]] && words+=("")
CURRENT=$#words
_yibao_completion
"""
FISH = "yibao completion fish | source; complete -C $argv[1]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder with the program under its name and a file of contexts."""
    folder = tmp_path_factory.mktemp("completion")
    program = folder / "yibao"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m yibao_cli.main "$@"\n')
    program.chmod(0o755)
    contexts = folder / "contexts.toml"
    contexts.write_text(CONTEXTS)
    contexts.chmod(0o600)
    return folder


def offered(folder: Path, *command: str) -> list[str]:
    """Returns what a shell offers, without descriptions."""
    ended = subprocess.run(
        command,
        env=environment(
            PATH=f"{folder}{os.pathsep}{os.environ['PATH']}",
            YIBAO_CONTEXTS=str(folder / "contexts.toml"),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == ""
    return [line.partition("\t")[0] for line in ended.stdout.splitlines() if line]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@needs("bash")
@pytest.mark.parametrize(("line", "expected"), LINES, ids=ids)
def test_bash_completes(folder: Path, line: str, expected: set[str]) -> None:
    found = offered(folder, "bash", "--norc", "-c", BASH, "bash", line)
    assert expected <= set(found)
    assert all(each.startswith(line.rpartition(" ")[2]) for each in found)


@needs("zsh")
@pytest.mark.parametrize(("line", "expected"), LINES, ids=ids)
def test_zsh_completes(folder: Path, line: str, expected: set[str]) -> None:
    assert expected <= set(offered(folder, "zsh", "-f", "-c", ZSH, "zsh", line))


@needs("fish")
@pytest.mark.parametrize(("line", "expected"), LINES, ids=ids)
def test_fish_completes(folder: Path, line: str, expected: set[str]) -> None:
    assert expected <= set(offered(folder, "fish", "--no-config", "-c", FISH, line))


@needs("bash")
def test_where_nothing_is_offered_bash_completes_files(folder: Path) -> None:
    assert offered(folder, "bash", "--norc", "-c", BASH, "bash", "yibao policy check po") == []
    script = run("completion", "bash").out
    assert "complete -o default -F " in script


@pytest.mark.parametrize(
    "contents", [None, "no TOML [", "contexts = 1", "[contexts]\na = 1", "\x00"]
)
def test_a_file_of_contexts_that_is_of_no_use_offers_nothing(
    tmp_path: Path, contents: str | None
) -> None:
    path = tmp_path / "contexts.toml"
    if contents is not None:
        path.write_text(contents)
    variables = {
        "YIBAO_CONTEXTS": str(path),
        "_YIBAO_COMPLETE": "complete_bash",
        "COMP_WORDS": "yibao context use ",
        "COMP_CWORD": "3",
    }
    ended = run(variables=variables)
    assert (ended.code, ended.out.strip(), ended.err) == (0, "", "")


def test_a_shell_that_there_is_no_script_for_is_told_which_there_are() -> None:
    ended = run("completion", "powershell")
    assert (ended.code, ended.out) == (2, "")
    assert "expected one of bash, zsh, fish" in ended.err
