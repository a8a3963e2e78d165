"""Settlement serves with the rights that the documents tell, and with no more than these."""

import dataclasses
import datetime as dt

import psycopg.errors
import pytest
import sqlalchemy as sa
from support.contracts import ROOT
from support.databases import Databases
from support.own_codes import (
    cancel_mapping,
    decide_mappings,
    mapped,
    row,
    suspend_and_lift,
)
from support.periods import close
from support.settlement_parts import checkpoints_of, fold, transactions_of
from support.settlement_world import HOSPITAL, NOW, REGION, World
from support.tokens import ADMIT, resolve

from yibao_common.db.database import Database
from yibao_common.db.pruning import prune_answers
from yibao_common.db.schema import check_is_current
from yibao_settlement.application.work import Work
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables
from yibao_settlement.storage.token.pruning import prune_tokens

DOCUMENT = ROOT / "docs" / "operating" / "databases.md"
ROLE = "yibao_settlement"
ON_RECORD = (
    *(tables.entry, tables.posting, tables.settlement_lines, tables.used_code),
    *(tables.review_event, tables.period_sum, tables.token_use, tables.doctor_points),
    *(tables.audit.event, tables.audit.subject),
)
DAY = dt.timedelta(days=1)
NEXT_YEAR = dt.datetime(2027, 1, 5, 4, 0, tzinfo=dt.UTC)
UNKNOWN = "H99901999999"


def end_policies(work: Work) -> None:
    """Ends what is in force, as the approval of a policy that follows does."""
    (active,) = work.policies.active("390")
    work.policies.update(dataclasses.replace(active, end_date=NEXT_YEAR.date()))


@pytest.fixture
def serving(postgres_databases: Databases) -> Database:
    """A migrated database, as the account sees it that has the documented rights."""
    return postgres_databases.open("yibao_settlement")


def test_the_documented_rights_serve(serving: Database) -> None:
    check_is_current(serving, "yibao_settlement")
    world = World(serving)
    person, duplicate = world.enrol(2)
    world.run(world.credit_command(person, 50_000))
    world.run(world.credit_command(duplicate, 500))
    (mapping,) = mapped(world, row("药-1", "A1"), is_reviewed=True)
    decide_mappings(world, mapping)
    cancel_mapping(world, mapping)
    suspend_and_lift(world)
    visit = world.register(person, code=resolve(world, person, audience=ADMIT))
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    world.reverse(settled.settlement_id, institution_id=None)
    world.run(world.cancel_command(visit))
    # A bill of the next year, then late ones of the year that it closed.
    kept = world.register(person)
    world.clock.now = NEXT_YEAR
    for day in (NEXT_YEAR.date(), NOW.date(), NOW.date() - DAY):
        world.settle(kept, person, bill=world.bill(kept, service_date=day))
    # Nothing is booked of a person whose standing was only made to be locked.
    (stranger,) = world.enrol()
    (refused,) = world.work(REGION, [world.visit_command(stranger, institution_id=UNKNOWN)])
    assert not isinstance(refused, bytes)
    world.feed(world.insured(duplicate, merged_into=person, enrolments=(), credentials=()))
    transactions_of(serving).change(REGION, end_policies)
    assert close(world, HOSPITAL, 202611).sums
    assert fold(serving, REGION) > 0
    assert checkpoints_of(serving).rebuild(REGION) > 0
    assert prune_answers(serving, tables.answer, before=NEXT_YEAR + DAY) > 5
    assert prune_tokens(serving, REGION, before=NEXT_YEAR) == 1
    assert check_ledger(serving).drifts == []
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == 50_500


def test_what_is_on_record_is_neither_changed_nor_taken_away(serving: Database) -> None:
    refused = [f"UPDATE {table.name} SET region = region" for table in ON_RECORD]
    refused += [f"DELETE FROM {table.name}" for table in (*ON_RECORD, tables.audit.head)]
    refused += [f"DELETE FROM {table.name}" for table in (tables.settlement, tables.visit)]
    refused += [
        "UPDATE settlement SET fund_total_fen = 0",
        "UPDATE period_close SET amount_fen = 0",
        "UPDATE visit SET person_id = visit_id",
        "UPDATE answer SET response = ''",
        "UPDATE code_mapping SET item_code = ''",
        "DELETE FROM code_mapping",
        "UPDATE suspension SET start_date = now()",
    ]
    for statement in refused:
        with pytest.raises(sa.exc.ProgrammingError) as caught, serving.write() as connection:
            connection.exec_driver_sql(statement)
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege), statement
