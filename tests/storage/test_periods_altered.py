"""What was done by hand to closed months is found by the ledger checker (H11)."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import correct
from support.databases import Databases, as_owner
from support.periods import DECEMBER, FUNDS, close
from support.settlement_world import HOSPITAL, NOW, REGION, TODAY, World

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables

Alter = Callable[[sa.Connection], object]
entry, table = tables.entry, tables.period_close


@pytest.fixture
def world(databases: Databases) -> World:
    """November is closed; two of its bills are reversed and corrected in December."""
    world = benefit_world(databases)
    (person,) = world.enrol()
    bills = []
    for _ in range(3):
        visit = admit(world, person, TODAY)
        world.run(world.discharge_command(visit))
        bills.append(world.settle(visit, person, bill=world.bill(visit)))
    world.clock.now = DECEMBER
    close(world, HOSPITAL, 202611)
    close(world, FUNDS, 202611)
    world.reverse(bills[0].settlement_id)
    correct(world, bills[1].settlement_id, world.bill(bills[1].visit_id).lines)
    assert_books_are_right(world)
    return world


def found(world: World) -> dict[str, str]:
    """Returns what is told of months, by subject."""
    drifts = check_ledger(world.database).drifts
    return {each.subject: each.detail for each in drifts if each.invariant == INVARIANTS[19]}


def alter(world: World, by_hand: Alter) -> dict[str, str]:
    with as_owner(world.database) as connection:
        by_hand(connection)
    return found(world)


def _of(kind: PostingKind) -> sa.ColumnElement[bool]:
    return entry.c.kind == int(kind)


def test_entries_that_were_put_into_a_closed_month_are_found(world: World) -> None:
    faults = alter(
        world,
        lambda connection: connection.execute(
            sa.update(entry).where(_of(PostingKind.REVERSAL)).values(month=202611)
        ),
    )
    assert {"funds 202611", f"{HOSPITAL} 202611"} <= faults.keys()
    assert f"entries of payable:{HOSPITAL} by kind 2 of 202611" in faults[f"{HOSPITAL} 202611"]
    others = faults.keys() - {"funds 202611", f"{HOSPITAL} 202611"}
    assert {faults[each] for each in others} <= {
        "refers to another month than that of what it changes",
        "has entries of another month than that of its time",
    }
    assert others


def test_a_posting_that_was_written_into_a_closed_month_is_found(world: World) -> None:
    posting_id = new_id()

    def write(connection: sa.Connection) -> None:
        of_posting = {"region": REGION, "posting_id": posting_id, "kind": int(PostingKind.CREDIT)}
        connection.execute(
            sa.insert(tables.posting).values(
                **of_posting, request_id=new_id(), post_time=NOW, posted_by="agency/999019/wang"
            )
        )
        for account_id, fen in (("source:allocation", -100), (f"person:{world.persons[0]}", 100)):
            connection.execute(
                sa.insert(entry).values(
                    **of_posting, account_id=account_id, amount_fen=fen, month=202611
                )
            )

    faults = alter(world, write)
    assert faults.keys() == {"funds 202611"}
    assert faults["funds 202611"].startswith("month 202611 was closed with 0 fen in 0 entries")


def test_a_posting_that_was_taken_out_of_a_closed_month_is_found(world: World) -> None:
    reversed_ = sa.select(tables.settlement.c.settlement_id).where(
        tables.settlement.c.reversal_id.is_(None)
    )
    faults = alter(
        world,
        lambda connection: connection.execute(
            sa.delete(entry).where(entry.c.month == 202611, entry.c.posting_id.in_(reversed_))
        ),
    )
    assert faults.keys() == {"funds 202611", f"{HOSPITAL} 202611"}


@pytest.mark.parametrize(
    ("kind", "original"),
    [
        (PostingKind.REVERSAL, None),
        (PostingKind.ADJUSTMENT, 202610),
        (PostingKind.SETTLEMENT, 202611),
    ],
)
def test_a_posting_that_refers_to_another_month_is_found(
    world: World, kind: PostingKind, original: int | None
) -> None:
    settled = tables.settlement.c
    uncorrected = sa.select(settled.settlement_id).where(
        settled.settlement_id.not_in(sa.select(tables.correction.c.settlement_id))
    )
    chosen = [_of(kind)]
    if kind is PostingKind.SETTLEMENT:
        chosen.append(entry.c.posting_id.in_(uncorrected))
    faults = alter(
        world,
        lambda connection: connection.execute(
            sa.update(entry).where(*chosen).values(original_month=original)
        ),
    )
    assert "refers to another month than that of what it changes" in faults.values()


_OF_FUNDS = table.c.institution_id == FUNDS
_RAISED = {"amount_fen": tables.period_sum.c.amount_fen + 1}


@pytest.mark.parametrize(
    ("by_hand", "detail"),
    [
        (sa.update(tables.period_sum).values(_RAISED), "was closed with"),
        (sa.delete(tables.period_sum), "was closed with"),
        (
            sa.update(table).where(_OF_FUNDS).values(amount_fen=table.c.amount_fen + 1),
            "its sums make",
        ),
        (sa.update(table).where(_OF_FUNDS).values(checker=table.c.maker), "two operators"),
        (
            # The same name in other letters.
            sa.update(table).where(_OF_FUNDS).values(checker=sa.func.upper(table.c.maker)),
            "two operators",
        ),
        (
            sa.update(table).where(_OF_FUNDS).values(checker="agency/999019/zhao"),
            "the audit tells of no such closing",
        ),
        (sa.update(table).where(_OF_FUNDS).values(close_id=new_id()), "the audit tells of no"),
        (sa.update(tables.posting_fence).values(ended_month=202610), "take postings"),
        (sa.delete(table).where(_OF_FUNDS), "the audit tells that it closed a month"),
        (sa.delete(table).where(_OF_FUNDS), "sums are kept of it, and it closed nothing"),
    ],
)
def test_a_closing_that_was_altered_is_found(
    world: World, by_hand: sa.UpdateBase, detail: str
) -> None:
    with as_owner(world.database) as connection:
        connection.execute(by_hand)
    drifts = check_ledger(world.database).drifts
    assert any(detail in each.detail for each in drifts if each.invariant == INVARIANTS[19])


def test_a_month_that_was_skipped_is_found(world: World) -> None:
    row = {
        "region": REGION,
        "close_id": new_id(),
        "institution_id": HOSPITAL,
        "month": 202701,
        "entry_count": 0,
        "amount_fen": 0,
        "maker": "agency/999019/wang",
        "propose_time": NOW,
        "state": 4,
        "checker": "agency/999019/li",
        "close_time": NOW,
    }
    faults = alter(world, lambda connection: connection.execute(sa.insert(table).values(**row)))
    assert f"{HOSPITAL} 202701" in faults
