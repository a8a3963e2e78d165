"""`yibao up` prints a call that works, survives no child's death and leaves nothing behind."""

import contextlib
import json
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
from support.terminals import COMMAND, environment, run
from support.usual_ports import usual_ports

from yibao_cli.loading import read_regions
from yibao_cli.parties import SERVICES
from yibao_cli.ports import choose_ports


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


def test_fixed_ports_are_taken_and_a_program_is_told_where_all_is(
    tmp_path: Path, sandbox_keys: Path
) -> None:
    shutil.copytree(sandbox_keys, tmp_path / "sandbox")
    ports = dict(zip(SERVICES, choose_ports((None, None, None)), strict=True))
    fixed = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    command = [*COMMAND, "up", "--folder", str(tmp_path / "sandbox"), "--json", *fixed]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line == "}\n":
                    break
            told = json.loads("".join(lines))
            assert told["services"] == {name: f"127.0.0.1:{port}" for name, port in ports.items()}
            assert (told["pid"], len(told["contexts"])) == (process.pid, 5 * 13 + 1)
            _take_contexts(told["contexts_file"])
            # Where one of its ports is taken, another sandbox does not start.
            taken = run("up", "--folder", tmp_path / "other", *fixed[:2])
            assert (taken.code, taken.out) == (2, "")
            assert taken.err.startswith(f"{' '.join(fixed[:2])}: is taken by another program")
            assert not (tmp_path / "other").exists()
        finally:
            process.send_signal(signal.SIGINT)
            rest, logs = process.communicate(timeout=60)
    assert (process.returncode, rest, logs) == (0, "", "")


def _take_contexts(file: str) -> None:
    """Calls the services by the contexts of a sandbox that runs."""
    variables = {"YIBAO_CONTEXTS": file}
    region = read_regions()[0]
    day = '{"year": 2026, "month": 6, "day": 1}'
    request = f'{{"item_code": "{region.items[0].item_code}", "date": {day}}}'
    item = run("call", "GetCatalogueItem", request, "--json", variables=variables)
    assert json.loads(item.out)["item"]["item_name"] == region.items[0].item_name
    agency = ("--context", f"agency-{region.region}-maker")
    policies = json.loads(run("policy", "list", "--json", *agency, variables=variables).out)
    (policy,) = policies["policies"]
    assert policy["state"] == "POLICY_STATE_ACTIVE"
    version = policy["policy_version"]
    got = json.loads(run("policy", "get", version, "--json", *agency, variables=variables).out)
    assert got["policy_file"].encode() == region.policy_file
    reviews = run("review", "list", "--json", *agency, variables=variables)
    assert json.loads(reviews.out) == {"reviews": []}
    days = ("--from", "2026-01-01", "--to", "2026-12-31")
    simulated = run("policy", "simulate", version, *days, "--json", *agency, variables=variables)
    assert "all" in json.loads(simulated.out)
    # A refusal of the service is a document with its reason, on stderr alone.
    refused = run("policy", "approve", version, "--json", *agency, variables=variables)
    assert (refused.code, refused.out) == (1, "")
    assert json.loads(refused.err)["error"]["reason"].startswith("ERROR_REASON_")
    unmade = run("call", "CreditAccount", "{}", "--json", *agency, variables=variables)
    error = json.loads(unmade.err)
    assert (error["error"]["code"], len(error["request_id"])) == ("INVALID_ARGUMENT", 36)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--identity-port", "50061", "--offsite-port", "50061"), "each service has a port of its"),
        (("--identity-port", "0"), "--identity-port 0: "),
        (("--identity-port", "65536"), "--identity-port 65536: "),
    ],
)
def test_ports_that_cannot_be_are_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    ended = run("up", *words, cwd=tmp_path)
    assert (ended.code, told in ended.err) == (2, True)
    assert not (tmp_path / "var").exists()
