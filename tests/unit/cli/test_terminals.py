"""What is drawn in a terminal of some size, and what a pipe gets of it."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from rich.console import Console
from support.terminals import COMMAND, environment, run, run_in_terminal

from yibao_cli.console import working
from yibao_cli.output import json_where
from yibao_cli.qr.drawing import draw

# As long as a code of a phone's own key.
TEXT = "MI2-" + "7WBK" * 120
NEEDED = draw(TEXT).columns
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain(shown: str) -> list[str]:
    return [ESCAPE.sub("", line).rstrip("\r") for line in shown.splitlines()]


def test_a_code_is_drawn_where_it_just_fits_and_refused_where_it_does_not() -> None:
    fits = run_in_terminal("qr", "show", TEXT, columns=NEEDED)
    assert fits.code == 0
    assert plain(fits.out) == str(draw(TEXT).text).splitlines()
    narrow = run_in_terminal("qr", "show", TEXT, columns=NEEDED - 1)
    assert narrow.code == 2
    assert " ".join(" ".join(plain(narrow.out)).split()) == (
        f"the code takes {NEEDED} columns, and this terminal has {NEEDED - 1}: widen the window, "
        "or make its letters smaller, or write a picture: --png FILE"
    )


def test_a_pipe_gets_a_code_whole_however_narrow_it_seems() -> None:
    ended = run("qr", "show", TEXT, variables={"COLUMNS": "20"})
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == str(draw(TEXT).text).splitlines()


def test_a_picture_holds_the_code(tmp_path: Path) -> None:
    ended = run_in_terminal("qr", "show", TEXT, "--png", "code.png", columns=20, cwd=tmp_path)
    assert ended.code == 0
    with Image.open(tmp_path / "code.png") as picture:
        (found,) = zxingcpp.read_barcodes(picture)
    assert found.text == TEXT
    assert run("qr", "scan", tmp_path / "code.png").out == f"{TEXT}\n"
    missing = run("qr", "show", TEXT, "--png", tmp_path / "no" / "code.png")
    assert (missing.code, missing.err.endswith("No such file or directory\n")) == (2, True)


@pytest.mark.parametrize(
    "words", [("-h",), ("policy", "check", "nothing.yaml"), ("call", "--list")]
)
def test_no_colour_is_written_into_a_pipe(words: tuple[str, ...]) -> None:
    ended = run(*words)
    assert "\x1b" not in ended.out + ended.err


def test_colours_are_left_out_where_they_are_not_wanted() -> None:
    words = ("policy", "check", "nothing.yaml")
    assert "\x1b[31m" in run_in_terminal(*words).out
    assert "\x1b[31m" not in run_in_terminal(*words, variables={"NO_COLOR": "1"}).out
    assert "\x1b" not in run_in_terminal(*words, variables={"TERM": "dumb"}).out


WORKING = """
import time
from rich.console import Console
from yibao_cli.console import working
with working(Console(), "Loading") as tell:
    tell("Loading [more]")
    time.sleep(0.3)
"""


def test_what_is_being_done_is_shown_in_a_terminal_alone() -> None:
    program = (sys.executable, "-c", WORKING)
    assert "Loading [more]" in run_in_terminal(program=program).out
    piped = subprocess.run(program, env=environment(), capture_output=True, check=True)
    assert (piped.stdout, piped.stderr) == (b"", b"")
    drawn = io.StringIO()
    with json_where(True), working(Console(file=drawn, force_terminal=True), "Loading") as tell:
        tell("More")
    assert drawn.getvalue() == ""


@pytest.mark.parametrize(
    "words",
    [("call", "--list"), ("policy", "check", "POLICY"), ("-h",), ("call", "--list", "--json")],
)
def test_a_reader_that_goes_away_hears_nothing(words: tuple[str, ...]) -> None:
    policy = Path(__file__).parents[3] / "policies" / "110000" / "employee-2023.yaml"
    arguments = [str(policy) if word == "POLICY" else word for word in words]
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as gone:
        ended = subprocess.run(
            [*COMMAND, *arguments], env=environment(), stdout=gone, stderr=subprocess.PIPE
        )
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_what_knows_no_width_is_printed_all_the_same() -> None:
    # Expect and some job schedulers set COLUMNS to 0.
    command = [sys.executable, "-c", "from yibao_cli.console import err; err.print('a sentence')"]
    done = subprocess.run(
        command, env={**os.environ, "COLUMNS": "0"}, capture_output=True, text=True, check=True
    )
    assert done.stderr == "a sentence\n"
