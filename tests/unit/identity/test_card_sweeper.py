"""The task that sweeps every region, again and again, whatever happens in one of them."""

import asyncio
import json

from support.serving import open_test_log

from yibao_common.commands.blocking import Blocking
from yibao_identity.card_sweeper import CardSweeper


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
        sweeper = CardSweeper(sweep, blocking, regions=["330100", "500100"], seconds=0.01, log=log)
        sweeper.start()
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
    sweeper = CardSweeper(lambda _region: 0, blocking, regions=[], seconds=1, log=log)
    asyncio.run(sweeper.close())
    blocking.close()
