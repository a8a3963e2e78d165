"""What `yibao doctor` says of offsite's virus scanner."""

import sys
from pathlib import Path

import pytest
from support.scanner_daemon import ScannerDaemon

from yibao_cli.doctor.scanner import examine_scanner
from yibao_offsite.config import MaterialsConfig


def told(**said: object) -> tuple[str, str]:
    found = examine_scanner(MaterialsConfig.model_validate(said))
    assert found.subject == "virus scanner"
    return found.problem, found.remark


def test_a_scanner_that_answers_is_told_and_none_too() -> None:
    assert told() == ("", "none: the configuration names none")
    with ScannerDaemon() as daemon:
        assert told(scanner_address=f"127.0.0.1:{daemon.port}") == ("", "answers")
    script = "import sys; sys.stdin.read()"
    assert told(scanner_command=[sys.executable, "-c", script]) == ("", "answers")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"scanner_command": ["/nowhere/clamscan"]}, "/nowhere/clamscan: No such file"),
        ({"scanner_command": [sys.executable, "-c", "raise SystemExit(2)"]}, "ended with 2"),
        (
            {"scanner_command": [sys.executable, "-c", "raise SystemExit(1)"]},
            "calls a few",
        ),
    ],
)
def test_a_command_that_would_let_papers_wait_is_told(
    said: dict[str, object], problem: str
) -> None:
    assert problem in told(**said)[0]


def test_a_daemon_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    assert str(path) in told(scanner_address=f"unix:{path}")[0]
    with ScannerDaemon(says=b"INSTREAM size limit exceeded. ERROR\0") as daemon:
        assert "answers" in told(scanner_address=f"127.0.0.1:{daemon.port}")[0]
