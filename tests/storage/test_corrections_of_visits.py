"""What is corrected around a bill: stays, lines with ids, reviews, and years."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world
from support.charges import (
    assert_books_are_right,
    charged,
    listed,
    of_uploaded,
    upload,
)
from support.corrections import correct, correct_command, tried
from support.databases import Databases
from support.reviews import twice
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import CorrectSettlementResponse
from yibao.settlement.v1.review_pb2 import REVIEW_KIND_SAME_BILL, REVIEW_KIND_STAYS_OVERLAP
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.review.listing import ReviewWish
from yibao_settlement.rules.bill import ChargedLine, Selection
from yibao_settlement.rules.review import ReviewState
from yibao_settlement.rules.stay import is_open
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables

LINES = (ChargedLine(1, "A1", "500.00", "2", 100_000),)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def visit_of(world: World, visit_id: str) -> Visit:
    found = world.queries.visit(REGION, visit_id)
    assert found is not None
    return found


def test_a_stay_that_the_bill_ended_stays_ended_and_another_one_open(world: World) -> None:
    (person,) = world.enrol()
    ended = world.register(person, start_date=TODAY)
    settlement_id = world.settle(ended, person).settlement_id
    world.register(person, start_date=TODAY)
    before = visit_of(world, ended)
    # Beside it a command that has the person's open stays read.
    command = correct_command(world, settlement_id, LINES)
    corrected, refused = world.work(REGION, [command, world.visit_command(person)])
    assert isinstance(corrected, bytes)
    answer = CorrectSettlementResponse.FromString(corrected)
    assert isinstance(refused, RuleError)
    assert refused.reason is Reason.STAY_OPEN_ELSEWHERE
    visit = visit_of(world, ended)
    assert visit == before
    assert not is_open(visit, world.queries.standing_bills(REGION, ended))
    # Taken back altogether, the stay is kept ended beside the other one.
    world.reverse(answer.settlement.settlement_id)
    assert visit_of(world, ended).end_date == TODAY
    assert_books_are_right(world)


def test_an_interim_bill_stays_one_and_the_stay_open(world: World) -> None:
    (person,) = world.enrol()
    visit_id = admit(world, person, TODAY)
    bill = world.bill(visit_id, is_interim=True)
    settlement_id = world.settle(visit_id, person, bill=bill).settlement_id
    answer = correct(world, settlement_id, LINES)
    assert answer.settlement.is_interim
    bills = world.queries.standing_bills(REGION, visit_id)
    assert is_open(visit_of(world, visit_id), bills)


def test_lines_with_ids_are_free_and_taken_anew(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"), charged("L2", "B1"), charged("L3", "C1"))
    bill = of_uploaded(world, visit, 20_000, line_ids=("L1", "L2"))
    first = world.settle(visit, person, bill=bill).settlement_id
    wrong = {"selection": Selection(("L1", "L9")), "total_fen": 20_000}
    with pytest.raises(RuleError) as refusal:
        world.run(correct_command(world, first, (), bill=wrong))
    assert refusal.value.reason is Reason.LINE_NOT_FOUND
    chosen = {"selection": Selection(("L1", "L3")), "total_fen": 20_000}
    answer = correct(world, first, (), bill=chosen)
    second = answer.settlement.settlement_id
    taken = {each.charge.line.line_id: each.charge.settlement_id for each in listed(world, visit)}
    assert taken == {"L1": second, "L2": None, "L3": second}
    # What is free again is settled by a bill of its own.
    rest = of_uploaded(world, visit, 10_000)
    world.settle(visit, person, bill=rest)
    taken_by_another = {"selection": Selection(("L2",)), "total_fen": 10_000}
    with pytest.raises(RuleError) as refusal:
        world.run(correct_command(world, second, (), bill=taken_by_another))
    assert refusal.value.reason is Reason.LINE_SETTLED
    assert_books_are_right(world)


def test_a_line_that_the_bill_carried_is_carried_by_its_correction(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    lines = (charged("L1"), charged("L2", "B1")._replace(line_number=2))
    bill = world.bill(visit, lines=lines, total_fen=20_000)
    first = world.settle(visit, person, bill=bill).settlement_id
    # Another item under the id: the bill was wrong, and its lines are as if they had not been.
    right = (charged("L1", "B1"), charged("L4")._replace(line_number=2))
    second = correct(world, first, right).settlement.settlement_id
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(tables.charge.c.line_id, tables.charge.c.settlement_id)
        ).all()
    assert dict(tuple(row) for row in rows) == {"L1": second, "L2": None, "L4": second}
    assert_books_are_right(world)


def test_the_case_of_the_old_bill_is_withdrawn_and_the_new_one_opens_its_own(
    world: World,
) -> None:
    _, _, second = twice(world)
    wish = ReviewWish()
    (opened,) = world.queries.reviews(REGION, wish, after=None, limit=9)
    assert opened.settlement_id == second.settlement_id
    still = correct(world, second.settlement_id, (ChargedLine(1, "A1", "100.00", "90", 900_000),))
    assert REVIEW_KIND_SAME_BILL in still.settlement.review_kinds
    cases = {
        each.settlement_id: each.state
        for each in world.queries.reviews(REGION, wish, after=None, limit=9)
    }
    assert cases == {
        second.settlement_id: ReviewState.WITHDRAWN,
        still.settlement.settlement_id: ReviewState.OPEN,
    }
    right = correct(world, still.settlement.settlement_id, LINES)
    # The stays overlap all the same.
    assert list(right.settlement.review_kinds) == [REVIEW_KIND_STAYS_OVERLAP]
    assert_books_are_right(world)


def test_lines_are_of_their_own_days_and_of_the_cover_of_then(databases: Databases) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    first_day = TODAY - dt.timedelta(days=5)
    visit_id = admit(world, person, first_day)
    bill = world.bill(visit_id, lines=LINES, total_fen=100_000, is_interim=True)
    settlement_id = world.settle(visit_id, person, bill=bill).settlement_id
    line = charged("L1")
    day = TODAY - dt.timedelta(days=3)
    assert line.details is not None
    dated = line._replace(details=line.details._replace(charge_date=day))
    early = dated._replace(
        line_number=2,
        details=line.details._replace(line_id="L2", charge_date=first_day - dt.timedelta(days=1)),
    )
    answer = correct(world, settlement_id, (dated, early))
    assert [each.line_id for each in answer.settlement.lines] == ["L1"]
    assert [each.reason for each in answer.settlement.refused_lines] == [
        Reason.LINE_OUTSIDE_VISIT.wire_name
    ]
    with world.database.write() as connection:
        connection.execute(sa.delete(tables.enrolment))
    # Of days that were charged on before, it is known; of another one nothing covers it.
    other = dated._replace(
        line_number=2,
        details=line.details._replace(line_id="L3", charge_date=day - dt.timedelta(days=1)),
    )
    again = correct(world, answer.settlement.settlement_id, (dated, other))
    assert [each.excluded_fen for each in again.settlement.lines] == [0, 10_000]


def test_a_stay_over_new_year_is_corrected_in_the_year_that_it_counts_for(
    databases: Databases,
) -> None:
    world = benefit_world(databases, year="{stay_over_new_year: split}")
    (person,) = world.enrol()
    at(world, dt.date(2026, 12, 20))
    visit_id = admit(world, person, dt.date(2026, 12, 20))
    at(world, dt.date(2027, 1, 5))
    world.run(world.discharge_command(visit_id, end_date=dt.date(2027, 1, 5)))
    days = (dt.date(2026, 12, 24), dt.date(2027, 1, 3))

    def lines(*fen: int) -> tuple[ChargedLine, ...]:
        made = []
        for number, (each, day) in enumerate(zip(fen, days, strict=True), 1):
            line = charged(f"L{number}", yuan=each // 100)
            assert line.details is not None
            details = line.details._replace(charge_date=day)
            made.append(line._replace(line_number=number, details=details))
        return tuple(made)

    bill = world.bill(
        visit_id,
        lines=lines(900_000, 100_000),
        total_fen=1_000_000,
        service_date=dt.date(2027, 1, 5),
    )
    settlement_id = world.settle(visit_id, person, bill=bill).settlement_id
    first = world.queries.settlement(REGION, settlement_id)
    later_visit = admit(world, person, dt.date(2027, 1, 5))
    at(world, dt.date(2027, 1, 8))
    world.run(world.discharge_command(later_visit, end_date=dt.date(2027, 1, 8)))
    later_bill = world.bill(
        later_visit,
        lines=(ChargedLine(1, "A1", "9000", "1", 900_000),),
        total_fen=900_000,
        service_date=dt.date(2027, 1, 8),
    )
    later_id = world.settle(later_visit, person, bill=later_bill).settlement_id
    before = world.queries.settlement(REGION, later_id)
    turned = correct(world, settlement_id, lines(100_000, 900_000))
    moved = world.queries.settlement(REGION, later_id)
    assert before is not None
    assert moved is not None
    assert not moved.effective.costs_as(before.effective)
    back = correct(world, turned.settlement.settlement_id, lines(900_000, 100_000))
    restored = world.queries.settlement(REGION, back.settlement.settlement_id)
    unmoved = world.queries.settlement(REGION, later_id)
    assert first is not None
    assert restored is not None
    assert unmoved is not None
    assert restored.counter == first.counter
    assert unmoved.effective.costs_as(before.effective)
    assert_books_are_right(world)


def test_a_trial_opens_no_case_and_frees_nothing(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"), charged("L2", "B1"))
    bill = of_uploaded(world, visit, 10_000, line_ids=("L1",))
    first = world.settle(visit, person, bill=bill).settlement_id
    chosen = {"selection": Selection(("L2",)), "total_fen": 10_000}
    told = tried(world, correct_command(world, first, (), bill=chosen, institution_id=HOSPITAL))
    assert [each.line_id for each in told.settlement.lines] == ["L2"]
    taken = {each.charge.line.line_id: each.charge.settlement_id for each in listed(world, visit)}
    assert taken == {"L1": first, "L2": None}
