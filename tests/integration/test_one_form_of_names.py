"""Names and numbers in another Unicode form are the same names and numbers, on every way in.

Over mutual TLS and on both databases. Decomposed (NFD) is what some systems send, full-width
is what Chinese keyboards write.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from support.card_acts import NUMBER as HOLDERS_NUMBER
from support.card_acts import OTHER_PIN
from support.card_world import SHOWN, CardWorld, make_card_files, serving_cards
from support.databases import Databases
from support.identity_world import (
    REGION,
    Identity,
    IdentityFiles,
    checked_number,
    citizen_number,
    make_identity_files,
    registration,
    serving_identity,
)
from support.person_calls import of_region, reason, shown

from yibao.common.v1.date_pb2 import Date
from yibao.common.v1.validation_pb2 import FORMAT_NAME
from yibao.identity.v1 import person_service_pb2 as persons
from yibao_cli.persons_csv import open_file, read_rows
from yibao_common.rpc.access import methods_of
from yibao_common.rpc.field_checks import rules_of
from yibao_common.values.ids import new_id
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_offsite.main import DESCRIPTORS as OFFSITE
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

NUMBER = citizen_number(123)
NAME = "José Ñandú·Gómez"
DECOMPOSED = unicodedata.normalize("NFD", NAME)
FULL_WIDTH = {ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)} | {ord("X"): "\uff38"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("names"))


@pytest.fixture
def run(
    databases: Databases, files: IdentityFiles
) -> Callable[[Callable[[Identity], Coroutine[Any, Any, None]]], None]:
    """Runs a scenario against a service over a new database."""

    def run_scenario(scenario: Callable[[Identity], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            url = databases.migrated_url("yibao_identity")
            async with serving_identity(files, url) as identity:
                await scenario(identity)

        asyncio.run(main())

    return run_scenario


def newborn(parent_id: str, certificate: str, **fields: Any) -> persons.RegisterNewbornRequest:
    return persons.RegisterNewbornRequest(
        request_id=new_id(),
        region=REGION,
        parent_id=parent_id,
        birth_certificate_number=certificate,
        gender=2,
        birth_date=Date(year=2026, month=5, day=1),
        enrol_date=Date(year=2026, month=5, day=2),
        **fields,
    )


def test_a_decomposed_name_is_kept_composed_on_every_way_in(run: Any, tmp_path: Path) -> None:
    async def scenario(identity: Identity) -> None:
        stub = identity.persons()

        async def stored(person_id: str) -> str:
            wanted = of_region(persons.GetPersonRequest, person_id=person_id)
            return str((await stub.GetPerson(wanted)).person.person_name)

        first = registration(NUMBER, person_name=DECOMPOSED)
        alone = (await stub.RegisterPerson(first)).person
        assert (alone.person_name, await stored(alone.person_id)) == (NAME, NAME)
        # The same request in the other form is a repeat, and not other contents.
        first.person_name = NAME
        assert (await stub.RegisterPerson(first)).person == alone

        items = [registration(citizen_number(124), person_name=DECOMPOSED)]
        items.append(_imported(tmp_path, citizen_number(125)))
        answer = await stub.SubmitPersons(persons.SubmitPersonsRequest(items=items))
        for result in answer.results:
            assert await stored(result.person_id) == NAME

        child = (await stub.RegisterNewborn(newborn(alone.person_id, "A123456789"))).person
        assert child.person_name == f"{NAME}之女"
        named = newborn(alone.person_id, "A123456780", person_name=DECOMPOSED)
        twin = (await stub.RegisterNewborn(named)).person
        assert await stored(twin.person_id) == NAME

        correction = of_region(
            persons.UpdatePersonRequest,
            person_id=child.person_id,
            person_name=f" {DECOMPOSED}  II",
            explanation="户口登记",
        )
        assert (await stub.UpdatePerson(correction)).person.person_name == f"{NAME} II"

    run(scenario)


def _imported(folder: Path, number: str) -> persons.RegisterPersonRequest:
    """Returns the request of a row of a CSV file in which the name is decomposed."""
    path = folder / "persons.csv"
    columns = "certificate_type,certificate_number,person_name,insurance_type,person_class"
    row = f"01,{number},{DECOMPOSED},310,11,2026-01-01"
    path.write_text(f"{columns},start_date\n{row}\n", encoding="utf-8")
    (read,) = read_rows(open_file(path, encoding="utf-8"), region=REGION)
    assert read.request is not None
    return read.request


def test_a_number_in_full_width_finds_its_bearer_and_makes_no_second_one(run: Any) -> None:
    number = checked_number("99901919900307003")

    async def scenario(identity: Identity) -> None:
        stub = identity.persons()
        person = await identity.register(number.translate(FULL_WIDTH))
        for written in (number, number.translate(FULL_WIDTH), f" {number[:6]} {number[6:]}\r\n"):
            wanted = of_region(persons.SearchPersonsRequest, document=shown(written))
            assert list((await stub.SearchPersons(wanted)).persons) == [person]
            again = await stub.SubmitPersons(
                persons.SubmitPersonsRequest(items=[registration(written)])
            )
            assert again.results[0].error.metadata["person_id"] == person.person_id
        other = await identity.register(NUMBER)
        taken = of_region(
            persons.UpdatePersonRequest,
            person_id=other.person_id,
            document=shown(number.translate(FULL_WIDTH)),
            explanation="typing error",
        )
        assert await reason(stub.UpdatePerson(taken)) == "PERSON_EXISTS"

    run(scenario)


def test_a_document_in_full_width_is_the_holders_at_a_counter(
    databases: Databases, tmp_path: Path
) -> None:
    folder = make_card_files(tmp_path)
    written = type(SHOWN)(
        certificate_type=SHOWN.certificate_type,
        certificate_number=HOLDERS_NUMBER.translate(FULL_WIDTH),
    )

    async def main() -> None:
        async with serving_cards(folder, databases.open("yibao_identity")) as world:
            await scenario(world)

    async def scenario(world: CardWorld) -> None:
        card, bank = await world.active(), world.cards("bank")
        await bank.ReportPinLost(world.report_pin(card, document=written))
        await bank.ResetPin(world.reset(card, OTHER_PIN, document=written))
        terminal = world.cards("terminal")
        verified = await terminal.VerifyPin(world.verify(card, OTHER_PIN))
        assert verified.card_id == card.card_id

    asyncio.run(main())


def test_every_field_for_a_persons_name_is_of_the_form_of_names() -> None:
    found: dict[str, bool] = {}

    def look(message: Descriptor) -> None:
        for field in message.fields:
            if field.message_type is not None and field.full_name not in found:
                found[field.full_name] = True
                look(field.message_type)
            elif field.type == FieldDescriptor.TYPE_STRING and "person_name" in field.name:
                found[field.full_name] = rules_of(field).format == FORMAT_NAME

    for method in methods_of((*IDENTITY, *SETTLEMENT, *OFFSITE)).values():
        look(method.input_type)
    assert [name for name, is_name in found.items() if not is_name] == []
    assert sum("person_name" in name for name in found) >= 4
