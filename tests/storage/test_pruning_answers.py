"""Answers go after their time, page by page, and what was done is still done once."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import NOW, REGION, World

from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.db.pruning import prune_answers
from yibao_common.process.config import AnswersConfig
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def answers(world: World) -> int:
    with world.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.answer)
        return connection.execute(query).scalar_one()


def test_a_repeat_is_the_same_until_its_time_and_refused_by_its_keys_after_it(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = world.visit_command(person)
    answer = world.run(visit)
    visit_id = RegisterVisitResponse.FromString(answer).visit.visit_id
    settlement_id = world.settle(visit_id, person).settlement_id
    commands = (visit, world.credit_command(person, 500), world.reverse_command(settlement_id))
    first = [answer, *(world.run(command) for command in commands[1:])]
    world.clock.now = NOW + 400 * DAY
    assert prune_answers(world.database, tables.answer, before=world.clock.now - 400 * DAY) == 0
    assert [world.run(command) for command in commands] == first
    later = NOW + dt.timedelta(microseconds=1)
    assert prune_answers(world.database, tables.answer, before=later, page_rows=2) > 3
    assert answers(world) == 0
    reasons = []
    for command in commands:
        (outcome,) = world.new_worker()(REGION, [command])
        assert isinstance(outcome, RuleError)
        reasons.append(outcome.reason)
    expected = [Reason.VISIT_DATE_INVALID, Reason.REQUEST_ID_REUSED, Reason.SETTLEMENT_REVERSED]
    assert reasons == expected
    assert check_ledger(world.database).drifts == []


def test_a_settled_bill_stays_settled_without_its_answer(world: World) -> None:
    (person,) = world.enrol()
    settle = world.settle_command(world.register(person), person)
    world.run(settle)
    prune_answers(world.database, tables.answer, before=NOW + DAY)
    (outcome,) = world.new_worker()(REGION, [settle])
    assert isinstance(outcome, RuleError)
    assert outcome.reason is Reason.BILL_ALREADY_SETTLED
    assert check_ledger(world.database).drifts == []


def test_a_clock_that_went_ahead_takes_no_answer_away(world: World) -> None:
    (person,) = world.enrol()
    visit = world.visit_command(person)
    world.run(visit)
    ahead = NOW + 500 * DAY

    def prune() -> int:
        before, since = ahead - 400 * DAY, ahead - DAY
        return prune_answers(world.database, tables.answer, before=before, in_use_since=since)

    assert prune() == 0
    # Where the region goes on answering at that time, it is no clock that went ahead.
    world.clock.now = ahead
    world.run(world.credit_command(person, 500))
    assert prune() == 1
    assert answers(world) == 1


@pytest.mark.parametrize("days", [0, 29])
def test_answers_are_never_kept_shorter_than_is_promised(days: int) -> None:
    with pytest.raises(ValueError, match="keep_days"):
        AnswersConfig(keep_days=days)


def test_answers_are_kept_for_400_days_unless_it_is_said() -> None:
    assert AnswersConfig().keep_days == 400
    assert AnswersConfig(keep_days=30).keep_days == 30
