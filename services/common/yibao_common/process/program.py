"""What the programs of all services share: arguments, configuration, log, database."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from yibao_common.db.database import Database
from yibao_common.db.migrations import check_is_current
from yibao_common.process.config import ServiceConfig, StartError, load_config
from yibao_common.process.logs import Log, open_log
from yibao_common.rpc.server import run
from yibao_common.values.clock import system_clock

ConfigT = TypeVar("ConfigT", bound=ServiceConfig)


class Service(Protocol):
    """A service that was made from its configuration."""

    async def serve(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then finishes what runs."""
        ...


def run_program(
    arguments: Sequence[str] | None,
    *,
    service: str,
    description: str | None,
    config_type: type[ConfigT],
    make: Callable[[ConfigT, Log], Service],
) -> int:
    """Runs a service as its own program and returns the exit code.

    `make` is called inside the event loop and may raise StartError, which is printed and
    gives 2, as a fault of the configuration does.
    """
    parser = argparse.ArgumentParser(prog=f"yibao-{service}", description=description)
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path: Path = parser.parse_args(arguments).config
    try:
        config = load_config(config_type, path=path, environ=os.environ)
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    log = open_log(config.log, service=service, clock=system_clock)

    async def serve(stop: asyncio.Event) -> None:
        await make(config, log).serve(stop)

    return run(serve, log=log)


def open_database(config: ServiceConfig, *, package: str) -> Database:
    """Returns the database of a service whose migrations `package` holds.

    Raises:
        StartError: its schema is not current, or several processes are to share SQLite.
    """
    database = Database(config.database.url)
    try:
        if database.is_sqlite and config.server.reuse_port:
            raise StartError("server.reuse_port: SQLite is served by one process alone")
        check_is_current(database, package)
    except BaseException:
        database.close()
        raise
    return database
