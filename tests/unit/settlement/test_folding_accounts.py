"""What application decides of folding, without a database."""

import datetime as dt

from support.memory.settlement.work import REGION, MemoryWork

from yibao_settlement.application.checkpoint import HORIZON, Checkpoints, horizon_id

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
OLD, NEW = horizon_id(NOW - dt.timedelta(seconds=1)), horizon_id(NOW + dt.timedelta(seconds=1))


def fold(kept: MemoryWork, now: dt.datetime = NOW) -> int:
    return Checkpoints(kept, clock=lambda: now).fold(REGION)


def test_old_entries_of_shared_accounts_are_folded_and_no_persons_are() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries += [
        ("fund:390100", OLD, -7),
        ("fund:390100", OLD, -8),
        ("fund:390100", NEW, -100),
        ("payable:H99901900001", OLD, 15),
        ("source:recharge", OLD, -3),
        ("person:a", OLD, 3),
    ]
    assert fold(kept) == 3
    assert kept.checkpoints.folded == {
        "fund:390100": -15,
        "payable:H99901900001": 15,
        "source:recharge": -3,
    }
    assert kept.checkpoints.through == horizon_id(NOW)


def test_nothing_is_folded_twice_nor_back() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", OLD, -7))
    assert fold(kept) == 1
    assert fold(kept) == 0
    assert fold(kept, NOW - dt.timedelta(seconds=5)) == 0
    assert kept.checkpoints.through == horizon_id(NOW)


def test_a_region_that_another_process_folded_meanwhile_is_left_alone() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", OLD, -7))
    kept.checkpoints.through = None
    assert fold(kept) == 0
    assert kept.checkpoints.folded == {}


def test_the_horizon_lies_ten_minutes_back() -> None:
    assert dt.timedelta(minutes=10) == HORIZON
    millis = int(horizon_id(NOW).replace("-", "")[:12], 16)
    assert millis == int((NOW - HORIZON).timestamp() * 1000)
