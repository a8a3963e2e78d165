"""Certificates and codes of the identity service, over real databases."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
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
    serving_identity,
)
from support.serving import reason_in

from yibao import qr
from yibao.identity.v1 import certificate_pb2, credential_pb2
from yibao.identity.v1 import certificate_service_pb2 as certificates
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import trust_service_pb2 as trust
from yibao.trust import TrustSnapshot
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables

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
