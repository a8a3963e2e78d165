"""Settlements are listed by day, visit, person, bill and state, page by page."""

import asyncio
import datetime as dt
from typing import Any, cast

import pytest
from support import corrections
from support.benefit_world import benefit_world
from support.databases import Databases
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    REGION,
    TODAY,
    World,
)

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import acting_as
from yibao_common.rpc.pages import page_token
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import from_date
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.encode import fill_settlement
from yibao_settlement.servicer.settlement import SettlementServicer


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def listed(
    world: World, caller: str = f"institution/{HOSPITAL}", **arguments: Any
) -> pb.ListSettlementsResponse:
    """Asks the servicer as a caller."""
    request = pb.ListSettlementsRequest(**{"region": REGION, **arguments})
    blocking = Blocking(threads=1)
    nothing = cast(Any, None)
    servicer = SettlementServicer(
        nothing,
        world.queries,
        blocking,
        news=nothing,
        settling=nothing,
        viewers=Viewers(world.queries, blocking, check_feed=nothing, clock=world.clock),
        clock=world.clock,
        ids=nothing,
        log=nothing,
        refused_lines=nothing,
    )
    try:
        with acting_as(parse_caller(caller)):
            return asyncio.run(servicer.ListSettlements(request, nothing))
    finally:
        blocking.close()


def ids(response: pb.ListSettlementsResponse) -> list[str]:
    return [each.settlement_id for each in response.settlements]


def settle_at(world: World, visit: str, person: str, when: dt.datetime, **changes: Any) -> str:
    world.clock.now = when
    bill = world.bill(visit, **changes)
    return world.settle(visit, person, bill=bill).settlement_id


def minutes(number: int) -> dt.datetime:
    return NOW + dt.timedelta(minutes=number)


def test_a_summary_tells_what_the_settlement_comes_to(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    reversed_ = world.reverse(settled.settlement_id)
    (summary,) = listed(world).settlements
    assert summary.state == settlement_pb2.SETTLEMENT_STATE_REVERSED
    for field in settlement_pb2.SettlementSummary.DESCRIPTOR.fields:
        assert getattr(summary, field.name) == getattr(reversed_, field.name), field.name


def test_pages_hold_each_settlement_once_while_bills_are_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    # Three of one moment: only their ids part them.
    moments = (0, 1, 1, 1, 2, 3, 4)
    before = [settle_at(world, visit, person, minutes(number)) for number in moments]
    found: list[str] = []
    token = ""
    for number in range(10, 20):
        page = listed(world, page_size=2, page_token=token)
        found += ids(page)
        settle_at(world, visit, person, minutes(number))
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == sorted(before)
    assert found[0] == before[-1]
    assert found[-1] == before[0]
    times = [each.settle_time.seconds for each in listed(world, page_size=0).settlements]
    assert times == sorted(times, reverse=True)
    assert len(times) == len(before) + 4


def test_a_token_of_other_arguments_is_refused(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    for number in range(2):
        settle_at(world, visit, person, minutes(number))
    token = listed(world, page_size=1).next_page_token
    assert len(ids(listed(world, page_size=9, page_token=token))) == 1
    with pytest.raises(RuleError) as refused:
        listed(world, page_size=1, page_token=token, visit_id=visit)
    assert refused.value.reason is Reason.FIELD_MALFORMED


def test_an_institution_sees_its_own_and_an_agency_the_region(world: World) -> None:
    (person,) = world.enrol()
    here = world.register(person)
    own = settle_at(world, here, person, minutes(0))
    there = world.register(person, institution_id=OTHER_HOSPITAL)
    world.clock.now = minutes(1)
    other = world.settle(there, person, institution_id=OTHER_HOSPITAL).settlement_id
    assert ids(listed(world)) == [own]
    assert ids(listed(world, f"terminal/{OTHER_HOSPITAL}/T1")) == [other]
    assert ids(listed(world, visit_id=there)) == []
    assert ids(listed(world, AGENCY)) == [other, own]
    with pytest.raises(RuleError) as refused:
        listed(world, "agency/999029/li")
    assert refused.value.reason is Reason.OUT_OF_SCOPE


def test_days_of_settling_begin_at_midnight_of_shanghai(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    midnight = dt.datetime(2026, 11, 20, 16, 0, tzinfo=dt.UTC)  # 00:00 of the 21st there
    last = settle_at(world, visit, person, midnight - dt.timedelta(microseconds=1))
    first = settle_at(world, visit, person, midnight)
    today, tomorrow = Date(year=2026, month=11, day=20), Date(year=2026, month=11, day=21)
    assert ids(listed(world, settle_start_date=today, settle_end_date=today)) == [last]
    assert ids(listed(world, settle_start_date=tomorrow)) == [first]
    assert ids(listed(world, settle_end_date=tomorrow)) == [first, last]


ID = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
NO_PLACES = (
    "",
    "/",
    "x/x",
    f"/{ID}",
    f"yesterday/{ID}",
    f"2026-11-20T04:00:00/{ID}",
    f"2026-11-20/{ID}",
    f"2026-11-20 04:00:00+00:00/{ID}",
    f"2026-11-20T12:00:00+08:00/{ID}",
    f"0001-01-01T00:00:00+14:00/{ID}",
    f"9999-12-31T23:59:59-14:00/{ID}",
    "2026-11-20T04:00:00+00:00",
    "2026-11-20T04:00:00+00:00/",
    "2026-11-20T04:00:00+00:00/B-1",
    "2026-11-20T04:00:00+00:00/\0",
    f"2026-11-20T04:00:00+00:00/{ID.upper()}",
    f"2026-11-20T04:00:00+00:00/{ID}/",
    f"2026-11-20T04:00:00+00:00/{{{ID}}}",
)


def test_a_token_with_a_place_that_no_list_has_is_refused(world: World) -> None:
    for place in NO_PLACES:
        token = page_token(pb.ListSettlementsRequest(region=REGION), place)
        with pytest.raises(RuleError) as refused:
            listed(world, page_token=token)
        assert refused.value.reason is Reason.FIELD_MALFORMED, place
        assert [fault.field for fault in refused.value.faults] == ["page_token"]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_list_goes_on_from_any_place_there_could_be(world: World, year: str) -> None:
    """Nothing stands there; nobody is told of a fault of ours."""
    place = f"{year}-12-31T23:59:59.999999+00:00/{ID}"
    token = page_token(pb.ListSettlementsRequest(region=REGION), place)
    assert ids(listed(world, page_token=token)) == []


def test_the_first_and_the_last_day_there_is_limit_nothing(world: World) -> None:
    (person,) = world.enrol()
    settled = [settle_at(world, world.register(person), person, NOW)]
    first, last = Date(year=1900, month=1, day=1), Date(year=9999, month=12, day=31)
    day_before = Date(year=9999, month=12, day=30)
    assert ids(listed(world, settle_start_date=first, settle_end_date=last)) == settled
    assert ids(listed(world, settle_end_date=day_before)) == settled
    assert ids(listed(world, settle_end_date=first)) == []
    assert ids(listed(world, settle_start_date=last)) == []
    for day in (first, last):
        assert ids(listed(world, service_date=day)) == []


@pytest.mark.parametrize("field", ["settle_start_date", "settle_end_date", "service_date"])
def test_a_day_before_1900_is_refused_before_the_list_is_asked_for(field: str) -> None:
    """The first of all days begins in Shanghai before any instant that can be told."""
    request = pb.ListSettlementsRequest(region=REGION)
    getattr(request, field).CopyFrom(Date(year=1, month=1, day=1))
    with pytest.raises(RuleError) as refused:
        Validator(pb.ListSettlementsRequest.DESCRIPTOR).check(request)
    (fault,) = refused.value.faults
    assert (fault.field, fault.reason) == (field, Reason.DATE_INVALID)


def test_lists_are_limited_by_bill_visit_person_service_day_and_state(world: World) -> None:
    person, other = world.enrol(2)
    visit, others = world.register(person), world.register(other)
    yesterday = TODAY - dt.timedelta(days=1)
    first = settle_at(world, visit, person, minutes(0), bill_number="B-1")
    second = settle_at(world, others, other, minutes(1), bill_number="B-1", service_date=yesterday)
    third = settle_at(world, visit, person, minutes(2), bill_number="B-2")
    world.reverse(first)
    for arguments, expected in (
        ({}, [third, second, first]),
        ({"visit_id": visit}, [third, first]),
        ({"person_id": other}, [second]),
        ({"person_id": person, "bill_number": "B-1"}, [first]),
        ({"bill_number": "B-1"}, [second, first]),
        ({"service_date": from_date(yesterday)}, [second]),
        ({"state": settlement_pb2.SETTLEMENT_STATE_SETTLED}, [third, second]),
        ({"state": settlement_pb2.SETTLEMENT_STATE_REVERSED, "visit_id": visit}, [first]),
        ({"state": settlement_pb2.SETTLEMENT_STATE_TRIAL}, []),
    ):
        assert ids(listed(world, **cast(dict[str, Any], arguments))) == expected, arguments


def test_a_person_is_listed_with_the_records_that_were_merged(world: World) -> None:
    """By any of the ids, also where a survivor was merged in turn."""
    first, second, third = world.enrol(3)
    settled = [
        settle_at(world, world.register(person), person, minutes(number))
        for number, person in enumerate((first, second, third))
    ]
    for retired, survivor in ((first, second), (second, third)):
        world.feed(
            world.insured(retired, merged_into=survivor, enrolments=(), credentials=()),
            world.insured(survivor),
        )
    for person in (first, second, third):
        assert ids(listed(world, person_id=person)) == settled[::-1], person


def test_a_list_tells_what_settlements_cost_by_now_as_a_single_one_does(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    early = corrections.settle(world, person, ("A1", 400_000))
    own = corrections.settle(world, person, ("A1", 600_000))
    elsewhere = corrections.settle(world, person, ("A1", 500_000), institution=OTHER_HOSPITAL)
    assert not any(each.HasField("effective") for each in listed(world, AGENCY).settlements)
    world.reverse(early)
    for caller, expected in (
        (AGENCY, {own, elsewhere}),
        (f"institution/{HOSPITAL}", {own}),
        (f"institution/{OTHER_HOSPITAL}", {elsewhere}),
    ):
        told = {each.settlement_id: each for each in listed(world, caller).settlements}
        moved = {each for each in told if told[each].HasField("effective")}
        records = {each: corrections.record_of(world, each) for each in told}
        assert moved == {each for each in expected if records[each].is_revised}
        assert own not in told or own in moved
        for each in moved:
            read = settlement_pb2.Settlement()
            fill_settlement(read, records[each])
            assert told[each].effective == read.effective
            assert told[each].fund_total_fen == read.fund_total_fen
