"""What another institution did during a stay joins it, by the hospital's certificate."""

import datetime as dt
from typing import Any

import pytest
from support.charges import ADMITTED, assert_books_are_right, charged, listed, of_uploaded, upload
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.work import Work
from yibao_settlement.rules.bill import LineOrigin
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension

TENTH = ADMITTED.replace(day=10)
BY_CERTIFICATE = {
    "outside_institution_id": OTHER_HOSPITAL,
    "outside_certificate_number": "WJ2026-0007",
}


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def outside(line_id: str, charge_date: dt.date = TENTH, **told: str) -> Any:
    origin = LineOrigin(**{**BY_CERTIFICATE, **told})
    return charged(line_id, origin=origin, charge_date=charge_date)


def test_it_is_settled_with_the_stay_and_told_as_what_it_is(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type="2101")
    assert not any(
        isinstance(each, RuleError) for each in upload(world, visit, charged("L1"), outside("L2"))
    )
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 20_000))
    assert [each.amount_fen for each in settled.lines] == [10_000, 10_000]
    own, other = (each.charge.line.details for each in listed(world, visit))
    assert own is not None
    assert own.origin is None
    assert other is not None
    assert other.origin == LineOrigin(**BY_CERTIFICATE)
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("care_type", "told", "field", "reason"),
    [
        ("11", {}, "outside_institution_id", Reason.FIELD_OUT_OF_RANGE),
        (
            *("2101", {"outside_institution_id": ""}),
            *("outside_institution_id", Reason.FIELD_REQUIRED),
        ),
        (
            *("2101", {"outside_certificate_number": ""}),
            *("outside_certificate_number", Reason.FIELD_REQUIRED),
        ),
        (
            *("2101", {"outside_institution_id": HOSPITAL}),
            *("outside_institution_id", Reason.FIELD_OUT_OF_RANGE),
        ),
        (
            *("2101", {"outside_institution_id": "H99901999999"}),
            *("outside_institution_id", Reason.INSTITUTION_NOT_DESIGNATED),
        ),
    ],
)
def test_what_cannot_join_is_refused_where_it_is_uploaded_and_where_it_is_billed(
    world: World, care_type: str, told: dict[str, Any], field: str, reason: Reason
) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type=care_type)
    (refused,) = upload(world, visit, outside("L1", **told))
    assert isinstance(refused, RuleError)
    assert [(each.field, each.reason) for each in refused.faults] == [
        (f"lines[0].origin.{field}", reason)
    ]
    bill = world.bill(visit, lines=(outside("L1", **told),), total_fen=10_000)
    (billed,) = world.work(
        world.request("SettleBill").region, [world.settle_command(visit, person, bill=bill)]
    )
    assert isinstance(billed, RuleError)
    assert [(each.field, each.reason) for each in billed.faults] == [
        (f"bill.lines[0].origin.{field}", reason)
    ]
    assert not listed(world, visit)


def test_a_suspended_institution_is_not_paid_by_way_of_another(world: World) -> None:
    suspension = Suspension(
        *(new_id(), SuspendedKind.INSTITUTION, OTHER_HOSPITAL, "", ""),
        *(TENTH, TENTH, "稽核", NOW, "agency/li"),
    )

    def suspend(work: Work) -> None:
        work.institutions.add_suspension(suspension)
        work.reference.raise_epoch()

    (person,) = world.enrol()
    visit = world.register(person, care_type="2101")
    transactions_of(world.database).change(REGION, suspend)
    refused, later = upload(
        world, visit, outside("L1"), outside("L2", charge_date=ADMITTED.replace(day=11))
    )
    assert isinstance(refused, RuleError)
    assert refused.faults[0].reason is Reason.INSTITUTION_SUSPENDED
    assert not isinstance(later, RuleError)
