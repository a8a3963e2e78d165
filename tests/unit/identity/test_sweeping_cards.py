"""The task that sweeps every region, again and again, whatever happens in one of them."""

import asyncio
import json
from collections.abc import Callable, Sequence

from support.serving import open_test_log
from support.tasks import Watched

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import system_clock
from yibao_identity.card_parts import sweeping


def sweeping_of(
    sweep: Callable[[str], int], blocking: Blocking, *, regions: Sequence[str], log: Log
) -> BackgroundTask:
    return sweeping(
        sweep,
        blocking,
        regions=regions,
        seconds=0.01,
        metrics=Metrics(),
        clock=system_clock,
        log=log,
    )


def test_each_region_is_swept_in_each_round_though_one_fails() -> None:
    """I-21, I-22."""
    log, lines = open_test_log()
    swept: list[str] = []
    enough = asyncio.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def sweep(region: str) -> int:
            swept.append(region)
            if len(swept) >= 4:
                loop.call_soon_threadsafe(enough.set)
            if region == "330100":
                raise ConnectionError("unreachable")
            return 2

        blocking = Blocking()
        sweeper = sweeping_of(sweep, blocking, regions=["330100", "500100"], log=log)
        sweeper.start(Watched().supervisor)
        await asyncio.wait_for(enough.wait(), 10)
        await sweeper.close()
        blocking.close()

    asyncio.run(main())
    assert swept[:4] == ["330100", "500100", "330100", "500100"]
    events = [json.loads(line) for line in lines.getvalue().splitlines()]
    failed = [each for each in events if each["event"] == "cards were not swept"]
    done = [each for each in events if each["event"] == "cards restricted"]
    assert failed[0]["region"] == "330100"
    assert failed[0]["error"] == ["builtins.ConnectionError"]
    assert (done[0]["region"], done[0]["cards"]) == ("500100", 2)


def test_a_sweeper_that_never_started_is_closed() -> None:
    log, _ = open_test_log()
    blocking = Blocking()
    sweeper = sweeping_of(lambda _region: 0, blocking, regions=[], log=log)
    asyncio.run(sweeper.close())
    blocking.close()
