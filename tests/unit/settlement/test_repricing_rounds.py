"""How repricings are taken on: a round takes some persons, however many repricings are open."""

import asyncio
from collections import Counter
from typing import Any

from support.memory.settlement.work import MemoryWork, request
from support.serving import open_test_log
from support.settlement_world import NOW, REGION, FakeClock

from yibao_common.commands.blocking import Blocking
from yibao_common.process.metrics import Metrics
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import new_id
from yibao_settlement.application.repricing.orders import RepriceSettlements, Repricings
from yibao_settlement.application.repricing.person import RepricePerson
from yibao_settlement.housekeeping import repricing_steps
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    RepricedPerson,
    RepricedTerm,
    Repricing,
    Scope,
)

A_ROUND = 50


class Waiting:
    """Repricings with how many persons wait of each; `taken` are those who had a turn."""

    def __init__(self, work: MemoryWork, counts: dict[str, int]) -> None:
        self._work = work
        self.left = {
            each: [f"{number:04}" for number in range(count)] for each, count in counts.items()
        }
        self.taken: list[str] = []
        self.unreadable = ""

    def open_repricings(self, _region: str) -> list[tuple[Repricing, int]]:
        rows = self._work.repricings.rows
        return [(rows[each], len(left)) for each, left in sorted(self.left.items()) if left]

    def repriced_persons(
        self, _region: str, repricing_id: str, _state: PersonState, **page: Any
    ) -> list[RepricedPerson]:
        if repricing_id == self.unreadable:
            raise InvariantError("its persons cannot be read")
        (one, *_) = self._work.repricings.persons_by_id[repricing_id]
        ids = [each for each in self.left[repricing_id] if each > (page["after"] or "")]
        return [one._replace(person_id=each) for each in ids[: page["limit"]]]

    def bills_of(self, *_: str) -> list[Any]:
        return []

    async def submit(self, _region: str, step: RepricePerson) -> bytes:
        self.left[step.repricing.repricing_id].remove(step.person_id)
        self.taken.append(step.repricing.repricing_id)
        return b""


def proposed(work: MemoryWork, count: int) -> list[str]:
    work.repricings.billed = (["p1"], 1)
    found = Repricings(work, clock=FakeClock(NOW), ids=new_id)
    command = (Scope(settlement_ids=("s1",)), (RepricedTerm.POLICY,), Liability.AS_BEFORE, "why")
    return sorted(
        found.propose(
            RepriceSettlements(request("RepriceSettlements", new_id()), *command),
            lambda told: told.repricing.repricing_id.encode(),
        ).decode()
        for _ in range(count)
    )


def rounds(waiting: Waiting, count: int, *, succeed: bool = True) -> list[Counter[str]]:
    """Returns how many persons of each repricing every round took."""
    log, _ = open_test_log()
    found = []

    async def run() -> None:
        blocking = Blocking(threads=1)
        task = repricing_steps(
            waiting,  # type: ignore[arg-type]  # reads, as far as they are asked here
            waiting,  # type: ignore[arg-type]  # and the batcher
            blocking,
            regions=(REGION,),
            metrics=Metrics(),
            clock=FakeClock(NOW),
            log=log,
        )
        for _ in range(count):
            before = len(waiting.taken)
            assert await task.do_now(REGION) or not succeed
            found.append(Counter(waiting.taken[before:]))
        await task.close()
        blocking.close()

    asyncio.run(run())
    return found


def test_a_round_takes_as_many_persons_however_many_repricings_are_open() -> None:
    work = MemoryWork()
    ids = proposed(work, 300)
    waiting = Waiting(work, dict.fromkeys(ids, 1))
    found = rounds(waiting, 6)
    assert [each.total() for each in found] == [A_ROUND] * 6
    assert waiting.taken == ids


def test_each_repricing_has_its_turn_beside_a_large_one() -> None:
    work = MemoryWork()
    large, *small = proposed(work, 4)
    waiting = Waiting(work, {large: 500, **dict.fromkeys(small, 10)})
    first, second, third = rounds(waiting, 3)
    assert first == {large: A_ROUND}
    # Those that had no turn come first, and what they leave of the round is the large one's.
    assert second == {**dict.fromkeys(small, 10), large: A_ROUND - 30}
    assert third == {large: A_ROUND}


def test_a_repricing_that_cannot_be_read_keeps_no_other_from_its_turn() -> None:
    work = MemoryWork()
    first, broken, last = proposed(work, 3)
    waiting = Waiting(work, dict.fromkeys((first, broken, last), 60))
    waiting.unreadable = broken
    rounds(waiting, 8, succeed=False)
    assert Counter(waiting.taken) == {first: 60, last: 60}
