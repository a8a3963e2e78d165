"""`yibao up` prints a call that works, survives no child's death and leaves nothing behind."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.usual_ports import usual_ports

from yibao_cli.loading import read_regions


@contextlib.contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Runs the command in a folder."""
    with usual_ports():
        process = subprocess.Popen(
            [sys.executable, "-m", "yibao_cli.main", "up"],
            cwd=folder,
            env={**os.environ, "COLUMNS": "80", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        yield process
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def up(tmp_path: Path, sandbox_keys: Path) -> Iterator["subprocess.Popen[str]"]:
    """Runs the command in a folder of an earlier run."""
    shutil.copytree(sandbox_keys, tmp_path / "var" / "yibao")
    with running(tmp_path) as process:
        yield process


@pytest.fixture
def first_up(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Runs the command in an empty folder."""
    with running(tmp_path) as process:
        yield process


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """Returns what the process wrote up to the line that holds `text`."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"it ended before it wrote {text!r}:\n{''.join(lines)}")


def processes_in(folder: Path) -> dict[int, str]:
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.strip().partition(" ") for line in listed.stdout.splitlines())
    return {int(pid): words for pid, _, words in rows if str(folder) in words}


def test_the_printed_call_works_as_it_is(first_up: "subprocess.Popen[str]", tmp_path: Path) -> None:
    shown = read_until(first_up, "Ctrl-C stops everything")
    seconds = re.search(r"Ready in ([0-9.]+) s", shown)
    assert seconds is not None
    assert "development CA" in shown
    (line,) = (line for line in shown.splitlines() if "buf curl" in line)
    called = subprocess.run(
        line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert called.returncode == 0, called.stderr
    assert f'"itemName": "{read_regions()[0].items[0].item_name}"' in called.stdout
    assert len(processes_in(tmp_path)) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains_all_and_leaves_nothing_running(
    up: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals
) -> None:
    read_until(up, "Ctrl-C stops everything")
    up.send_signal(number)
    shown = read_until(up, "All services are stopped")
    # A line that the signal came upon is not printed twice.
    assert "Stopping:" in shown
    assert "Ctrl-C" not in shown
    assert up.wait(30) == 0
    assert processes_in(tmp_path) == {}


def test_the_death_of_one_service_is_told_and_ends_all(
    up: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    read_until(up, "Ctrl-C stops everything")
    (victim,) = (pid for pid, words in processes_in(tmp_path).items() if "offsite" in words)
    os.kill(victim, signal.SIGKILL)
    shown = read_until(up, "All services are stopped")
    assert "offsite ended with code -9" in shown
    assert up.wait(30) == 1
    assert processes_in(tmp_path) == {}


def test_services_do_not_outlive_a_starter_that_is_killed(
    up: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    read_until(up, "Ctrl-C stops everything")
    assert len(processes_in(tmp_path)) == 3
    up.kill()
    # Their output ends when the last of them has.
    assert up.stdout is not None
    up.stdout.read()
    for _ in range(100):
        if not processes_in(tmp_path):
            break
        time.sleep(0.05)
    assert processes_in(tmp_path) == {}
