"""Logs of several processes: from a level on, one line an event, anything odd always."""

import io
import json

import pytest
from rich.console import Console

from yibao_cli.log_view import LogView


def shown(line: str, *, least: str = "warning") -> str:
    console = Console(file=io.StringIO(), width=80)
    LogView(console, least=least).show("settlement.2", line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def entry(level: str, **facts: object) -> str:
    return json.dumps(
        {
            "time": "2026-11-02T08:00:00.000+00:00",
            "level": level,
            "service": "settlement",
            "event": "refused",
            **facts,
        }
    )


@pytest.mark.parametrize(
    ("level", "is_shown"),
    [("debug", False), ("info", False), ("warning", True), ("error", True), ("critical", True)],
)
def test_what_is_below_the_level_is_not_shown(level: str, is_shown: bool) -> None:
    assert bool(shown(entry(level))) is is_shown


def test_a_line_names_process_level_event_and_facts() -> None:
    text = shown(entry("error", reason="[b]QR_EXPIRED[/b]", method=""))
    assert text.split()[1:] == ["settlement.2", "error", "refused", "reason=[b]QR_EXPIRED[/b]"]


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1]", '"x"', "{}"])
def test_what_is_no_line_of_log_is_always_shown(line: str) -> None:
    assert line in shown(line, least="critical")


def test_a_line_without_a_time_is_shown_all_the_same() -> None:
    assert "refused" in shown('{"level": "error", "event": "refused"}')
