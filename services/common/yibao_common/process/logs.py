"""Log lines: JSON on stderr, one an event, never with personal data.

Nothing of a request but its `request_id` is logged. An exception is logged by its type
and the places it passed; its text is not, because drivers and parsers put values into
it, and a value may be a name or an identity number.
"""

import io
import logging
import os
import select
import sys
import threading
import traceback
from typing import TextIO, cast

import structlog

from yibao_common.process.config import LogConfig
from yibao_common.values.clock import Clock

Log = structlog.typing.FilteringBoundLogger

_LEVELS = logging.getLevelNamesMapping()
# A pipe that can be written to takes so much at once (PIPE_BUF).
_PIECE_BYTES = 4_096
# How long a line waits for who reads; those behind it do not wait until that one reads again.
_MOST_WAIT_MILLISECONDS = 100


class LostLines:
    """How many lines of this process could not be written, for the metrics."""

    def __init__(self) -> None:
        """Starts at none."""
        self._lock = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """How many they are by now."""
        return self._count

    def add(self) -> None:
        """Counts one more."""
        with self._lock:
            self._count += 1


LOST_LINES = LostLines()


class _Stream:
    """A stream of lines that may be lost: no answer and no task hangs on a log.

    A disk may be full, and who reads a pipe may be gone, or stand still, as a terminal that is
    held. Nothing is left in a buffer, which the interpreter would try to write at its end and
    fail for.
    """

    def __init__(self, stream: TextIO, lost: LostLines) -> None:
        self._stream = stream
        self._lost = lost
        # One line at a time: where there is room for a piece, nobody else takes it meanwhile.
        self._lock = threading.Lock()
        # Whether there was no room for the last line, and whether the end of one is missing.
        self._is_full = self._is_cut = False

    def write(self, line: str) -> None:
        """Writes a line and sends it, or counts it as lost."""
        try:
            try:
                file = self._stream.fileno()
            except io.UnsupportedOperation:
                self._stream.write(line)
                return
            with self._lock:
                self._send(file, line.encode("utf-8", errors="backslashreplace"))
        except (OSError, ValueError):
            # The latter where the stream was closed.
            self._lost.add()

    def flush(self) -> None:
        """Does nothing: each line is sent as it is written."""

    def _send(self, file: int, line: bytes) -> None:
        """Writes a line piece by piece; raises OSError where it cannot be, or not soon."""
        left = b"\n" + line if self._is_cut else line
        while left:
            self._is_full = not _has_room(file, 0 if self._is_full else _MOST_WAIT_MILLISECONDS)
            if self._is_full:
                raise BlockingIOError
            left = left[os.write(file, left[:_PIECE_BYTES]) :]
            self._is_cut = bool(left)


def _has_room(file: int, milliseconds: int) -> bool:
    """Tells whether a piece of a line can be written without waiting, or can be in a moment."""
    if not hasattr(select, "poll"):
        return True  # Windows knows that of sockets alone.
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    # What went wrong with it is told by writing.
    return bool(poll.poll(milliseconds))


def open_log(config: LogConfig, *, service: str, clock: Clock, stream: TextIO | None = None) -> Log:
    """Returns the log of a process; it writes to `stream`, by default stderr.

    A line that cannot be written is lost, and counted by LOST_LINES.
    """

    def add_time(
        _logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        head = {
            "time": clock().isoformat(timespec="milliseconds"),
            "level": method,
            "service": service,
            "event": event.pop("event"),
        }
        return {**head, **event}

    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, _Stream(stream or sys.stderr, LOST_LINES))),
        processors=[add_time, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level.upper()]),
        cache_logger_on_first_use=True,
    )
    return log


def places(error: BaseException) -> list[str]:
    """Returns the places an exception passed, outermost first: `file:line function`."""
    # Without their lines: to read them takes memory and a file, which may be what is wanting.
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def kinds(error: BaseException) -> list[str]:
    """Returns the type of an exception and of those that led to it, without their texts."""
    chain: list[str] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 8:
        chain.append(f"{type(current).__module__}.{type(current).__qualname__}")
        current = current.__cause__ or current.__context__
    return chain


class LibraryHandler(logging.Handler):
    """Writes what libraries log as lines of our log.

    Only the first line of the template is kept: arguments and tracebacks hold values.
    """

    def __init__(self, log: Log) -> None:
        """Takes warnings and worse."""
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        error = record.exc_info[1] if record.exc_info else None
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        self._log.log(
            record.levelno,
            "library",
            library=record.name,
            template=template.partition("\n")[0],
            error=kinds(error) if error is not None else [],
            places=places(error) if error is not None else [],
        )
