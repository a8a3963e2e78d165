"""A database that an older commit filled is upgraded, and all that is in it still works.

`data/README.md` tells what is in it and how it was made.
"""

import datetime as dt
import gzip
import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from support.databases import Databases
from support.repairs import confirm_command, propose_command
from support.settlement_world import AGENCY, HOSPITAL, NOW, REGION, World

from yibao.settlement.v1 import difference_service_pb2 as pb_difference
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.db import migrations
from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.db.pruning import prune_answers
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.account import CreditAccount
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.settlement.find import find_explained, find_settlement
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.ledger_check import INVARIANTS, Drift, check_ledger
from yibao_settlement.ledger_check.report import CREDITS
from yibao_settlement.servicer import encode
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache

DATA = Path(__file__).parent / "data"
PACKAGE = "yibao_settlement"
# What holds of bills in the order of their places.
ORDER = INVARIANTS[12:16]
LATER = NOW + dt.timedelta(hours=1)


def _unpacked(databases: Databases, kind: str) -> bytes:
    name = f"settlement_e65b16d_{databases.kind}.{kind}.gz"
    return gzip.decompress((DATA / name).read_bytes())


def _upgrade_to(database: Database, revision: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        upgrade_to = command.upgrade
        patched.setattr(command, "upgrade", lambda config, _head: upgrade_to(config, revision))
        migrations.upgrade(database, PACKAGE)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """Gives the database of before, upgraded."""
    url, text = databases.empty_url(), _unpacked(databases, "sql").decode()
    if databases.kind == "sqlite":
        connection = sqlite3.connect(sa.make_url(url).database or "")
        connection.executescript(text)
        connection.close()
    opened = Database(url)
    if databases.kind == "postgresql":
        _upgrade_to(opened, "0002")
        plain = sa.make_url(url).set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False)) as rows:
            rows.execute(text.encode())
    migrations.upgrade(opened, PACKAGE)
    yield opened
    opened.close()


@pytest.fixture
def expected(databases: Databases) -> dict[str, dict[str, Any]]:
    """Gives what the older commit answered."""
    found: dict[str, dict[str, Any]] = json.loads(_unpacked(databases, "json"))
    return found


def _work(database: Database, *, number: int = 0) -> BatchWork:
    """Returns work whose ids are those that the older commit gave to a reversal."""
    parts = itertools.count()
    return BatchWork(
        SettlementTransactions(database, ReferenceCache()),
        clock=lambda: LATER,
        ids=lambda: f"0190b5c4-0000-7000-8000-{number:08d}{next(parts):04d}",
    )


def _reversal(settlement_id: str) -> ReverseSettlement:
    request = World.request("ReverseSettlement")
    return ReverseSettlement(request, settlement_id, "entered twice", encode.reversed_)


def _drifts_but_of_order(database: Database) -> list[Drift]:
    """Returns what is wrong beside what order did then, and the checker tells since."""
    return [each for each in check_ledger(database).drifts if each.invariant not in ORDER]


def test_the_books_are_right_after_the_upgrade(database: Database) -> None:
    report = check_ledger(database)
    assert _drifts_but_of_order(database) == []
    assert (report.settlements, report.persons) == (8, 3)


def test_what_a_reversal_of_before_did_to_a_later_bill_is_listed(database: Database) -> None:
    """The fund for large bills paid, as if two earlier ones still stood."""
    report = check_ledger(database)
    assert [each.invariant for each in report.drifts] == list(ORDER)
    costs, windows, paid, difference = [each.detail for each in report.drifts]
    assert costs.endswith(
        "costs fund:390100 6167.60, account 0.00, cash 4332.40 behind the bills before it, booked "
        "are fund:390100 6167.60, fund:390200 1142.09, account 0.00, cash 3190.31"
    )
    assert windows.endswith("keeps fund.390200 114209, not 0")
    assert paid == "was paid 1142.09 too much for bills that stand: fund:390200 1142.09"
    assert difference == "has 0.00 booked as difference of bills, which make -1142.09"
    assert report.overpaid_fen == {"fund:390200": 114_209}


def test_what_a_reversal_of_before_did_is_repaired(database: Database) -> None:
    reads = StoredReads(database, ReferenceCache())
    (wrong,) = {each.subject for each in check_ledger(database).drifts} & _persons(database)
    (answer,) = _work(database)(REGION, [propose_command(reads, wrong)])
    assert isinstance(answer, bytes)
    proposed = pb_difference.ProposeRepairResponse.FromString(answer).repair
    assert (proposed.bill_count, proposed.fund_change_fen) == (1, -114_209)
    assert (proposed.difference_fen, proposed.due_fen) == (-114_209, 0)
    (answer,) = _work(database, number=2)(REGION, [confirm_command(reads, proposed)])
    assert isinstance(answer, bytes)
    assert check_ledger(database).drifts == []


def _persons(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(sa.select(tables.person.c.person_id)).scalars())


def test_settlements_are_told_and_explained_in_the_same_bytes(
    database: Database, expected: dict[str, dict[str, Any]]
) -> None:
    reads = StoredReads(database, ReferenceCache())
    caller = parse_caller(f"institution/{HOSPITAL}")
    for told in expected["told"].values():
        settlement_id = told["settlement_id"]
        get = pb.GetSettlementResponse()
        encode.fill_settlement(
            get.settlement, find_settlement(reads, REGION, settlement_id, caller)
        )
        assert get.SerializeToString().hex() == told["get"]
        record, trace, _ = find_explained(reads, REGION, settlement_id, caller)
        explained = pb.ExplainSettlementResponse(trace=encode.trace_messages(trace))
        encode.fill_settlement(explained.settlement, record)
        assert explained.SerializeToString().hex() == told["explain"]


def test_every_request_of_before_gets_its_answer_again(database: Database) -> None:
    answer = tables.answer.c
    with database.read() as connection:
        rows = connection.execute(sa.select(answer.request_id, answer.digest, answer.response))
        stored = [(row.request_id, bytes(row.digest), bytes(row.response)) for row in rows]
    assert len(stored) > 10
    for request_id, digest, response in stored:
        # What is asked for does not count: the digest stands for it.
        request = World.request("ReverseSettlement", request_id=request_id, digest=digest)
        again = ReverseSettlement(request, request_id, "", encode.reversed_)
        assert _work(database)(REGION, [again]) == [response]
    assert _drifts_but_of_order(database) == []


def test_a_request_of_before_is_never_carried_out_again(database: Database) -> None:
    """Nothing else tells of a credit of before, so its answer is not pruned."""
    answer = tables.answer.c
    with database.read() as connection:
        rows = connection.execute(sa.select(answer.request_id, answer.digest, answer.response))
        stored = [(row.request_id, bytes(row.digest), bytes(row.response)) for row in rows]
        person_id = connection.execute(sa.select(tables.person_standing.c.person_id)).scalars()
        someone = next(iter(person_id))
    century = dt.timedelta(days=36_500)
    assert prune_answers(database, tables.answer, before=dt.datetime.now(dt.UTC) + century) == 0
    for request_id, digest, response in stored:
        request = World.request(
            "CreditAccount", request_id=request_id, digest=digest, caller=AGENCY
        )
        again = CreditAccount(request, someone, 700, "allocation", encode.credited)
        assert _work(database)(REGION, [again]) == [response]
    assert _drifts_but_of_order(database) == []


def test_what_stands_is_reversed_with_the_same_answers(
    database: Database, expected: dict[str, dict[str, Any]]
) -> None:
    carried: dict[str, int] = {}
    adjusted: dict[str, int] = {}
    for number, (name, answer) in enumerate(expected["reversed"].items(), 1):
        reversal = _reversal(expected["told"][name]["settlement_id"])
        (outcome,) = _work(database, number=number)(REGION, [reversal])
        assert isinstance(outcome, bytes), outcome
        response = pb.ReverseSettlementResponse.FromString(outcome)
        # What a year that is over paid comes back as money of earlier years, of which the
        # answers of then told nothing.
        carried[name] = response.settlement.carried_balance_fen
        response.settlement.ClearField("carried_balance_fen")
        response.settlement.ClearField("revision")
        # Nor what later bills cost by it: they stayed as they were.
        adjusted[name] = response.adjusted_count
        for field in ("adjusted_count", "adjusted_fund_change_fen", "adjusted_settlement_ids"):
            response.ClearField(field)
        assert response.SerializeToString().hex() == answer, name
    assert carried == dict.fromkeys(carried, 0) | {"last_year": 383_240, "survivor": 383_240}
    assert adjusted == dict.fromkeys(adjusted, 0) | {"long": 1}
    assert check_ledger(database).drifts == []


def test_postings_of_before_tell_what_they_were_made_for(database: Database) -> None:
    posting = tables.posting.c
    with database.read() as connection:
        rows = connection.execute(sa.select(posting.kind, posting.request_id)).all()
    named: dict[int, list[bool]] = {}
    for row in rows:
        named.setdefault(row.kind, []).append(row.request_id is not None)
    # Three reversals with their requests; settlements name their own.
    assert (named.get(1), named[2]) == (None, [True] * 3)
    # Four credits and two merges, of which the second followed a reversal.
    assert (named[3], named[4]) == ([False] * 4, [False] * 2)


def test_the_audit_tells_of_the_credits_of_before_and_goes_on(database: Database) -> None:
    event = tables.audit.event.c
    credits = "amount_fen=1262345 credits=4"
    with database.read() as connection:
        (row,) = connection.execute(sa.select(event.method, event.detail)).all()
        (person_id,) = connection.execute(
            sa.select(tables.visit.c.person_id).order_by(tables.visit.c.visit_id).limit(1)
        ).scalars()
        survivor_id = connection.execute(
            sa.select(tables.person.c.merged_into).where(tables.person.c.person_id == person_id)
        ).scalar_one()
    assert tuple(row) == ("UpgradeSettlement", credits)
    request = World.request("CreditAccount", caller=AGENCY)
    command = CreditAccount(request, survivor_id, 700, "allocation", encode.credited)
    (outcome,) = _work(database)(REGION, [command])
    assert isinstance(outcome, bytes)
    with database.read() as connection:
        assert check_chain(connection, tables.audit, REGION) is None
        assert connection.execute(sa.select(sa.func.count(event.sequence))).scalar_one() == 2
    assert _drifts_but_of_order(database) == []


def test_a_credit_slipped_under_those_of_before_is_found(database: Database) -> None:
    entry, standing = tables.entry, tables.person_standing
    with database.write() as connection:
        person, posting_id = connection.execute(
            sa.select(entry.c.account_id, entry.c.posting_id).where(entry.c.amount_fen == 12_345)
        ).one()
        for account_id, change in ((person, 100), ("source:recharge", -100)):
            connection.execute(
                sa.update(entry)
                .where(entry.c.posting_id == posting_id, entry.c.account_id == account_id)
                .values(amount_fen=entry.c.amount_fen + change)
            )
        connection.execute(
            sa.update(standing)
            .where(standing.c.person_id == person.removeprefix("person:"))
            .values(balance_fen=standing.c.balance_fen + 100)
        )
    drifts = _drifts_but_of_order(database)
    assert {drift.invariant for drift in drifts} == {INVARIANTS[10], CREDITS}
