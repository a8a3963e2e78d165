"""Databases of every published schema, filled by the code of then, are upgraded and work.

`data/upgrades` holds them; `data/README.md` tells how they were made.
"""

import datetime as dt
import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import KEYS_FROM
from support.old_databases import COMMITS, open_old, unpack

from yibao import issuing
from yibao_common.db import migrations
from yibao_common.db.audit_chain import check_chain
from yibao_common.db.completeness import check_is_complete
from yibao_common.db.database import Database
from yibao_common.db.schema import check_is_current
from yibao_common.keys.vault import Vault, read_secret
from yibao_identity.application.secret import HASH_KEY, SecretKind, keep_checks
from yibao_identity.storage import tables as identity_tables
from yibao_identity.storage.person import StoredPersons
from yibao_identity.storage.secret import StoredSecrets
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_offsite.storage import tables as offsite_tables
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.enrolment import EnrolledFacts, enrolled_facts_of
from yibao_settlement.storage import tables as settlement_tables
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, enrolments_from

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
METADATA = {
    "identity": identity_tables.metadata,
    "settlement": settlement_tables.metadata,
    "offsite": offsite_tables.metadata,
}
AUDITS = {
    "identity": identity_tables.audit,
    "settlement": settlement_tables.audit,
    "offsite": offsite_tables.audit,
}


@pytest.fixture(params=COMMITS)
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    commit: str = request.param
    return unpack(commit, tmp_path)


def upgraded(databases: Databases, box: Path, service: str) -> Database:
    database = open_old(databases, box, service)
    migrations.upgrade(database, f"yibao_{service}")
    check_is_current(database, f"yibao_{service}")
    # As the service does before it starts.
    check_is_complete(database, METADATA[service])
    return database


def vault_of(box: Path) -> Vault:
    keys = box / "keys"
    return Vault(
        [read_secret(keys / "encryption.hex")],
        read_secret(keys / "hash.hex"),
        random_bytes=os.urandom,
    )


def test_the_books_and_records_are_right(databases: Databases, box: Path) -> None:
    for service, audit in AUDITS.items():
        database = upgraded(databases, box, service)
        try:
            with database.read() as connection:
                regions = connection.execute(sa.select(audit.head.c.region)).scalars().all()
                assert [check_chain(connection, audit, each) for each in regions] == [
                    None for _ in regions
                ]
            if service == "settlement":
                report = check_ledger(database)
                assert report.drifts == []
                # The first demonstration ended before it settled.
                assert report.settlements == (0 if box.name == COMMITS[0] else 3)
        finally:
            database.close()


def test_persons_are_found_and_secrets_fit(databases: Databases, box: Path) -> None:
    database, vault = upgraded(databases, box, "identity"), vault_of(box)
    held = {HASH_KEY: vault.hash_key_check} | {
        (SecretKind.ENCRYPTION_KEY, name): check
        for name, check in vault.encryption_key_checks.items()
    }
    try:
        with database.write() as connection:
            person = identity_tables.person.c
            rows = connection.execute(sa.select(person.region, person.person_id)).all()
            assert rows
            for region, person_id in rows:
                persons = StoredPersons(connection, region, vault)
                assert persons.is_found_by_number(person_id)
                found = persons.find(person_id)
                assert found is not None
                assert found.person_name
            secrets = StoredSecrets(connection, vault)
            peppers = secrets.names_in_use(SecretKind.PEPPER)
            held |= {(SecretKind.PEPPER, name): bytes(32) for name in peppers}
            assert keep_checks(secrets, held, at=NOW) == []
    finally:
        database.close()


def test_periods_of_before_tell_no_facts_that_nobody_was_asked_for(
    databases: Databases, box: Path
) -> None:
    identity = upgraded(databases, box, "identity")
    settlement = upgraded(databases, box, "settlement")
    try:
        with identity.read() as connection:
            column = identity_tables.enrolment.c
            told = (column.tier, column.insured_months_before, column.months_owing)
            rows = {tuple(row) for row in connection.execute(sa.select(*told))}
        assert rows == {("", None, None)}
        with settlement.read() as connection:
            columns = [settlement_tables.enrolment.c[name] for name in ENROLMENT_COLUMNS]
            found = connection.execute(sa.select(*columns))
            periods = enrolments_from(tuple(row) for row in found)
            held = set(connection.execute(sa.select(settlement_tables.person.c.diseases)).scalars())
        assert held <= {None}
        for each in periods.values():
            facts = enrolled_facts_of(each[0], each, (), on=each[0].start_date)
            assert facts == EnrolledFacts(None, frozenset(), None, None)
        # The first demonstration ended before settlement had read the feed.
        assert bool(periods) == (box.name != COMMITS[0])
    finally:
        identity.close()
        settlement.close()


def test_every_stored_document_can_be_read(databases: Databases, box: Path) -> None:
    """One of the first form broke whatever looked at the newest."""
    database = upgraded(databases, box, "identity")
    try:
        with StoredTrust(database).view() as view:
            view.newest_snapshot()
            view.oldest_snapshot(KEYS_FROM.replace(year=2000))
            view.newest_root()
        with database.read() as connection:
            snapshot = identity_tables.trust_snapshot.c.snapshot
            for document in connection.execute(sa.select(snapshot)).scalars():
                issuing.read_snapshot(bytes(document))
            status = identity_tables.status_list.c.document
            for document in connection.execute(sa.select(status)).scalars():
                issuing.read_status_list(bytes(document))
    finally:
        database.close()
