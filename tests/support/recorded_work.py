"""Work of a batcher that records its batches, and waiting for what becomes of them."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from yibao_common.commands.request import Outcome
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason


class Work:
    """Records batches and answers each command with itself; can be held and broken."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.poison: set[str] = set()
        self.transient_failures = 0

    def __call__(self, region: str, commands: Sequence[str]) -> Sequence[Outcome[str]]:
        assert self.gate.wait(10)
        self.batches.append((region, list(commands)))
        if self.transient_failures:
            self.transient_failures -= 1
            raise TransientError("the database is restarting")
        if self.poison & set(commands):
            raise ZeroDivisionError("poisoned")
        return [
            RuleError(Reason.VISIT_NOT_FOUND, "no") if command == "refuse" else command
            for command in commands
        ]


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)
