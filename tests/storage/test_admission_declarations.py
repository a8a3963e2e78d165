"""Admission declarations in databases: made once a stay, the hospital's own, listed."""

import datetime as dt
from typing import Any

import pytest
from support.audit_desk import CHIEF, AuditWorld, refused
from support.audits_kept import at_once
from support.databases import Databases
from support.paper_desk import PERSON, REGION
from support.stored_papers import StoredDesk
from support.ward import Ward

from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.admission_declaration import DeclarationWish, DeclaredPlace
from yibao_offsite.rules.admission_declaration import AdmissionReason, Moved


@pytest.fixture
def world(databases: Databases) -> AuditWorld:
    return AuditWorld(StoredDesk(databases.open("yibao_offsite")).transactions)


def test_a_stay_is_declared_while_it_lasts_and_kept_up_to_its_end(world: AuditWorld) -> None:
    """O-07: the declaration reaches the agency during the stay, with where the patient lies."""
    ward = Ward(world)
    declared = ward.declare()
    id = declared.admission_declaration_id
    agency = parse_caller(CHIEF)
    assert ward.declarations.find(REGION, id, agency) == declared
    moved = ward.move(id, Moved("", "3", None))
    assert (moved.department_name, moved.bed, moved.version) == ("surgery", "3", 2)
    ended = ward.move(id, Moved("", "", dt.date(2026, 11, 27)))
    assert ward.declarations.find(REGION, id, agency) == ended
    refused(Reason.ADMISSION_DECLARATION_STATE, ward.move, id, Moved("", "4", None))


def test_a_declaration_is_the_hospitals_own(world: AuditWorld) -> None:
    ward = Ward(world)
    id = ward.declare().admission_declaration_id
    other = "institution/H31000000002"
    refused(Reason.ADMISSION_DECLARATION_NOT_FOUND, ward.move, id, Moved("", "3", None), by=other)
    refused(
        Reason.ADMISSION_DECLARATION_NOT_FOUND,
        ward.declarations.find,
        REGION,
        id,
        parse_caller(other),
    )


def test_a_stay_is_declared_once_also_by_two_at_once(world: AuditWorld) -> None:
    ward = Ward(world)
    assert at_once(ward.declare, ward.declare) == ["ADMISSION_DECLARED", "done"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"admission_date": dt.date(2026, 11, 28)}, Reason.FIELD_OUT_OF_RANGE),
        ({"reason": AdmissionReason.APPROVED_TRANSFER}, Reason.FIELD_REQUIRED),
        (
            {"reason": AdmissionReason.LIVING_ELSEWHERE, "registration_id": new_id()},
            Reason.REGISTRATION_NOT_FOUND,
        ),
    ],
)
def test_what_is_wrong_with_a_declaration_is_refused(
    world: AuditWorld, told: dict[str, Any], reason: Reason
) -> None:
    refused(reason, Ward(world).declare, **told)


@pytest.mark.parametrize(
    "discharge", [dt.date(2026, 11, 24), dt.date(2026, 11, 28)], ids=["before", "to come"]
)
def test_a_stay_ends_on_a_day_of_it(world: AuditWorld, discharge: dt.date) -> None:
    ward = Ward(world)
    id = ward.declare().admission_declaration_id
    refused(Reason.FIELD_OUT_OF_RANGE, ward.move, id, Moved("", "", discharge))
    refused(Reason.FIELD_REQUIRED, ward.move, id, Moved("", "", None))
    ward.move(id, Moved("", "", dt.date(2026, 11, 25)))


def test_declarations_are_listed_in_the_order_in_which_they_came(world: AuditWorld) -> None:
    ward = Ward(world)
    found = []
    for _ in range(3):
        world.now += dt.timedelta(minutes=1)
        found.append(ward.declare(new_id()))
    ward.move(found[0].admission_declaration_id, Moved("", "", dt.date(2026, 11, 26)))

    def ids(wish: DeclarationWish, after: DeclaredPlace | None = None) -> list[str]:
        page = ward.declarations.page(REGION, wish, after=after, limit=2)
        return [each.admission_declaration_id for each in page]

    in_order = [each.admission_declaration_id for each in found]
    assert ids(DeclarationWish()) == in_order[:2]
    place = DeclaredPlace(found[1].declare_time, in_order[1])
    assert ids(DeclarationWish(), place) == in_order[2:]
    assert ids(DeclarationWish(only_open=True)) == in_order[1:]
    assert ids(DeclarationWish(institution_id="H31000000002")) == []
    assert ids(DeclarationWish(person_ids=(PERSON,))) == in_order[:2]
