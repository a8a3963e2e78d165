"""An event loop in a thread beside the test, and waiting for what happens there."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


def wait_until(is_so: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Waits until something is so; fails where it never is."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it was not so within {seconds:g} s"
        time.sleep(0.01)


@contextlib.contextmanager
def in_a_thread(serve: Callable[[], contextlib.AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Enters `serve()` in an event loop of its own thread; leaves it at the end."""
    given: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()
    ended = threading.Event()

    async def main() -> None:
        async with serve() as value:
            given.put(value)
            await asyncio.to_thread(ended.wait)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            given.put(error)

    thread = threading.Thread(target=run, name="services")
    thread.start()
    value = given.get()
    try:
        if isinstance(value, BaseException):
            raise value
        yield value
    finally:
        ended.set()
        thread.join()
    # What went wrong while it ended.
    if not given.empty():
        error = given.get()
        assert isinstance(error, BaseException)
        raise error
