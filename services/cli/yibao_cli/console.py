"""How the commands speak and end: plain sentences, exit codes, signals."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import grpc
from rich.console import Console
from rich.markup import escape

from yibao.errors import Refusal, error_of
from yibao_cli.output import error_document, is_json, tell_unusable, write_document
from yibao_common.process.config import StartError
from yibao_common.values.errors import RuleError

out = Console(highlight=False)
err = Console(highlight=False, stderr=True)
for _each in (out, err):
    # COLUMNS is 0 where whoever started the command knows no width; nothing would be printed.
    if _each.width < 1:
        _each.width = 80


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Tells what an operator can mend in a sentence and exits, without a traceback."""
    try:
        yield
    except StartError as error:
        tell_unusable(str(error))
        sys.exit(2)
    except BrokenPipeError:
        raise  # Who read the output went away; the command line ends quietly.
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        tell_unusable(f"{named}{error.strerror or type(error).__name__}")
        sys.exit(2)
    except RuleError as error:
        show_faults(error)
        sys.exit(1)
    except grpc.RpcError as error:
        _show_refusal(error_of(error))
        sys.exit(1)


@contextlib.contextmanager
def working(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    """Shows in a terminal what is being done; gives what tells the next thing.

    Into a pipe or a file nothing is written, and nothing where a program reads.
    """
    if is_json() or not console.is_terminal:
        yield lambda _text: None
        return
    with console.status(escape(text)) as status:
        yield lambda text: status.update(escape(text))


def show_faults(error: RuleError) -> None:
    """Prints a refusal on stderr, or each of its faults where it has some."""
    if is_json():
        write_document(err.file, _document_of(error))
        return
    if not error.faults:
        err.print(f"[red]{escape(error.message)}[/red]", soft_wrap=True)
    for fault in error.faults:
        err.print(f"[red]{escape(fault.field)}[/red]: {escape(fault.message)}", soft_wrap=True)


def _document_of(error: RuleError) -> dict[str, object]:
    fields = [
        {
            "field": fault.field,
            "reason": fault.reason.wire_name,
            "message": fault.message,
            "message_zh": fault.message_zh or fault.reason.message_zh,
        }
        for fault in error.faults
    ]
    return error_document(
        error.reason.code.name,
        error.message,
        exit_code=1,
        reason=error.reason.wire_name,
        message_zh=error.reason.message_zh,
        metadata=error.metadata,
        fields=fields,
    )


def refusal_document(refusal: Refusal, *, exit_code: int = 1) -> dict[str, object]:
    """Returns the document of a service's refusal, or of a call that did not reach it."""
    fields = [
        {
            "field": fault.field,
            "reason": fault.reason,
            "message": fault.message,
            "message_zh": fault.message_zh,
        }
        for fault in refusal.field_faults
    ]
    return error_document(
        refusal.code.name,
        refusal.message,
        exit_code=exit_code,
        reason=refusal.reason,
        message_zh=refusal.message_zh,
        metadata=refusal.metadata,
        fields=fields,
    )


def _show_refusal(refusal: Refusal) -> None:
    if is_json():
        write_document(err.file, refusal_document(refusal))
        return
    text = f"{refusal.reason or refusal.code.name}: {refusal.message}"
    told = f"\n{refusal.message_zh}" if refusal.message_zh else ""
    err.print(f"[red]{escape(text + told)}[/red]", soft_wrap=True)


@contextlib.contextmanager
def ends_on_signals() -> Iterator[None]:
    """Makes SIGTERM and a closed terminal end the block as Ctrl-C does: KeyboardInterrupt."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(each, signal.default_int_handler) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


@contextlib.contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Gives what tells whether Ctrl-C, SIGTERM or a closed terminal asked the block to end.

    KeyboardInterrupt may come between any two steps: in the middle of a line that is
    printed, or where a lock has just been taken that nobody then gives back.
    """
    told: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(each, note) for each in signals]
    try:
        yield lambda: bool(told)
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Lets a block that cleans up finish: further signals are only acknowledged."""

    def be_patient(_number: int, _frame: FrameType | None) -> None:
        err.print("Still stopping; the services finish what runs.")

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(each, be_patient) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
