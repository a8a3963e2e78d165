"""Every command of `yibao` by its path, `("policy", "list")`."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from yibao_cli.main import app


def _walk(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, *path, name)


COMMANDS = {path: command for path, command in _walk(get_command(app)) if path}
GROUPS = {path for path, command in COMMANDS.items() if hasattr(command, "commands")}
LEAVES = {path: command for path, command in COMMANDS.items() if path not in GROUPS}
