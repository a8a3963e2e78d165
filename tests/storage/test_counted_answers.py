"""Refusals that leave a trace: durable before they are told, and told once only."""

import pytest
import sqlalchemy as sa
from support.card_acts import REGION, Randomness
from support.databases import Databases

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions, UnitOfWork
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import parse_caller
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.storage import tables

DIGEST, OTHER_DIGEST = b"d" * 32, b"e" * 32
REFUSAL = RuleError(Reason.PIN_INCORRECT, "the PIN is wrong", tries_left=3)


def asked(request_id: str, digest: bytes = DIGEST) -> Request:
    return Request(REGION, request_id, digest, "VerifyPin", parse_caller("channel/wallet"))


class PowerFailureError(Exception):
    """The process is gone."""


class Counter:
    """Work that counts in the database what it did, as a wrong try is counted."""

    def __init__(self, database: Database, outcome: bytes | RuleError | Exception) -> None:
        self.database = database
        self.transactions: StoredTransactions[sa.Connection] = StoredTransactions(
            database,
            answers=tables.answer,
            unit=UnitOfWork(lambda connection, _: connection, lambda *_: ()),
            clock=system_clock,
            vault=Vault([b"\x11" * 32], b"\x22" * 32, random_bytes=Randomness()),
        )
        self.outcome = outcome
        self.runs = 0

    def __call__(self, connection: sa.Connection) -> bytes | RuleError:
        self.runs += 1
        connection.execute(
            sa.insert(tables.feed_head).values(region=f"{self.runs}", sequence=1, epoch=new_id())
        )
        if isinstance(self.outcome, Exception) and not isinstance(self.outcome, RuleError):
            raise self.outcome
        return self.outcome

    def answer(self, request_id: str, digest: bytes = DIGEST) -> bytes:
        return self.transactions.once_counted(asked(request_id, digest), self)

    def stored(self, table: sa.Table = tables.feed_head) -> int:
        with self.database.read() as connection:
            return len(connection.execute(sa.select(table)).all())


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_identity")


@pytest.mark.parametrize("answer", [b"", b"answer", b"\x00", b"\x01{}"])
def test_an_answer_is_given_again_and_the_work_not_done_again(
    database: Database, answer: bytes
) -> None:
    counter, request_id = Counter(database, answer), new_id()
    assert [counter.answer(request_id) for _ in range(3)] == [answer] * 3
    assert (counter.runs, counter.stored()) == (1, 1)


def test_a_refusal_that_was_returned_is_told_after_its_trace_is_durable(
    database: Database,
) -> None:
    counter, request_id = Counter(database, REFUSAL), new_id()
    for _ in range(3):
        with pytest.raises(RuleError) as caught:
            counter.answer(request_id)
        assert caught.value.reason is Reason.PIN_INCORRECT
        assert caught.value.message == "the PIN is wrong"
        assert caught.value.metadata == {"tries_left": "3"}
        assert counter.stored() == 1
    assert counter.runs == 1


def test_another_request_leaves_another_trace(database: Database) -> None:
    counter = Counter(database, REFUSAL)
    for _ in range(3):
        with pytest.raises(RuleError):
            counter.answer(new_id())
    assert counter.stored() == 3


def test_a_refused_request_id_is_not_used_for_other_contents(database: Database) -> None:
    counter, request_id = Counter(database, REFUSAL), new_id()
    with pytest.raises(RuleError):
        counter.answer(request_id)
    with pytest.raises(RuleError) as caught:
        counter.answer(request_id, OTHER_DIGEST)
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert counter.stored() == 1


def test_a_refusal_that_was_raised_stores_nothing(database: Database) -> None:
    counter, request_id = Counter(database, b""), new_id()

    def work(connection: sa.Connection) -> bytes:
        counter(connection)
        raise REFUSAL

    with pytest.raises(RuleError):
        counter.transactions.once_counted(asked(request_id), work)
    assert counter.stored() == counter.stored(tables.answer) == 0
    assert counter.answer(request_id) == b""


def test_a_process_that_dies_before_the_commit_has_told_and_counted_nothing(
    database: Database,
) -> None:
    counter, request_id = Counter(database, PowerFailureError()), new_id()
    with pytest.raises(PowerFailureError):
        counter.answer(request_id)
    assert counter.stored() == counter.stored(tables.answer) == 0
    counter.outcome = REFUSAL
    with pytest.raises(RuleError):
        counter.answer(request_id)
    assert counter.stored() == 1


def test_every_reason_can_be_stored(database: Database) -> None:
    for reason in Reason:
        counter = Counter(database, RuleError(reason, "text: 文字", id="1", other="="))
        counter.runs = reason.value
        request_id = new_id()
        for _ in range(2):
            with pytest.raises(RuleError) as caught:
                counter.answer(request_id)
            assert caught.value.reason is reason
            assert caught.value.metadata == {"id": "1", "other": "="}


def test_a_stored_refusal_is_sealed(database: Database) -> None:
    counter = Counter(database, REFUSAL)
    with pytest.raises(RuleError):
        counter.answer(new_id())
    with database.read() as connection:
        (row,) = connection.execute(sa.select(tables.answer)).all()
    assert b"PIN" not in bytes(row.response)
    assert bytes(row.digest) != DIGEST


@pytest.mark.parametrize(("is_repeated_by_others", "runs"), [(False, 3), (True, 1)])
def test_what_somebody_else_tries_again_is_begun_once(
    database: Database, is_repeated_by_others: bool, runs: int
) -> None:
    counter = Counter(database, TransientError("the row is locked"))
    transactions = counter.transactions
    change = transactions.change_untried if is_repeated_by_others else transactions.change
    with pytest.raises(TransientError):
        change(REGION, counter)
    assert (counter.runs, counter.stored()) == (runs, 0)
