"""What application decides of folding, without a database."""

from support.memory.settlement.work import REGION, MemoryWork

from yibao_settlement.application.checkpoint import Checkpoints

FIRST = "01930000-0000-7000-8000-000000000001"
SECOND = "01930000-0000-7000-8000-000000000002"


def checkpoints(kept: MemoryWork, *, others_ended: bool = True) -> Checkpoints:
    return Checkpoints(kept, others_ended=lambda: others_ended)


def test_entries_of_shared_accounts_are_folded_and_no_persons_are() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries += [
        ("fund:390100", FIRST, -7),
        ("fund:390100", SECOND, -8),
        ("payable:H99901900001", FIRST, 15),
        ("source:recharge", FIRST, -3),
        ("person:a", FIRST, 3),
    ]
    assert checkpoints(kept).fold(REGION) == 3
    assert kept.checkpoints.folded == {
        "fund:390100": -15,
        "payable:H99901900001": 15,
        "source:recharge": -3,
    }
    assert (kept.checkpoints.through, kept.checkpoints.fence) == (SECOND, SECOND)


def test_what_is_booked_while_others_end_stays_above_the_fence() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", FIRST, -7))

    def others_ended() -> bool:
        kept.checkpoints.entries.append(("fund:390100", SECOND, -8))
        return True

    assert Checkpoints(kept, others_ended=others_ended).fold(REGION) == 1
    assert (kept.checkpoints.folded, kept.checkpoints.through) == ({"fund:390100": -7}, FIRST)


def test_nothing_is_folded_while_a_transaction_goes_on() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", FIRST, -7))
    assert checkpoints(kept, others_ended=False).fold(REGION) == 0
    assert (kept.checkpoints.folded, kept.checkpoints.fence) == ({}, FIRST)
    assert checkpoints(kept).fold(REGION) == 1


def test_nothing_is_folded_twice() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", FIRST, -7))
    assert checkpoints(kept).fold(REGION) == 1
    assert checkpoints(kept).fold(REGION) == 0
    assert kept.checkpoints.through == FIRST


def test_a_region_that_another_process_folded_meanwhile_is_left_alone() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", FIRST, -7))
    kept.checkpoints.through = None
    assert checkpoints(kept).fold(REGION) == 0
    assert kept.checkpoints.folded == {}


def test_wrong_checkpoints_are_made_anew() -> None:
    kept = MemoryWork()
    kept.checkpoints.entries.append(("fund:390100", FIRST, -7))
    kept.checkpoints.replace([("fund:390100", -1)], through=SECOND)
    assert checkpoints(kept).fold(REGION) == 0
    assert checkpoints(kept).rebuild(REGION) == 1
    assert kept.checkpoints.folded == {"fund:390100": -7}
