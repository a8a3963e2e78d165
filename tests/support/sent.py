"""What is sent to a database: by the driver's cursors, and by trips of a pipeline."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from yibao_common.db import rows_postgres
from yibao_common.db.database import Database
from yibao_common.db.trip_postgres import Command, travel


@contextlib.contextmanager
def statements_sent(database: Database) -> Iterator[list[str]]:
    """Gives the texts of all statements that are sent inside the block."""
    sent: list[str] = []

    def note(*event: Any) -> None:
        sent.append(event[2])

    def noted(driver: Any, commands: Sequence[Command], *more: Any) -> Any:
        sent.extend(command.text.decode() for command in commands)
        return travel(driver, commands, *more)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        with patch.object(rows_postgres, "travel", noted):
            yield sent
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)


@contextlib.contextmanager
def trips_made() -> Iterator[list[int]]:
    """Gives how many statements each trip to PostgreSQL carries inside the block."""
    made: list[int] = []

    def noted(driver: Any, commands: Sequence[Command], *more: Any) -> Any:
        made.append(len(commands))
        return travel(driver, commands, *more)

    with patch.object(rows_postgres, "travel", noted):
        yield made
