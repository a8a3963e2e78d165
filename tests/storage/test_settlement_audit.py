"""Credits, and what an agency reverses, are on record: who, what and why."""

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import AGENCY, NOW, OTHER_HOSPITAL, REGION, World

from yibao_common.db.audit_chain import check_chain
from yibao_common.values.errors import RuleError
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def on_record(world: World) -> list[tuple[str, str, str, str]]:
    """Returns caller, method, detail and request of each row since the world was made."""
    event = tables.audit.event.c
    with world.database.read() as connection:
        assert check_chain(connection, tables.audit, REGION) is None
        rows = connection.execute(
            sa.select(event.caller, event.method, event.detail, event.request_id)
            .where(event.method.in_(("CreditAccount", "ReverseSettlement", "SettleBill")))
            .order_by(event.sequence)
        )
        return [tuple(row) for row in rows]


def rows_about(world: World, subject_id: str) -> int:
    subject = tables.audit.subject.c
    with world.database.read() as connection:
        query = sa.select(sa.func.count()).where(subject.subject_id == subject_id)
        return connection.execute(query).scalar_one()


def test_a_credit_is_on_record_once_with_its_posting(world: World) -> None:
    (person,) = world.enrol()
    command = world.credit_command(person, 700, source="recharge")
    world.run(command)
    world.run(command)
    posting = tables.posting.c
    with world.database.read() as connection:
        row = connection.execute(
            sa.select(posting.posting_id, posting.request_id, posting.posted_by, posting.post_time)
        ).one()
    request_id = command.request.request_id
    assert tuple(row[1:]) == (request_id, AGENCY, NOW)
    detail = f"account=person:{person} amount_fen=700 posting={row.posting_id} source=recharge"
    assert on_record(world) == [(AGENCY, "CreditAccount", detail, request_id)]
    assert rows_about(world, person) == rows_about(world, row.posting_id) == 1


def test_an_agencys_reversal_is_on_record_and_an_institutions_own_is_not(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    by_hospital, by_agency = (world.settle(visit, person) for _ in range(2))
    world.reverse(by_hospital.settlement_id)
    command = world.reverse_command(
        by_agency.settlement_id, institution_id=None, reason="复核后 撤销"
    )
    world.run(command)
    ((caller, method, detail, request_id),) = on_record(world)
    assert (caller, method, request_id) == (
        AGENCY,
        "ReverseSettlement",
        command.request.request_id,
    )
    told = dict(pair.split("=") for pair in detail.split(" "))
    assert told["settlement"] == by_agency.settlement_id
    assert told["fund_total_fen"] == str(by_agency.fund_total_fen)
    assert told["account_fen"] == "0"
    assert told["reason"].startswith("%E5")
    assert rows_about(world, by_agency.settlement_id) == 1
    assert rows_about(world, by_hospital.settlement_id) == 0


def test_what_was_refused_or_undone_leaves_no_row(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    settlement_id = world.settle(visit, person).settlement_id
    refused = world.work(
        REGION,
        [
            world.reverse_command(settlement_id, institution_id=OTHER_HOSPITAL),
            world.credit_command("0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e", 5),
        ],
    )
    assert all(isinstance(each, RuleError) for each in refused)
    assert on_record(world) == []
