"""The file of contexts: read strictly, written whole, and only by its owner."""

import contextlib
import difflib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from yibao_common.process.config import (
    FileName,
    PeerAddress,
    Region,
    Section,
    ServerName,
    StartError,
)
from yibao_common.process.config_file import load_config

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEAD = """\
# Contexts of the yibao command: where services are, and who calls them.
# `yibao context` writes this file anew; comments of yours would be lost.
"""


def check_name(name: str) -> str:
    """Returns the name of a context.

    Raises:
        ValueError: it has other characters than a key of TOML may have.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("must have 1 to 64 letters, digits, - and _")
    return name


class Context(Section):
    """Where the services are and who calls them; a command asks for what is absent."""

    region: Region | None = None
    identity_address: PeerAddress | None = None
    settlement_address: PeerAddress | None = None
    offsite_address: PeerAddress | None = None
    # The name in the certificates of the services, where their addresses have another.
    server_name: ServerName | None = None
    ca_file: FileName | None = None
    certificate_file: FileName | None = None
    key_file: FileName | None = None

    def values(self) -> dict[str, str]:
        """Returns what is set, in the order of the keys."""
        return {name: str(value) for name, value in self if value is not None}


class Contexts(Section):
    """All contexts of a file, by name, and which one is used where none is named."""

    current: Annotated[str, AfterValidator(check_name)] | None = None
    contexts: dict[Annotated[str, AfterValidator(check_name)], Context] = Field(
        default_factory=dict
    )

    def named(self, name: str, *, path: Path) -> Context:
        """Returns a context.

        Raises:
            StartError: there is none of the name; the text names those like it, else all.
        """
        if name not in self.contexts:
            near = difflib.get_close_matches(name, self.contexts, n=5)
            known = ", ".join(near or self.contexts) or "none yet: yibao context add makes one"
            raise StartError(f"there is no context {name} in {path}; there are: {known}")
        return self.contexts[name]


def read_contexts(path: Path) -> Contexts:
    """Returns what a file holds; paths in it are taken from its folder.

    Raises:
        StartError: it cannot be read, holds something else, or others may write to it: they
            would say whom the commands of its owner call.
    """
    contexts = load_config(Contexts, path=path, environ={})
    _check_rights(path)
    return Contexts(
        current=contexts.current,
        contexts={
            name: _from_folder(context, path.parent) for name, context in contexts.contexts.items()
        },
    )


def _check_rights(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StartError(f"{path}: others may write to it: chmod 600 {path}")


def _from_folder(context: Context, folder: Path) -> Context:
    changed = {
        name: folder / os.path.expanduser(value)
        for name, value in context
        if isinstance(value, Path)
    }
    return context.model_copy(update=changed)


@contextlib.contextmanager
def changing(path: Path) -> Iterator[tuple[Contexts, Callable[[Contexts], None]]]:
    """Gives what a file holds, nothing where there is none, and what writes it anew.

    Nobody else changes it meanwhile by way of this program.

    Raises:
        StartError: see `read_contexts`; or it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A link to a file elsewhere stays one.
        target = Path(os.path.realpath(path))
        folder = os.open(target.parent, os.O_RDONLY)
    except OSError as error:
        raise StartError(f"{path.parent}: cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        before = read_contexts(path) if path.exists() else Contexts()
        yield before, lambda contexts: write_contexts(target, contexts)
    finally:
        os.close(folder)


def write_contexts(path: Path, contexts: Contexts) -> None:
    """Writes a file that its owner alone may read and write, whole or not at all.

    Raises:
        StartError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_to_text(contexts))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StartError(f"{path}: cannot be written: {error.strerror}") from None


def _to_text(contexts: Contexts) -> str:
    from yibao_cli.toml_text import to_toml

    tables: Mapping[str, Mapping[str, str]] = {
        f"contexts.{name}": context.values() for name, context in contexts.contexts.items()
    }
    current = f'current = "{contexts.current}"\n' if contexts.current else ""
    return f"{_HEAD}{current}\n{to_toml(tables)}"
