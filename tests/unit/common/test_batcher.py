"""The batcher: how waiting commands share transactions, and how they fail."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from support.tasks import Watched

from yibao_common.commands.request import Outcome
from yibao_common.db.batcher import Batcher
from yibao_common.process.supervisor import TaskDiedError
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


def run(
    work: Work,
    use: Callable[["Batcher[str, str]"], Awaitable[None]],
    *,
    max_size: int = 128,
    max_queue: int = 4096,
) -> None:
    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(
            work, max_size=max_size, linger_seconds=0.001, max_queue=max_queue
        )
        batcher.start(Watched().supervisor)
        try:
            await use(batcher)
        finally:
            work.gate.set()
            await batcher.close()

    asyncio.run(main())


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_a_lone_command_goes_at_once_and_gets_its_answer() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        assert await batcher.submit("1", "a") == "a"

    run(work, use)
    assert work.batches == [("1", ["a"])]


def test_commands_that_wait_share_the_next_batch_in_their_order() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        first = batcher.enqueue("1", "first")
        await asyncio.sleep(0.02)
        others = [batcher.enqueue("1", str(number)) for number in range(5)]
        work.gate.set()
        assert await asyncio.gather(first, *others) == ["first", "0", "1", "2", "3", "4"]

    run(work, use, max_size=3)
    assert work.batches == [
        ("1", ["first"]),
        ("1", ["0", "1", "2"]),
        ("1", ["3", "4"]),
    ]


def test_regions_take_turns_and_never_share_a_transaction() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        waiting = [batcher.enqueue("1", "hold")]
        await asyncio.sleep(0.02)
        waiting += [batcher.enqueue(region, region + x) for x in "abc" for region in ("1", "2")]
        work.gate.set()
        await asyncio.gather(*waiting)

    run(work, use, max_size=2)
    assert work.batches[1:] == [
        ("1", ["1a", "1b"]),
        ("2", ["2a", "2b"]),
        ("1", ["1c"]),
        ("2", ["2c"]),
    ]


def test_a_refusal_is_the_answer_of_its_command_alone() -> None:
    async def use(batcher: "Batcher[str, str]") -> None:
        outcomes = await asyncio.gather(
            *[batcher.submit("1", command) for command in ("a", "refuse", "b")],
            return_exceptions=True,
        )
        assert outcomes[0] == "a"
        assert isinstance(outcomes[1], RuleError)
        assert outcomes[2] == "b"

    run(Work(), use)


def test_what_the_work_refuses_as_a_whole_it_refuses_to_each() -> None:
    calls: list[int] = []

    def work(_region: str, commands: Sequence[str]) -> Sequence[Outcome[str]]:
        calls.append(len(commands))
        raise RuleError(Reason.NO_SIGNING_KEY, "no key", use="token")

    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(work)
        batcher.start(Watched().supervisor)
        outcomes = await asyncio.gather(
            *[batcher.submit("1", command) for command in "ab"], return_exceptions=True
        )
        assert [each.reason for each in outcomes if isinstance(each, RuleError)] == [
            Reason.NO_SIGNING_KEY
        ] * 2
        await batcher.close()

    asyncio.run(main())
    # It is no failure that splitting the batch or a second try would mend.
    assert sum(calls) == 2


def test_a_poisoned_command_fails_alone() -> None:
    work = Work()
    work.poison = {"5"}

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        waiting = [batcher.enqueue("1", str(number)) for number in range(16)]
        work.gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        failed = [place for place, each in enumerate(outcomes) if isinstance(each, Exception)]
        assert failed == [5]
        assert isinstance(outcomes[5], ZeroDivisionError)

    run(work, use)


def test_a_transient_failure_is_invisible() -> None:
    work = Work()
    work.transient_failures = 3

    async def use(batcher: "Batcher[str, str]") -> None:
        assert await batcher.submit("1", "a") == "a"

    run(work, use)
    assert len(work.batches) == 4


def test_a_database_that_stays_away_fails_the_command_and_not_the_batcher() -> None:
    work = Work()
    work.transient_failures = 5

    async def use(batcher: "Batcher[str, str]") -> None:
        with pytest.raises(TransientError):
            await batcher.submit("1", "a")
        assert await batcher.submit("1", "b") == "b"

    run(work, use)


def test_a_cancelled_caller_does_not_cancel_the_command() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        caller = asyncio.create_task(batcher.submit("1", "a"))
        await asyncio.sleep(0.02)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        work.gate.set()
        await wait_for(lambda: bool(work.batches))

    run(work, use)
    assert work.batches == [("1", ["a"])]


def test_a_full_queue_refuses_and_stores_nothing() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        held = batcher.enqueue("1", "held")
        await asyncio.sleep(0.02)
        waiting = [batcher.enqueue("1", str(number)) for number in range(2)]
        with pytest.raises(RuleError) as caught:
            batcher.enqueue("1", "one too many")
        assert caught.value.reason is Reason.OVERLOADED
        work.gate.set()
        await asyncio.gather(held, *waiting)

    run(work, use, max_size=2, max_queue=2)


def test_closing_carries_out_what_waits_and_refuses_what_comes() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        waiting = [batcher.enqueue("1", str(number)) for number in range(4)]
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0.02)
        with pytest.raises(RuleError):
            batcher.enqueue("1", "late")
        work.gate.set()
        assert await asyncio.gather(*waiting) == ["0", "1", "2", "3"]
        await closing

    run(work, use)


class Breaking:
    """An observer that fails, as nothing on the way of a batch should."""

    def committed(self, *, size: int, queue_wait_seconds: float, commit_seconds: float) -> None:
        raise ZeroDivisionError


def test_a_dead_runner_leaves_nobody_waiting_and_ends_the_service() -> None:
    async def main() -> None:
        watched = Watched()
        work = Work()
        batcher: Batcher[str, str] = Batcher(work, max_size=1, max_queue=9, observer=Breaking())
        batcher.start(watched.supervisor)
        outcomes = await asyncio.wait_for(
            asyncio.gather(
                *[batcher.submit("1", command) for command in "abc"], return_exceptions=True
            ),
            10,
        )
        # The first was committed before the runner died: nobody may say that it was not.
        assert [type(each) for each in outcomes] == [TransientError] * 3
        with pytest.raises(RuleError) as caught:
            await batcher.submit("1", "late")
        assert caught.value.reason is Reason.OVERLOADED
        await asyncio.wait_for(watched.stop.wait(), 10)
        await batcher.close()
        with pytest.raises(TaskDiedError, match="batcher"):
            watched.supervisor.raise_if_dead()

    asyncio.run(main())
