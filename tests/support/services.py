"""Runs services on free ports: in the test's own event loop, or as processes."""

import asyncio
import contextlib
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol


class Service(Protocol):
    """What the `main` of each service makes."""

    def serve(
        self, stop: asyncio.Event, *, started: "asyncio.Future[int] | None" = None
    ) -> Coroutine[Any, Any, None]:
        """Serves until `stop` is set; `started` gets the port."""
        ...


@contextlib.asynccontextmanager
async def run_service(service: Service) -> AsyncIterator[int]:
    """Gives the port of the running service; drains it at the end."""
    stop = asyncio.Event()
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(service.serve(stop, started=started))
    # Where the start fails, the task ends and the future stays open.
    await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        started.cancel()
        await serving
    try:
        yield started.result()
    finally:
        stop.set()
        await serving


@contextlib.asynccontextmanager
async def run_process(module: str, config: Path) -> AsyncIterator[int]:
    """Gives the port of a service that runs as a process; ends it with SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--config", str(config), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        line = await process.stderr.readline()
        while line and b'"event": "started"' not in line:
            line = await process.stderr.readline()
        assert line, "the process ended before it served"
        yield int(json.loads(line)["port"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
    assert process.returncode == 0


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a configuration file; paths are written as text."""
    lines = []
    for table, values in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {_to_toml(value)}" for key, value in values.items()]
    return "\n".join([*lines, ""])


def _to_toml(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_to_toml, value))}]"
    return json.dumps(str(value))
