"""What is made one at a time: who asks for many does not keep others waiting."""

import asyncio

import pytest

from yibao_common.rpc.party_turns import PartyTurns


def test_parties_take_turns_and_one_is_made_at_a_time() -> None:
    made: list[str] = []
    running = 0

    async def make(turns: PartyTurns, party: str) -> None:
        nonlocal running
        async with turns.turn(party):
            running += 1
            assert running == 1
            await asyncio.sleep(0)
            made.append(party)
            running -= 1

    async def main() -> None:
        turns = PartyTurns()
        asked = ["A"] * 5 + ["B"] * 2 + ["C"]
        await asyncio.gather(*(make(turns, party) for party in asked))
        assert turns.parties == 0

    asyncio.run(main())
    assert made == ["A", "B", "C", "A", "B", "A", "A", "A"]


def test_who_gives_up_or_fails_keeps_nobody_waiting() -> None:
    async def main() -> None:
        turns = PartyTurns()
        entered = asyncio.Event()

        async def hold() -> None:
            async with turns.turn("A"):
                entered.set()
                await asyncio.Event().wait()

        holding = asyncio.create_task(hold())
        await entered.wait()
        waiting = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in (waiting[0], holding, *waiting[1:]):
            task.cancel()
        await asyncio.gather(holding, *waiting, return_exceptions=True)
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("A"):
                raise ZeroDivisionError
        async with asyncio.timeout(5), turns.turn("A"):
            assert turns.parties == 1
        assert turns.parties == 0

    asyncio.run(main())
