"""Corrections, enrolments, merges and relatives over mutual TLS and real databases."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.databases import Databases
from support.identity_world import (
    REGION,
    Identity,
    IdentityFiles,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.person_calls import changes, of_region, reason, shown
from support.serving import reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import credential_pb2, merge_pb2, person_pb2, relative_pb2
from yibao.identity.v1 import enrolment_messages_pb2 as enrolments
from yibao.identity.v1 import merge_messages_pb2 as merges
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import relative_messages_pb2 as relatives
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.ids import new_id

NUMBER = citizen_number(123)
OTHER_NUMBER = citizen_number(124)
Scenario = Callable[[Identity], Coroutine[Any, Any, None]]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("persons"))


@pytest.fixture
def run(databases: Databases, files: IdentityFiles) -> Run:
    """Runs a scenario against a service over a new database; returns the log."""

    def run_scenario(scenario: Scenario, **tables: Any) -> str:
        async def main() -> str:
            url = databases.migrated_url("yibao_identity")
            async with serving_identity(files, url, **tables) as identity:
                await scenario(identity)
            return identity.lines.getvalue()

        return asyncio.run(main())

    return run_scenario


# --- Correcting and enrolling.


def test_a_citizen_number_takes_the_place_of_a_birth_certificate(run: Run) -> None:
    """I-28."""

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        parent = await identity.register(NUMBER)
        other = citizen_number(124, birth="20130303")
        await identity.register(other)
        newborn = await stub.RegisterNewborn(
            of_region(
                persons.RegisterNewbornRequest,
                parent_id=parent.person_id,
                birth_certificate_number="A123456789",
                gender=2,
                birth_date=Date(year=2026, month=5, day=1),
                enrol_date=Date(year=2026, month=5, day=2),
            )
        )
        request = of_region(
            persons.UpdatePersonRequest,
            person_id=newborn.person.person_id,
            person_name="李小芳",
            document=shown(citizen_number(122, birth="20260501")),
            explanation="户口登记",
        )
        updated = (await stub.UpdatePerson(request)).person
        assert (updated.certificate_type, updated.person_name) == ("01", "李小芳")
        assert updated.enrolments == newborn.person.enrolments
        assert (await stub.UpdatePerson(request)).person == updated
        taken = of_region(
            persons.UpdatePersonRequest,
            person_id=newborn.person.person_id,
            document=shown(other),
            explanation="错误",
        )
        # By it the cover as a newborn would have begun years after the birth.
        assert await reason(stub.UpdatePerson(taken)) == "NEWBORN_ENROLMENT_LATE"
        taken.document.CopyFrom(shown(NUMBER))
        taken.request_id = new_id()
        # Nobody is as old as the own parent.
        assert await reason(stub.UpdatePerson(taken)) == "CITIZEN_NUMBER_INVALID"

    run(scenario)


def test_a_number_that_was_given_up_is_taken_again_by_another_operator(run: Run) -> None:
    """I-28: a second record of one human would take a second deductible."""

    async def scenario(identity: Identity) -> None:
        former = await identity.register(NUMBER)
        corrected = of_region(
            persons.UpdatePersonRequest,
            person_id=former.person_id,
            document=shown("E12345678", "16"),
            explanation="登记有误",
        )
        await identity.persons().UpdatePerson(corrected)
        again = registration(NUMBER)
        for operator in ("agency", "checker"):
            error = await refusal(identity.persons(operator).RegisterPerson(again))
            assert reason_in(error) == "NUMBER_HELD_BEFORE"
        again.former_holder_id = former.person_id
        assert await reason(identity.persons().RegisterPerson(again)) == "SAME_MAKER_AND_CHECKER"
        registered = (await identity.persons("checker").RegisterPerson(again)).person
        assert registered.person_id != former.person_id
        # Each answer that told whose it was counted as a look-up.
        other = await identity.register(OTHER_NUMBER)
        corrected.request_id, corrected.person_id = new_id(), other.person_id
        corrected.document.CopyFrom(shown(NUMBER))
        stub = identity.persons()
        assert await reason(stub.UpdatePerson(corrected)) == "PERSON_EXISTS"
        corrected.request_id = new_id()
        assert await reason(stub.UpdatePerson(corrected)) == "RATE_LIMITED"

    run(scenario, persons={"search_rate_per_minute": 3})


def test_an_enrolment_changes_from_a_day_on_and_its_history_stays(run: Run) -> None:
    """T-15."""

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        person = await identity.register(NUMBER)
        (former,) = person.enrolments
        request = of_region(
            enrolments.ChangeEnrolmentRequest,
            person_id=person.person_id,
            enrolment_id=former.enrolment_id,
            terms=enrolments.EnrolmentTerms(
                person_class="12", status=person_pb2.ENROLMENT_STATUS_SUSPENDED
            ),
            effective_date=Date(year=2026, month=6, day=1),
            explanation="退休",
        )
        changed = (await stub.ChangeEnrolment(request)).person
        assert [each.person_class for each in changed.enrolments] == ["11", "12"]
        assert changed.enrolments[0].end_date == Date(year=2026, month=5, day=31)
        assert changed.enrolments[1].status == person_pb2.ENROLMENT_STATUS_SUSPENDED
        listed = of_region(enrolments.ListEnrolmentsRequest, person_id=person.person_id)
        history = (await stub.ListEnrolments(listed)).enrolments
        assert len(history) == 3
        assert history[0].HasField("replace_time")
        added = of_region(
            enrolments.AddEnrolmentRequest,
            person_id=person.person_id,
            insurance_type="310",
            terms=request.terms,
            start_date=Date(year=2026, month=1, day=1),
        )
        assert await reason(stub.AddEnrolment(added)) == "ENROLMENT_OVERLAP"
        unknown = of_region(
            enrolments.AddEnrolmentRequest,
            person_id=person.person_id,
            insurance_type="510",
            terms=enrolments.EnrolmentTerms(
                person_class="12", status=person_pb2.EnrolmentStatus.ValueType(3)
            ),
            start_date=Date(year=2026, month=1, day=1),
        )
        assert await reason(stub.AddEnrolment(unknown)) == "FIELD_OUT_OF_RANGE"
        assert [each.sequence for each in await changes(identity)] == [1, 2]

    run(scenario)


# --- Merges.


async def proposed(identity: Identity, retired: str, surviving: str) -> Any:
    request = of_region(
        merges.ProposeMergeRequest,
        retired_person_id=retired,
        surviving_person_id=surviving,
        explanation="同一人",
    )
    return (await identity.persons().ProposeMerge(request)).merge


def decision(merge_id: str, decided: Any = merges.MERGE_DECISION_APPROVE) -> Any:
    return of_region(merges.DecideMergeRequest, merge_id=merge_id, decision=decided, note="核对")


def test_two_operators_make_one_record_of_two(run: Run) -> None:
    """I-28."""

    async def scenario(identity: Identity) -> None:
        retired = await identity.register(NUMBER)
        surviving = await identity.register(
            OTHER_NUMBER, start_date=Date(year=2026, month=3, day=1)
        )
        certificate = await identity.activate(retired.person_id)
        before = len(await changes(identity))
        merge = await proposed(identity, retired.person_id, surviving.person_id)
        assert merge.state == merge_pb2.MERGE_STATE_PROPOSED
        assert not merge.HasField("decide_time")
        approve = decision(merge.merge_id)
        assert await reason(identity.persons().DecideMerge(approve)) == "SAME_MAKER_AND_CHECKER"
        answers = [await identity.persons("checker").DecideMerge(approve) for _ in range(2)]
        assert answers[0] == answers[1]
        decided = answers[0].merge
        assert decided.state == merge_pb2.MERGE_STATE_APPROVED
        assert (decided.maker, decided.checker) == (
            f"agency/{REGION}/wang",
            f"agency/{REGION}/zhang",
        )
        told = {each.person_id: each for each in (await changes(identity, before))}
        assert told[retired.person_id].merged_into == surviving.person_id
        (credential,) = told[retired.person_id].credentials
        assert credential == credential_pb2.Credential(
            subject=certificate.subject,
            kind=credential_pb2.CREDENTIAL_KIND_ECERT,
            certificate_id=certificate.certificate_id,
            state=credential_pb2.CREDENTIAL_STATE_CLOSED,
        )
        days = [
            (each.start_date.month, each.end_date.month)
            for each in told[surviving.person_id].enrolments
        ]
        assert days == [(1, 2), (3, 0)]
        wanted = of_region(persons.GetPersonRequest, person_id=retired.person_id)
        gone = (await identity.persons().GetPerson(wanted)).person
        assert gone.state == person_pb2.PERSON_STATE_MERGED
        assert gone.merged_into == surviving.person_id
        search = of_region(persons.SearchPersonsRequest, document=shown(NUMBER))
        (found,) = (await identity.persons().SearchPersons(search)).persons
        assert found.person_id == surviving.person_id

    run(scenario)


def test_merges_are_read_by_supervisors_and_page_by_page(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        ids = [(await identity.register(citizen_number(number))).person_id for number in range(6)]
        made = [await proposed(identity, *ids[start : start + 2]) for start in (0, 2, 4)]
        stub = identity.persons("supervisor")
        listed = await stub.ListMerges(of_region(merges.ListMergesRequest, page_size=2))
        assert list(listed.merges) == [made[2], made[1]]
        request = of_region(merges.ListMergesRequest, page_size=2, before_merge_id=made[1].merge_id)
        assert list((await stub.ListMerges(request)).merges) == [made[0]]
        rejected = decision(made[0].merge_id, merges.MERGE_DECISION_REJECT)
        await identity.persons("checker").DecideMerge(rejected)
        request = of_region(merges.ListMergesRequest, state=merge_pb2.MERGE_STATE_REJECTED)
        (found,) = (await stub.ListMerges(request)).merges
        wanted = of_region(merges.GetMergeRequest, merge_id=made[0].merge_id)
        assert (await stub.GetMerge(wanted)).merge == found
        assert found.decision_note == "核对"
        wanted = of_region(merges.GetMergeRequest, merge_id=new_id())
        assert await reason(stub.GetMerge(wanted)) == "MERGE_NOT_FOUND"
        unknown = of_region(merges.ListMergesRequest, state=9)
        assert await reason(stub.ListMerges(unknown)) == "FIELD_OUT_OF_RANGE"
        unknown = decision(made[1].merge_id, 9)
        call = identity.persons("checker").DecideMerge(unknown)
        assert await reason(call) == "FIELD_OUT_OF_RANGE"

    run(scenario)


# --- Relatives.


def test_relatives_link_by_their_own_phones_or_at_a_counter(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        child, mother = [await identity.register(number) for number in (NUMBER, OTHER_NUMBER)]
        holders = []
        for name, person in (("child", child), ("mother", mother)):
            certificate = await identity.activate(person.person_id)
            identity.files.issue(Leaf(name, f"holder/{certificate.certificate_id}"))
            holders.append(identity.persons(name))
        asked = of_region(
            relatives.RequestRelativeLinkRequest,
            person_id=child.person_id,
            relative_id=mother.person_id,
            purpose=relative_pb2.LINK_PURPOSE_SHARE_ACCOUNT,
            relation=relative_pb2.RELATION_PARENT,
        )
        assert await reason(holders[1].RequestRelativeLink(asked)) == "OUT_OF_SCOPE"
        link = (await holders[0].RequestRelativeLink(asked)).link
        assert link.state == relative_pb2.LINK_STATE_REQUESTED
        agreed = of_region(
            relatives.ConfirmRelativeLinkRequest,
            link_id=link.link_id,
            relative_id=mother.person_id,
        )
        assert await reason(holders[0].ConfirmRelativeLink(agreed)) == "OUT_OF_SCOPE"
        agreed.request_id = new_id()
        link = (await holders[1].ConfirmRelativeLink(agreed)).link
        assert link.state == relative_pb2.LINK_STATE_CONFIRMED
        assert list((await changes(identity))[-1].payer_ids) == [mother.person_id]
        listed = of_region(relatives.ListRelativeLinksRequest, person_id=mother.person_id)
        for stub in (holders[1], identity.persons("channel"), identity.persons("supervisor")):
            assert list((await stub.ListRelativeLinks(listed)).links) == [link]
        assert await reason(holders[0].ListRelativeLinks(listed)) == "OUT_OF_SCOPE"
        ended = of_region(
            relatives.EndRelativeLinkRequest, link_id=link.link_id, person_id=mother.person_id
        )
        assert (await identity.persons().EndRelativeLink(ended)).link.HasField("end_time")
        assert list((await changes(identity))[-1].payer_ids) == []

    run(scenario)


def test_what_a_newer_contract_calls_a_relation_is_refused(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        one, other = [await identity.register(number) for number in (NUMBER, OTHER_NUMBER)]
        for purpose, relation, expected in ((9, 1, "purpose"), (1, 9, "relation")):
            request = of_region(
                relatives.RequestRelativeLinkRequest,
                person_id=one.person_id,
                relative_id=other.person_id,
                purpose=purpose,
                relation=relation,
            )
            error = await refusal(identity.persons().RequestRelativeLink(request))
            assert reason_in(error) == "FIELD_OUT_OF_RANGE"
            assert expected in (error.details() or "")

    run(scenario)
