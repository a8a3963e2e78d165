"""Statements of what is stored: whose they are, what they say, and when there is none."""

import dataclasses

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application import statement as application
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.statement.statement import Statement
from yibao_settlement.rules.statement.telling import sentences_of
from yibao_settlement.storage import tables

AGENCY = parse_caller(f"agency/{REGION}/wang")
OWN = parse_caller(f"institution/{HOSPITAL}")


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def settle(world: World) -> tuple[Settlement, str, str]:
    (person,) = world.enrol()
    visit = world.register(person)
    return world.settle(visit, person), visit, person


def found(world: World, settlement_id: str) -> Statement:
    return find_statement(world.queries, REGION, settlement_id, OWN)


def test_a_statement_says_what_was_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit)
    settled = world.settle(visit, person, bill=bill)
    statement = found(world, settled.settlement_id)
    assert statement == find_statement(world.queries, REGION, settled.settlement_id, AGENCY)
    assert statement.provider.institution_name == "示例医院"
    assert [item.item_name for item in statement.items] == ["甲类药", "乙类药", "丙类药"]
    assert [item.unit_price for item in statement.items] == [line.unit_price for line in bill.lines]
    assert [(group.name_zh, group.parts.amount_fen) for group in statement.groups] == [
        ("甲类", 900_000),
        ("乙类", 100_000),
        ("丙类（目录外）", 50_000),
    ]
    assert statement.total_fen == settled.total_fen
    assert statement.fund_total_fen == settled.fund_total_fen
    assert statement.cash_fen == settled.cash_fen


def test_the_next_statement_tells_of_the_one_before(world: World) -> None:
    settled, visit, person = settle(world)
    first = found(world, settled.settlement_id)
    second = found(world, world.settle(visit, person).settlement_id)
    before = {line.accumulator: line.before for line in second.year}
    assert before == {line.accumulator: line.after for line in first.year}
    assert any(before.values())
    assert first.next_bill is not None
    assert first.next_bill.deductible_fen == second.deductible_fen


def test_a_reversed_settlement_says_so(world: World) -> None:
    settled, _, _ = settle(world)
    world.reverse(settled.settlement_id)
    statement = found(world, settled.settlement_id)
    assert statement.reversal is not None
    assert [each.sentence_id for each in sentences_of(statement)] == ["SUM1", "REF1"]


def test_another_institution_learns_nothing_of_a_settlement(world: World) -> None:
    settled, _, _ = settle(world)
    other = parse_caller(f"institution/{OTHER_HOSPITAL}")
    with pytest.raises(RuleError) as refused:
        find_statement(world.queries, REGION, settled.settlement_id, other)
    assert refused.value.reason is Reason.SETTLEMENT_NOT_FOUND


def test_an_altered_settlement_has_no_statement(world: World) -> None:
    settled, _, _ = settle(world)
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.settlement).values(cash_fen=tables.settlement.c.cash_fen + 1)
        )
    with pytest.raises(RuleError) as refused:
        found(world, settled.settlement_id)
    assert refused.value.reason is Reason.TRACE_MISMATCH


def test_one_that_would_not_add_up_on_paper_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, _, _ = settle(world)
    made = application.statement_of

    def short_of_a_fen(*arguments: object, **more: object) -> Statement:
        whole = made(*arguments, **more)  # type: ignore[arg-type]
        return dataclasses.replace(whole, cash_fen=whole.cash_fen - 1)

    monkeypatch.setattr(application, "statement_of", short_of_a_fen)
    with pytest.raises(RuleError) as refused:
        found(world, settled.settlement_id)
    assert refused.value.reason is Reason.TRACE_MISMATCH
    assert isinstance(refused.value.__cause__, InvariantError)
