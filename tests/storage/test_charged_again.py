"""Lines that are charged again: of a bill returned whole, and under an id that was wrong."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from support import charges
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import correct, correct_command, record_of, trial_of
from support.databases import Databases
from support.settlement_world import HOSPITAL, REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def again(bill: Bill) -> Bill:
    return bill._replace(bill_number=f"{bill.bill_number} again")


def all_of(settlement_id: str, world: World) -> list[AskedReturn]:
    return [AskedReturn(line.line_number) for line in record_of(world, settlement_id).lines]


def test_lines_of_a_bill_returned_whole_are_settled_again_without_ids(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit)
    settled = world.settle(visit, person, bill=bill).settlement_id

    def tried() -> int:
        now = world.clock.now
        found = trial(world.queries, REGION, again(bill), institution_id=HOSPITAL, now=now)
        return found.record.total_fen

    world.refund(settled, AskedReturn(1, quantity="1"))
    for act in (tried, lambda: world.settle(visit, person, bill=again(bill))):
        with pytest.raises(RuleError) as caught:
            act()
        assert caught.value.reason is Reason.LINES_ALREADY_SETTLED
    world.refund(settled, *all_of(settled, world))
    assert tried() == bill.total_fen
    told = world.settle(visit, person, bill=again(bill))
    assert (told.total_fen, told.review_id) == (bill.total_fen, "")
    with pytest.raises(RuleError) as caught:
        world.settle(visit, person, bill=bill._replace(bill_number="a third time"))
    assert caught.value.reason is Reason.LINES_ALREADY_SETTLED
    assert_books_are_right(world)


def test_a_batch_that_returns_a_bill_whole_settles_its_lines_again(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit)
    settled = world.settle(visit, person, bill=bill).settlement_id
    commands: list[Command] = [
        world.refund_command(settled, *all_of(settled, world)),
        world.settle_command(visit, person, bill=again(bill)),
    ]
    assert [type(each) for each in world.work(REGION, commands)] == [bytes, bytes]
    assert_books_are_right(world)


def test_a_line_that_was_uploaded_is_corrected_under_its_id(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    charges.upload(world, visit, charges.charged("L-1", "A1", 100), charges.charged("L-2"))
    bill = charges.of_uploaded(world, visit, 20_000)
    settled = world.settle(visit, person, bill=bill).settlement_id
    right = charges.charged("L-1", "B1", 300)._replace(line_number=1)
    same = charges.charged("L-2")._replace(line_number=2)
    command = correct_command(world, settled, (right, same))
    command = replace(command, bill=command.bill._replace(service_date=bill.service_date))
    world.run(trial_of(command))
    assert lines_of(world, visit) == {"L-1": ("A1", settled), "L-2": ("A1", settled)}
    answer = correct(world, settled, (right, same))
    new = answer.settlement.settlement_id
    assert answer.settlement.total_fen == 40_000
    assert lines_of(world, visit) == {"L-1": ("B1", new), "L-2": ("A1", new)}
    # It is the bill's own by now, as the other one is not.
    world.reverse(new)
    waiting = {each.charge.line.line_id for each in charges.listed(world, visit)}
    assert "L-2" in waiting
    assert lines_of(world, visit) == {"L-1": ("B1", None), "L-2": ("A1", None)}
    assert_books_are_right(world)


def lines_of(world: World, visit: str) -> dict[str, tuple[str, str | None]]:
    """Returns the lines with ids of a visit: what they charge, and who has taken them."""
    charge = tables.charge.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(charge.line_id, charge.line, charge.settlement_id).where(
                charge.visit_id == visit
            )
        )
        return {row[0]: ("B1" if '"B1"' in row[1] else "A1", row[2]) for row in rows}
