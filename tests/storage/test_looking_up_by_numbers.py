"""Visits and settlements are found by an institution's own numbers, and visits listed by day."""

import datetime as dt

import pytest
from support.databases import Databases
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    REGION,
    World,
)

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.settlement.find import SettlementName, settlement_named
from yibao_settlement.application.visit.find import VisitName
from yibao_settlement.application.visit.find import find_named as find_visit_named
from yibao_settlement.application.visit.listing import (
    VisitPlace,
    VisitWish,
    institution_asked_of,
)
from yibao_settlement.rules.visit import Visit

OWN = parse_caller(f"institution/{HOSPITAL}")
OTHER = parse_caller(f"institution/{OTHER_HOSPITAL}")
AGENT = parse_caller(AGENCY)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refused(error: "pytest.ExceptionInfo[RuleError]") -> tuple[Reason, list[str]]:
    """Returns the reason, and the fields at fault."""
    return error.value.reason, [fault.field for fault in error.value.faults]


def visit_of(world: World, visit_id: str) -> Visit:
    visit = world.queries.visit(REGION, visit_id)
    assert visit is not None
    return visit


def test_a_visit_is_found_by_the_number_that_its_institution_gave_it(world: World) -> None:
    (person,) = world.enrol()
    visit = visit_of(world, world.register(person))
    number = visit.provider_visit_number
    assert find_visit_named(world.queries, REGION, VisitName("", number), OWN) == visit
    by_agency = VisitName("", number, HOSPITAL)
    assert find_visit_named(world.queries, REGION, by_agency, AGENT) == visit


def test_another_institutions_number_finds_nothing(world: World) -> None:
    (person,) = world.enrol()
    number = visit_of(world, world.register(person)).provider_visit_number
    with pytest.raises(RuleError) as nothing:
        find_visit_named(world.queries, REGION, VisitName("", number), OTHER)
    assert nothing.value.reason is Reason.VISIT_NOT_FOUND
    with pytest.raises(RuleError) as scope:
        find_visit_named(world.queries, REGION, VisitName("", number, HOSPITAL), OTHER)
    assert scope.value.reason is Reason.OUT_OF_SCOPE


def test_a_number_that_was_used_again_finds_the_visit_that_stands(world: World) -> None:
    (person,) = world.enrol()
    first = visit_of(world, world.register(person))
    name = VisitName("", first.provider_visit_number)
    world.run(world.cancel_command(first.visit_id))
    with pytest.raises(RuleError) as caught:
        find_visit_named(world.queries, REGION, name, OWN)
    assert caught.value.reason is Reason.VISIT_NOT_FOUND
    again = world.register(person, provider_visit_number=first.provider_visit_number)
    assert find_visit_named(world.queries, REGION, name, OWN).visit_id == again


@pytest.mark.parametrize(
    ("name", "caller", "reason", "fields"),
    [
        (VisitName(""), OWN, Reason.FIELD_REQUIRED, ["visit_id"]),
        (VisitName(new_id(), "V1"), OWN, Reason.FIELD_OUT_OF_RANGE, ["provider_visit_number"]),
        (VisitName("", "V1"), AGENT, Reason.FIELD_REQUIRED, ["institution_id"]),
    ],
)
def test_a_visit_is_named_in_one_way(
    world: World, name: VisitName, caller: object, reason: Reason, fields: list[str]
) -> None:
    with pytest.raises(RuleError) as caught:
        find_visit_named(world.queries, REGION, name, caller)  # type: ignore[arg-type]
    assert refused(caught) == (reason, fields)


def test_a_settlement_is_found_by_the_numbers_of_visit_and_bill(world: World) -> None:
    (person,) = world.enrol()
    visit = visit_of(world, world.register(person))
    bills = [world.bill(visit.visit_id), world.bill(visit.visit_id)]
    settled = [world.settle(visit.visit_id, person, bill=bill) for bill in bills]
    for bill, settlement in zip(bills, settled, strict=True):
        name = SettlementName("", visit.provider_visit_number, bill.bill_number)
        found = settlement_named(world.queries, REGION, name, Viewer(HOSPITAL))
        assert found == settlement.settlement_id


def test_of_bills_of_one_number_the_one_that_stands_is_found_or_the_last(world: World) -> None:
    (person,) = world.enrol()
    visit = visit_of(world, world.register(person))
    bill = world.bill(visit.visit_id)
    name = SettlementName("", visit.provider_visit_number, bill.bill_number)

    def found() -> str:
        return settlement_named(world.queries, REGION, name, Viewer(HOSPITAL))

    for _ in range(2):
        settled = world.settle(visit.visit_id, person, bill=bill).settlement_id
        assert found() == settled
        world.clock.now += dt.timedelta(minutes=1)
        world.reverse(settled)
        assert found() == settled
        world.clock.now += dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "reason", "fields"),
    [
        (SettlementName(""), Reason.FIELD_REQUIRED, ["settlement_id"]),
        (SettlementName("", "V1"), Reason.FIELD_REQUIRED, ["bill_number"]),
        (SettlementName("", "", "B1"), Reason.FIELD_REQUIRED, ["provider_visit_number"]),
        (SettlementName(new_id(), "", "B1"), Reason.FIELD_OUT_OF_RANGE, ["bill_number"]),
        (SettlementName("", "V-none", "B1"), Reason.SETTLEMENT_NOT_FOUND, []),
    ],
)
def test_a_settlement_is_named_in_one_way(
    world: World, name: SettlementName, reason: Reason, fields: list[str]
) -> None:
    with pytest.raises(RuleError) as caught:
        settlement_named(world.queries, REGION, name, Viewer(HOSPITAL))
    assert refused(caught) == (reason, fields)


@pytest.mark.parametrize("viewer", [Viewer(None), Viewer(None, "p", frozenset({"p"}))])
def test_numbers_are_an_institutions_own(world: World, viewer: Viewer) -> None:
    with pytest.raises(RuleError) as caught:
        settlement_named(world.queries, REGION, SettlementName("", "V1", "B1"), viewer)
    assert refused(caught) == (Reason.FIELD_REQUIRED, ["settlement_id"])


def test_the_bill_of_another_institution_is_not_found(world: World) -> None:
    (person,) = world.enrol()
    visit = visit_of(world, world.register(person))
    bill = world.bill(visit.visit_id)
    world.settle(visit.visit_id, person, bill=bill)
    name = SettlementName("", visit.provider_visit_number, bill.bill_number)
    with pytest.raises(RuleError) as caught:
        settlement_named(world.queries, REGION, name, Viewer(OTHER_HOSPITAL))
    assert caught.value.reason is Reason.SETTLEMENT_NOT_FOUND


def listed(
    world: World, *, after: VisitPlace | None = None, limit: int = 50, **wish: object
) -> list[str]:
    asked = VisitWish(**{"institution_id": HOSPITAL, **wish})  # type: ignore[arg-type]
    return [each.visit_id for each in world.queries.visits(REGION, asked, after=after, limit=limit)]


def register_at(world: World, person: str, minute: int, **changes: object) -> str:
    world.clock.now = NOW + dt.timedelta(minutes=minute)
    return world.register(person, **changes)


def test_visits_are_listed_as_they_were_registered_the_last_one_first(world: World) -> None:
    one, other = world.enrol(2)
    first = register_at(world, one, 0, care_type="11")
    second = register_at(world, other, 1, care_type="2101")
    elsewhere = register_at(world, one, 2, care_type="11", institution_id=OTHER_HOSPITAL)
    third = register_at(world, one, 3, care_type="11")
    world.run(world.cancel_command(third))
    assert listed(world) == [third, second, first]
    assert listed(world, institution_id=OTHER_HOSPITAL) == [elsewhere]
    assert listed(world, person_id=one) == [third, first]
    assert listed(world, care_type="2101") == [second]
    assert listed(world, is_cancelled=True) == [third]
    assert listed(world, is_cancelled=False) == [second, first]


def test_a_day_has_the_visits_from_its_first_instant_to_its_last(world: World) -> None:
    (person,) = world.enrol()
    visits = [register_at(world, person, minute, care_type="11") for minute in (0, 1, 2)]
    since, before = NOW + dt.timedelta(minutes=1), NOW + dt.timedelta(minutes=2)
    assert listed(world, registered_since=since) == [visits[2], visits[1]]
    assert listed(world, registered_before=before) == [visits[1], visits[0]]
    assert listed(world, registered_since=since, registered_before=before) == [visits[1]]


def test_pages_hold_each_visit_once_while_others_are_registered(world: World) -> None:
    (person,) = world.enrol()
    # Three of one moment: only their ids part them.
    before = [register_at(world, person, each, care_type="11") for each in (0, 1, 1, 1, 2, 3)]
    found: list[str] = []
    place = None
    for number in range(10, 20):
        page = listed(world, after=place, limit=2)
        found += page
        register_at(world, person, number, care_type="11")
        if len(page) < 2:
            break
        last = visit_of(world, page[-1])
        place = VisitPlace(last.register_time, last.visit_id)
    assert sorted(found) == sorted(before)
    assert (found[0], found[-1]) == (before[-1], before[0])


def test_an_institution_asks_for_its_own_visits_and_an_agency_says_whose() -> None:
    assert institution_asked_of(OWN, "") == HOSPITAL
    assert institution_asked_of(OWN, HOSPITAL) == HOSPITAL
    assert institution_asked_of(AGENT, OTHER_HOSPITAL) == OTHER_HOSPITAL
    with pytest.raises(RuleError) as scope:
        institution_asked_of(OWN, OTHER_HOSPITAL)
    assert scope.value.reason is Reason.OUT_OF_SCOPE
    with pytest.raises(RuleError) as missing:
        institution_asked_of(AGENT, "")
    assert refused(missing) == (Reason.FIELD_REQUIRED, ["institution_id"])
