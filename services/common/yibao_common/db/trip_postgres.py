"""One round trip to PostgreSQL: statements are sent together, then the results of all are read.

The driver's own pipeline makes a cursor, looks at the socket and sends anew for each statement,
which costs a small batch more than all that it decides. Here statements are few and known, so
each is prepared once on a connection and sent by the driver's libpq, without its cursors.
"""

import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from psycopg import abc, adapt, errors
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from yibao_common.db.connection_postgres import PostgresConnection

_SUCCEEDED = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_ABORTED, _END = ExecStatus.PIPELINE_ABORTED, ExecStatus.PIPELINE_SYNC


class Binary(bytes):
    """A value in the protocol's binary form; other values are text."""


class Command(NamedTuple):
    """A statement, with `$1` and so on for its values."""

    text: bytes
    values: Sequence[bytes] = ()


@dataclass(slots=True)
class Prepared:
    """What a connection has prepared: names by texts."""

    names: dict[bytes, bytes] = field(default_factory=dict)
    # Names of what may be prepared still, or not.
    uncertain: dict[bytes, bytes] = field(default_factory=dict)
    count: int = 0

    def forget(self) -> None:
        """Takes nothing for prepared any more.

        Behind a rollback the driver drops all that is prepared on the connection, if it has
        prepared something itself.
        """
        self.uncertain.update(self.names)
        self.names.clear()

    def new_name(self) -> bytes:
        """Returns a name that the connection has never prepared anything under."""
        self.count += 1
        return b"yibao_%d" % self.count


class Outcome:
    """What a statement came to: rows, or how many it wrote."""

    __slots__ = ("_adapters", "_result")

    def __init__(self, result: PGresult, adapters: abc.Transformer) -> None:
        """Takes the result, and what makes values of it."""
        self._result = result
        self._adapters = adapters

    @property
    def count(self) -> int:
        """How many rows were found or written."""
        return self._result.command_tuples or 0

    def rows(self) -> list[tuple[Any, ...]]:
        """Returns the rows that were found."""
        if not self._result.ntuples:
            return []
        self._adapters.set_pgresult(self._result)
        return self._adapters.load_rows(0, self._result.ntuples, tuple)


def travel(
    driver: PostgresConnection, commands: Sequence[Command], prepared: Prepared
) -> list[Outcome]:
    """Carries out statements in their order in the connection's transaction, which it may begin.

    Raises psycopg.Error, that of the first statement that failed: none behind it was carried out;
    or that the server fell silent, which closes the connection.
    """
    connection = driver.pgconn
    connection.enter_pipeline_mode()
    try:
        expected = list(_sent(driver, commands, prepared))
        connection.pipeline_sync()
        results = _results(connection, driver.silence_seconds)
    finally:
        if connection.status == ConnStatus.OK:
            connection.exit_pipeline_mode()
    adapters = adapt.Transformer(driver)
    outcomes = []
    for result, (text, name) in zip(results, expected, strict=True):
        if result.status not in _SUCCEEDED:
            error = _error(result)
            if isinstance(error, errors.InvalidSqlStatementName):
                prepared.forget()
            raise error
        if text:
            prepared.names[text] = name
        elif not name:
            outcomes.append(Outcome(result, adapters))
    return outcomes


def _sent(
    driver: PostgresConnection, commands: Sequence[Command], prepared: Prepared
) -> Iterator[tuple[bytes, bytes]]:
    """Sends statements; gives for each result that will come which text it prepares, and the name.

    The results of the statements themselves have neither.
    """
    connection = driver.pgconn
    begin = _begin(driver)
    if begin:
        connection.send_query_params(begin, None)
        yield b"", b"BEGIN"
    made: dict[bytes, bytes] = {}
    for text, values in commands:
        name = prepared.names.get(text) or made.get(text)
        if name is None:
            name = prepared.uncertain.pop(text, None)
            if name is None:
                name = prepared.new_name()
            else:
                # No error where there is none of that name.
                connection.send_close_prepared(name)
                yield b"", name
            made[text] = name
            connection.send_prepare(name, text)
            yield text, name
        formats = [Format.BINARY if type(each) is Binary else Format.TEXT for each in values]
        connection.send_query_prepared(name, values, formats)
        yield b"", b""


def _begin(driver: PostgresConnection) -> bytes:
    """Returns what begins a transaction; nothing where one has begun, or none is wanted."""
    if driver.autocommit or driver.pgconn.transaction_status != TransactionStatus.IDLE:
        return b""
    level = driver.isolation_level
    return b"BEGIN" if level is None else b"BEGIN ISOLATION LEVEL " + _words(level.name)


def _words(name: str) -> bytes:
    return name.replace("_", " ").encode()


def _results(connection: PGconn, silence_seconds: float | None) -> list[PGresult]:
    """Sends what is left and returns the results of all that was sent, in its order."""
    longest = None if silence_seconds is None else silence_seconds * 1_000
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    found: list[PGresult] = []
    unsent = connection.flush()
    while True:
        if unsent:
            poll.modify(connection.socket, select.POLLIN | select.POLLOUT)
        if not poll.poll(longest):
            connection.finish()
            raise psycopg.OperationalError("the server says nothing")
        connection.consume_input()
        if unsent:
            unsent = connection.flush()
            poll.modify(connection.socket, select.POLLIN)
        while not connection.is_busy():
            result = connection.get_result()
            if result is None:
                # Behind the result of each statement; and behind all where the connection is lost.
                if connection.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == _END:
                return found
            else:
                found.append(result)


def _error(result: PGresult) -> psycopg.Error:
    """Returns a failed statement's error, of the class that the driver has for its code."""
    if result.status == _ABORTED:
        return psycopg.OperationalError("a statement before failed")
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode("ascii", "replace")
    try:
        kind = errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    return kind(result.get_error_message("utf-8"), info=result, encoding="utf-8")
