"""What an agency tells of a person's enrolment and diseases, as settlement decides by it."""

import datetime as dt
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    OTHER_REGION,
    BothServices,
    Patient,
    outcome,
    refused,
)
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import disease_messages_pb2 as diseases
from yibao.identity.v1 import enrolment_messages_pb2 as enrolments
from yibao.identity.v1 import merge_messages_pb2 as merges
from yibao.identity.v1 import person_pb2
from yibao.identity.v1.death_messages_pb2 import RecordDeathRequest
from yibao.identity.v1.person_service_pb2 import RegisterNewbornRequest
from yibao.settlement.v1 import policy_service_pb2 as policies
from yibao.settlement.v1 import settlement_service_pb2 as settlements
from yibao.settlement.v1 import visit_pb2 as visits
from yibao_common.db.rows import select_rows
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import add_months, shanghai_day
from yibao_common.values.ids import new_id
from yibao_identity.storage.feed import renew_epochs
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.enrolment import EnrolledFacts, enrolled_facts_of, paying_on
from yibao_settlement.storage import tables
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, diseases_from, enrolments_from

NORMAL = person_pb2.ENROLMENT_STATUS_NORMAL


def facts(services: BothServices, person_id: str, on: dt.date) -> EnrolledFacts | None:
    """Returns what settlement knows of a person on a day, None without cover."""
    services.wait_until_told()
    with services.database.read() as connection:
        rows = select_rows(
            connection,
            tables.enrolment,
            ENROLMENT_COLUMNS,
            region=REGION,
            key="person_id",
            among=[person_id],
        )
        query = sa.select(tables.person.c.diseases).where(tables.person.c.person_id == person_id)
        held = diseases_from(connection.execute(query).scalar_one())
    periods = enrolments_from(rows).get(person_id, [])
    paying = paying_on(periods, on)
    return None if paying is None else enrolled_facts_of(paying, periods, held, on=on)


def of(person_id: str, **fields: Any) -> dict[str, Any]:
    return {"request_id": new_id(), "region": REGION, "person_id": person_id, **fields}


def register(services: BothServices, person_id: str, code: str, **days: Date) -> Any:
    request = diseases.RegisterDiseaseRequest(**of(person_id, disease_code=code, **days))
    return services.persons().RegisterDisease(request, timeout=CALL_SECONDS).disease


def change(services: BothServices, person_id: str, day: dt.date, **terms: Any) -> None:
    """Gives the last period of a person other terms from a day on."""
    question = enrolments.ListEnrolmentsRequest(region=REGION, person_id=person_id)
    history = services.persons().ListEnrolments(question, timeout=CALL_SECONDS).enrolments
    standing = [each for each in history if not each.HasField("replace_time")]
    request = enrolments.ChangeEnrolmentRequest(
        **of(
            person_id,
            enrolment_id=standing[-1].enrolment_id,
            terms=enrolments.EnrolmentTerms(person_class="16", status=NORMAL, **terms),
            effective_date=from_date(day),
            explanation="调档",
        )
    )
    services.persons().ChangeEnrolment(request, timeout=CALL_SECONDS)


@pytest.fixture
def today(services: BothServices) -> dt.date:
    return shanghai_day(services.clock())


def test_one_history_from_the_agency_to_what_settlement_decides_by(
    services: BothServices, today: dt.date
) -> None:
    start = dt.date(2024, 1, 31)
    told: dict[str, Any] = {
        **{"tier": "1", "insured_months_before": 5, "months_owing": 0, "years_unclaimed": 2}
    }
    person_id, _, _ = services.person(start_date=from_date(start), **told)
    assert facts(services, person_id, start) == EnrolledFacts("1", frozenset(), 5, 0, 2)
    assert facts(services, person_id, dt.date(2024, 2, 29)) == EnrolledFacts(
        "1", frozenset(), 6, 0, 2
    )
    # Another tier and what is owed from a day on: the months go on counting.
    changed = dt.date(2025, 1, 1)
    change(services, person_id, changed, tier="2", months_owing=2)
    assert facts(services, person_id, dt.date(2024, 12, 31)) == EnrolledFacts(
        "1", frozenset(), 16, 0, 2
    )
    assert facts(services, person_id, changed) == EnrolledFacts("2", frozenset(), 16, 2)
    # A disease from a day on, then with its last day.
    made = register(services, person_id, "M03900", start_date=from_date(dt.date(2025, 3, 1)))
    held = EnrolledFacts("2", frozenset({"M03900"}), 18, 2)
    assert facts(services, person_id, dt.date(2025, 3, 31)) == held._replace(months_insured=19)
    assert facts(services, person_id, dt.date(2025, 2, 28)) == held._replace(diseases=frozenset())
    end = diseases.EndDiseaseRequest(
        **of(
            person_id,
            disease_registration_id=made.disease_registration_id,
            end_date=from_date(dt.date(2025, 3, 30)),
            explanation="到期",
        )
    )
    stub = services.persons()
    ended = stub.EndDisease(end, timeout=CALL_SECONDS)
    assert stub.EndDisease(end, timeout=CALL_SECONDS) == ended
    assert facts(services, person_id, dt.date(2025, 3, 30)) == held
    assert facts(services, person_id, dt.date(2025, 3, 31)) == EnrolledFacts(
        "2", frozenset(), 19, 2
    )
    # What is read anew is the same.
    with services.identity_database.write() as connection:
        renew_epochs(connection)
    register(services, person_id, "M01600", start_date=from_date(today))
    services.person()
    assert facts(services, person_id, dt.date(2025, 3, 30)) == held
    known = facts(services, person_id, today)
    assert known is not None
    assert known.diseases == {"M01600"}


def test_a_merge_a_death_and_a_birth_carry_the_facts(
    services: BothServices, today: dt.date
) -> None:
    start = dt.date(2024, 1, 1)
    told: dict[str, Any] = {"tier": "1", "insured_months_before": 5, "months_owing": 1}
    retired, _, _ = services.person(start_date=from_date(start), **told)
    surviving, _, _ = services.person(start_date=from_date(dt.date(2025, 1, 1)), tier="2")
    register(services, retired, "M03900", start_date=from_date(start))
    propose = merges.ProposeMergeRequest(
        request_id=new_id(),
        region=REGION,
        retired_person_id=retired,
        surviving_person_id=surviving,
        explanation="registered twice",
    )
    merge = services.persons().ProposeMerge(propose, timeout=CALL_SECONDS).merge
    decide = merges.DecideMergeRequest(
        request_id=new_id(),
        region=REGION,
        merge_id=merge.merge_id,
        decision=merges.MERGE_DECISION_APPROVE,
    )
    services.persons("checker").DecideMerge(decide, timeout=CALL_SECONDS)
    chronic = frozenset({"M03900"})
    assert facts(services, retired, start) is None
    assert facts(services, surviving, dt.date(2024, 3, 1)) == EnrolledFacts("1", chronic, 7, 1)
    assert facts(services, surviving, dt.date(2025, 2, 1)) == EnrolledFacts("2", chronic, 18, None)
    death = RecordDeathRequest(
        **of(surviving, death_date=from_date(today), evidence_reference="death/1")
    )
    services.persons().RecordDeath(death, timeout=CALL_SECONDS)
    last = facts(services, surviving, today)
    assert last is not None
    assert (last.tier, last.diseases) == ("2", chronic)
    assert facts(services, surviving, today + dt.timedelta(days=1)) is None
    late = diseases.RegisterDiseaseRequest(
        **of(
            surviving,
            disease_code="M01600",
            start_date=from_date(today + dt.timedelta(days=1)),
        )
    )
    refusal = refused(services, services.persons().RegisterDisease, late)
    assert outcome(refusal)[1] == "PERSON_DECEASED"
    parent_id, _, _ = services.person()
    newborn = RegisterNewbornRequest(
        request_id=new_id(),
        region=REGION,
        parent_id=parent_id,
        birth_certificate_number="Z123456789",
        gender=2,
        birth_date=from_date(today),
        enrol_date=from_date(today),
    )
    born = services.persons().RegisterNewborn(newborn, timeout=CALL_SECONDS).person.person_id
    assert facts(services, born, today) == EnrolledFacts(None, frozenset(), 0, 0, 0)


POLICY = f"""
format: yibao-policy/2
policy_id: enrolled-facts
title: What enrolment says
title_zh: 参保信息
region: "{REGION}"
insurance_type: "399"
start_date: 2014-01-01
sources:
  page: {{title: 某文件}}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
steps:
  - classify:
      id: S1
      rows:
        - shares: {{"01": 0, "02": 100_000, "03": own_cost}}
  - tiers:
      id: P1
      base: [eligible]
      fund_type: "390100"
      window: bill
      by: [tier, months_insured, months_owing, diseases]
      rows:
        - when: {{tier: "1", months_insured: {{to: 5}}, months_owing: 0, diseases: any}}
          brackets: [{{over_fen: 0, ratio_ppm: 100_000}}]
        - when: {{tier: "1", months_insured: {{from: 6}}, months_owing: 0, diseases: none}}
          brackets: [{{over_fen: 0, ratio_ppm: 200_000}}]
        - when: {{tier: "1", months_insured: {{from: 6}}, months_owing: 0, diseases: [M03900]}}
          brackets: [{{over_fen: 0, ratio_ppm: 300_000}}]
        - when: {{tier: "2", months_insured: any, months_owing: 0, diseases: any}}
          brackets: [{{over_fen: 0, ratio_ppm: 400_000}}]
        - when: {{tier: any, months_insured: any, months_owing: {{from: 1}}, diseases: any}}
          brackets: [{{over_fen: 0, ratio_ppm: 500_000}}]
"""


def put_in_force(services: BothServices) -> None:
    """Lets the policy decide, unless it does already."""
    submit = policies.SubmitPolicyRequest(
        request_id=new_id(), region=REGION, policy_file=POLICY.encode()
    )
    policy = services.policies().SubmitPolicy(submit, timeout=CALL_SECONDS).policy
    if policy.state != policies.POLICY_STATE_ACTIVE:
        approve = policies.ApprovePolicyRequest(
            request_id=new_id(), region=REGION, policy_version=policy.policy_version
        )
        services.policies("checker").ApprovePolicy(approve, timeout=CALL_SECONDS)


def test_a_bill_is_decided_by_what_the_agency_told_of_its_day(
    services: BothServices, today: dt.date
) -> None:
    put_in_force(services)
    start = add_months(today, -3)
    told: dict[str, Any] = {"tier": "1", "insured_months_before": 2, "months_owing": 0}
    person_id, certificate_id, subject = services.person(
        insurance_type="399", start_date=from_date(start), **told
    )
    diagnosis = visits.Diagnosis(diagnosis_code="J18.900", diagnosis_name="肺炎", is_main=True)
    register_visit = services.visit_request(
        services.code(certificate_id, ADMISSION), diagnoses=[diagnosis]
    )
    visit = services.visits().RegisterVisit(register_visit, timeout=CALL_SECONDS).visit
    patient = Patient(person_id, certificate_id, subject, visit.visit_id)

    def fund_ppm() -> int:
        """Settles a bill and returns which part of what is eligible the fund pays."""
        services.wait_until_told()
        request = services.settle_request(patient)
        request.bill.is_interim = True
        settlement = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
        trial = settlements.TrialBillRequest(region=REGION, bill=services.bill(patient.visit_id))
        trial.bill.is_interim = True
        tried = services.settlements().TrialBill(trial, timeout=CALL_SECONDS).settlement
        assert tried.fund_total_fen == settlement.fund_total_fen
        return settlement.fund_total_fen * 1_000_000 // settlement.eligible_fen

    assert fund_ppm() == 100_000
    change(services, person_id, start, **{**told, "insured_months_before": 3})
    assert fund_ppm() == 200_000
    register(services, person_id, "M03900", start_date=from_date(today))
    assert fund_ppm() == 300_000
    change(services, person_id, today, tier="2", months_owing=0)
    assert fund_ppm() == 400_000
    change(services, person_id, today, tier="2", months_owing=1)
    assert fund_ppm() == 500_000
    # What is not told is no 0.
    change(services, person_id, today, tier="2")
    services.wait_until_told()
    unsaid = services.settle_request(patient)
    unsaid.bill.is_interim = True
    refusal = refused(services, services.settlements().SettleBill, unsaid)
    assert outcome(refusal)[1] == "FACT_MISSING"
    assert check_ledger(services.database).drifts == []


def test_what_an_agency_lists_is_told_with_its_history(services: BothServices) -> None:
    person_id, _, _ = services.person()
    first = Date(year=2026, month=1, day=1)
    made = register(services, person_id, "M03900", start_date=first)
    services.wait_until_told()
    stub = services.persons()
    overlapping = diseases.RegisterDiseaseRequest(
        **of(person_id, disease_code="M03900", start_date=Date(year=2025, month=6, day=1))
    )
    refusal = refused(services, stub.RegisterDisease, overlapping)
    assert outcome(refusal) == (grpc.StatusCode.FAILED_PRECONDITION, "DISEASE_OVERLAP")
    assert refusal.metadata == {"disease_registration_id": made.disease_registration_id}
    listed = diseases.ListDiseasesRequest(region=REGION, person_id=person_id)
    (told,) = stub.ListDiseases(listed, timeout=CALL_SECONDS).diseases
    assert told == made
    assert told.recorded_by == f"agency/{REGION}/maker"
    assert told.HasField("record_time")
    stranger = services.persons("other-agency")
    for read in (
        diseases.ListDiseasesRequest(region=REGION, person_id=person_id),
        diseases.ListDiseasesRequest(region=OTHER_REGION, person_id=person_id),
    ):
        refusal = refused(services, stranger.ListDiseases, read)
        assert outcome(refusal)[1] in {"OUT_OF_SCOPE", "PERSON_NOT_FOUND"}
    many = enrolments.EnrolmentTerms(
        person_class="16", status=NORMAL, tier="two tiers", months_owing=-1
    )
    add = enrolments.AddEnrolmentRequest(
        **of(person_id, insurance_type="510", terms=many, start_date=first)
    )
    refusal = refused(services, stub.AddEnrolment, add)
    assert [each.field for each in refusal.field_faults] == ["terms.tier", "terms.months_owing"]
