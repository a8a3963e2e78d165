"""Statements of stored bills that changed since: of what is left, with what it costs by now."""

import pytest
from support.benefit_world import at, benefit_world, stay_bill
from support.databases import Databases
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.statement_pb2 import Statement
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.statement.encode import statement_message

OWN = parse_caller(f"institution/{OTHER_HOSPITAL}")


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def settle(world: World, person: str, institution: str, *amounts: int) -> str:
    visit_id = world.register(person, care_type="11", start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit_id, TODAY, *amounts, account_used=True)
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def statement(world: World, settlement_id: str) -> Statement:
    return statement_message(find_statement(world.queries, REGION, settlement_id, OWN))


def test_a_statement_tells_what_was_returned_and_what_it_costs_now(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    first = settle(world, person, HOSPITAL, 1_200_000, 800_000)
    second = settle(world, person, OTHER_HOSPITAL, 1_000_000, 900_001)
    plain = statement(world, second)
    assert not plain.HasField("returned")
    assert not plain.HasField("effective")
    at(world, TODAY)
    world.reverse(first)
    back = world.refund(second, AskedReturn(line_number=2), institution_id=OTHER_HOSPITAL)
    told = statement(world, second)
    amounts, now = back.refund.amounts, told.effective
    assert (told.returned.fund_total_fen, told.returned.other_total_fen) == (
        amounts.fund_total_fen,
        amounts.other_total_fen,
    )
    assert (told.returned.account_fen, told.returned.cash_fen) == (
        amounts.account_fen,
        amounts.cash_fen,
    )
    assert (told.returned.line_count, told.returned.last_date.day) == (1, TODAY.day)
    assert told.parts.amount_fen == 1_000_000
    record = world.queries.settlement(REGION, second)
    assert record is not None
    effective = record.effective
    assert [now.fund_total_fen, now.other_total_fen, now.account_fen, now.cash_fen] == [
        effective.fund_total_fen,
        effective.other_total_fen,
        effective.account_fen,
        effective.cash_fen,
    ]
    assert now.difference_fen == told.cash_fen - now.cash_fen
    assert now.due_fen == told.account_fen - now.account_fen
    assert (now.difference_fen, now.due_fen) != (0, 0)
    ids = [each.sentence_id for each in told.sentences]
    assert {"RET1", "NOW0", "NOW1"} <= set(ids)
    sent = told.SerializeToString()
    assert first.encode() not in sent
    assert HOSPITAL.encode() not in sent
