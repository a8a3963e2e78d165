"""The life of registrations over the wire: makers and checkers, rules of a region, lists."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.databases import Databases
from support.registering import LEAVES, Desks, refusal_of, serving_desks
from support.registrations import DAY, NATIONAL, REGION, SAMPLE, SAMPLE_FILE, TODAY

from yibao.offsite.v1 import registration_pb2 as messages
from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1 import rules_service_pb2 as rules_pb
from yibao_common.keys.dev_ca import DevCertificates, issue_dev_certificates
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id

Scenario = Callable[[Desks], Coroutine[Any, Any, None]]
Run = Callable[[Scenario], None]
FORM = ("identity_certificate", "registration_form")


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue_dev_certificates(tmp_path_factory.mktemp("registering"), LEAVES)


@pytest.fixture
def run(databases: Databases, issued: DevCertificates) -> Run:
    """Runs a scenario against a service over a new database."""
    database = databases.open("yibao_offsite")

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            url = database.engine.url.render_as_string(hide_password=False)
            async with serving_desks(issued, url) as desks:
                await scenario(desks)

        asyncio.run(main())

    return run_scenario


def shown(*kinds: str) -> list[messages.RegistrationMaterial]:
    return [messages.RegistrationMaterial(kind=kind, is_shown=True) for kind in kinds]


def named(registration: messages.Registration) -> dict[str, Any]:
    """Returns the fields that name a registration in a changing request."""
    id = registration.registration_id
    return {"request_id": new_id(), "region": REGION, "registration_id": id}


def referral_of(institution_id: str = "H33010000001", **fields: Any) -> Any:
    referral = messages.Referral(
        institution_id=institution_id, diagnosis_code="C34.900", referral_date=from_date(TODAY)
    )
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "person_id": new_id(),
        "category": messages.REGISTRATION_CATEGORY_REFERRAL,
        "treatment_region": "310000",
        "start_date": from_date(TODAY),
        "basis": messages.REGISTRATION_BASIS_PROOF,
        "materials": shown(*FORM, "referral_proof"),
        "referral": referral,
    }
    return pb.CreateRegistrationRequest(**{**values, **fields})


def retired(**fields: Any) -> Any:
    values: dict[str, Any] = {
        "category": messages.REGISTRATION_CATEGORY_RETIRED_RESETTLED,
        "expected_end_date": from_date(TODAY + 500 * DAY),
        "materials": shown(*FORM, "household_move_proof"),
        "referral": None,
    }
    return referral_of(**{**values, **fields})


async def approve_sample(desks: Desks) -> None:
    """Gives the region the sample's rules from today on."""
    submit = rules_pb.SubmitRulesRequest(
        request_id=new_id(),
        region=REGION,
        effective_date=from_date(TODAY),
        rules_file=SAMPLE_FILE.read_bytes(),
    )
    draft = (await desks.rules().SubmitRules(submit)).rules
    approval = rules_pb.ApproveRulesRequest(
        request_id=new_id(), region=REGION, rules_version=draft.rules_version
    )
    assert await refusal_of(desks.rules().ApproveRules(approval)) == "SAME_MAKER_AND_CHECKER"
    approved = (await desks.rules("second").ApproveRules(approval)).rules
    assert (approved.maker, approved.checker) == (
        f"agency/{REGION}/wang",
        f"agency/{REGION}/li",
    )


def test_rules_are_submitted_approved_and_read(run: Run) -> None:
    async def scenario(desks: Desks) -> None:
        get = rules_pb.GetRulesRequest(region=REGION)
        national = await desks.rules("hospital").GetRules(get)
        assert (national.rules.rules_version, national.rules.region) == (NATIONAL.version, "")
        assert not national.rules.HasField("submit_time")
        faulty = rules_pb.SubmitRulesRequest(
            request_id=new_id(),
            region=REGION,
            effective_date=from_date(TODAY),
            rules_file=b"format: yibao-offsite/2\n",
        )
        assert await refusal_of(desks.rules().SubmitRules(faulty)) == "OFFSITE_RULES_INVALID"
        await approve_sample(desks)
        found = await desks.rules("channel").GetRules(get)
        assert (found.rules.rules_version, found.rules_file) == (
            SAMPLE.version,
            SAMPLE_FILE.read_bytes(),
        )
        get.in_force_date.CopyFrom(from_date(TODAY - DAY))
        before = await desks.rules("channel").GetRules(get)
        assert before.rules.rules_version == NATIONAL.version
        listed = await desks.rules().ListRules(rules_pb.ListRulesRequest(region=REGION))
        assert [each.rules_version for each in listed.rules] == [SAMPLE.version]
        other = rules_pb.ListRulesRequest(region="500100")
        assert await refusal_of(desks.rules().ListRules(other)) == "OUT_OF_SCOPE"
        assert await refusal_of(desks.rules("hospital").ListRules(other)) == "CALLER_NOT_ALLOWED"

    run(scenario)


def test_a_hospital_refers_an_agency_returns_and_what_it_does_is_told(run: Run) -> None:
    async def scenario(desks: Desks) -> None:
        await approve_sample(desks)
        hospital, agency = desks.registrations("hospital"), desks.registrations()
        other = desks.registrations("other-hospital")
        made = (await hospital.CreateRegistration(referral_of())).registration
        assert made.state == messages.REGISTRATION_STATE_SUBMITTED
        assert made.origin == messages.REGISTRATION_ORIGIN_INSTITUTION
        refused = {
            other.CreateRegistration(referral_of("H33010000009")): "REFERRAL_NOT_ENTITLED",
            other.CreateRegistration(referral_of()): "FIELD_OUT_OF_RANGE",
            other.WithdrawRegistration(
                pb.WithdrawRegistrationRequest(**named(made))
            ): "REGISTRATION_NOT_FOUND",
            agency.ApproveRegistration(
                pb.ApproveRegistrationRequest(**named(made))
            ): "PRE_EVALUATION_REQUIRED",
        }
        for call, reason in refused.items():
            assert await refusal_of(call) == reason
        fault = pb.MaterialFault(kind="referral_proof", remark="no stamp")
        returned = await agency.ReturnRegistration(
            pb.ReturnRegistrationRequest(**named(made), material_faults=[fault])
        )
        assert [each.fault for each in returned.registration.materials] == ["", "", "no stamp"]
        again = await hospital.ResubmitRegistration(
            pb.ResubmitRegistrationRequest(**named(made), materials=shown("referral_proof"))
        )
        assert again.registration.state == messages.REGISTRATION_STATE_SUBMITTED
        rejected = await desks.registrations("second").RejectRegistration(
            pb.RejectRegistrationRequest(**named(made), remark="可在本市治疗")
        )
        assert rejected.registration.state == messages.REGISTRATION_STATE_REJECTED
        history = pb.GetRegistrationHistoryRequest(
            region=REGION, registration_id=made.registration_id
        )
        told = await hospital.GetRegistrationHistory(history)
        assert [(each.kind, each.version) for each in told.events] == [
            (messages.REGISTRATION_EVENT_KIND_APPLIED, 1),
            (messages.REGISTRATION_EVENT_KIND_RETURNED, 2),
            (messages.REGISTRATION_EVENT_KIND_RESUBMITTED, 3),
            (messages.REGISTRATION_EVENT_KIND_REJECTED, 4),
        ]
        assert told.events[3].remark == "可在本市治疗"
        assert await refusal_of(other.GetRegistrationHistory(history)) == "REGISTRATION_NOT_FOUND"
        # A hospital lists what it applied for, and an app one person's.
        every = pb.ListRegistrationsRequest(region=REGION)
        assert len((await hospital.ListRegistrations(every)).registrations) == 1
        assert len((await other.ListRegistrations(every)).registrations) == 0
        app = desks.registrations("channel")
        assert await refusal_of(app.ListRegistrations(every)) == "FIELD_REQUIRED"
        every.person_id = made.person_id
        assert len((await app.ListRegistrations(every)).registrations) == 1

    run(scenario)


def test_a_registration_is_checked_changed_extended_and_revoked(run: Run) -> None:
    async def scenario(desks: Desks) -> None:
        await approve_sample(desks)
        agency, second = desks.registrations(), desks.registrations("second")
        third = desks.registrations("third")
        posted = messages.APPLICATION_CHANNEL_POST
        made = (await agency.CreateRegistration(retired(application_channel=posted))).registration
        tasks = pb.ListRegistrationTasksRequest(region=REGION)
        assert len((await agency.ListRegistrationTasks(tasks)).registrations) == 0
        tasks.due_date.CopyFrom(from_date(TODAY + DAY))
        (due,) = (await agency.ListRegistrationTasks(tasks)).registrations
        assert (due.registration_id, due.task_kind) == (
            made.registration_id,
            messages.REGISTRATION_TASK_KIND_DECISION,
        )
        approval = pb.ApproveRegistrationRequest(**named(made))
        assert await refusal_of(agency.ApproveRegistration(approval)) == "SAME_MAKER_AND_CHECKER"
        approved = (await second.ApproveRegistration(approval)).registration
        assert approved.state == messages.REGISTRATION_STATE_ACTIVE
        # Sent again, the very same answer.
        assert (await second.ApproveRegistration(approval)).registration == approved
        assert len((await agency.ListRegistrationTasks(tasks)).registrations) == 0
        no_check = pb.ConfirmRegistrationCheckRequest(**named(made))
        assert await refusal_of(third.ConfirmRegistrationCheck(no_check)) == "REGISTRATION_STATE"
        extension = pb.ExtendRegistrationRequest(
            **named(made), expected_end_date=from_date(TODAY + 900 * DAY)
        )
        assert await refusal_of(agency.ExtendRegistration(extension)) == (
            "REGISTRATION_NOT_EXTENDABLE"
        )
        change = pb.ChangeRegistrationRequest(
            **named(made),
            category=messages.REGISTRATION_CATEGORY_RETIRED_RESETTLED,
            treatment_region="320500",
            start_date=from_date(TODAY + 10 * DAY),
            expected_end_date=from_date(TODAY + 500 * DAY),
            basis=messages.REGISTRATION_BASIS_COMMITMENT,
            materials=shown(*FORM, "commitment_letter"),
        )
        answer = await agency.ChangeRegistration(change)
        assert answer.registration.replaces_registration_id == made.registration_id
        assert answer.replaced.state == messages.REGISTRATION_STATE_ENDED
        assert answer.replaced.ended_date == from_date(TODAY + 9 * DAY)
        wish = pb.CancelRegistrationRequest(**named(answer.registration))
        assert await refusal_of(agency.CancelRegistration(wish)) == "CHANGE_NOT_YET_ALLOWED"
        finding = pb.CancelRegistrationRequest(**named(answer.registration), is_agency_finding=True)
        assert await refusal_of(agency.CancelRegistration(finding)) == "FIELD_REQUIRED"
        revocation = pb.RevokeRegistrationRequest(
            **named(answer.registration), remark="未在当地居住"
        )
        assert await refusal_of(agency.RevokeRegistration(revocation)) == ("SAME_MAKER_AND_CHECKER")
        revoked = (await third.RevokeRegistration(revocation)).registration
        assert revoked.state == messages.REGISTRATION_STATE_REVOKED
        app = desks.registrations("channel")
        temporary = referral_of(
            person_id=made.person_id,
            category=messages.REGISTRATION_CATEGORY_OTHER_TEMPORARY,
            basis=messages.REGISTRATION_BASIS_UNSPECIFIED,
            referral=None,
            treatment_region="110000",
        )
        assert await refusal_of(app.CreateRegistration(temporary)) == "SELF_SERVICE_LIMITED"

    run(scenario)


def test_an_emergency_is_deemed_registered_once_a_visit(run: Run) -> None:
    # Rule I-30: whoever sends it, however often, one person's visit has one.
    async def scenario(desks: Desks) -> None:
        settlement = desks.registrations("settlement")
        fields: dict[str, Any] = {
            "region": REGION,
            "person_id": new_id(),
            "visit_id": new_id(),
            "treatment_region": "310000",
            "admission_date": from_date(TODAY),
        }
        calls = [
            settlement.RecordDeemedRegistration(
                pb.RecordDeemedRegistrationRequest(request_id=new_id(), **fields)
            )
            for _ in range(6)
        ]
        made = [each.registration for each in await asyncio.gather(*calls)]
        assert len({each.SerializeToString() for each in made}) == 1
        assert (made[0].origin, made[0].terms) == (
            messages.REGISTRATION_ORIGIN_DEEMED,
            messages.OFFSITE_TERMS_EMERGENCY,
        )
        assert made[0].end_date == from_date(TODAY)
        again = pb.RecordDeemedRegistrationRequest(request_id=new_id(), **fields)
        assert await refusal_of(desks.registrations().RecordDeemedRegistration(again)) == (
            "CALLER_NOT_ALLOWED"
        )
        again.treatment_region, again.visit_id = "810000", new_id()
        assert await refusal_of(settlement.RecordDeemedRegistration(again)) == "REGION_EXCLUDED"

    run(scenario)
