"""The batcher: how waiting commands share transactions, and how they fail."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from support.recorded_work import Work, wait_for
from support.tasks import Watched

from yibao_common.commands.request import Outcome
from yibao_common.db.batcher import Batcher, OutcomeUnknownError
from yibao_common.process.config import StartError
from yibao_common.process.supervisor import TaskDiedError
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason


def run(
    work: Work,
    use: Callable[["Batcher[str, str]"], Awaitable[None]],
    *,
    max_size: int = 128,
    max_queue: int = 4096,
) -> None:
    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(
            work,
            party_of=lambda command: command.partition(":")[0],
            regions=("1", "2"),
            max_size=max_size,
            linger_seconds=0.001,
            max_queue=max_queue,
        )
        batcher.start(Watched().supervisor)
        try:
            await use(batcher)
        finally:
            work.gate.set()
            await batcher.close()

    asyncio.run(main())


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


def test_parties_take_turns_and_a_flood_waits_for_itself() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        waiting = [batcher.enqueue("1", "a:hold")]
        await asyncio.sleep(0.02)
        waiting += [batcher.enqueue("1", f"a:{number}") for number in range(6)]
        waiting += [batcher.enqueue("1", f"b:{number}") for number in range(2)]
        waiting.append(batcher.enqueue("1", "c:0"))
        work.gate.set()
        await asyncio.gather(*waiting)

    run(work, use, max_size=4)
    assert [commands for _, commands in work.batches[1:]] == [
        ["a:0", "b:0", "c:0", "a:1"],
        ["b:1", "a:2", "a:3", "a:4"],
        ["a:5"],
    ]


def test_a_queue_that_one_party_filled_still_takes_an_equal_share_of_another() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        work.gate.clear()
        waiting = [batcher.enqueue("1", "a:hold")]
        await asyncio.sleep(0.02)
        waiting += [batcher.enqueue("1", f"a:{number}") for number in range(6)]
        with pytest.raises(RuleError) as caught:
            batcher.enqueue("1", "a:one too many")
        assert caught.value.reason is Reason.OVERLOADED
        waiting += [batcher.enqueue("1", f"b:{number}") for number in range(3)]
        with pytest.raises(RuleError):
            batcher.enqueue("1", "b:one too many")
        work.gate.set()
        await asyncio.gather(*waiting)
        # Nothing is held against who filled it once it is empty.
        await asyncio.gather(*[batcher.submit("1", f"a:{number}") for number in range(6)])

    run(work, use, max_size=6, max_queue=6)


def test_a_region_that_is_not_served_makes_no_batch() -> None:
    work = Work()

    async def use(batcher: "Batcher[str, str]") -> None:
        with pytest.raises(RuleError) as caught:
            batcher.enqueue("3", "a")
        assert caught.value.reason is Reason.OUT_OF_SCOPE
        assert caught.value.metadata == {"scope": "region/3"}

    run(work, use)
    assert work.batches == []


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
        first, *others = outcomes
        assert isinstance(first, OutcomeUnknownError)
        reasons = [each.reason for each in others if isinstance(each, RuleError)]
        assert reasons == [Reason.OVERLOADED] * 2
        assert watched.supervisor.problems() == ["batcher has died"]
        with pytest.raises(RuleError) as caught:
            await batcher.submit("1", "late")
        assert caught.value.reason is Reason.OVERLOADED
        await asyncio.wait_for(watched.stop.wait(), 10)
        await batcher.close()
        with pytest.raises(TaskDiedError, match="batcher"):
            watched.supervisor.raise_if_dead()

    asyncio.run(main())


def dying(monkeypatch: pytest.MonkeyPatch, name: str, attribute: str, error: Exception) -> None:
    """Makes a method of the threads that bear `name` raise, as want of memory does."""
    original = getattr(threading.Thread, attribute)

    def fail(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise error
        original(thread)

    monkeypatch.setattr(threading.Thread, attribute, fail)


def test_without_a_thread_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    dying(monkeypatch, "batch", "start", RuntimeError("can't start new thread"))

    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(Work())
        with pytest.raises(StartError, match="can't start new thread"):
            batcher.start(Watched().supervisor)

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_leaves_nobody_waiting_and_ends_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dying(monkeypatch, "batch", "run", MemoryError())
    monkeypatch.setattr("yibao_common.commands.blocking._LOOK_SECONDS", 0.01)

    async def main() -> None:
        watched = Watched()
        batcher: Batcher[str, str] = Batcher(Work())
        batcher.start(watched.supervisor)
        outcomes = await asyncio.wait_for(
            asyncio.gather(batcher.submit("1", "a"), return_exceptions=True), 10
        )
        assert isinstance(outcomes[0], (OutcomeUnknownError, RuleError))
        await asyncio.wait_for(watched.stop.wait(), 10)
        told = [line["task"] for line in watched.logged if line["event"] == "a task died"]
        assert "batch threads" in told
        assert "batch threads has died" in watched.supervisor.problems()
        await batcher.close()
        with pytest.raises(TaskDiedError, match="batch"):
            watched.supervisor.raise_if_dead()

    asyncio.run(main())


def test_a_batch_that_hangs_keeps_the_service_from_serving_and_not_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yibao_common.db.batcher._CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("yibao_common.process.supervisor._STALLED_SECONDS", 0.01)

    async def main() -> None:
        watched, work = Watched(), Work()
        batcher: Batcher[str, str] = Batcher(work)
        batcher.start(watched.supervisor)
        assert watched.supervisor.problems() == []
        work.gate.clear()
        hanging = batcher.enqueue("1", "a")
        await wait_for(lambda: watched.supervisor.problems() == ["batch stands still"])
        await asyncio.wait_for(batcher.close(), 10)
        # It may still be carried out: nobody may say that it was not.
        assert isinstance(hanging.exception(), OutcomeUnknownError)
        with pytest.raises(TaskDiedError, match="batch-0"):
            watched.supervisor.raise_if_dead()
        work.gate.set()

    asyncio.run(main())
