"""E-certificates over mutual TLS: relatives' codes, batches, closing, cases of misuse."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
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
    serving_identity,
)
from support.serving import reason_in

from yibao import qr
from yibao.identity.v1 import (
    certificate_pb2,
    misuse_pb2,
    qr_messages_pb2,
    relative_messages_pb2,
    relative_pb2,
    trust_service_pb2,
)
from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1 import misuse_messages_pb2 as misuse
from yibao.trust import TrustSnapshot
from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables

PACKAGE = "yibao_identity"
SEEN = "李四拿着别人的手机"
Scenario = Callable[[Identity, Database], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def run(databases: Databases, files: IdentityFiles) -> Callable[..., str]:
    """Runs a scenario against a service over a new database; returns the log."""

    def run_scenario(scenario: Scenario, **config: Any) -> str:
        database = databases.open(PACKAGE)
        url = database.engine.url.render_as_string(hide_password=False)

        async def main() -> str:
            async with serving_identity(files, url, **config) as identity:
                await scenario(identity, database)
            return identity.lines.getvalue()

        log = asyncio.run(main())
        with database.read() as connection:
            assert check_chain(connection, tables.audit, REGION) is None
        return log

    return run_scenario


async def active(identity: Identity, sequence: int) -> Any:
    """Returns the certificate of somebody new."""
    person = await identity.register(citizen_number(sequence))
    return await identity.activate(person.person_id)


def holder(identity: Identity, certificate_id: str) -> str:
    """Makes a client certificate for a holder and returns its name."""
    name = f"holder-{certificate_id}"
    identity.files.issue(Leaf(name, f"holder/{certificate_id}"))
    return name


async def linked(
    identity: Identity,
    person_id: str,
    relative_id: str,
    *,
    purpose: "relative_pb2.LinkPurpose.ValueType" = relative_pb2.LINK_PURPOSE_SHOW_CODE,
    is_confirmed: bool = True,
) -> str:
    """Links two persons and returns the link."""
    asked = await identity.persons().RequestRelativeLink(
        relative_messages_pb2.RequestRelativeLinkRequest(
            request_id=new_id(),
            region=REGION,
            person_id=person_id,
            relative_id=relative_id,
            purpose=purpose,
            relation=relative_pb2.RELATION_PARENT,
        )
    )
    link_id: str = asked.link.link_id
    if is_confirmed:
        await identity.persons().ConfirmRelativeLink(
            relative_messages_pb2.ConfirmRelativeLinkRequest(
                request_id=new_id(), region=REGION, link_id=link_id, relative_id=relative_id
            )
        )
    return link_id


def relatives_code(certificate_id: str, link_id: str) -> qr_messages_pb2.IssueRelativeQrCodeRequest:
    return qr_messages_pb2.IssueRelativeQrCodeRequest(
        region=REGION, certificate_id=certificate_id, link_id=link_id, audience="01301"
    )


async def snapshot(identity: Identity) -> TrustSnapshot:
    request = trust_service_pb2.GetTrustSnapshotRequest()
    answer = await identity.trust().GetTrustSnapshot(request)
    trust_key = identity.files.trust_key
    return TrustSnapshot.verify(answer.snapshot, trust_key=trust_key, now=now())


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# --- Activating and closing.


def test_a_guardian_activates_for_a_child(run: Callable[..., str]) -> None:
    """I-06: for a person under age the guardian's identity is proved."""

    async def scenario(identity: Identity, database: Database) -> None:
        person = await identity.register(citizen_number(1, birth="20200101"))
        guardian = certificate_pb2.PROOFING_METHOD_GUARDIAN
        request = activation(person.person_id, proofing_method=guardian)
        answer = await identity.certificates().ActivateCertificate(request)
        assert answer.certificate.state == certificate_pb2.CERTIFICATE_STATE_ACTIVE
        with database.read() as connection:
            method = connection.execute(sa.select(tables.certificate.c.proofing_method)).scalar()
        assert method == guardian

    run(scenario)


def test_a_closed_certificate_shows_no_code_and_another_may_be_activated(
    run: Callable[..., str],
) -> None:
    async def scenario(identity: Identity, database: Database) -> None:
        certificate, other = await active(identity, 1), await active(identity, 2)
        own = identity.certificates(holder(identity, certificate.certificate_id))
        foreign = identity.certificates(holder(identity, other.certificate_id))
        request = pb.CloseCertificateRequest(
            request_id=new_id(), region=REGION, certificate_id=certificate.certificate_id
        )
        assert reason_in(await refusal(foreign.CloseCertificate(request))) == "OUT_OF_SCOPE"
        first = (await own.CloseCertificate(request)).certificate
        assert first.state == certificate_pb2.CERTIFICATE_STATE_CLOSED
        assert first.HasField("close_time")
        assert (await own.CloseCertificate(request)).certificate == first
        issue = pb.IssueQrCodeRequest(
            region=REGION, certificate_id=certificate.certificate_id, audience="01301"
        )
        assert reason_in(await refusal(own.IssueQrCode(issue))) == "ECERT_NOT_ACTIVATED"
        second = await identity.activate(certificate.person_id)
        assert second.subject != certificate.subject

    run(scenario)


def test_a_holder_who_tries_anothers_certificate_is_on_record(run: Callable[..., str]) -> None:
    async def scenario(identity: Identity, database: Database) -> None:
        certificate, other = await active(identity, 1), await active(identity, 2)
        stub = identity.certificates(holder(identity, other.certificate_id))
        named = {"region": REGION, "certificate_id": certificate.certificate_id}
        calls = {
            "GetCertificate": stub.GetCertificate(pb.GetCertificateRequest(**named)),
            "IssueQrCode": stub.IssueQrCode(pb.IssueQrCodeRequest(**named, audience="01301")),
            "IssueRelativeQrCode": stub.IssueRelativeQrCode(
                relatives_code(certificate.certificate_id, new_id())
            ),
        }
        for call in calls.values():
            assert reason_in(await refusal(call)) == "OUT_OF_SCOPE"
        event = tables.audit.event.c
        query = sa.select(event.method, event.caller, event.subject_ids).where(
            event.outcome == "OUT_OF_SCOPE"
        )
        with database.read() as connection:
            rows = set(connection.execute(query.order_by(event.sequence)).all())
        caller = f"holder/{other.certificate_id}"
        assert rows == {(method, caller, certificate.certificate_id) for method in calls}

    run(scenario)


# --- Relatives' codes.


def test_a_relatives_code_is_the_relatives_until_the_link_ends(run: Callable[..., str]) -> None:
    """I-03: the relative agreed, so showing the code is no lending."""

    async def scenario(identity: Identity, database: Database) -> None:
        child, parent = await active(identity, 1), await active(identity, 2)
        link_id = await linked(identity, child.person_id, parent.person_id)
        request = relatives_code(child.certificate_id, link_id)
        stub = identity.certificates(holder(identity, child.certificate_id))
        answer = await stub.IssueRelativeQrCode(request)
        assert answer.relative_id == parent.person_id
        trust = await snapshot(identity)
        claims = qr.verify(answer.qr_text, trust=trust, audience="01301", now=now())
        assert claims.subject == parent.subject
        assert answer.issue_time.seconds == claims.issue_second
        assert answer.expire_time.seconds == claims.issue_second + 60
        # The parent's own codes are not hindered, and the link is no way back.
        back = identity.certificates(holder(identity, parent.certificate_id))
        error = await refusal(
            back.IssueRelativeQrCode(relatives_code(parent.certificate_id, link_id))
        )
        assert reason_in(error) == "RELATIVE_LINK_NOT_FOUND"
        ended = relative_messages_pb2.EndRelativeLinkRequest(
            request_id=new_id(), region=REGION, link_id=link_id, person_id=parent.person_id
        )
        await identity.persons(holder(identity, parent.certificate_id)).EndRelativeLink(ended)
        error = await refusal(stub.IssueRelativeQrCode(request))
        assert reason_in(error) == "RELATIVE_LINK_STATE"
        with database.read() as connection:
            (row,) = connection.execute(sa.select(tables.issued_code)).all()
        assert (row.certificate_id, row.shown_by) == (parent.certificate_id, child.certificate_id)

    run(scenario)


def test_many_relatives_codes_at_once_are_each_decided(run: Callable[..., str]) -> None:
    async def scenario(identity: Identity, database: Database) -> None:
        child, parent = await active(identity, 1), await active(identity, 2)
        stranger = await active(identity, 3)
        share = relative_pb2.LINK_PURPOSE_SHARE_ACCOUNT
        agreed = await linked(identity, child.person_id, parent.person_id)
        asked = await linked(identity, child.person_id, stranger.person_id, is_confirmed=False)
        pays = await linked(identity, child.person_id, stranger.person_id, purpose=share)
        wanted = {agreed: "", asked: "RELATIVE_LINK_STATE", pays: "RELATIVE_LINK_NOT_FOUND"}
        links = [link_id for link_id in wanted for _ in range(8)]
        calls = [
            identity.certificates().IssueRelativeQrCode(
                relatives_code(child.certificate_id, link_id)
            )
            for link_id in links
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for link_id, answer in zip(links, answers, strict=True):
            if wanted[link_id]:
                assert isinstance(answer, grpc.aio.AioRpcError)
                assert reason_in(answer) == wanted[link_id]
            else:
                assert answer.relative_id == parent.person_id  # type: ignore[union-attr]
        with database.read() as connection:
            rows = connection.execute(sa.select(tables.issued_code)).all()
        # Within a second they are the same code (I-01).
        answered = {each.issue_time.seconds for each in answers if hasattr(each, "issue_time")}
        assert len(rows) == len(answered) < 8

    run(scenario)


# --- Codes for the minutes to come.


def batch(certificate_id: str, codes: int = 3) -> qr_messages_pb2.IssueQrCodeBatchRequest:
    return qr_messages_pb2.IssueQrCodeBatchRequest(
        request_id=new_id(),
        region=REGION,
        certificate_id=certificate_id,
        audience="01301",
        codes=codes,
    )


def test_each_code_of_a_batch_is_valid_in_its_own_minute(run: Callable[..., str]) -> None:
    """I-01: a code a minute; the one before is over when the next begins."""

    async def scenario(identity: Identity, database: Database) -> None:
        certificate = await active(identity, 1)
        request = batch(certificate.certificate_id)
        answer = await identity.certificates().IssueQrCodeBatch(request)
        again = await identity.certificates().IssueQrCodeBatch(request)
        assert again == answer
        assert len(answer.codes) == 3
        trust = await snapshot(identity)
        for place, code in enumerate(answer.codes):
            start = code.start_time.ToDatetime(tzinfo=dt.UTC)
            claims = qr.verify(code.qr_text, trust=trust, audience="01301", now=start)
            assert claims.subject == certificate.subject
            assert code.expire_time.seconds - code.start_time.seconds == 60
            assert code.start_time.seconds == answer.codes[0].start_time.seconds + 60 * place
        with pytest.raises(qr.QrError, match="not_yet_valid"):
            qr.verify(
                answer.codes[1].qr_text,
                trust=trust,
                audience="01301",
                now=answer.codes[0].start_time.ToDatetime(tzinfo=dt.UTC),
            )
        error = await refusal(
            identity.certificates().IssueQrCodeBatch(batch(certificate.certificate_id, 11))
        )
        assert reason_in(error) == "FIELD_OUT_OF_RANGE"

    run(scenario, codes={"batch_codes": 10})


def test_no_batch_is_issued_unless_the_operator_wants_it(run: Callable[..., str]) -> None:
    async def scenario(identity: Identity, database: Database) -> None:
        certificate = await active(identity, 1)
        error = await refusal(
            identity.certificates().IssueQrCodeBatch(batch(certificate.certificate_id))
        )
        assert reason_in(error) == "QR_BATCH_DISABLED"

    run(scenario)


# --- Suspected misuse.


def report(subject: str, **fields: Any) -> misuse.ReportMisuseRequest:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "subject": subject,
        "kind": misuse_pb2.MISUSE_KIND_LENT,
        "description": SEEN,
        "evidence_reference": "cctv/7",
        **fields,
    }
    return misuse.ReportMisuseRequest(**values)


def suspension(case_id: str) -> misuse.SuspendCredentialRequest:
    return misuse.SuspendCredentialRequest(
        request_id=new_id(), region=REGION, case_id=case_id, note="停用待查"
    )


def lifting(case_id: str) -> misuse.LiftSuspensionRequest:
    return misuse.LiftSuspensionRequest(
        request_id=new_id(), region=REGION, case_id=case_id, note="误报"
    )


def test_a_lent_certificate_is_reported_suspended_and_restored(run: Callable[..., str]) -> None:
    """I-03, I-04, I-05: from the report to the end, by two operators, on record."""

    async def scenario(identity: Identity, database: Database) -> None:
        certificate = await active(identity, 1)
        issue = pb.IssueQrCodeRequest(
            region=REGION, certificate_id=certificate.certificate_id, audience="01301"
        )
        reported = await identity.certificates("hospital").ReportMisuse(report(certificate.subject))
        assert await identity.certificates().IssueQrCode(issue)
        request = suspension(reported.case_id)
        case = (await identity.certificates("agency").SuspendCredential(request)).misuse_case
        assert case.state == misuse_pb2.CASE_STATE_SUSPENDED
        assert (case.reporter, case.decider) == (
            "institution/H50011200001",
            f"agency/{REGION}/wang",
        )
        assert case.description == SEEN
        for call in (
            identity.certificates().IssueQrCode(issue),
            identity.certificates().IssueQrCodeBatch(batch(certificate.certificate_id)),
        ):
            error = await refusal(call)
            assert reason_in(error) == "ECERT_SUSPENDED"
            assert case.case_id in (error.details() or "")
        wanted = pb.GetCertificateRequest(region=REGION, certificate_id=certificate.certificate_id)
        found = (await identity.certificates().GetCertificate(wanted)).certificate
        assert found.state == certificate_pb2.CERTIFICATE_STATE_SUSPENDED
        assert found.suspension_case_id == case.case_id

        lift = lifting(case.case_id)
        error = await refusal(identity.certificates("agency").LiftSuspension(lift))
        assert reason_in(error) == "SAME_MAKER_AND_CHECKER"
        closed = (await identity.certificates("checker").LiftSuspension(lift)).misuse_case
        assert closed.state == misuse_pb2.CASE_STATE_CLOSED
        assert await identity.certificates().IssueQrCode(issue)
        event = tables.audit.event.c
        query = sa.select(event.method, event.caller).where(
            event.subject_ids.contains(case.case_id)
        )
        with database.read() as connection:
            rows = connection.execute(query.order_by(event.sequence)).all()
        assert [tuple(row) for row in rows] == [
            ("ReportMisuse", "institution/H50011200001"),
            ("SuspendCredential", f"agency/{REGION}/wang"),
            ("LiftSuspension", f"agency/{REGION}/zhang"),
        ]

    log = run(scenario, codes={"batch_codes": 10})
    assert "李四" not in log


def test_cases_are_read_by_agency_and_supervisor_and_the_description_by_the_agency(
    run: Callable[..., str],
) -> None:
    """I-05: supervision sees every case, and no more of it than it needs."""

    async def scenario(identity: Identity, database: Database) -> None:
        certificate = await active(identity, 1)
        reporters = ("hospital", "terminal", "channel", "bank", "agency", "supervisor")
        case_ids = [
            (await identity.certificates(name).ReportMisuse(report(certificate.subject))).case_id
            for name in reporters
        ]
        get = misuse.GetMisuseCaseRequest(region=REGION, case_id=case_ids[0])
        listing = misuse.ListMisuseCasesRequest(region=REGION, page_size=4)
        for name, description in (("agency", SEEN), ("supervisor", "")):
            stub = identity.certificates(name)
            assert (await stub.GetMisuseCase(get)).misuse_case.description == description
            page = (await stub.ListMisuseCases(listing)).cases
            assert [case.case_id for case in page] == case_ids[:1:-1]
            assert {case.description for case in page} == {description}
            rest = misuse.ListMisuseCasesRequest(
                region=REGION, page_size=4, before_case_id=page[-1].case_id
            )
            assert [case.case_id for case in (await stub.ListMisuseCases(rest)).cases] == (
                case_ids[1::-1]
            )
        none = misuse.ListMisuseCasesRequest(region=REGION, state=misuse_pb2.CASE_STATE_CLOSED)
        assert list((await identity.certificates("agency").ListMisuseCases(none)).cases) == []
        refused = {
            identity.certificates("hospital").GetMisuseCase(get): "CALLER_NOT_ALLOWED",
            identity.certificates("other-agency").GetMisuseCase(get): "OUT_OF_SCOPE",
            identity.certificates("other-agency").SuspendCredential(
                suspension(case_ids[0])
            ): "OUT_OF_SCOPE",
            identity.certificates("supervisor").SuspendCredential(
                suspension(case_ids[0])
            ): "CALLER_NOT_ALLOWED",
            identity.certificates("other-agency").GetMisuseCase(
                misuse.GetMisuseCaseRequest(region=OTHER_REGION, case_id=case_ids[0])
            ): "MISUSE_CASE_NOT_FOUND",
            identity.certificates("agency").SuspendCredential(
                suspension(new_id())
            ): "MISUSE_CASE_NOT_FOUND",
            identity.certificates("hospital").ReportMisuse(
                report("0123456789ABC")
            ): "CREDENTIAL_NOT_FOUND",
            identity.certificates("hospital").ReportMisuse(
                report(certificate.subject, kind=7)
            ): "FIELD_OUT_OF_RANGE",
            identity.certificates("hospital").ReportMisuse(
                report(certificate.subject, description="")
            ): "FIELD_REQUIRED",
        }
        for call, reason in refused.items():
            assert reason_in(await refusal(call)) == reason

    run(scenario)
