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
from support.databases import Databases
from support.scripted_day.agency import declared, paid
from support.scripted_day.counter import Client, Counter
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.settlement.v1 import clearing_service_pb2 as clearing_pb
from yibao.settlement.v1 import day_pb2, outcome_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao.settlement.v1.institution_payment_pb2 import INSTITUTION_PAYMENT_STATE_PAID
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

PERSONS = 300


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
        with services.database.write() as connection:
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


def test_a_hospitals_day_month_and_year(services: BothServices) -> None:
    begin_a_day_of_december(services)
    counter = Counter(services)
    counter.insure(PERSONS)
    day = counter.today()
    counter.at_all_windows(counter.register, counter.clients)
    counter.at_all_windows(counter.upload, counter.clients)
    counter.at_all_windows(counter.try_bill, counter.clients)
    lost, never, *others = counter.clients
    counter.at_all_windows(counter.settle, others)
    for each in others:
        assert each.settled is not None
        assert each.tried is not None
        assert each.settled.cash_fen == each.tried.cash_fen

    # One answer is lost on the wire, one request never leaves the hospital.
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
    counter.at_all_windows(counter.refund, others[::10])

    # The day balances; three differences that are planted are found, each by its kind.
    services.clock.advance(seconds=61)
    balanced = compare(counter, counter.acts, day)
    assert list(balanced.differences) == []
    assert balanced.insurer.act_count == PERSONS + len(others[::10])
    forgotten, other_sum, *rest = counter.acts
    wrong = day_pb2.DayLine()
    wrong.CopyFrom(other_sum)
    wrong.cash_fen += 100
    wrong.total_fen += 100
    invented = day_pb2.DayLine()
    invented.CopyFrom(forgotten)
    invented.request_id = new_id()
    invented.settlement_id = new_id()
    invented.bill_number = "D-none"
    planted = compare(counter, [wrong, invented, *rest], day)
    kinds = {each.request_id: each.kind for each in planted.differences}
    assert kinds == {
        forgotten.request_id: day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSTITUTION,
        other_sum.request_id: day_pb2.DAY_DIFFERENCE_KIND_AMOUNT,
        invented.request_id: day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSURER,
    }

    # The month is declared, accepted and paid.
    weeks_pass(services, days=25)
    month = f"{day:%Y%m}"
    declarations = declared(services, month)
    assert sum(each.sum.act_count for each in declarations) == len(counter.acts)
    assert sum(each.sum.cash_fen for each in declarations) == sum(
        each.cash_fen for each in counter.acts
    )
    payment = paid(services, declarations)
    assert payment.state == INSTITUTION_PAYMENT_STATE_PAID
    assert payment.amount_fen == sum(each.fund_total_fen for each in counter.acts)
    assert shanghai_day(services.clock()).year == day.year + 1
    assert check_ledger(services.database).drifts == []
