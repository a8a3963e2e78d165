"""Threads for what blocks: all at once, watched, and no reason for a process to stay."""

import asyncio
import threading

import pytest
from support.tasks import Watched

from yibao_common.commands.blocking import Blocking, ThreadDiedError, ThreadsHangError
from yibao_common.process.supervisor import TaskDiedError


async def reached(supervised: Watched) -> None:
    await asyncio.wait_for(supervised.stop.wait(), 10)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yibao_common.commands.blocking._LOOK_SECONDS", 0.01)


def test_calls_run_side_by_side_and_give_what_they_return_or_raise() -> None:
    async def main() -> None:
        blocking = Blocking(2)
        meet = threading.Barrier(2)
        assert await asyncio.gather(*[blocking.run(meet.wait, 10) for _ in range(2)])
        assert await blocking.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await blocking.run(divmod, 7, 0)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(blocking.run(next, iter(())), 10)
        blocking.close()

    asyncio.run(main())


def test_parties_take_turns_at_the_threads() -> None:
    made: list[str] = []

    async def main() -> None:
        party = ""
        blocking = Blocking(1, party_of=lambda: party)
        gate = threading.Event()
        running: list[asyncio.Task[object]] = [asyncio.create_task(blocking.run(gate.wait, 10))]
        for each in ("a0", "a1", "a2", "b0", "b1", "c0"):
            # The party is that of the moment in which the call is made.
            await asyncio.sleep(0)
            party = each[0]
            running.append(asyncio.create_task(blocking.run(made.append, each)))
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*running)
        blocking.close()

    asyncio.run(main())
    assert made == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_all_threads_are_there_from_the_start() -> None:
    async def main() -> None:
        blocking = Blocking(3, name="early")
        blocking.start(Watched().supervisor)
        named = [each for each in threading.enumerate() if each.name.startswith("early")]
        assert len(named) == 3
        # None of them is waited for when the interpreter ends.
        assert all(each.daemon for each in named)
        blocking.close()

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        watched, blocking = Watched(), Blocking(1)
        blocking.start(watched.supervisor)
        # As want of memory ends a thread between two calls.
        monkeypatch.setattr("yibao_common.commands.blocking._Job.carry_out", None)
        with pytest.raises(ThreadDiedError, match="blocking-0"):
            await asyncio.wait_for(blocking.run(int), 10)
        await reached(watched)
        assert watched.supervisor.problems() == ["blocking threads has died"]
        blocking.close()

    asyncio.run(main())


def test_threads_that_all_hang_end_the_service_and_not_before() -> None:
    async def main() -> None:
        watched, blocking = Watched(), Blocking(2, hang_seconds=0.2)
        blocking.start(watched.supervisor)
        release = threading.Event()
        first = asyncio.create_task(blocking.run(release.wait, 10))
        await asyncio.sleep(0.3)
        assert not watched.stop.is_set()
        assert blocking.stalled_seconds() == 0
        second = asyncio.create_task(blocking.run(release.wait, 10))
        for hanging in (first, second):
            with pytest.raises(ThreadsHangError):
                await asyncio.wait_for(hanging, 10)
        await reached(watched)
        blocking.close(within_seconds=0.01)
        with pytest.raises(TaskDiedError, match="blocking-0, blocking-1"):
            watched.supervisor.raise_if_dead()
        assert [line["left"] for line in watched.logged if "left" in line] == [
            ["blocking-0", "blocking-1"]
        ]
        release.set()

    asyncio.run(main())


def test_threads_for_long_work_do_not_stand_still_while_all_of_them_work() -> None:
    async def main() -> None:
        watched, release = Watched(), threading.Event()
        short, long = (
            Blocking(1, name=name, is_for_long_work=name == "long") for name in ("short", "long")
        )
        for each in (short, long):
            each.start(watched.supervisor)
        running = [asyncio.create_task(each.run(release.wait, 10)) for each in (short, long)]
        assert list(watched.supervisor._stalled_seconds) == ["short"]
        release.set()
        await asyncio.gather(*running)
        for each in (short, long):
            each.close()

    asyncio.run(main())


def test_a_caller_that_left_before_its_turn_is_not_served() -> None:
    async def main() -> None:
        blocking, release, served = Blocking(1), threading.Event(), list[int]()
        first = asyncio.create_task(blocking.run(release.wait, 10))
        second = asyncio.create_task(blocking.run(served.append, 1))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.wait([second])
        release.set()
        assert await first
        blocking.close()
        assert served == []

    asyncio.run(main())
