"""Services serve with the rights that the documents tell, and with no more than these."""

import dataclasses
import datetime as dt

import psycopg.errors
import pytest
import sqlalchemy as sa
from support.contracts import ROOT
from support.databases import Databases, as_owner
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
from yibao_common.db.rights import check_rights
from yibao_common.db.schema import check_is_current
from yibao_common.process.config import StartError
from yibao_identity.storage import tables as identity
from yibao_offsite.storage import tables as offsite
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


METADATA = {
    "identity": identity.metadata,
    "settlement": tables.metadata,
    "offsite": offsite.metadata,
}
# The other services' tests serve by their documented rights too; this is what these leave out.
REFUSED = (
    *(
        ("identity", f"UPDATE {name} SET region = region")
        for name in ("person_change", "card_code")
    ),
    ("identity", "UPDATE card SET person_id = person_id"),
    ("identity", "UPDATE card SET pin_salt = pin_salt"),
    ("identity", "UPDATE trust_key SET public_key = public_key"),
    ("identity", "DELETE FROM issued_code"),
    ("identity", "DELETE FROM trust_root"),
    ("identity", "DELETE FROM audit_head"),
    *(
        ("offsite", f"UPDATE {name} SET region = region")
        for name in ("audit_event", "audit_evidence")
    ),
    ("offsite", "UPDATE material_part SET sealed_data = sealed_data"),
    ("offsite", "UPDATE registration SET person_id = person_id"),
    ("offsite", "DELETE FROM material"),
    ("offsite", "DELETE FROM registration"),
)


@pytest.mark.parametrize(("service", "statement"), REFUSED)
def test_neither_is_what_identity_and_offsite_have_on_record(
    postgres_databases: Databases, service: str, statement: str
) -> None:
    database = postgres_databases.open(f"yibao_{service}")
    with pytest.raises(sa.exc.ProgrammingError) as caught, database.write() as connection:
        connection.exec_driver_sql(statement)
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("service", METADATA)
def test_a_right_to_add_that_is_missing_is_told_at_the_start(
    postgres_databases: Databases, service: str
) -> None:
    database = postgres_databases.open(f"yibao_{service}")
    check_rights(database, METADATA[service])
    name = max(METADATA[service].tables)
    with as_owner(database) as connection:
        connection.exec_driver_sql(f"REVOKE INSERT ON {name} FROM yibao_{service}")
    with pytest.raises(StartError, match=f"lacks INSERT on {name}: grant"):
        check_rights(database, METADATA[service])
