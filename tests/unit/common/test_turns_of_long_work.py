"""However many calls are at long work, another one has its turn as soon as beside one of them."""

import asyncio
from time import perf_counter

from yibao_common.rpc.turns import Turns

LONG_SECONDS = 0.003


def test_between_two_turns_of_another_call_few_of_many_have_one() -> None:
    worked: list[int] = []

    async def work(number: int) -> None:
        turns = Turns()
        for _ in range(10):
            until = perf_counter() + LONG_SECONDS
            while perf_counter() < until:
                pass
            worked.append(number)
            await turns.pass_on()

    async def main() -> list[int]:
        at_work = [asyncio.create_task(work(number)) for number in range(10)]
        seen = []
        # All have begun by then, each with a first turn of its own.
        await asyncio.sleep(0)
        while not all(each.done() for each in at_work):
            before = len(worked)
            await asyncio.sleep(0)
            seen.append(len(worked) - before)
        return seen

    assert max(asyncio.run(main())[1:]) <= 2
    # They take turns, and none waits for another's end.
    assert sorted(worked) == sorted(list(range(10)) * 10)
    assert set(worked[-20:]) == set(range(10))


def test_who_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    async def work() -> None:
        turns = Turns()
        for _ in range(5):
            await asyncio.sleep(LONG_SECONDS)
            await turns.pass_on()

    async def main() -> None:
        first, second, third = (asyncio.create_task(work()) for _ in range(3))
        await asyncio.sleep(LONG_SECONDS)
        second.cancel()
        await asyncio.wait_for(asyncio.gather(first, third), 5)

    asyncio.run(main())
    # Another event loop has a line of its own.
    asyncio.run(main())
