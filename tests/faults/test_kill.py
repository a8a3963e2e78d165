"""Settlement is killed under load: nothing acknowledged is lost, nothing is done twice."""

import contextlib
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.databases import PostgresDatabases
from support.settle_load import SettleLoad

from bench.requests import SettleRequests, seed
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_cli.parties import SERVICES, parties_of
from yibao_cli.regions import load_region, regions_folder
from yibao_cli.sandbox_keys import SandboxKeys
from yibao_cli.stack import Stack
from yibao_common.db.database import Database
from yibao_common.keys.key_file import read_key
from yibao_identity.rules.trust.published import KeyUse
from yibao_identity.storage.trust.signing import TokenSigner
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.posting import account_balances

REGION = load_region(regions_folder() / "999019")
BILLS = 2_000
# Few, so that their bills meet in batches and follow on each other.
PERSONS = 150
CONNECTIONS = 24


@dataclass(frozen=True)
class Town:
    """The services, settlement's database and a bill for each request."""

    stack: Stack
    database: Database
    requests: list[bytes]

    def load(self) -> SettleLoad:
        party = parties_of(REGION).hospital
        return SettleLoad(self.stack, party, self.requests, connections=CONNECTIONS)


@contextlib.contextmanager
def town(folder: Path, urls: dict[str, str] | None, *, processes: int) -> Iterator[Town]:
    with (
        Stack.start(
            folder, [REGION], database_urls=urls, processes={"settlement": processes}
        ) as stack,
        contextlib.closing(Database(stack.sandbox.database_urls["settlement"])) as database,
    ):
        patients = seed(
            database,
            region=REGION.region,
            hospital_id=parties_of(REGION).hospital_id,
            policy_file=REGION.policy_file,
            persons=PERSONS,
            hot_persons=PERSONS,
        )
        keys = SandboxKeys(stack.sandbox.folder / "keys")
        issuer = read_key(
            keys.private_key_file(KeyUse.TOKEN), passphrase=keys.passphrase_file.read_bytes()
        )
        bills = SettleRequests(
            TokenSigner(issuer), region=REGION.region, patients=patients, bill_prefix="K"
        )
        yield Town(stack, database, bills.unary(BILLS))


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def assert_nothing_was_lost_or_doubled(town: Town, load: SettleLoad) -> None:
    assert sorted(load.answers) == list(range(BILLS))
    # Every request once more: each gets its first answer, byte for byte.
    again = load.repeat_all()
    different = [number for number in range(BILLS) if again[number] != load.answers[number]]
    assert different == []
    settlements = [SettleBillResponse.FromString(answer).settlement for answer in again]
    assert len({settlement.settlement_id for settlement in settlements}) == BILLS
    assert len({settlement.bill_number for settlement in settlements}) == BILLS
    assert count(town.database, tables.settlement) == BILLS
    # A visit of each person was registered before, with a code and an answer of its own.
    assert count(town.database, tables.answer) == BILLS + PERSONS
    assert count(town.database, tables.used_code) == BILLS + PERSONS
    paid_fen: dict[str, int] = {}
    for settlement in settlements:
        for entry in settlement.entries:
            paid = paid_fen.get(entry.account_id, 0)
            paid_fen[entry.account_id] = paid + entry.amount_fen
    with town.database.read() as connection:
        assert dict(account_balances(connection, REGION.region, "fund:")) == {
            account: fen for account, fen in paid_fen.items() if account.startswith("fund:")
        }
    report = check_ledger(town.database)
    assert report.drifts == []
    assert report.settlements == BILLS


@pytest.fixture
def moments() -> Callable[[int], list[int]]:
    """Chooses after how many answers something happens; a run that fails shows it."""
    number = secrets.randbelow(10**6)
    choose = random.Random(number)

    def choose_moments(count: int) -> list[int]:
        # Each in a part of its own, with load before and after it.
        part = BILLS // (count + 1)
        chosen = [
            part * (each + 1) + choose.randrange(-part // 3, part // 3) for each in range(count)
        ]
        print(f"seed {number}: moments after {chosen} of {BILLS} answers")
        return chosen

    return choose_moments


@pytest.mark.long
def test_a_killed_process_on_sqlite_loses_and_doubles_nothing(
    sandbox_folder: Path, moments: Callable[[int], list[int]]
) -> None:
    with town(sandbox_folder, None, processes=1) as running:
        load = running.load()
        for moment in moments(2):
            load.wait_for(moment)
            running.stack.kill("settlement")
            running.stack.restart("settlement")
        load.finish()
        assert load.interrupted
        assert_nothing_was_lost_or_doubled(running, load)


@pytest.mark.long
def test_killed_processes_on_postgresql_lose_and_double_nothing(
    sandbox_folder: Path,
    postgres_databases: PostgresDatabases,
    moments: Callable[[int], list[int]],
) -> None:
    urls = {service: postgres_databases.empty_url() for service in SERVICES}
    with town(sandbox_folder, urls, processes=2) as running:
        load = running.load()
        alone, together, none = moments(3)
        load.wait_for(alone)
        # The other one goes on alone.
        running.stack.kill("settlement")
        load.wait_for(together)
        running.stack.restart("settlement")
        load.wait_for(none)
        running.stack.kill("settlement")
        running.stack.kill("settlement")
        assert running.stack.pids("settlement") == ()
        running.stack.restart("settlement")
        load.finish()
        assert load.interrupted
        assert_nothing_was_lost_or_doubled(running, load)
