"""Runs a process that serves: its event loop, its signals and the code that it ends with."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from yibao_common.process.config import StartError
from yibao_common.process.logs import LibraryHandler, Log
from yibao_common.process.supervisor import TaskDiedError

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(main: Main, *, log: Log | None = None) -> int:
    """Runs `main` until it returns, and returns the exit code of the process.

    `main` gets an event that is set by SIGTERM or SIGINT and is expected to drain then;
    a second signal ends the process at once. A StartError is printed and gives 2; a task
    that died while the service ran gives 1.
    """
    if log is not None:
        logging.getLogger().handlers[:] = [LibraryHandler(log)]
    _collect_garbage_seldom()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_signalled(main))
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    except TaskDiedError:
        return 1  # The log has told of it.
    return 0


def _collect_garbage_seldom() -> None:
    """Sets the garbage collector for a process that serves.

    A batch makes thousands of values that reference counting frees; at Python's defaults
    the collector looked through them over and over, a tenth of a settlement's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _until_signalled(main: Main) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def on_signal() -> None:
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)

    for each in signals:
        loop.add_signal_handler(each, on_signal)
    await main(stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # It is not made for Windows.
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
