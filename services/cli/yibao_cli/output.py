"""What programs read: with --json one document on stdout, or on stderr why there is none.

A document of an error is `{"error": {...}}`: `code` is gRPC's name of a service's refusal, or
`USAGE` (typed wrongly), `UNUSABLE` (a file, address or machine that cannot be used), `REFUSED`
(refused here, without a service); `reason` names it where there is a name.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

USAGE = "USAGE"
UNUSABLE = "UNUSABLE"
REFUSED = "REFUSED"

# Whether --json was asked for. Each command of a process has its own.
_asked: ContextVar[bool] = ContextVar("json", default=False)


class UnusableError(Exception):
    """A command cannot be carried out here; the text is told, and the exit code is 2."""


def is_json() -> bool:
    """Tells whether a program reads what the command prints."""
    return _asked.get()


@contextlib.contextmanager
def json_where(asked: bool) -> Iterator[None]:
    """Has the commands of the block print for programs, or not."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def print_document(out: "Console", document: object) -> None:
    """Prints a document of plain values on a console."""
    write_document(out.file, document)


def write_document(file: IO[str], document: object) -> None:
    """Writes a document; Chinese as it is where the file's encoding has it."""
    encoding = (getattr(file, "encoding", None) or "utf-8").lower()
    is_unicode = encoding.replace("_", "-").startswith("utf")
    file.write(json.dumps(document, ensure_ascii=not is_unicode, indent=2) + "\n")
    file.flush()


def error_document(
    code: str,
    message: str,
    *,
    exit_code: int,
    reason: str = "",
    message_zh: str = "",
    metadata: Mapping[str, str] | None = None,
    fields: Sequence[Mapping[str, str]] = (),
) -> dict[str, object]:
    """Returns the document of an error; all its keys are always there."""
    return {
        "error": {
            "code": code,
            "reason": reason,
            "message": message,
            "message_zh": message_zh,
            "metadata": dict(metadata or {}),
            "fields": [dict(field) for field in fields],
            "exit_code": exit_code,
        }
    }


def tell_unusable(message: str, err: "Console | None" = None) -> None:
    """Tells on stderr what keeps a command from being carried out; the exit code is 2."""
    from yibao_cli import console

    err = err or console.err
    if is_json():
        # Some sentences have their Chinese below them, indented.
        english, _, chinese = message.partition("\n    ")
        is_both = bool(chinese) and not chinese.isascii()
        document = error_document(
            UNUSABLE,
            english if is_both else message,
            exit_code=2,
            message_zh=chinese if is_both else "",
        )
        write_document(err.file, document)
    else:
        err.print(message, style="red", markup=False, soft_wrap=True)


def tell_refused(message: str, err: "Console", *, reason: str = "") -> None:
    """Tells on stderr what was refused here, without a service; the exit code is 1."""
    if is_json():
        write_document(err.file, error_document(REFUSED, message, exit_code=1, reason=reason))
    else:
        err.print(message, style="red", markup=False, soft_wrap=True)
