"""Work in the background: it goes on whatever fails, and ends the service where it cannot."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from support.tasks import Watched

from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import TaskDiedError
from yibao_common.values.clock import Clock, system_clock

SUCCEEDS_AGAIN = "background duty succeeds again"


class Script:
    """A duty that fails or not as its script says, then succeeds; counts its turns."""

    def __init__(self, *failures: BaseException | None) -> None:
        self._failures = list(failures)
        self.turns = 0

    async def __call__(self) -> None:
        self.turns += 1
        if self._failures and (failure := self._failures.pop(0)) is not None:
            raise failure


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def run(
    duties: Sequence[Duty],
    use: Callable[[BackgroundTask], Awaitable[None]],
    *,
    metrics: Metrics | None = None,
    clock: Clock = system_clock,
    **settings: Any,
) -> Watched:
    async def main() -> Watched:
        watched = Watched()
        task = BackgroundTask(
            "sweep",
            duties,
            **{"seconds": 0.001, **settings},
            metrics=metrics or Metrics(),
            clock=clock,
            log=watched.log,
        )
        task.start(watched.supervisor)
        try:
            await use(task)
        finally:
            await task.close()
        return watched

    return asyncio.run(main())


def test_a_duty_that_fails_keeps_no_other_from_its_turn_and_is_tried_again() -> None:
    away, well = Script(OSError("away"), OSError("away")), Script()
    duties = [
        Duty(run=away, failure="not swept", region="330100"),
        Duty(run=well, failure="not swept", region="500100"),
    ]

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: away.turns >= 3 and well.turns >= 3)

    watched = run(duties, use)
    errors = [each for each in watched.logged if each["level"] == "error"]
    assert [(each["event"], each["region"], each["error"]) for each in errors] == [
        ("not swept", "330100", ["builtins.OSError"])
    ]
    assert [each["region"] for each in watched.logged if each["event"] == SUCCEEDS_AGAIN] == [
        "330100"
    ]
    assert not watched.stop.is_set()
    watched.supervisor.raise_if_dead()


def test_each_kind_of_failure_is_told_once_an_outage() -> None:
    duty = Script(OSError(), KeyError(), OSError(), None, OSError())

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns >= 6)

    watched = run([Duty(run=duty, failure="not swept")], use)
    told = [each for each in watched.logged if each["level"] != "debug"]
    assert [each.get("error", each["event"]) for each in told] == [
        ["builtins.OSError"],
        ["builtins.KeyError"],
        SUCCEEDS_AGAIN,
        ["builtins.OSError"],
        SUCCEEDS_AGAIN,
    ]


def test_a_failure_that_lasts_is_told_each_hour_and_how_long_it_lasted() -> None:
    now = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
    failing = [OSError("away")] * 6

    async def fail() -> None:
        nonlocal now
        now += dt.timedelta(minutes=30)
        if failing:
            raise failing.pop()

    async def use(_: BackgroundTask) -> None:
        await reached(lambda: not failing)
        before = now
        await reached(lambda: now > before)

    duty = Duty(run=fail, failure="not swept")
    watched = run([duty], use, clock=lambda: now)
    lines = [line for line in watched.logged if line["level"] != "debug"]
    told = [line.get("failing_seconds") for line in lines if line["event"] == "not swept"]
    assert told == [None, 3_600, 7_200]
    (over,) = [line for line in lines if line["event"] == SUCCEEDS_AGAIN]
    assert over["failed_seconds"] == 10_800


def test_only_a_text_that_was_made_for_the_operator_is_logged() -> None:
    duty = Script(ValueError("a person's name"), ToldError("the key of 2026 is missing"))

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns >= 3)

    watched = run([Duty(run=duty, failure="not signed")], use)
    assert "a person's name" not in watched.lines.getvalue()
    problems = [each["problem"] for each in watched.logged if "problem" in each]
    assert problems == ["the key of 2026 is missing"]


def test_another_problem_of_the_same_kind_is_told_too() -> None:
    first, second = ToldError("the key of 2026 is missing"), ToldError("no key may sign")
    duty = Script(first, first, second, first)

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns >= 5)

    watched = run([Duty(run=duty, failure="not signed")], use)
    told = [each for each in watched.logged if each["level"] != "debug"]
    problems = [each["problem"] for each in told if "problem" in each]
    assert problems == ["the key of 2026 is missing", "no key may sign"]


def test_after_a_failure_the_next_round_comes_sooner() -> None:
    duty = Script(OSError())

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns == 2)
        await asyncio.sleep(0.05)

    run([Duty(run=duty, failure="not swept")], use, seconds=3_600, retry_seconds=0.001)
    assert duty.turns == 2


def test_what_a_duty_awaits_may_be_cancelled_and_the_task_goes_on() -> None:
    duty = Script(asyncio.CancelledError())

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns >= 2)

    assert not run([Duty(run=duty, failure="not swept")], use).stop.is_set()


def test_a_duty_is_done_at_once_when_it_is_asked_for() -> None:
    first, second = Script(), Script(None, OSError())
    duties = [
        Duty(run=first, failure="not pulled", region="330100"),
        Duty(run=second, failure="not pulled", region="500100"),
    ]

    async def use(task: BackgroundTask) -> None:
        await reached(lambda: second.turns == 1)
        assert not await task.do_now("500100")
        assert await task.do_now("500100")
        assert not await task.do_now("110000")

    run(duties, use, seconds=3_600)
    assert (first.turns, second.turns) == (1, 3)


def test_closing_lets_the_duty_under_way_end_and_begins_no_other() -> None:
    done: list[str] = []
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        done.append("slow")

    async def other() -> None:
        done.append("other")

    async def use(_task: BackgroundTask) -> None:
        await begun.wait()

    run([Duty(run=slow, failure="x", name="a"), Duty(run=other, failure="x", name="b")], use)
    assert done == ["slow"]


def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yibao_common.commands.background._CLOSE_SECONDS", 0.01)
    cancelled: list[bool] = []

    async def stuck() -> None:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def use(_task: BackgroundTask) -> None:
        await asyncio.sleep(0.005)

    watched = run([Duty(run=stuck, failure="x")], use)
    assert cancelled == [True]
    # It was asked to end: that is no death.
    assert not watched.stop.is_set()


def test_a_duty_that_takes_long_is_told_and_one_that_hangs_ends_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yibao_common.commands.background._LONG_SECONDS", 0.01)
    monkeypatch.setattr("yibao_common.commands.background._HANG_SECONDS", 0.1)

    async def main() -> None:
        watched = Watched()
        task = BackgroundTask(
            "sweep",
            [Duty(run=asyncio.Event().wait, failure="not swept", region="500100")],
            seconds=1,
            metrics=Metrics(),
            clock=system_clock,
            log=watched.log,
        )
        task.start(watched.supervisor)
        await asyncio.wait_for(watched.stop.wait(), 10)
        await task.close()
        events = [line["event"] for line in watched.logged]
        assert events[0] == "background duty takes long"
        assert events[-1] == "a task died"
        assert watched.logged[0]["region"] == "500100"
        assert watched.supervisor.problems() == ["sweep has died"]

    asyncio.run(main())


def test_a_duty_that_cannot_be_cancelled_keeps_nothing_from_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yibao_common.commands.background._CLOSE_SECONDS", 0.01)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    async def main() -> None:
        watched = Watched()
        task = BackgroundTask(
            "sweep",
            [Duty(run=stubborn, failure="x")],
            seconds=1,
            metrics=Metrics(),
            clock=system_clock,
            log=watched.log,
        )
        task.start(watched.supervisor)
        await asyncio.sleep(0.01)
        await asyncio.wait_for(task.close(), 10)
        with pytest.raises(TaskDiedError, match="sweep"):
            watched.supervisor.raise_if_dead()
        release.set()

    asyncio.run(main())


def test_a_task_that_was_never_started_is_closed() -> None:
    watched = Watched()
    task = BackgroundTask(
        "sweep", [], seconds=1, metrics=Metrics(), clock=system_clock, log=watched.log
    )
    asyncio.run(task.close())


def test_a_task_that_dies_ends_the_service_and_says_so() -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    async def use(_task: BackgroundTask) -> None:
        await asyncio.sleep(0.05)

    # The clock is asked outside of the duty, so nothing catches what it raises.
    watched = run([Duty(run=Script(), failure="not swept")], use, clock=broken)
    assert watched.stop.is_set()
    with pytest.raises(TaskDiedError, match="sweep"):
        watched.supervisor.raise_if_dead()
    (told,) = [each for each in watched.logged if each["event"] == "a task died"]
    assert (told["task"], told["error"]) == ("sweep", ["builtins.ZeroDivisionError"])


def test_what_succeeded_and_failed_and_when_is_counted() -> None:
    duty, metrics = Script(OSError(), None), Metrics()
    labels = {"task": "sweep", "duty": "330100"}

    def value(name: str, **more: str) -> float | None:
        return metrics.registry.get_sample_value(name, {**labels, **more})

    async def use(_task: BackgroundTask) -> None:
        await reached(lambda: duty.turns == 2)

    run(
        [Duty(run=duty, failure="not swept", region="330100")],
        use,
        metrics=metrics,
        seconds=3_600,
        retry_seconds=0.001,
    )
    assert value("yibao_background_rounds_total", outcome="failed") == 1
    assert value("yibao_background_rounds_total", outcome="succeeded") == 1
    last = value("yibao_background_last_success_timestamp_seconds")
    assert last is not None
    assert abs(last - system_clock().timestamp()) < 60
