"""Long work on the event loop lets other calls have their turn."""

import asyncio
import time

from yibao_common.rpc.turns import Turns


def test_another_call_goes_on_while_one_works_long() -> None:
    async def work(seen: list[int]) -> None:
        turns = Turns()
        for number in range(5):
            time.sleep(0.003)
            seen.append(number)
            await turns.pass_on()

    async def both() -> list[int]:
        seen: list[int] = []
        await asyncio.gather(work(seen), work(seen))
        return seen

    assert asyncio.run(both()) == [each for number in range(5) for each in (number, number)]


def test_short_work_is_not_interrupted() -> None:
    async def work(seen: list[str], name: str) -> None:
        turns = Turns()
        for _ in range(3):
            seen.append(name)
            await turns.pass_on()

    async def both() -> list[str]:
        seen: list[str] = []
        await asyncio.gather(work(seen, "a"), work(seen, "b"))
        return seen

    assert asyncio.run(both()) == ["a"] * 3 + ["b"] * 3
