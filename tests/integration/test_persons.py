"""Persons, enrolments, merges and relatives over mutual TLS and real databases."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.databases import Databases
from support.identity_world import (
    REGION,
    Identity,
    IdentityFiles,
    checked_number,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
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


def of_region(message: type[Any], **fields: Any) -> Any:
    """Returns a request; a changing one with a new id."""
    if "request_id" in message.DESCRIPTOR.fields_by_name:
        fields.setdefault("request_id", new_id())
    return message(region=REGION, **fields)


def shown(number: str, certificate_type: str = "01") -> person_pb2.ShownDocument:
    return person_pb2.ShownDocument(certificate_type=certificate_type, certificate_number=number)


async def changes(identity: Identity, after: int = 0) -> list[Any]:
    request = persons.ListEnrolmentChangesRequest(region=REGION, after_sequence=after)
    return list((await identity.persons("settlement").ListEnrolmentChanges(request)).changes)


async def reason(call: Any) -> str:
    return reason_in(await refusal(call))


# --- Registering.


def test_a_foreigner_is_registered_with_what_the_passport_does_not_tell(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        foreign = {"certificate_type": "08", "certificate_number": "E12345678"}
        error = await refusal(identity.persons().RegisterPerson(registration(NUMBER, **foreign)))
        assert reason_in(error) == "FIELD_REQUIRED"
        request = registration(
            NUMBER,
            **foreign,
            gender=2,
            birth_date=Date(year=1985, month=5, day=5),
            end_date=Date(year=2026, month=12, day=31),
            employer_code="E1",
        )
        person = (await identity.persons().RegisterPerson(request)).person
        assert (person.gender, person.birth_date.year) == (2, 1985)
        assert person.certificate_number_masked == "E1*****78"
        (enrolment,) = person.enrolments
        assert (enrolment.employer_code, enrolment.has_employer) == ("E1", True)
        assert enrolment.end_date == Date(year=2026, month=12, day=31)

    run(scenario)


def test_a_newborn_pays_only_after_the_premium_and_from_birth(run: Run) -> None:
    """T-16 to T-18."""

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        parent = await identity.register(NUMBER, person_name="李芳")
        request = of_region(
            persons.RegisterNewbornRequest,
            parent_id=parent.person_id,
            birth_certificate_number="A123456789",
            gender=2,
            birth_date=Date(year=2026, month=5, day=1),
            enrol_date=Date(year=2026, month=8, day=1),
        )
        answers = [await stub.RegisterNewborn(request) for _ in range(2)]
        assert answers[0] == answers[1]
        newborn = answers[0].person
        assert (newborn.person_name, newborn.parent_id) == ("李芳之女", parent.person_id)
        (enrolment,) = newborn.enrolments
        assert (enrolment.insurance_type, enrolment.person_class) == ("390", "1401")
        assert enrolment.start_date == newborn.birth_date
        assert enrolment.is_premium_pending
        paid = await stub.RecordPremium(
            of_region(
                enrolments.RecordPremiumRequest,
                person_id=newborn.person_id,
                enrolment_id=enrolment.enrolment_id,
                receive_date=Date(year=2026, month=8, day=2),
                payment_reference="TAX/1",
            )
        )
        assert not paid.person.enrolments[0].is_premium_pending
        told = [each for each in await changes(identity) if each.person_id == newborn.person_id]
        assert len(told) == 2
        assert not told[-1].enrolments[0].is_premium_pending
        late = of_region(
            persons.RegisterNewbornRequest,
            parent_id=parent.person_id,
            birth_certificate_number="A123456780",
            gender=1,
            birth_date=Date(year=2026, month=5, day=1),
            enrol_date=Date(year=2026, month=8, day=2),
        )
        assert await reason(stub.RegisterNewborn(late)) == "NEWBORN_ENROLMENT_LATE"

    run(scenario)


def test_many_persons_are_registered_each_on_its_own(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        items = [
            registration(NUMBER),
            registration(NUMBER[:-1]),
            registration(NUMBER),
            registration(OTHER_NUMBER, person_name=""),
            registration(OTHER_NUMBER, region="330100"),
            registration(OTHER_NUMBER),
        ]
        request = persons.SubmitPersonsRequest(items=items)
        first = await stub.SubmitPersons(request)
        assert [each.error.reason.removeprefix("ERROR_REASON_") for each in first.results] == [
            "",
            "FIELD_MALFORMED",
            "PERSON_EXISTS",
            "FIELD_REQUIRED",
            "OUT_OF_SCOPE",
            "",
        ]
        person_id = first.results[0].person_id
        assert first.results[2].error.metadata["person_id"] == person_id
        assert [fault.field for fault in first.results[3].error.field_faults] == ["person_name"]
        # After a lost answer the same items are sent again, together or alone.
        assert await stub.SubmitPersons(request) == first
        assert (await stub.RegisterPerson(items[0])).person.person_id == person_id
        assert len(await changes(identity)) == 2

    run(scenario)


OLDEST = Date(year=1900, month=1, day=1)
FAULTY_PERSONS: dict[str, tuple[dict[str, Any], str]] = {
    "zero width": ({"person_name": "王\u200b明"}, "U+200B ZERO WIDTH SPACE"),
    "direction": ({"person_name": "王\u202e明"}, "U+202E RIGHT-TO-LEFT OVERRIDE"),
    "private": ({"person_name": "王\ue863明"}, "U+E863"),
    "lost": ({"person_name": "王\ufffd明"}, "U+FFFD REPLACEMENT CHARACTER"),
    "dots alone": ({"person_name": "···"}, "must contain a letter"),
    "number with a zero width": (
        {"certificate_number": f"{NUMBER[:6]}\u200b{NUMBER[6:]}"},
        "U+200B",
    ),
    "area": ({"certificate_number": checked_number("99000019900307123")}, "a province"),
    "year 0001": ({"certificate_number": citizen_number(1, birth="00010307")}, "130 years"),
    "year 1895": ({"certificate_number": citizen_number(1, birth="18951231")}, "130 years"),
}


@pytest.mark.parametrize(("fields", "told"), FAULTY_PERSONS.values(), ids=FAULTY_PERSONS)
def test_what_nobody_bears_is_refused_on_every_way_in(
    run: Run, fields: dict[str, Any], told: str
) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        known = await identity.register(OTHER_NUMBER)
        alone = registration(NUMBER, **fields)
        assert told in ((await refusal(stub.RegisterPerson(alone))).details() or "")
        submitted = await stub.SubmitPersons(
            persons.SubmitPersonsRequest(items=[registration(NUMBER, **fields)])
        )
        assert told in submitted.results[0].error.field_faults[0].message
        if "person_name" in fields:
            corrected = dict(fields)
        else:
            corrected = {"document": shown(fields["certificate_number"])}
        update = of_region(
            persons.UpdatePersonRequest,
            person_id=known.person_id,
            explanation="typing error",
            **corrected,
        )
        assert told in ((await refusal(stub.UpdatePerson(update))).details() or "")
        if "person_name" in fields:
            newborn = of_region(
                persons.RegisterNewbornRequest,
                parent_id=known.person_id,
                birth_certificate_number="A123456789",
                gender=2,
                birth_date=Date(year=2026, month=10, day=1),
                enrol_date=Date(year=2026, month=10, day=2),
                **fields,
            )
            assert told in ((await refusal(stub.RegisterNewborn(newborn))).details() or "")
        wanted = of_region(persons.GetPersonRequest, person_id=known.person_id)
        assert (await stub.GetPerson(wanted)).person == known

    log = run(scenario)
    assert NUMBER[:6] + "1990" not in log


def test_a_day_of_birth_before_1900_is_a_slip_where_it_is_stated(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        parent = await identity.register(OTHER_NUMBER)
        for year, wrong in (
            (1, "DATE_INVALID"),
            (1899, "DATE_INVALID"),
            (1900, "FIELD_OUT_OF_RANGE"),
        ):
            day = Date(year=year, month=1, day=1)
            newborn = of_region(
                persons.RegisterNewbornRequest,
                parent_id=parent.person_id,
                birth_certificate_number="A123456789",
                gender=2,
                birth_date=day,
                enrol_date=day if year == 1900 else OLDEST,
            )
            assert await reason(stub.RegisterNewborn(newborn)) == wrong
        foreigner = {"certificate_type": "08", "certificate_number": "E12345678", "gender": 2}
        stated = registration(NUMBER, **foreigner, birth_date=Date(year=1, month=1, day=1))
        assert await reason(stub.RegisterPerson(stated)) == "DATE_INVALID"

    run(scenario)


def test_a_name_is_kept_in_one_form_whichever_way_it_comes(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        written, kept = " Jose\u0301  买买提•・艾力 ", "Jos\u00e9 买买提·艾力"
        alone = await stub.RegisterPerson(registration(NUMBER, person_name=written))
        assert alone.person.person_name == kept
        items = [registration(OTHER_NUMBER, person_name=written)]
        submitted = await stub.SubmitPersons(persons.SubmitPersonsRequest(items=items))
        wanted = of_region(persons.GetPersonRequest, person_id=submitted.results[0].person_id)
        assert (await stub.GetPerson(wanted)).person.person_name == kept
        update = of_region(
            persons.UpdatePersonRequest,
            person_id=alone.person.person_id,
            person_name=" 买买提 ・ 艾力",
            explanation="typing error",
        )
        assert (await stub.UpdatePerson(update)).person.person_name == "买买提·艾力"
        newborn = of_region(
            persons.RegisterNewbornRequest,
            parent_id=alone.person.person_id,
            birth_certificate_number="A123456789",
            person_name=written,
            gender=2,
            birth_date=Date(year=2026, month=10, day=1),
            enrol_date=Date(year=2026, month=10, day=2),
        )
        assert (await stub.RegisterNewborn(newborn)).person.person_name == kept

    run(scenario)


@pytest.mark.parametrize("count", [0, 201])
def test_a_bulk_request_holds_1_to_200_persons(run: Run, count: int) -> None:
    async def scenario(identity: Identity) -> None:
        items = [registration(citizen_number(number)) for number in range(count)]
        request = persons.SubmitPersonsRequest(items=items)
        assert await reason(identity.persons().SubmitPersons(request)) == "FIELD_LENGTH"

    run(scenario)


# --- Reading and looking up.


def test_a_supervisor_sees_the_first_character_of_a_name(run: Run) -> None:
    """I-05."""

    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        wanted = of_region(persons.GetPersonRequest, person_id=person.person_id)
        seen = (await identity.persons("supervisor").GetPerson(wanted)).person
        assert (seen.person_name, person.person_name) == ("欧***", "欧阳测试")
        assert seen.certificate_number_masked == person.certificate_number_masked
        listed = of_region(enrolments.ListEnrolmentsRequest, person_id=person.person_id)
        history = await identity.persons("supervisor").ListEnrolments(listed)
        assert list(history.enrolments) == list(person.enrolments)

    run(scenario)


def test_a_counter_looks_persons_up_by_their_documents(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        for caller in ("agency", "bank"):
            stub = identity.persons(caller)
            wanted = of_region(persons.SearchPersonsRequest, document=shown(NUMBER))
            assert list((await stub.SearchPersons(wanted)).persons) == [person]
            other = of_region(persons.SearchPersonsRequest, document=shown(OTHER_NUMBER))
            assert list((await stub.SearchPersons(other)).persons) == []
        elsewhere = persons.SearchPersonsRequest(region="330100", document=shown(NUMBER))
        stub = identity.persons("bank")
        assert await reason(stub.SearchPersons(elsewhere)) == "OUT_OF_SCOPE"
        for caller in ("hospital", "channel", "supervisor"):
            call = identity.persons(caller).SearchPersons(wanted)
            assert await reason(call) == "CALLER_NOT_ALLOWED"

    log = run(scenario)
    assert NUMBER not in log
    assert OTHER_NUMBER not in log


def test_look_ups_are_slowed_down_for_each_agency(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        wanted = of_region(persons.SearchPersonsRequest, document=shown(NUMBER))
        for _ in range(3):
            await identity.persons("bank").SearchPersons(wanted)
        error = await refusal(identity.persons("bank").SearchPersons(wanted))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason_in(error) == "RATE_LIMITED"
        # Two operators of one agency share what it has.
        for name in ("agency", "checker", "agency"):
            await identity.persons(name).SearchPersons(wanted)
        assert await reason(identity.persons("checker").SearchPersons(wanted)) == "RATE_LIMITED"

    run(scenario, persons={"search_rate_per_minute": 3})


def test_whatever_finds_a_person_by_a_document_shares_the_limit(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        await identity.register(NUMBER)
        other = await identity.register(OTHER_NUMBER)

        def corrected() -> Any:
            return of_region(
                persons.UpdatePersonRequest,
                person_id=other.person_id,
                document=shown(NUMBER),
                explanation="typing error",
            )

        # What finds nobody takes nothing of it.
        for sequence in range(70, 75):
            await identity.register(citizen_number(sequence))
        assert await reason(stub.UpdatePerson(corrected())) == "PERSON_EXISTS"
        assert await reason(stub.RegisterPerson(registration(NUMBER))) == "PERSON_EXISTS"
        submitted = await stub.SubmitPersons(
            persons.SubmitPersonsRequest(items=[registration(NUMBER), registration(NUMBER)])
        )
        told = [result.error.reason for result in submitted.results]
        assert told == ["ERROR_REASON_PERSON_EXISTS", "ERROR_REASON_RATE_LIMITED"]
        assert await reason(stub.UpdatePerson(corrected())) == "RATE_LIMITED"
        assert await reason(stub.RegisterPerson(registration(NUMBER))) == "RATE_LIMITED"
        wanted = of_region(persons.SearchPersonsRequest, document=shown(NUMBER))
        assert await reason(stub.SearchPersons(wanted)) == "RATE_LIMITED"

    run(scenario, persons={"search_rate_per_minute": 3})


def test_a_number_under_a_used_request_id_is_a_look_up(run: Run) -> None:
    """With the number of the request of before there is an answer, and with another none."""

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        first = registration(NUMBER)
        registered = await stub.RegisterPerson(first)
        assert await stub.RegisterPerson(first) == registered
        told = []
        for sequence in range(70, 74):
            guess = registration(citizen_number(sequence), request_id=first.request_id)
            told.append(await reason(stub.RegisterPerson(guess)))
        assert told == ["REQUEST_ID_REUSED"] * 3 + ["RATE_LIMITED"]

    run(scenario, persons={"search_rate_per_minute": 3})


def test_who_registers_newborns_finds_nobody_by_a_birth_certificate_without_limit(run: Run) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        parent = await identity.register(NUMBER)

        def newborn() -> Any:
            return of_region(
                persons.RegisterNewbornRequest,
                parent_id=parent.person_id,
                birth_certificate_number="A123456789",
                gender=2,
                birth_date=Date(year=2026, month=10, day=1),
                enrol_date=Date(year=2026, month=10, day=2),
            )

        await stub.RegisterNewborn(newborn())
        told = [await reason(stub.RegisterNewborn(newborn())) for _ in range(3)]
        assert told == ["PERSON_EXISTS", "PERSON_EXISTS", "RATE_LIMITED"]

    run(scenario, persons={"search_rate_per_minute": 2})


# --- Correcting and enrolling.


def test_a_citizen_number_takes_the_place_of_a_birth_certificate(run: Run) -> None:
    """I-28."""

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        parent = await identity.register(NUMBER)
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
            document=shown(NUMBER),
            explanation="错误",
        )
        assert await reason(stub.UpdatePerson(taken)) == "PERSON_EXISTS"

    run(scenario)


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


def test_no_name_and_no_number_is_logged(run: Run, tmp_path: Path) -> None:
    async def scenario(identity: Identity) -> None:
        await identity.register(NUMBER)
        await refusal(identity.persons().RegisterPerson(registration(NUMBER)))
        request = persons.SubmitPersonsRequest(items=[registration(NUMBER)])
        await identity.persons().SubmitPersons(request)

    log = run(scenario)
    assert "RegisterPerson" in log
    for secret in (NUMBER, NUMBER[:-1], "欧阳测试"):
        assert secret not in log
