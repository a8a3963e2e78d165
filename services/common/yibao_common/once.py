"""Commands outside the batches: each in a transaction of its own, once by request id."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa

from yibao_common.answers import Answer
from yibao_common.batcher import TransientError
from yibao_common.database import Database

T = TypeVar("T")

_ATTEMPTS = 3


def answer_once(
    database: Database,
    answers: sa.Table,
    *,
    region: str,
    request_id: str,
    digest: bytes,
    work: Callable[[sa.Connection], bytes],
) -> bytes:
    """Runs `work` and stores the bytes it returns, or returns those stored before.

    Raises RuleError REQUEST_ID_REUSED where the contents differ, and whatever `work`
    raises; nothing is stored then.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.write() as connection:
                known = find_answer(connection, answers, region, request_id)
                if known is not None:
                    return known.replay(digest)
                response = work(connection)
                connection.execute(
                    sa.insert(answers).values(
                        region=region, request_id=request_id, digest=digest, response=response
                    )
                )
                return response
        except (TransientError, sa.exc.IntegrityError):
            # Two requests met: the second finds the first one's answer, or its rows.
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def find_answer(
    connection: sa.Connection, answers: sa.Table, region: str, request_id: str
) -> Answer | None:
    """Returns what a request id was answered, or None."""
    row = connection.execute(
        sa.select(answers.c.digest, answers.c.response).where(
            answers.c.region == region, answers.c.request_id == request_id
        )
    ).one_or_none()
    return None if row is None else Answer(request_id, bytes(row[0]), bytes(row[1]))


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
