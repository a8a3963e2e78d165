"""The audit on real databases: chained as written, and every way to tamper shows."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.db import audit_chain as audit
from yibao_common.db.audit_chain import ChainFault
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id

REGION = "999019"
OTHER_REGION = "999029"
NOW = dt.datetime(2026, 11, 20, 4, 0, 0, 123_456, tzinfo=dt.UTC)
PERSON, CARD = new_id(), new_id()
TABLES = audit.audit_tables(sa.MetaData())


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_identity")


def entry(**changes: object) -> AuditEntry:
    first = AuditEntry(
        region=REGION,
        at=NOW,
        caller="agency/999019/wang",
        method="ReportLoss",
        subject_ids=(CARD, PERSON),
        outcome=OK,
        detail={"kind": "card", "action": "lost"},
        request_id=new_id(),
    )
    return dataclasses.replace(first, **changes)  # type: ignore[arg-type]


def record(database: Database, *entries: AuditEntry) -> None:
    with database.write() as connection:
        for each in entries:
            audit.record_audit(connection, TABLES, each)


def fault(database: Database, region: str = REGION) -> ChainFault | None:
    with database.read() as connection:
        return audit.check_chain(connection, TABLES, region)


def run(database: Database, statement: sa.Executable) -> None:
    with as_owner(database) as connection:
        connection.execute(statement)


def test_rows_are_numbered_chained_and_found_by_their_subjects(database: Database) -> None:
    record(database, entry(), entry(subject_ids=(), outcome="PIN_INCORRECT", detail={}))
    with database.read() as connection:
        first, second = connection.execute(
            sa.select(TABLES.event).order_by(TABLES.event.c.sequence)
        ).all()
        subjects = connection.execute(sa.select(TABLES.subject)).all()
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.record_time == NOW
    assert (first.subject_ids, first.detail) == (f"{CARD},{PERSON}", "action=lost kind=card")
    assert (second.subject_ids, second.detail) == ("", "")
    assert bytes(first.previous_hash) == bytes(32)
    assert bytes(second.previous_hash) == bytes(first.hash)
    assert {(row.subject_id, row.sequence) for row in subjects} == {(CARD, 1), (PERSON, 1)}
    assert fault(database) is None


def test_a_chain_without_rows_is_sound(database: Database) -> None:
    assert fault(database) is None


def test_regions_have_chains_of_their_own(database: Database) -> None:
    record(database, entry(), entry(region=OTHER_REGION), entry(region=OTHER_REGION))
    run(database, sa.delete(TABLES.event).where(TABLES.event.c.region == OTHER_REGION))
    assert fault(database) is None
    assert fault(database, OTHER_REGION) is not None


def test_a_row_that_is_rolled_back_leaves_no_gap(database: Database) -> None:
    record(database, entry())

    def record_and_fail() -> None:
        with database.write() as connection:
            audit.record_audit(connection, TABLES, entry())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    record(database, entry())
    assert fault(database) is None


EVENT = TABLES.event
SECOND = EVENT.c.sequence == 2
SOMEBODY = "agency/999019/li"


@pytest.mark.parametrize(
    ("tampering", "sequence"),
    [
        pytest.param(sa.update(EVENT).where(SECOND).values(caller=SOMEBODY), 2, id="the caller"),
        pytest.param(sa.update(EVENT).where(SECOND).values(outcome="PIN_LOCKED"), 2, id="outcome"),
        pytest.param(sa.update(EVENT).where(SECOND).values(detail=""), 2, id="the detail"),
        pytest.param(sa.update(EVENT).where(SECOND).values(method="ReportLos"), 2, id="method"),
        pytest.param(sa.update(EVENT).where(SECOND).values(request_id=""), 2, id="the request"),
        pytest.param(sa.update(EVENT).where(SECOND).values(subject_ids=""), 2, id="the subjects"),
        pytest.param(
            sa.update(EVENT).where(SECOND).values(record_time=NOW + dt.timedelta(microseconds=1)),
            2,
            id="the time",
        ),
        pytest.param(
            sa.update(EVENT).where(SECOND).values(previous_hash=bytes(32)), 2, id="the link"
        ),
        pytest.param(sa.update(EVENT).where(SECOND).values(hash=bytes(32)), 2, id="the hash"),
        pytest.param(sa.delete(EVENT).where(SECOND), 2, id="a row in the middle is gone"),
        pytest.param(sa.delete(EVENT).where(EVENT.c.sequence == 3), 3, id="the end is gone"),
        pytest.param(sa.delete(EVENT), 1, id="everything is gone"),
        pytest.param(
            sa.insert(EVENT).from_select(
                [column.name for column in EVENT.c],
                sa.select(
                    *(sa.literal(0) if column is EVENT.c.sequence else column for column in EVENT.c)
                ).where(SECOND),
            ),
            0,
            id="a row was put before the first",
        ),
        pytest.param(sa.delete(TABLES.head), 4, id="the head is gone"),
        pytest.param(
            sa.delete(TABLES.subject).where(
                TABLES.subject.c.sequence == 2, TABLES.subject.c.subject_id == PERSON
            ),
            2,
            id="a subject does not lead to its row",
        ),
    ],
)
def test_tampering_is_told_with_the_row(
    database: Database, tampering: sa.Executable, sequence: int
) -> None:
    record(database, entry(), entry(), entry())
    run(database, tampering)
    found = fault(database)
    assert found is not None
    assert (found.region, found.sequence) == (REGION, sequence)


def test_a_chain_longer_than_a_page_is_checked_to_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_PAGE_ROWS", 2)
    record(database, *(entry() for _ in range(5)))
    assert fault(database) is None
    run(database, sa.update(EVENT).where(EVENT.c.sequence == 5).values(detail=""))
    found = fault(database)
    assert found is not None
    assert found.sequence == 5


def test_refusals_are_recorded_beside_each_other_without_a_gap(database: Database) -> None:
    refused = [entry(outcome="PIN_INCORRECT") for _ in range(24)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: audit.record_refused(database, TABLES, each), refused))
    assert fault(database) is None
    with database.read() as connection:
        numbers = connection.execute(sa.select(EVENT.c.sequence)).scalars().all()
    assert sorted(numbers) == list(range(1, 25))
