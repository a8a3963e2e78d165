"""Log lines: JSON on stderr, one an event, never with personal data.

Nothing of a request but its `request_id` is logged. An exception is logged by its type
and the places it passed; its text is not, because drivers and parsers put values into
it, and a value may be a name or an identity number.
"""

import logging
import sys
import traceback
from typing import TextIO

import structlog

from yibao_common.process.config import LogConfig
from yibao_common.values.clock import Clock

Log = structlog.typing.FilteringBoundLogger

_LEVELS = logging.getLevelNamesMapping()


def open_log(config: LogConfig, *, service: str, clock: Clock, stream: TextIO | None = None) -> Log:
    """Returns the log of a process; it writes to `stream`, by default stderr."""

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
        structlog.WriteLogger(stream or sys.stderr),
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
