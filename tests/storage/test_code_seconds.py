"""One code a second of each certificate and card, whoever issues them (I-01)."""

import datetime as dt
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from support.card_desk import CardDesk
from support.databases import Databases, PostgresDatabases
from support.ecert_desk import CHANNEL, EcertDesk
from support.person_stores import REGION

from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.ahead import CodeBatches
from yibao_identity.application.code.queue import IssueCode, IssueWork
from yibao_identity.rules.code import QrClaims
from yibao_identity.storage import tables

NOW = dt.datetime(2026, 11, 3, 1, 0, 0, 500_000, tzinfo=dt.UTC)
SHARED: dict[str, Any] = {
    "key_expire_time": lambda: NOW + dt.timedelta(days=30),
    "clock": lambda: NOW,
    "random_bytes": os.urandom,
}


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    """Gives a desk whose codes are all issued in one second."""
    desk = EcertDesk(databases.open("yibao_identity"))
    desk.batches = CodeBatches(desk.transactions, most=60, **SHARED)
    return desk


def issue_work(desk: EcertDesk) -> IssueWork:
    return IssueWork(desk.transactions, **SHARED)


def ahead(codes: Sequence[QrClaims | RuleError]) -> list[int]:
    now_second = int(NOW.timestamp())
    return [each.issue_second - now_second for each in codes if isinstance(each, QrClaims)]


def test_a_second_request_within_a_second_gets_the_same_code(desk: EcertDesk) -> None:
    work = issue_work(desk)
    command = IssueCode(desk.activate().certificate_id, "01301", CHANNEL)
    first = work(REGION, [command])
    assert work(REGION, [command, command]) == [*first, *first]
    other_use = IssueCode(command.certificate_id, "01101", CHANNEL)
    assert ahead(work(REGION, [other_use])) == [1]
    assert desk.count(tables.issued_code) == 2


def test_processes_that_issue_at_once_give_no_two_codes_of_a_second(
    postgres_databases: PostgresDatabases,
) -> None:
    url = postgres_databases.migrated_url("yibao_identity")
    desks = [EcertDesk(Database(url)) for _ in range(4)]
    certificates = [desks[0].activate().certificate_id for _ in range(3)]
    barrier = threading.Barrier(len(desks))

    def issue(desk: EcertDesk, audience: str) -> list[QrClaims | RuleError]:
        barrier.wait()
        commands = [IssueCode(each, audience, CHANNEL) for each in certificates]
        return issue_work(desk)(REGION, commands)

    try:
        with ThreadPoolExecutor(len(desks)) as threads:
            told = list(threads.map(issue, desks, ("01101", "01301", "01301", "02121")))
        for codes in zip(*told, strict=True):
            claims = [each for each in codes if isinstance(each, QrClaims)]
            assert claims[1] == claims[2]
            seconds = {each.issue_second for each in claims}
            assert len(seconds) == len({each.code_id for each in claims}) == 3
    finally:
        for desk in desks:
            desk.database.close()


def test_a_batch_leaves_the_seconds_of_other_codes_alone(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    assert ahead(desk.issue_batch(certificate_id, 3)) == [0, 60, 120]
    # For the same use and caller they are the same codes; for another one others.
    assert ahead(desk.issue_batch(certificate_id, 2)) == [0, 60]
    assert ahead(desk.issue_batch(certificate_id, 2, audience="01101")) == [1, 61]
    code = issue_work(desk)(REGION, [IssueCode(certificate_id, "01201", CHANNEL)])
    assert ahead(code) == [2]
    assert desk.count(tables.issued_code) == 6


def test_a_batch_is_refused_where_each_second_is_taken(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    for audience in ("01101", "01102", "01103", "01104"):
        desk.issue_batch(certificate_id, 1, audience=audience)
    with pytest.raises(RuleError) as refused:
        desk.issue_batch(certificate_id, 1)
    assert refused.value.reason is Reason.RATE_LIMITED


def test_a_card_has_one_code_a_second(databases: Databases) -> None:
    """I-01 with I-13: each use is authorized and counted, and has a second of its own."""
    desk = CardDesk(databases.open("yibao_identity"))
    card = desk.active()
    claims = [desk.authorize(card).claims for _ in range(4)]
    assert [each.issue_second - claims[0].issue_second for each in claims] == [0, 1, 2, 3]
    with pytest.raises(RuleError) as refused:
        desk.authorize(card)
    assert refused.value.reason is Reason.RATE_LIMITED


def test_codes_of_before_that_share_a_second_are_kept(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(databases.empty_url())
    holder, other = new_id(), new_id()
    codes = [(holder, "b" * 16), (holder, "a" * 16), (holder, "c" * 16), (other, "d" * 16)]
    try:
        with monkeypatch.context() as patched:
            upgrade_to = command.upgrade
            patched.setattr(command, "upgrade", lambda config, _head: upgrade_to(config, "0005"))
            migrations.upgrade(database, "yibao_identity")
        instant = "1700000000000000" if database.is_sqlite else "'2023-11-14T22:13:20Z'"
        with database.write() as connection:
            for table, key in (("issued_code", "certificate_id"), ("card_code", "card_id")):
                for certificate_id, code_id in codes:
                    connection.exec_driver_sql(
                        f"INSERT INTO {table} "
                        f"(region, issue_time, code_id, {key}, audience, issued_to) VALUES "
                        f"('{REGION}', {instant}, '{code_id}', '{certificate_id}', '01301', '')"
                    )
        migrations.upgrade(database, "yibao_identity")
        with database.read() as connection:
            for codes_table in (tables.issued_code, tables.card_code):
                code = codes_table.c
                query = sa.select(code.code_id, code.former_tie).order_by(code.code_id)
                found = [(row.code_id[0], row.former_tie) for row in connection.execute(query)]
                assert found == [("a", 0), ("b", 1), ("c", 2), ("d", 0)]
    finally:
        database.close()
