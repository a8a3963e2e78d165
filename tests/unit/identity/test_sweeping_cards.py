"""The sweep of overdue cards, and the task that does it again and again in every region."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence

import pytest
from support.card_acts import REGION
from support.memory_cards import MemoryCardDesk
from support.serving import open_test_log
from support.tasks import Watched

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import system_clock
from yibao_identity.application import card_sweep
from yibao_identity.application.card_sweep import CardSweep
from yibao_identity.card_parts import sweeping
from yibao_identity.rules.card import CardState


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


def swept(desk: MemoryCardDesk) -> CardSweep:
    return CardSweep(desk.memory, clock=desk.clock, caller="service/identity")


def test_overdue_cards_are_restricted_page_by_page_and_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I-21, I-22: the first deadlines first; each page is on record for itself."""
    monkeypatch.setattr(card_sweep, "_PAGE_CARDS", 2)
    desk = MemoryCardDesk()
    overdue = [desk.issue(desk.person()) for _ in range(3)]
    used = desk.active()
    desk.now += dt.timedelta(days=200)
    young = desk.issue(desk.person())
    desk.memory.work.feed.person_ids.clear()
    desk.on_record.clear()
    assert swept(desk).sweep(REGION) == 3
    assert {desk.row(card).state for card in overdue} == {CardState.RESTRICTED}
    assert desk.row(used).state is CardState.ACTIVE
    assert desk.row(young).state is CardState.ISSUED
    assert desk.memory.work.feed.person_ids == {card.person_id for card in overdue}
    pages = [set(entry.subject_ids) for entry in desk.on_record]
    ids = sorted(card.card_id for card in overdue)
    assert pages == [set(ids[:2]), set(ids[2:])]
    assert {(each.method, each.caller, each.request_id) for each in desk.on_record} == {
        ("sweep", "service/identity", "")
    }


def test_holders_are_locked_before_what_somebody_was_faster_with_is_left_alone() -> None:
    """I-22: nothing is told where nothing changed."""
    desk = MemoryCardDesk()
    card = desk.issue(desk.person())
    desk.now += dt.timedelta(days=200)
    sweep = swept(desk)
    found = sweep._due(REGION)
    desk.activate(card)
    recorded = len(desk.on_record)
    desk.holders.locked.clear()
    assert sweep._restrict(REGION, found) == 0
    assert desk.holders.locked == [card.person_id]
    assert len(desk.on_record) == recorded
