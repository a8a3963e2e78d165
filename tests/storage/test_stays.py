"""Stays: admitted, settled in between, discharged, continued; one open stay a person."""

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.refusals import reason_of
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    PHARMACY_WITHOUT_ECERT,
    REGION,
    TODAY,
    World,
)
from support.stays import ADMITTED, DAY, FACTS, MAIN, discharged, missing, refused

from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.visit.register import RegisterVisit
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis, Operation
from yibao_settlement.rules.visit import DischargeWay
from yibao_settlement.servicer import encode
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_what_was_told_of_a_visit_is_stored_and_answered(world: World) -> None:
    (person,) = world.enrol()
    answer = world.run(world.visit_command(person, facts=FACTS))
    visit = RegisterVisitResponse.FromString(answer).visit
    stored = world.queries.visit(REGION, visit.visit_id)
    assert stored is not None
    assert stored.facts == FACTS
    assert stored.stay_id == visit.stay_id == visit.visit_id
    assert encode.visit_message(REGION, stored) == visit
    assert [each.is_main for each in visit.diagnoses] == [True, False]
    told = CareFacts(bed="9-1", diagnoses=(MAIN,))
    world.run(world.update_command(visit.visit_id, told))
    stored = world.queries.visit(REGION, visit.visit_id)
    assert stored is not None
    assert stored.facts == told


def test_a_stay_has_interim_bills_then_its_discharge_then_its_last_bill(world: World) -> None:
    """T-29: nothing but the discharge, or a last bill, ends it."""
    (person,) = world.enrol()
    visit = world.register(person, facts=FACTS)
    interim = world.bill(visit, is_interim=True, service_date=ADMITTED + 9 * DAY)
    assert world.settle(visit, person, bill=interim).is_interim
    # Who settled an interim bill tells the discharge before the last one, in any region.
    last = world.bill(visit)
    reason, metadata = refused(world, world.settle_command(visit, person, bill=last))
    assert (reason, metadata) == (Reason.VISIT_INCOMPLETE, {"visit_id": visit})
    assert missing(world, visit) == ("end_date",)
    early = world.discharge_command(visit, end_date=ADMITTED + 8 * DAY)
    assert refused(world, early)[0] is Reason.DISCHARGE_DATE_INVALID
    left = discharged(world, visit, discharge_way=DischargeWay.TO_HOSPITAL)
    assert left.discharge_way == visit_pb2.DISCHARGE_WAY_TO_HOSPITAL
    assert left.operations[0].operation_code == "36.0600x004"
    stored = world.queries.visit(REGION, visit)
    assert stored is not None
    assert encode.visit_message(REGION, stored) == left
    assert missing(world, visit) == ()
    again = world.bill(visit, is_interim=True)
    assert refused(world, world.settle_command(visit, person, bill=again)) == (
        Reason.INTERIM_NOT_ALLOWED,
        {"visit_id": visit},
    )
    other_day = world.bill(visit, service_date=TODAY - DAY)
    command = world.settle_command(visit, person, bill=other_day)
    assert refused(world, command)[0] is Reason.SERVICE_DATE_INVALID
    final = world.settle(visit, person, bill=last)
    assert not final.is_interim
    for late in (world.cancel_discharge_command(visit), world.update_command(visit, FACTS)):
        metadata = {"visit_id": visit, "settlement_id": final.settlement_id}
        assert refused(world, late) == (Reason.VISIT_SETTLED, metadata)
    world.reverse(final.settlement_id)
    world.run(world.cancel_discharge_command(visit))
    reopened = world.queries.visit(REGION, visit)
    assert reopened is not None
    assert (reopened.end_date, reopened.discharge_way) == (None, None)
    assert check_ledger(world.database).drifts == []


def test_everything_that_is_missing_is_told_at_once(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type="2102")
    assert missing(world, visit) == ("disease_code",)
    assert missing(world, visit, is_required=True) == ("end_date", "diagnoses", "disease_code")
    command = world.settle_command(visit, person, is_discharge_required=True)
    with pytest.raises(RuleError) as settling:
        world.run(command)
    with pytest.raises(RuleError) as trying:
        trial(
            world.queries,
            REGION,
            command.bill,
            institution_id=HOSPITAL,
            is_discharge_required=True,
            now=NOW,
        )
    for caught in (settling.value, trying.value):
        assert caught.reason is Reason.VISIT_INCOMPLETE
        fields = [fault.field for fault in caught.faults]
        assert fields == ["visit.end_date", "visit.diagnoses", "visit.disease_code"]


def test_a_bill_of_a_stay_without_discharge_ends_it_where_none_is_asked_for(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    settlement_id = world.settle(visit, person).settlement_id
    interim = world.settle_command(visit, person, bill=world.bill(visit, is_interim=True))
    assert refused(world, interim)[0] is Reason.INTERIM_NOT_ALLOWED
    assert refused(world, world.discharge_command(visit))[0] is Reason.VISIT_SETTLED
    world.reverse(settlement_id)
    # Nothing else holds it, so it is open again.
    assert refused(world, world.visit_command(person))[0] is Reason.STAY_OPEN_ELSEWHERE


def test_a_transfer_continues_a_stay_that_has_ended(world: World) -> None:
    person, other = world.enrol(2)
    first = world.register(person, facts=FACTS)

    def transfer(of: str = person, **changes: object) -> RegisterVisit:
        values = {
            "institution_id": OTHER_HOSPITAL,
            "start_date": TODAY,
            "transfer_from_visit_id": first,
        }
        return world.visit_command(of, **{**values, **changes})

    invalid = (Reason.TRANSFER_INVALID, {"transfer_from_visit_id": first})
    assert refused(world, transfer()) == invalid
    discharged(world, first)
    assert refused(world, transfer(start_date=TODAY - DAY)) == invalid
    assert refused(world, transfer(other))[0] is Reason.VISIT_NOT_FOUND
    assert refused(world, transfer(care_type="11"))[0] is Reason.CARE_TYPE_NOT_ALLOWED
    unknown = new_id()
    assert refused(world, transfer(transfer_from_visit_id=unknown)) == (
        Reason.VISIT_NOT_FOUND,
        {"visit_id": unknown},
    )
    second = RegisterVisitResponse.FromString(world.run(transfer())).visit
    assert (second.stay_id, second.transfer_from_visit_id) == (first, first)
    world.run(
        world.discharge_command(second.visit_id, diagnoses=(MAIN,), institution_id=OTHER_HOSPITAL)
    )
    # The first visit is the chain's, not free for another one, and stays as it ended.
    assert refused(world, transfer()) == invalid
    assert refused(world, world.cancel_discharge_command(first)) == invalid
    assert refused(world, world.cancel_command(first)) == invalid
    third = world.run(transfer(transfer_from_visit_id=second.visit_id, institution_id=HOSPITAL))
    assert RegisterVisitResponse.FromString(third).visit.stay_id == first


def test_chronic_care_names_its_disease(world: World) -> None:
    (person,) = world.enrol()
    with pytest.raises(RuleError) as caught:
        world.register(person, care_type="14")
    assert caught.value.reason is Reason.FIELD_REQUIRED
    assert [fault.field for fault in caught.value.faults] == ["disease_code"]
    visit = world.register(person, care_type="14", facts=CareFacts(disease_code="M03900"))
    world.run(world.update_command(visit, CareFacts()))
    assert missing(world, visit) == ("disease_code",)


def test_care_types_are_of_the_list_and_of_the_institution(world: World) -> None:
    (person,) = world.enrol()
    metadata = {"care_type": "2999", "list": "med_type"}
    command = world.visit_command(person, care_type="2999")
    assert refused(world, command) == (Reason.CARE_TYPE_UNKNOWN, metadata)
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))

    def at_pharmacy(care_type: str) -> RegisterVisit:
        return world.visit_command(
            person,
            care_type=care_type,
            institution_id=PHARMACY_WITHOUT_ECERT,
            code=world.code(person, is_cards=True),
        )

    for care_type in ("2101", "11"):
        reason = refused(world, at_pharmacy(care_type))
        assert reason == (Reason.CARE_TYPE_NOT_ALLOWED, {"care_type": care_type})
    assert isinstance(world.work(REGION, [at_pharmacy("41")])[0], bytes)
    visit = world.register(person, care_type="11")
    bill = world.bill(visit, is_interim=True)
    for other in (
        world.discharge_command(visit),
        world.settle_command(visit, person, bill=bill),
    ):
        assert refused(world, other) == (Reason.CARE_TYPE_NOT_ALLOWED, {"care_type": "11"})


def test_an_agency_ends_what_was_left_open_and_that_is_on_record(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    foreign = world.discharge_command(visit, institution_id=OTHER_HOSPITAL)
    assert refused(world, foreign)[0] is Reason.VISIT_NOT_FOUND
    discharged(world, visit, caller=AGENCY)
    world.run(world.cancel_discharge_command(visit))
    world.settle(
        visit, person, bill=world.bill(visit, is_interim=True, service_date=ADMITTED + DAY)
    )
    world.run(world.update_command(visit, CareFacts(bed="1", diagnoses=(MAIN,))))
    world.run(
        world.update_command(visit, CareFacts(diagnoses=(MAIN._replace(diagnosis_name="高血压"),)))
    )
    event = tables.audit.event.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(event.method, event.caller, event.detail).order_by(event.sequence)
        ).all()
    end = f"end_date={TODAY} institution={HOSPITAL}"
    own = f"institution/{HOSPITAL}"
    assert [tuple(row) for row in rows] == [
        ("DischargeVisit", AGENCY, end),
        ("CancelDischarge", own, end),
        ("UpdateVisit", own, "changed=diagnoses"),
    ]


def test_a_discharge_is_answered_once_and_refused_twice(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.discharge_command(visit)
    assert world.run(command) == world.run(command)
    metadata = {"visit_id": visit, "end_date": TODAY.isoformat()}
    assert refused(world, world.discharge_command(visit)) == (Reason.VISIT_DISCHARGED, metadata)
    future = world.register(person, start_date=TODAY)
    for end_date in (TODAY + DAY, TODAY - DAY):
        late = world.discharge_command(future, end_date=end_date)
        assert refused(world, late)[0] is Reason.DISCHARGE_DATE_INVALID
    world.run(world.cancel_command(future))
    for other in (
        world.discharge_command(future),
        world.cancel_discharge_command(future),
        world.update_command(future, FACTS),
    ):
        assert refused(world, other) == (Reason.VISIT_CANCELLED, {"visit_id": future})


def test_nobody_is_discharged_after_their_death(world: World) -> None:
    """I-31: the last bill would be refused for that day."""
    (person,) = world.enrol()
    visit = world.register(person)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.person).values(death_date=TODAY - DAY))
    assert refused(world, world.discharge_command(visit))[0] is Reason.PERSON_DECEASED
    discharged(world, visit, end_date=TODAY - DAY, discharge_way=DischargeWay.DIED)


def test_every_fault_of_what_is_told_is_named(world: World) -> None:
    (person,) = world.enrol()
    wrong = CareFacts(
        diagnoses=(Diagnosis("i10", "x", False), MAIN),
        operations=(Operation("36", "x", ADMITTED - DAY),),
    )
    with pytest.raises(RuleError) as caught:
        world.register(person, facts=wrong)
    assert [(fault.field, fault.reason) for fault in caught.value.faults] == [
        ("diagnoses[0].diagnosis_code", Reason.FIELD_MALFORMED),
        ("diagnoses", Reason.MAIN_DIAGNOSIS_INVALID),
        ("operations[0].operation_date", Reason.OPERATION_DATE_INVALID),
    ]
    assert reason_of(lambda: world.register(person, facts=wrong)) is Reason.FIELDS_INVALID
