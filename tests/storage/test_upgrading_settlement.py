"""A settlement database of the first schema keeps its books when it is upgraded."""

import contextlib
import datetime as dt

import pytest
import sqlalchemy as sa
from alembic import command
from support.databases import Databases
from support.settlement_parts import feed_of

from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

REGION = "999019"


@pytest.fixture
def database(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> "contextlib.closing[Database]":
    """Opens a database of the first schema."""
    opened = Database(databases.empty_url())
    with monkeypatch.context() as patched:
        upgrade_to = command.upgrade
        patched.setattr(command, "upgrade", lambda config, _head: upgrade_to(config, "0001"))
        migrations.upgrade(opened, "yibao_settlement")
    return contextlib.closing(opened)


def test_accounts_and_used_codes_stay_and_persons_are_read_again(
    database: "contextlib.closing[Database]",
) -> None:
    person_id, request_id = new_id(), new_id()
    rows = (
        f"""INSERT INTO person_standing VALUES
            ('{REGION}', '{person_id}', 700, 2026, '{{"deductible": 5}}', {{instant}})""",
        f"""INSERT INTO used_code VALUES
            ('{REGION}', '00112233aabbccdd', 'SUBJECT000001', '{request_id}',
             'H99901900001', 'T1', {{instant}})""",
        f"""INSERT INTO enrolment VALUES
            ('{REGION}', '{person_id}', 9, 'SUBJECT000001', TRUE, '1950-01-01', '390', '16',
             '', 1, '2014-01-01')""",
        f"INSERT INTO feed_position VALUES ('{REGION}', 9)",
    )
    with database as opened:
        instant = "1700000000000000" if opened.is_sqlite else "'2023-11-14T22:13:20Z'"
        with opened.write() as connection:
            for row in rows:
                connection.exec_driver_sql(row.replace("{instant}", instant))
        migrations.upgrade(opened, "yibao_settlement")
        with opened.read() as connection:
            standing = connection.execute(sa.text("SELECT * FROM person_standing")).one()
            used = connection.execute(sa.text("SELECT * FROM used_code")).one()
        assert (standing.person_id, standing.balance_fen) == (person_id, 700)
        assert (standing.accumulators, standing.newest_codes) == ('{"deductible": 5}', "{}")
        assert standing.merged_into is None
        # What was there is money of the year of the upgrade.
        assert (standing.carried_fen, standing.account_year) == (
            0,
            shanghai_day(dt.datetime.now(dt.UTC)).year,
        )
        assert (used.code_id, used.signer) == ("00112233aabbccdd", "SUBJECT000001")
        assert feed_of(opened).position(REGION).sequence == 0
