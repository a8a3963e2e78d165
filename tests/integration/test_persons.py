"""Persons over mutual TLS and real databases: registered, one by one and many at once."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from support.databases import Databases
from support.identity_world import (
    Identity,
    IdentityFiles,
    checked_number,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.person_calls import changes, of_region, reason, shown
from support.serving import reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import enrolment_messages_pb2 as enrolments
from yibao.identity.v1 import person_service_pb2 as persons

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


def test_how_late_an_enrolment_is_told_is_the_regions_to_say(run: Run) -> None:
    """T-16."""

    async def scenario(identity: Identity) -> None:
        parent = await identity.register(NUMBER)
        told_late = of_region(
            persons.RegisterNewbornRequest,
            parent_id=parent.person_id,
            birth_certificate_number="A123456789",
            gender=2,
            birth_date=Date(year=2026, month=5, day=1),
            enrol_date=Date(year=2026, month=5, day=2),
        )
        error = await refusal(identity.persons().RegisterNewborn(told_late))
        assert reason_in(error) == "NEWBORN_ENROLMENT_LATE"
        assert "is told by 2026-05-12, 10 days later" in (error.details() or "")

    run(scenario, persons={"newborn_tell_days": 10})


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
    "dots alone": ({"person_name": "···"}, "begins with U+00B7 MIDDLE DOT"),
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
