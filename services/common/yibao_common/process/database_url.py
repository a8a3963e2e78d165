"""The form of a database's URL, checked with the rest of a configuration.

SQLAlchemy takes such a URL apart in the same way, but only `db` knows that library.
"""

import re
import urllib.parse
from pathlib import Path

_FORMS = "sqlite:///file or postgresql+psycopg://user@host/name"
_POSTGRES = ("postgresql", "postgresql+psycopg")
_PORT = re.compile(r"[0-9]{1,5}")
_URL = re.compile(
    r"(?P<kind>[\w+]+)://"
    r"(?:(?P<user>[^:/]*)(?::[^@]*)?@)?"
    r"(?:(?:\[[^/?]+\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<database>[^?]*))?"
    r"(?:\?(?P<options>.*))?"
)


def check_database_url(url: str) -> None:
    """Checks that a URL names a database on which the services run. Repeats its kind alone.

    Raises:
        ValueError: it does not; the text says what was expected.
    """
    found = _URL.fullmatch(url)
    if found is None or not url.isprintable():
        raise ValueError(f"is no URL of a database: write {_FORMS}")
    if found["kind"] == "sqlite":
        _check_sqlite(found)
    elif found["kind"] in _POSTGRES:
        _check_postgres(found)
    else:
        raise ValueError(f"must not begin with {found['kind']}: write {_FORMS}")


def sqlite_file(url: str) -> Path | None:
    """Returns the file that the URL of a database names; None of another kind of database."""
    found = _URL.fullmatch(url)
    if found is None or found["kind"] != "sqlite":
        return None
    return Path(found["database"])


def _check_sqlite(url: re.Match[str]) -> None:
    database = url["database"] or ""
    if url["host"] or url["user"] or not database or database.startswith(":"):
        raise ValueError("must name a file: sqlite:///file, or sqlite:////folder/file from the top")
    if url["options"]:
        raise ValueError("takes no options for SQLite: leave away what follows `?`")


def _is_port(text: str) -> bool:
    """Tells whether a port is one, or left out."""
    return not text or (bool(_PORT.fullmatch(text)) and 0 < int(text) < 65_536)


def _check_postgres(url: re.Match[str]) -> None:
    if "@" in f"{url['host']}{url['port']}{url['database']}":
        raise ValueError("has an @ inside its user or password: write it as %40")
    options = urllib.parse.parse_qsl(url["options"] or "", keep_blank_values=True)
    ports = [value for name, value in options if name == "port"]
    if not all(map(_is_port, (url["port"] or "", *",".join(ports).split(",")))):
        raise ValueError("has a port that is not from 1 to 65535")
    if not url["database"]:
        raise ValueError(
            "must end with the name of a database: postgresql+psycopg://user@host/name"
        )
