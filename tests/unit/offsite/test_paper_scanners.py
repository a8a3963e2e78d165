"""Virus scanners: what they say, and what is made of it when they say nothing."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.papers import pdf
from support.scanner_daemon import ScannerDaemon

from yibao_offsite.application.material.due import Scanner, ScannerError, Verdict
from yibao_offsite.config import MaterialsConfig
from yibao_offsite.material_scanner import scanner_of

PARTS, INFECTED = [pdf(), b"more"], [b"EIC", b"AR" + b"EICAR"]


def scanner(**config: object) -> Scanner:
    made = scanner_of(MaterialsConfig.model_validate(config))
    assert made is not None
    return made


def command(script: str, seconds: float = 20) -> Scanner:
    return scanner(scanner_command=[sys.executable, "-c", script], scanner_seconds=seconds)


def test_a_daemon_on_a_port_tells_clean_from_infected() -> None:
    with ScannerDaemon() as daemon:
        made = scanner(scanner_address=f"127.0.0.1:{daemon.port}")
        assert made.scan(PARTS) is Verdict.CLEAN
        assert made.scan(INFECTED) is Verdict.INFECTED


def test_a_daemon_on_a_socket_tells_them_too(tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    with ScannerDaemon(path):
        assert scanner(scanner_address=f"unix:{path}").scan(INFECTED) is Verdict.INFECTED
    with pytest.raises(ScannerError, match=r"clamd\.sock"):
        scanner(scanner_address=f"unix:{path}").scan(PARTS)


@pytest.mark.parametrize("says", [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK?"])
def test_what_a_daemon_says_otherwise_is_no_verdict(says: bytes) -> None:
    with ScannerDaemon(says=says) as daemon, pytest.raises(ScannerError, match="answers"):
        scanner(scanner_address=f"127.0.0.1:{daemon.port}").scan(PARTS)


READING = "import sys; data = sys.stdin.buffer.read(); sys.exit({})"


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (READING.format("1 if b'EICAR' in data else 0"), Verdict.INFECTED),
        (READING.format("0"), Verdict.CLEAN),
        # It has seen enough before it was told everything.
        ("import sys; sys.exit(1)", Verdict.INFECTED),
    ],
)
def test_a_command_ends_with_its_verdict(script: str, verdict: Verdict) -> None:
    assert command(script).scan([*INFECTED, bytes(1_000_000)]) is verdict


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (command(READING.format("2")), "ended with 2"),
        (command("import time; time.sleep(60)", 0.3), "ended with -9"),
        (scanner(scanner_command=["/nowhere/clamscan"]), "No such file"),
    ],
)
def test_a_command_that_says_nothing_is_no_verdict(made: Scanner, told: str) -> None:
    with pytest.raises(ScannerError, match=told):
        made.scan([bytes(1_000_000)])


@pytest.mark.parametrize(
    "faulty",
    [
        {"scanner_address": "unix:clamd.sock"},
        {"scanner_address": "nowhere"},
        {"scanner_address": "127.0.0.1:1", "scanner_command": ["clamscan"]},
        {"evidence_readers": ["channel/wallet"]},
        {"evidence_readers": ["wang"]},
        {"keep_years": {"commitment_letter": 1}},
        {"keep_years": {"novel": 5}},
        {"max_megabytes": 201},
    ],
)
def test_a_faulty_configuration_keeps_the_service_from_starting(faulty: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MaterialsConfig.model_validate(faulty)
