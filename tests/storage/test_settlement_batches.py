"""The engine: what a batch of commands does to the database, on both databases."""

import asyncio
import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import HOSPITAL, REGION, World
from support.tasks import Watched

from yibao.settlement.v1 import settlement_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.db.batcher import Batcher
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.visit import Visit
from yibao_settlement.servicer import encode
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def reason_of(call: "object") -> Reason:
    assert isinstance(call, RuleError), call
    return call.reason


def assert_books_are_right(world: World, *, settlements: int) -> None:
    report = check_ledger(world.database)
    assert report.drifts == []
    assert report.settlements == settlements


def test_a_settlement_books_what_each_party_owes(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    visit = world.register(person)
    bill = world.bill(visit, account_used=True)
    settlement = world.settle(visit, person, bill=bill)

    # 1,000.00 class B less 3 %: eligible 9,970.00; less 900.00 at 68 %.
    assert settlement.excluded_fen == 50_000
    assert settlement.first_self_pay_fen == 3_000
    assert settlement.eligible_fen == 997_000
    assert settlement.deductible_fen == 90_000
    assert settlement.fund_total_fen == 616_760
    assert settlement.account_fen + settlement.cash_fen == 1_050_000 - 616_760
    assert settlement.account_fen == 100_000
    assert settlement.account_balance_fen == 0
    assert {entry.account_id: entry.amount_fen for entry in settlement.entries} == {
        "fund:390100": -616_760,
        f"person:{person}": -100_000,
        f"payable:{HOSPITAL}": 716_760,
    }
    assert_books_are_right(world, settlements=1)


def test_a_repeated_request_gets_the_same_bytes_and_no_second_effect(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.settle_command(visit, person)
    first = world.run(command)
    again = world.run(command)
    elsewhere = world.new_worker()(REGION, [command])[0]
    assert first == again == elsewhere
    assert_books_are_right(world, settlements=1)


def test_the_same_request_twice_in_one_batch_has_one_effect(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.settle_command(visit, person)
    first, second = world.work(REGION, [command, command])
    assert isinstance(first, bytes)
    assert first == second
    assert_books_are_right(world, settlements=1)


def test_a_request_id_with_other_contents_is_refused(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.settle_command(visit, person)
    world.run(command)
    other = world.settle_command(
        visit, person, request_id=command.request.request_id, digest=b"other".ljust(32)
    )
    assert reason_of(world.work(REGION, [other])[0]) is Reason.REQUEST_ID_REUSED
    # Another method under the same id is other contents too: its digest differs.
    credit = world.credit_command(person, 1)
    reused = dataclasses.replace(
        credit,
        request=credit.request._replace(request_id=command.request.request_id),
    )
    assert reason_of(world.work(REGION, [reused])[0]) is Reason.REQUEST_ID_REUSED
    assert_books_are_right(world, settlements=1)


def test_a_refused_command_leaves_its_neighbours_and_nothing_of_itself(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    good = world.settle_command(visit, person)
    # Of a phone, whose codes the issuer's do not supersede.
    code = world.code(person, device_certificate_id="0011223344556677")
    bad = world.settle_command(visit, person, bill=world.bill(visit, total_fen=1), code=code)
    also_good = world.settle_command(visit, person)
    outcomes = world.work(REGION, [good, bad, also_good])
    assert isinstance(outcomes[0], bytes)
    assert reason_of(outcomes[1]) is Reason.BILL_TOTAL_MISMATCH
    assert isinstance(outcomes[2], bytes)
    assert_books_are_right(world, settlements=2)
    # The code of the refused one was not used up, nor its request id.
    again = world.settle_command(visit, person, code=bad.code, request_id=bad.request.request_id)
    assert isinstance(world.work(REGION, [again])[0], bytes)


def test_two_bills_of_one_person_in_one_batch_chain(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 150_000))
    visit = world.register(person)
    first, second = world.work(
        REGION,
        [
            world.settle_command(visit, person, bill=world.bill(visit, account_used=True))
            for _ in range(2)
        ],
    )
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    settlements = [SettleBillResponse.FromString(answer).settlement for answer in (first, second)]
    assert [settlement.account_balance_fen for settlement in settlements] == [0, 0]
    assert sum(settlement.account_fen for settlement in settlements) == 150_000
    # The second starts from what the first used up.
    before = {item.name: item.value for item in settlements[1].year_before}
    assert before["fund.390100"] == settlements[0].fund_total_fen
    assert_books_are_right(world, settlements=2)


def test_a_reversal_puts_balances_and_the_year_back(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 150_000))
    visit = world.register(person)
    before = world.queries.standing(REGION, person)
    assert before is not None
    bill = world.bill(visit, account_used=True)
    settlement = world.settle(visit, person, bill=bill)
    reversed_ = world.reverse(settlement.settlement_id)

    assert reversed_.state == pb.SETTLEMENT_STATE_REVERSED
    assert [entry.amount_fen for entry in reversed_.entries] == [
        -entry.amount_fen for entry in settlement.entries
    ]
    after = world.queries.standing(REGION, person)
    assert after is not None
    assert (after.balance_fen, after.accumulators) == (before.balance_fen, before.accumulators)
    assert world.queries.fund_balances(REGION) == [("fund:390100", 0)]
    assert_books_are_right(world, settlements=1)


def test_a_reversed_settlement_cannot_be_reversed_again_but_its_bill_settles_anew(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit)
    settlement = world.settle(visit, person, bill=bill)
    with pytest.raises(RuleError) as caught:
        world.settle(visit, person, bill=bill)
    assert caught.value.reason is Reason.BILL_ALREADY_SETTLED
    world.reverse(settlement.settlement_id)
    with pytest.raises(RuleError) as caught:
        world.reverse(settlement.settlement_id)
    assert caught.value.reason is Reason.SETTLEMENT_REVERSED
    anew = world.settle(visit, person, bill=bill)
    assert anew.settlement_id != settlement.settlement_id
    assert_books_are_right(world, settlements=2)


def test_settling_and_reversing_in_one_batch_leaves_nothing_owed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    settlement = world.settle(visit, person)
    other = world.settle_command(visit, person)
    outcomes = world.work(REGION, [other, world.reverse_command(settlement.settlement_id), other])
    assert outcomes[0] == outcomes[2]
    assert isinstance(outcomes[1], bytes)
    assert_books_are_right(world, settlements=2)


def test_two_processes_on_one_person_lose_no_update(world: World) -> None:
    """Two workers with connections of their own settle for the same few persons."""
    persons = world.enrol(3)
    visits = {person: world.register(person) for person in persons}
    for person in persons:
        world.run(world.credit_command(person, 10_000_000))

    def settle_many(worker: int) -> int:
        work = world.new_worker()
        settled = 0
        for _ in range(8):
            batch = [
                world.settle_command(
                    visits[person],
                    person,
                    bill=world.bill(visits[person], account_used=True),
                    # Two phones: the codes of one could overtake each other here.
                    code=world.code(person, device_certificate_id=f"{worker:016x}"),
                )
                for person in persons
            ]
            settled += sum(isinstance(outcome, bytes) for outcome in work(REGION, batch))
        return settled

    with ThreadPoolExecutor(2) as threads:
        settled = sum(threads.map(settle_many, range(2)))
    assert settled == 2 * 8 * 3
    assert_books_are_right(world, settlements=settled)


def test_a_person_credited_first_by_two_processes_at_once_has_one_account(world: World) -> None:
    (person,) = world.enrol()

    def credit(_worker: int) -> bytes:
        (outcome,) = world.new_worker()(REGION, [world.credit_command(person, 700)])
        assert isinstance(outcome, bytes)
        return outcome

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(credit, range(2)))
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == 1_400
    assert_books_are_right(world, settlements=0)


def test_a_lost_connection_asks_for_the_batch_again_and_books_it_once(
    postgres_databases: Databases,
) -> None:
    world = World(postgres_databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.settle_command(visit, person)
    with world.database.read() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(TransientError):
        world.work(REGION, [command])
    (outcome,) = world.work(REGION, [command])
    assert isinstance(outcome, bytes)
    assert_books_are_right(world, settlements=1)


def test_a_repeat_gets_its_first_answer_however_old_its_code_is(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.settle_command(visit, person)
    first = world.run(command)
    too_old = RuleError(Reason.CLOCK_SUSPECT, "scanned an hour ago")
    late = world.settle_command(visit, person, request_id=command.request.request_id, code=too_old)
    assert world.run(late) == first
    # Without a first answer the refusal of the code counts, and nothing is stored.
    new = world.settle_command(visit, person, code=too_old)
    assert reason_of(world.work(REGION, [new])[0]) is Reason.CLOCK_SUSPECT
    assert_books_are_right(world, settlements=1)


def test_two_processes_that_meet_on_a_new_key_leave_one_winner(
    postgres_databases: Databases,
) -> None:
    """Each holds its own person's lock, so only the primary keys can tell them apart."""
    world = World(postgres_databases.open("yibao_settlement"))
    persons = world.enrol(2)
    both_decided = threading.Barrier(2, timeout=10)
    request_id = new_id()

    def register(place: int) -> bytes | Exception:
        met = [both_decided]

        def meeting(region: str, visit: Visit) -> bytes:
            """Waits, at the first time, until the other process is as far."""
            if met:
                met.pop().wait()
            return encode.registered(region, visit)

        command = world.visit_command(
            persons[place],
            request_id=request_id,
            digest=str(place).encode().ljust(32),
            encode=meeting,
        )
        work = BatchWork(
            SettlementTransactions(world.database, ReferenceCache()), clock=world.clock, ids=new_id
        )
        batcher: Batcher[Command, bytes] = Batcher(work)

        async def main() -> bytes | Exception:
            batcher.start(Watched().supervisor)
            (outcome,) = await asyncio.gather(
                batcher.submit(REGION, command), return_exceptions=True
            )
            await batcher.close()
            assert not isinstance(outcome, BaseException) or isinstance(outcome, Exception)
            return outcome

        return asyncio.run(main())

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(register, range(2)))
    assert sum(isinstance(outcome, bytes) for outcome in outcomes) == 1
    (refused,) = [outcome for outcome in outcomes if not isinstance(outcome, bytes)]
    assert reason_of(refused) is Reason.REQUEST_ID_REUSED
