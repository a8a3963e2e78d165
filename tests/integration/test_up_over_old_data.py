"""`yibao up` and `yibao keys` work on what an older commit left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.old_databases import COMMITS, unpack
from support.usual_ports import usual_ports


def yibao(*arguments: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "yibao_cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def ports() -> Iterator[None]:
    """Keeps the ports that a sandbox usually takes for this test."""
    with usual_ports():
        yield


@pytest.mark.long
@pytest.mark.parametrize("commit", COMMITS[:2])
@pytest.mark.usefixtures("ports")
def test_the_sandbox_of_an_older_program_goes_on(tmp_path: Path, commit: str) -> None:
    box = unpack(commit, tmp_path)
    up = yibao("up", "--folder", str(box), folder=tmp_path)
    shown: list[str] = []
    assert up.stdout is not None
    try:
        for line in up.stdout:
            shown.append(line)
            if "Ctrl-C stops everything" in line:
                break
        else:
            pytest.fail("".join(shown))
        # Where keys were made already, they sign for the regions of their time alone.
        assert ("Not in this sandbox" in "".join(shown)) == (commit == COMMITS[1])
        keys = yibao("keys", "list", "--config", str(box / "identity.toml"), folder=tmp_path)
        listed, _ = keys.communicate(timeout=60)
        assert keys.returncode == 0, listed
        assert "Traceback" not in listed
        assert listed.count("active") >= 3
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
    assert up.returncode == 0
