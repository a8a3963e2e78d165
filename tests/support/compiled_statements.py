"""Statements are compiled once in a process of tests, and not once for each database.

A test has databases of its own, and each has three engines. SQLAlchemy keeps what it compiled by
engine and by the dialect's object, of which every engine has one; to compile all of it anew was a
third of the processor's time of tests over databases. Engines of a kind are set up alike here, and
speak to one server or library, so that what was compiled for one is what any other would compile.
"""

from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

_DIALECTS: tuple[type[Dialect], ...] = (PGDialect_psycopg, SQLiteDialect_pysqlite)
# All statements of the services, and those of the tests.
_MOST = 10_000

_compiled: dict[type[Dialect], LRUCache[Any, Any]] = {each: LRUCache(_MOST) for each in _DIALECTS}
_init = Engine.__init__


def _equals(self: Dialect, other: object) -> bool:
    return type(self) is type(other)


def _hash(self: Dialect) -> int:
    return hash(type(self))


def _init_sharing(self: Engine, *arguments: Any, **options: Any) -> None:
    _init(self, *arguments, **options)
    shared = _compiled.get(type(self.dialect))
    if shared is not None:
        self._compiled_cache = shared


def pytest_configure() -> None:
    """Has engines that are made from here on share what they compile."""
    for dialect in _DIALECTS:
        dialect.__eq__ = _equals  # type: ignore[method-assign,assignment]
        dialect.__hash__ = _hash  # type: ignore[method-assign,assignment]
    Engine.__init__ = _init_sharing  # type: ignore[method-assign]
