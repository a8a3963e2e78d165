"""The offsite service with a bare echo beside it; started as the service is."""

import asyncio
import os
import sys
from pathlib import Path

from bench.echo import serve_with_echo
from yibao_common.process.config_file import load_config
from yibao_common.process.logs import open_log
from yibao_common.process.running import run
from yibao_common.values.clock import system_clock
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService


def main() -> int:
    """Runs the service; returns the exit code."""
    path = Path(sys.argv[sys.argv.index("--config") + 1])
    config = load_config(OffsiteConfig, path=path, environ=os.environ)
    log = open_log(config.log, service="offsite", clock=system_clock)

    async def serve(stop: asyncio.Event) -> None:
        service = OffsiteService(config, log=log)
        await serve_with_echo(service.serve(stop), config.server, log)

    return run(serve, log=log)


if __name__ == "__main__":
    raise SystemExit(main())
