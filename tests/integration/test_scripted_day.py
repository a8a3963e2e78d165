"""A hospital's day with 300 persons, its month and its year, through the real services."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import sqlalchemy as sa
from support.both_services import (
    CALL_SECONDS,
    SETTLE,
    BothServices,
    Patient,
    both_services,
    nobody_commits,
    outcome,
    refusal_of,
)
from support.databases import Databases, as_owner
from support.scripted_day.agency import declared, paid
from support.scripted_day.counter import Client, Counter
from support.scripted_day.papers import printed_record, statement_of_account, statement_of_bill
from support.scripted_day.years import close_accounts, close_year, closed_account, credit, share
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.settlement.v1 import account_service_pb2 as accounts_pb
from yibao.settlement.v1 import bill_pb2, day_pb2, outcome_pb2
from yibao.settlement.v1 import clearing_service_pb2 as clearing_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao.settlement.v1.institution_payment_pb2 import INSTITUTION_PAYMENT_STATE_PAID
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

PERSONS = 300
# What a sister's account is credited with, and what it gives for a bill.
CREDITED_FEN = 10_000_000
GIVEN_FEN = 90_000


@pytest.fixture
def services(tmp_path: Path, databases: Databases) -> Iterator[BothServices]:
    # The clocks go on by more than a year.
    with both_services(tmp_path, databases, valid_for=dt.timedelta(days=800)) as running:
        yield running


def begin_a_day_of_december(services: BothServices) -> None:
    """Moves the clocks to ten in the morning of a 10 December in Shanghai."""
    now = services.clock()
    begin = dt.datetime(now.year, 12, 10, 2, tzinfo=dt.UTC)
    if begin < now:
        begin = begin.replace(year=now.year + 1)
    services.clock.advance(seconds=(begin - now).total_seconds())


def weeks_pass(services: BothServices, *, days: int) -> None:
    """Moves the clocks on, with what PostgreSQL does by itself within a minute of such days."""
    services.clock.advance(days=days)
    if services.database.engine.dialect.name == "postgresql":
        with as_owner(services.database) as connection:
            connection.exec_driver_sql("ANALYZE")


def compare(
    counter: Counter, acts: list[day_pb2.DayLine], day: dt.date
) -> clearing_pb.CompareDayResponse:
    stub = ClearingServiceStub(counter.services.channel("settlement", "hospital"))
    request = clearing_pb.CompareDayRequest(
        region=REGION,
        act_date=from_date(day),
        acts=sorted(acts, key=lambda line: line.request_id),
    )
    return stub.CompareDay(request, timeout=CALL_SECONDS)


def resolve(services: BothServices, request_id: str) -> outcome_pb2.RequestOutcome:
    request = pb.ResolveRequestRequest(
        request_id=new_id(), region=REGION, asked_request_id=request_id
    )
    return services.settlements().ResolveRequest(request, timeout=CALL_SECONDS).outcome


def has_settled(services: BothServices, client: Client) -> bool:
    settlement = tables.settlement.c
    query = sa.select(sa.func.count()).where(settlement.visit_id == client.visit_id)
    with services.database.read() as connection:
        return connection.execute(query).scalar_one() == 1


def serve_everybody(counter: Counter, *lost: Client) -> None:
    """Registers, uploads, tries and settles: all but those whose answers are to be lost."""
    counter.at_all_windows(counter.register, counter.clients)
    counter.at_all_windows(counter.upload, counter.clients)
    counter.at_all_windows(counter.try_bill, counter.clients)
    served = [each for each in counter.clients if each not in lost]
    counter.at_all_windows(counter.settle, served)
    for each in served:
        assert each.settled is not None
        assert each.tried is not None
        assert each.settled.cash_fen == each.tried.cash_fen


def find_what_was_lost(counter: Counter, lost: Client, never: Client) -> None:
    """One answer is lost on the wire, one request never leaves the hospital: both are asked for."""
    services = counter.services
    for each in (lost, never):
        each.request.presentation.CopyFrom(counter.resolve(each, SETTLE))
    with nobody_commits(services, Patient(lost.person_id, "", "", lost.visit_id)):
        unheard = services.settlements().SettleBill.future(lost.request, timeout=0.5)
        assert isinstance(unheard.exception(), grpc.RpcError)
    # What the hospital does not see: its request arrived, and is carried out meanwhile.
    wait_until(lambda: has_settled(services, lost))
    found = resolve(services, lost.request.request_id)
    assert (found.state, found.visit_id) == (outcome_pb2.REQUEST_STATE_BOOKED, lost.visit_id)
    told = services.settlements().GetSettlement(
        pb.GetSettlementRequest(region=REGION, settlement_id=found.settlement_id),
        timeout=CALL_SECONDS,
    )
    counter.wrote_down(lost, told.settlement)
    found = resolve(services, never.request.request_id)
    assert found.state == outcome_pb2.REQUEST_STATE_NOT_BOOKED
    late = refusal_of(services.settlements().SettleBill, never.request)
    assert outcome(late) == (grpc.StatusCode.FAILED_PRECONDITION, "REQUEST_FENCED")
    services.clock.advance(seconds=2)
    counter.try_bill(never)
    counter.settle(never)


def close_the_day(counter: Counter, day: dt.date) -> None:
    """The day balances; three differences that are planted are found, each by its kind."""
    counter.services.clock.advance(seconds=61)
    balanced = compare(counter, counter.acts, day)
    assert list(balanced.differences) == []
    assert balanced.insurer.act_count == len(counter.acts)
    forgotten, other_sum, *rest = counter.acts
    wrong, invented = day_pb2.DayLine(), day_pb2.DayLine()
    wrong.CopyFrom(other_sum)
    wrong.cash_fen += 100
    wrong.total_fen += 100
    invented.CopyFrom(forgotten)
    invented.request_id, invented.settlement_id = new_id(), new_id()
    invented.bill_number = "D-none"
    planted = compare(counter, [wrong, invented, *rest], day)
    assert {each.request_id: each.kind for each in planted.differences} == {
        forgotten.request_id: day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSTITUTION,
        other_sum.request_id: day_pb2.DAY_DIFFERENCE_KIND_AMOUNT,
        invented.request_id: day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSURER,
    }


def pay_the_month(counter: Counter, month: str) -> None:
    """The month is declared by what the hospital wrote down, accepted and paid."""
    declarations = declared(counter.services, month)
    acts = counter.acts
    assert sum(each.sum.act_count for each in declarations) == len(acts)
    assert sum(each.sum.cash_fen for each in declarations) == sum(each.cash_fen for each in acts)
    payment = paid(counter.services, declarations)
    assert payment.state == INSTITUTION_PAYMENT_STATE_PAID
    # Of the persons' accounts, too, the agency pays the hospital.
    assert payment.amount_fen == sum(each.fund_total_fen + each.account_fen for each in acts)


def close_the_year(counter: Counter, year: int, giver: Client) -> None:
    """The year closes, then its accounts, with interest that is booked beside what they held."""
    services = counter.services
    closed = close_year(services, year)
    assert closed.year.close.statement_count == PERSONS
    accounts = close_accounts(services, year).progress
    assert (accounts.refused_count, accounts.account_count > 0) == (0, True)
    told = closed_account(services, giver, year)
    held_fen = told.current_year.balance_fen + told.carried.balance_fen
    assert held_fen == CREDITED_FEN - GIVEN_FEN
    balance = AccountServiceStub(services.channel("settlement", "maker")).GetAccount(
        accounts_pb.GetAccountRequest(region=REGION, person_id=giver.person_id),
        timeout=CALL_SECONDS,
    )
    # Three weeks at 0.35 % a year.
    assert 0 < told.interest_fen < held_fen * 35 // 100 // 100 // 12
    assert balance.account.balance_fen == held_fen + told.interest_fen
    assert check_ledger(services.database).drifts == []


def test_a_hospitals_day_month_and_year(services: BothServices) -> None:
    """From the first scan to the closed accounts; a sister pays for one of them (case A3)."""
    begin_a_day_of_december(services)
    counter = Counter(services)
    counter.insure(PERSONS)
    day = counter.today()
    lost, never, receiver, giver, *others = counter.clients
    credit(services, giver, CREDITED_FEN)
    share(services, giver, receiver)
    receiver.account_use = bill_pb2.ACCOUNT_USE_FAMILY
    serve_everybody(counter, lost, never)
    assert receiver.settled is not None
    assert receiver.settled.family_fen == receiver.settled.account_fen == GIVEN_FEN
    find_what_was_lost(counter, lost, never)
    counter.at_all_windows(counter.refund, others[::10])
    close_the_day(counter, day)
    weeks_pass(services, days=25)
    assert shanghai_day(services.clock()).year == day.year + 1
    pay_the_month(counter, f"{day:%Y%m}")
    close_the_year(counter, day.year, giver)
    for paper in (
        statement_of_bill(services, receiver),
        statement_of_account(services, giver, day.year),
        printed_record(services, giver),
    ):
        assert paper.startswith(b"%PDF")
