"""The record of a settlement tells what was answered, and does not need the answer."""

import json

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_world import HOSPITAL, REGION, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_settlement.rules.bill import ChargedLine, LineParticulars
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.servicer import encode
from yibao_settlement.storage import tables
from yibao_settlement.storage.settlement.record import lines_text


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def read(world: World, settlement_id: str) -> Settlement:
    record = world.queries.settlement(REGION, settlement_id)
    assert record is not None
    message = Settlement()
    encode.fill_settlement(message, record)
    return message


def settle_long(world: World) -> Settlement:
    """Settles a bill of 250 lines, numbered downwards."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    visit = world.register(person)
    codes = ("A1", "B1", "B2", "C1")
    lines = tuple(ChargedLine(251 - n, codes[n % 4], "150.00", "1", 15_000) for n in range(1, 251))
    bill = world.bill(visit, lines=lines, total_fen=15_000 * 250, account_used=True)
    return world.settle(visit, person, bill=bill)


def test_it_is_read_as_it_was_answered_though_no_answer_is_left(world: World) -> None:
    settled = settle_long(world)
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.answer))
    assert read(world, settled.settlement_id) == settled
    reversed_ = world.reverse(settled.settlement_id)
    expected = Settlement()
    expected.CopyFrom(settled)
    expected.state, expected.reversal_id = reversed_.state, reversed_.reversal_id
    expected.reverse_time.CopyFrom(reversed_.reverse_time)
    assert read(world, settled.settlement_id) == expected


def test_a_line_of_a_long_bill_stands_among_a_hundred(world: World) -> None:
    settled = settle_long(world)
    table = tables.settlement_lines
    with world.database.read() as connection:
        rows = connection.execute(sa.select(table.c.first_line, table.c.lines)).all()
        first = connection.execute(sa.select(tables.settlement.c.first_lines)).scalar_one()
    chunks = {row.first_line: json.loads(row.lines) for row in rows} | {0: json.loads(first)}
    assert {first: len(lines) for first, lines in chunks.items()} == {0: 100, 100: 100, 200: 50}
    place = 142
    line, stored = settled.lines[place], chunks[100][place - 100]
    assert stored[:4] == [line.line_number, line.item_code, line.catalogue_class, 15_000]
    assert stored[-3:] == ["150.00", "1", None]
    # The line before exceeds a ceiling, which is kept with it.
    ceiling = LineParticulars._fields.index("price_ceiling")
    assert chunks[100][place - 101][-1][ceiling] == "100.00"


def test_lines_are_written_as_the_json_that_is_read() -> None:
    lines = (
        SplitLine(1, "A1", "01", 100, 0, 10, 9, 81, 100_000, "1.00", "1"),
        SplitLine(2, 'quote " and \\ and 药', "02", 5, 5, 0, 0, 0, None, "", ""),
    )
    assert json.loads(lines_text(lines)) == [list(line) for line in lines]
    assert json.loads(lines_text(())) == []


def test_it_tells_who_called(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    path = f"terminal/{HOSPITAL}/T7"
    settled = world.settle(visit, person, caller=path)
    record = world.queries.settlement(REGION, settled.settlement_id)
    assert record is not None
    assert record.settled_by == path


def test_a_record_of_a_later_form_is_not_read_as_if_it_were_this_one(world: World) -> None:
    (person,) = world.enrol()
    settled = world.settle(world.register(person), person)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.settlement).values(record_form=3))
    with pytest.raises(AssertionError, match="of form 3"):
        world.queries.settlement(REGION, settled.settlement_id)
