"""Commands that take long share a batch with few others, so that nobody waits for many of them."""

import asyncio

from support.recorded_work import Work
from support.tasks import Watched

from yibao_common.db.batcher import Batcher


def batches_of(*waiting: str) -> list[list[str]]:
    """Returns the batches of commands `party:weight` that wait for a first one to end."""
    work = Work()

    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(
            work,
            party_of=lambda command: command.partition(":")[0],
            weight_of=lambda command: int(command.partition(":")[2]),
            max_size=10,
        )
        batcher.start(Watched().supervisor)
        work.gate.clear()
        first = batcher.enqueue("1", "first:1")
        await asyncio.sleep(0.02)
        futures = [batcher.enqueue("1", command) for command in waiting]
        work.gate.set()
        await asyncio.gather(first, *futures)
        await batcher.close()

    asyncio.run(main())
    return [commands for _, commands in work.batches[1:]]


def test_a_batch_ends_with_the_command_that_fills_it() -> None:
    light, heavy = "a:1", "a:6"
    assert batches_of(*[heavy] * 3, *[light] * 12) == [
        [heavy] * 2,
        [heavy, *[light] * 4],
        [light] * 8,
    ]


def test_one_that_weighs_more_than_a_batch_goes_alone() -> None:
    assert batches_of("a:100", "a:1", "a:100", "a:1") == [["a:100"], ["a:1", "a:100"], ["a:1"]]


def test_who_asks_for_little_is_in_the_next_batch_beside_who_asks_for_much() -> None:
    assert batches_of(*["a:9"] * 4, "b:1", "c:1") == [
        ["a:9", "b:1"],
        ["c:1", "a:9"],
        ["a:9", "a:9"],
    ]
