"""Persons are read and looked up over mutual TLS and real databases."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest
from support.databases import Databases
from support.identity_world import (
    Identity,
    IdentityFiles,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.person_calls import of_region, reason, shown
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

    run(scenario, persons={"search_rate_per_minute": 2, "newborn_tell_days": 36_500})
