"""Commands that take long have batches of their own, for which no other waits."""

import asyncio
from collections.abc import Sequence

import pytest
from support.recorded_work import Work, wait_for
from support.tasks import Watched

from yibao_common.commands.request import Outcome
from yibao_common.db.batcher import Batcher, OwnBatchError
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class Long(Work):
    """Says of commands with `long` in them that they take long."""

    def __call__(self, region: str, commands: Sequence[str]) -> Sequence[Outcome[str]]:
        places = [place for place, each in enumerate(commands) if "long" in each]
        if places:
            raise OwnBatchError(places)
        return super().__call__(region, commands)


def test_what_takes_long_goes_alone_and_nobody_waits_for_it() -> None:
    work, alone = Long(), Work()
    alone.gate.clear()

    async def main() -> None:
        batcher: Batcher[str, str] = Batcher(work, alone=alone, max_size=8, max_queue=8)
        batcher.start(Watched().supervisor)
        long = [batcher.enqueue("1", each) for each in ("long one", "refuse long", "long two")]
        others = [batcher.enqueue("1", each) for each in ("a", "b")]
        assert await asyncio.gather(*others) == ["a", "b"]
        assert await batcher.submit("1", "c") == "c"
        assert not any(each.done() for each in long)
        # They count for the room that there is.
        more = [batcher.enqueue("1", f"long {number}") for number in range(6)]
        await wait_for(lambda: batcher._has_room("") is False)
        with pytest.raises(RuleError) as full:
            await batcher.submit("1", "d")
        assert full.value.reason is Reason.OVERLOADED
        alone.gate.set()
        # Closing carries out what waits there.
        await batcher.close()
        assert [await each for each in (*long, *more)] == [
            *("long one", "refuse long", "long two"),
            *(f"long {number}" for number in range(6)),
        ]

    asyncio.run(main())
    assert all(len(commands) == 1 for _, commands in alone.batches)
    assert len(alone.batches) == 9
