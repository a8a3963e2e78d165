"""Fixtures that every folder of tests shares."""

import os

# Tests plant faults and put doubles into modules, which those that are compiled do not see.
os.environ["YIBAO_PURE_PYTHON"] = "1"

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.databases import KINDS, Databases, PostgresDatabases, PostgresServer, SqliteDatabases
from support.rule_coverage import pytest_terminal_summary as pytest_terminal_summary
from support.shuffling import pytest_addoption as pytest_addoption
from support.shuffling import pytest_collection_modifyitems as pytest_collection_modifyitems
from support.shuffling import pytest_report_header as pytest_report_header

pytest_plugins = ("support.compiled_statements", "support.long_first")

# Where a run must not fail by chance the same examples are tried each time; elsewhere new
# ones are. A failure prints how to try its example again.
settings.register_profile("new", deadline=None, print_blob=True)
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("same" if os.environ.get("CI") else "new")


def pytest_xdist_auto_num_workers() -> int:
    """Returns how many processes share the tests: more than cores, since many tests wait."""
    return 3 * (os.cpu_count() or 1)


# Starts the server at the first call, so that runs without a database never do.
PostgresStarter = Callable[[], PostgresServer]


@pytest.fixture(scope="session")
def postgres_starter() -> Iterator[PostgresStarter]:
    """Starts the one PostgreSQL of the run (of the worker, under xdist) when asked."""
    started: list[PostgresServer] = []

    def start() -> PostgresServer:
        if not started:
            started.append(PostgresServer())
        return started[0]

    yield start
    for server in started:
        server.close()


@pytest.fixture(params=KINDS)
def databases(
    request: pytest.FixtureRequest, postgres_starter: PostgresStarter, tmp_path: Path
) -> Iterator[Databases]:
    """Makes new databases; the test runs once with each kind."""
    made: Databases
    if request.param == "sqlite":
        made = SqliteDatabases(tmp_path)
    else:
        made = PostgresDatabases(postgres_starter())
    yield made
    made.close()


@pytest.fixture
def postgres_databases(postgres_starter: PostgresStarter) -> Iterator[PostgresDatabases]:
    """Makes new databases on PostgreSQL, for what SQLite does not do."""
    made = PostgresDatabases(postgres_starter())
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """The URL of a new database without tables, on each kind in turn."""
    return databases.empty_url()
