"""Why a database cannot be used, in a sentence that says what to do about it.

No sentence repeats the URL's password, nor text of a driver that holds it.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_common.values.errors import TransientError

# What PostgreSQL and its client say where no connection is made, which comes without a
# code. Where they speak another language than English their own words are told.
_NOT_CONNECTED = (
    (
        r"password authentication failed|no password supplied",
        "the database refuses the password of this user: correct it in database.url or in "
        "PostgreSQL's password file",
    ),
    (r'role ".*" does not exist', "the database has no such user: make it, or correct its name"),
    (r'database ".*" does not exist', "there is no such database: make it, or correct its name"),
    (r"pg_hba", "the database lets this user in from nowhere here: add a line to its pg_hba.conf"),
    (r"permission denied for database", "this user may not connect: grant it CONNECT"),
    (
        r"too many (clients|connections)|connection slots",
        "the database takes no more connections: raise its max_connections, or run fewer processes",
    ),
    (
        r"starting up|shutting down|in recovery|not accepting connections",
        "the database is starting or stopping: try again in a moment",
    ),
    (
        r"failed to resolve host|could not translate host|not known",
        "there is no host of this name: correct database.url",
    ),
    (
        r"time.?out",
        "the database does not answer: see that it runs and that no firewall is in between",
    ),
    (
        r"refused|No such file or directory|unreachable|No route|could not connect",
        "nothing answers there: start the database, or correct host and port in database.url",
    ),
    (
        r"sslmode|certificate|SSL|private key",
        "no protected connection is made: correct the ssl options of database.url and their files",
    ),
)

_WRONG_OPTION = (
    "an option in database.url is unknown or has a wrong value: correct what follows `?`"
)

NOT_WRITABLE = "this user may not write the file or its folder: change their owner or rights"

_SQLITE = (
    (
        "unable to open",
        "the file cannot be opened: see that its folder exists and that this user may write there",
    ),
    ("not a database", "the file is no SQLite database: correct database.url"),
    ("readonly", NOT_WRITABLE),
    ("locked", "another process holds the database: end it, or try again in a moment"),
    ("full", "the disk is full: make room"),
)


@contextlib.contextmanager
def database_told(url: str) -> Iterator[None]:
    """Tells an operator why the database at `url` cannot be used, and how that is mended.

    Raises:
        StartError: the database could not be reached or did not do what was asked.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, TransientError) as error:
        parsed = sa.make_url(url)
        text = failure_text(error, password=str(parsed.password or ""))
        shown = parsed.render_as_string(hide_password=True)
        raise StartError(f"database {shown}: {text}") from None


def database_problem(database: Database) -> str:
    """Returns why a database cannot serve at present; nothing where it can. Blocks."""
    try:
        with database.read() as connection:
            if database.is_sqlite:
                connection.exec_driver_sql("SELECT 1")
            elif connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
                return "it is a standby and only reads"
    except (sa.exc.SQLAlchemyError, TransientError) as error:
        return failure_text(error)
    return ""


def failure_text(error: Exception, *, password: str | None = None) -> str:
    """Returns what became of a database and what to do, for those who operate it.

    The driver's own words of a connection are told only where `password` is given, so that
    they can be searched for it.
    """
    cause = error.__cause__ if isinstance(error, TransientError) else error
    if isinstance(cause, sa.exc.TimeoutError):
        return "no connection became free: too much is asked of the database at once"
    if isinstance(cause, sa.exc.ArgumentError):
        return _WRONG_OPTION
    said = cause.orig if isinstance(cause, sa.exc.DBAPIError) else None
    if isinstance(said, sqlite3.Error):
        return _advice(str(said), _SQLITE) or f"the database says: {said}"
    if said is None or not hasattr(said, "sqlstate"):
        return f"cannot be used: {type(said or cause or error).__name__}"
    if said.sqlstate is not None:
        return _statement_text(said.sqlstate, said.diag.message_primary)  # type: ignore[attr-defined]
    first = str(said).partition("\n")[0]
    if "invalid connection option" in first or ("invalid" in first and "value" in first):
        return _WRONG_OPTION
    advice = _advice(str(said), _NOT_CONNECTED)
    if advice is not None:
        return advice
    if password is None or (password and password in first):
        return f"cannot be connected to: {type(said).__name__}"
    return f"cannot be connected to: {first}"


def _statement_text(sqlstate: str, message: str) -> str:
    """Returns what PostgreSQL said of a statement."""
    if sqlstate == "42501":  # insufficient privilege
        return (
            f"the user lacks a right ({message}): grant what docs/operating/databases.md "
            'lists under "Rights"'
        )
    if sqlstate == "25006":  # read only
        return "the database only reads: name the one that leads, not its standby"
    return f"the database says: {message}"


def _advice(text: str, known: tuple[tuple[str, str], ...]) -> str | None:
    return next((told for pattern, told in known if re.search(pattern, text)), None)
