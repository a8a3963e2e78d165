"""Runs a process that serves: its event loop, its signals and the code that it ends with."""

import asyncio
import functools
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from yibao_common.process.config import StartError
from yibao_common.process.descriptors import raise_limit
from yibao_common.process.logs import LibraryHandler, Log
from yibao_common.process.supervisor import TaskDiedError

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(main: Main, *, log: Log | None = None, grace_seconds: float = 120.0) -> int:
    """Runs `main` until it returns, and returns the exit code of the process.

    `main` gets an event that is set by SIGTERM, SIGINT or SIGHUP and is expected to drain
    then; a second signal ends the process at once. What has not ended `grace_seconds` after
    the event is left, and the code is 1. A StartError is printed and gives 2; a task that
    died while the service ran gives 1. Ending makes no thread: there may be no room for one.
    """
    if log is not None:
        logging.getLogger().handlers[:] = [LibraryHandler(log)]
    raise_limit()
    collect_garbage_seldom()
    stopping, ended = threading.Event(), threading.Event()
    try:
        _watch_the_end(stopping, ended, log, grace_seconds)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_signalled(main, stopping))
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    except TaskDiedError:
        return 1  # The log has told of it.
    finally:
        ended.set()
        stopping.set()
    return 0


def collect_garbage_seldom() -> None:
    """Sets the garbage collector for a process that serves.

    A batch makes thousands of values that reference counting frees; at Python's defaults
    the collector looked through them over and over, a tenth of a settlement's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _until_signalled(main: Main, stopping: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = [signal.SIGTERM, signal.SIGINT]
    # A terminal that is closed, or a habit of old to have files read again, which are read
    # by themselves. Under nohup it stays without effect.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)

    def on_signal() -> None:
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)

    for each in signals:
        loop.add_signal_handler(each, on_signal)

    async def stopped() -> None:
        await stop.wait()
        stopping.set()

    telling = asyncio.create_task(stopped(), name="stopping")
    # So that it is the first that `stop` wakes: what comes after may hold up the loop.
    await asyncio.sleep(0)
    await main(stop)
    telling.cancel()


def _watch_the_end(
    stopping: threading.Event, ended: threading.Event, log: Log | None, grace_seconds: float
) -> None:
    """Starts the thread that ends the process where it does not end by itself.

    Raises:
        StartError: there is no room for a thread.
    """
    end_late = functools.partial(_end_late, stopping, ended, log, grace_seconds)
    try:
        threading.Thread(target=end_late, name="end late", daemon=True).start()
    except RuntimeError as error:
        raise StartError(f"threads of the process: {error}") from None


def _end_late(
    stopping: threading.Event, ended: threading.Event, log: Log | None, grace_seconds: float
) -> None:
    """Ends the process a while after it began to stop, whatever hangs in it."""
    stopping.wait()
    if ended.wait(grace_seconds):
        return
    if log is not None:
        log.error("did not end in time", left=["process"])
    os._exit(1)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # It is not made for Windows.
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
