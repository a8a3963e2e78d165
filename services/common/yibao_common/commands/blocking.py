"""Threads for calls that block, so that the event loop never does."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Blocking:
    """Threads for calls that block, such as reads of the database."""

    def __init__(self, threads: int = 4) -> None:
        """Makes up to `threads` threads when they are needed."""
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="blocking")

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Returns what `function` returns, called in one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, functools.partial(function, *args, **kwargs)
        )

    def close(self) -> None:
        """Waits for running calls."""
        self._threads.shutdown(wait=True)
