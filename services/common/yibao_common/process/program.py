"""What the programs of all services share: arguments, configuration, log."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from yibao_common.process.config import ServiceConfig, StartError
from yibao_common.process.config_file import load_config
from yibao_common.process.logs import Log, open_log
from yibao_common.process.running import run
from yibao_common.values.clock import system_clock

OPTIMISED = (
    "yibao does not run under python -O, nor with PYTHONOPTIMIZE set: "
    "checks of its books would be left out"
)

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

    Under `python -O` it runs nothing, prints why and gives 2.

    `make` is called inside the event loop and may raise StartError, which is printed and
    gives 2, as a fault of the configuration does.
    """
    if not __debug__:
        print(OPTIMISED, file=sys.stderr)
        return 2
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

    # What must end after the drain has limits of its own, of some ten seconds each.
    return run(serve, log=log, grace_seconds=config.server.drain_seconds + 90)
