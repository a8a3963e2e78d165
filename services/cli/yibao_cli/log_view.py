"""The logs of several services in one terminal: one line an event, coloured by level."""

import datetime as dt
import json
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

_STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "bold red"}
_RANKS = {level: rank for rank, level in enumerate(_STYLES)}
# Shown in columns of their own.
_HEAD = ("time", "level", "service", "event")


class LogView:
    """Prints lines of log at or above a level; anything else that is written, always."""

    def __init__(self, console: Console, *, least: str) -> None:
        """Takes the lowest level to show."""
        self._console = console
        self._least = _RANKS[least]

    def show(self, name: str, line: str) -> None:
        """Prints one line of the process `name`."""
        entry = _entry(line)
        if entry is None:
            self._console.print(Text.assemble((f"{name:<13}", "bold"), line), soft_wrap=True)
            return
        level = str(entry.get("level"))
        if _RANKS.get(level, len(_RANKS)) < self._least:
            return
        style = _STYLES.get(level, "")
        facts = " ".join(
            f"{key}={value}" for key, value in entry.items() if key not in _HEAD and value != ""
        )
        text = Text.assemble(
            (f"{_clock_time(entry)} ", "dim"),
            (f"{name:<13}", "bold"),
            (f"{level:<9}{entry.get('event')}", style),
            (f"  {facts}", "dim"),
        )
        self._console.print(text, soft_wrap=True)


def _entry(line: str) -> Mapping[str, object] | None:
    """Returns what a line of log says, None where it is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "level" in entry else None


def _clock_time(entry: Mapping[str, object]) -> str:
    """Returns the time of day on this machine, empty where the line has none."""
    try:
        instant = dt.datetime.fromisoformat(str(entry.get("time")))
    except ValueError:
        return ""
    return f"{instant.astimezone():%H:%M:%S}"
