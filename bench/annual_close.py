"""How long the annual close of accounts takes: `python -m bench.annual_close --help`.

Persons and a year of their accounts are made up and written straight into a database; the close
is proposed, confirmed and carried out by the code of the service, in as many processes as asked.
"""

import argparse
import contextlib
import datetime as dt
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.postgres import Postgres
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade
from yibao_common.db.rows import Insert, execute
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_settlement.application.account_close.close import (
    AccountCloses,
    ConfirmAccountClose,
    ProposeAccountClose,
    ToldClose,
)
from yibao_settlement.application.account_close.run import AccountClosing
from yibao_settlement.application.work import Work
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.rules.ledger import PostingKind, person_account
from yibao_settlement.rules.year.close import Taking, YearClose, YearCounts, YearState
from yibao_settlement.storage import tables
from yibao_settlement.storage.work import UNIT

REGION, YEAR = "999019", 2026
JANUARY = dt.datetime(2027, 1, 10, 4, 0, tzinfo=dt.UTC)
RULES = b"""\
format: yibao-account-close/1
cites: made up
interest:
  insurance_type: "310"
  day_count: actual/365
  book_on: new_year
  current_year: {rounding: half_up, rates: [{from: 2020-01-01, rate_ppm: 3_500}]}
  carried: {rounding: half_up, rates: [{from: 2020-01-01, rate_ppm: 11_000}]}
counters: {insurance_type: "390", on_claim: keep}
"""
_PERSONS_AT_ONCE = 2_000
_PERSON = ("region", "person_id", "sequence", "birth_date", "payer_ids", "reading")
_PERIOD = (
    *("region", "person_id", "enrolment_id", "insurance_type", "person_class"),
    *("entitlement_groups", "status", "start_date", "has_employer", "is_premium_pending", "tier"),
)
_STANDING = (
    *("region", "person_id", "balance_fen", "benefit_year", "accumulators", "newest_codes"),
    *("carried_fen", "account_year"),
)
_POSTING = ("region", "posting_id", "kind", "post_time", "posted_by")
_ENTRY = ("region", "account_id", "posting_id", "kind", "amount_fen", "month")


def clock() -> dt.datetime:
    """Returns a time in January."""
    return JANUARY


def transactions_of(database: Database) -> StoredTransactions[Work]:
    """Returns transactions as the service begins them."""
    return StoredTransactions(database, answers=tables.answer, unit=UNIT, clock=clock)


def make_persons(database: Database, *, persons: int, movements: int) -> None:
    """Writes persons with an account each, to which so many credits of the year came."""
    credit, since = int(PostingKind.CREDIT), dt.date(2014, 1, 1)
    for first in range(0, persons, _PERSONS_AT_ONCE):
        ids = [new_id() for _ in range(min(_PERSONS_AT_ONCE, persons - first))]
        postings, entries = [], []
        for number in range(movements):
            month = number % 12 + 1
            time_ = dt.datetime(YEAR, month, number % 28 + 1, 4, tzinfo=dt.UTC)
            for at, person_id in enumerate(ids, first):
                posting_id, fen = new_id(), 16_000 + at % 977
                postings.append((REGION, posting_id, credit, time_, "bench"))
                account_id, of_month = person_account(person_id), YEAR * 100 + month
                entries.append((REGION, account_id, posting_id, credit, fen, of_month))
        with database.write() as connection:
            execute(
                connection,
                [
                    Insert(
                        tables.person, _PERSON, [(REGION, each, 1, since, "", 1) for each in ids]
                    ),
                    Insert(
                        tables.enrolment,
                        _PERIOD,
                        [
                            *(
                                (REGION, each, each, "390", "16", "", 1, since, False, False, "")
                                for each in ids
                            )
                        ],
                    ),
                    Insert(
                        tables.person_standing,
                        _STANDING,
                        [
                            (REGION, each, movements * (16_000 + at % 977), 0, "{}", "{}", 0, YEAR)
                            for at, each in enumerate(ids, first)
                        ],
                    ),
                    Insert(tables.posting, _POSTING, postings),
                    Insert(tables.entry, _ENTRY, entries),
                ],
            )


def confirm_close(database: Database) -> None:
    """Has the year and its accounts closed by two operators."""
    transactions = transactions_of(database)
    year = YearClose(
        REGION, new_id(), YEAR, YearCounts(), "maker", JANUARY, YearState.CLOSED, "checker", JANUARY
    )

    def close_year(work: Work) -> None:
        work.periods.end_month(YEAR * 100 + 12)
        work.years.insert(year)
        work.years.set_taking(year.close_id, Taking(is_walked=True, finish_time=JANUARY))

    transactions.change(REGION, close_year)
    closes = AccountCloses(transactions, read_rules=read_rules, clock=clock, ids=new_id)
    made: list[ToldClose] = []

    def keep(told: ToldClose) -> bytes:
        made.append(told)
        return b""

    closes.propose(ProposeAccountClose(_request("maker"), YEAR, RULES), keep)
    close = made[0].close
    read = (close.close_id, close.rules_version, close.counts)
    closes.confirm(ConfirmAccountClose(_request("checker"), *read), keep)


def _request(operator: str) -> Request:
    caller = parse_caller(f"agency/{REGION}/{operator}")
    return Request(REGION, new_id(), operator.encode().ljust(32), "bench", caller)


def close_accounts(url: str) -> None:
    """Closes accounts until there are none left, as a process of the service does."""
    database = Database(url)
    closing = AccountClosing(
        transactions_of(database), read_rules=read_rules, clock=clock, ids=new_id
    )
    while going_on := closing.going_on(REGION):
        if closing.next_page(going_on[0]).is_idle:
            time.sleep(0.05)
    database.close()


@contextlib.contextmanager
def _databases(*, on_postgres: bool) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="yibao-bench-close-") as folder:
        if not on_postgres:
            yield f"sqlite:///{Path(folder) / 'close.sqlite'}"
            return
        with Postgres(has_pgbench=False) as server:
            yield server.create("close")


def main() -> None:
    """Makes persons up, closes their accounts and prints how long it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.annual_close", description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--movements", type=int, default=12, help="credits of each in the year")
    parser.add_argument("--processes", type=int, default=1, help="one on SQLite")
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    options = parser.parse_args()
    with _databases(on_postgres=options.postgres) as url:
        database = Database(url)
        upgrade(database, "yibao_settlement")
        began = time.perf_counter()
        make_persons(database, persons=options.persons, movements=options.movements)
        print(f"made up in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        began = time.perf_counter()
        confirm_close(database)
        confirmed = time.perf_counter() - began
        began = time.perf_counter()
        spawn = multiprocessing.get_context("spawn")
        workers = [
            spawn.Process(target=close_accounts, args=(url,)) for _ in range(options.processes)
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        seconds = time.perf_counter() - began
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        with database.read() as connection:
            work = UNIT.open(connection, REGION)
            close = work.account_closes.newest(YEAR)
            assert close is not None
            assert close.finish_time is not None
            sums, _ = work.account_closes.sums(close)
        assert sums.person_count == options.persons
        print(
            f"{options.persons} accounts with {options.movements} movements each, "
            f"{options.processes} processes, {'PostgreSQL' if options.postgres else 'SQLite'}: "
            f"proposed and confirmed in {confirmed:.1f} s, closed in {seconds:.1f} s, "
            f"{options.persons / seconds:.0f} a second, "
            f"{cpu.ru_utime + cpu.ru_stime:.0f} s of CPU beside the database's; "
            f"{sums.balance_fen} fen before, {sums.interest_fen} earned"
        )
        database.close()


if __name__ == "__main__":
    main()
