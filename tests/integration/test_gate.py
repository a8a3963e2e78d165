"""The gate of a server: who gets through, to what, and what is logged of it."""

import asyncio
import datetime as dt
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.serving import ID, Serving, detail_in, reason_in, serving

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1 import visit_service_pb2 as visits
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.rpc.callers import current_caller

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)
GET_VISIT = visits.GetVisitRequest(region="500100", visit_id=ID)
EXPLAIN = settlement.ExplainSettlementRequest(region="500100", settlement_id=ID)


async def refusal(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_a_servicer_learns_who_calls(tmp_path: Path) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        answer = settlement.GetSettlementResponse()
        answer.settlement.institution_id = current_caller().path
        return answer

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            for name in ("hospital", "agency", "hospital"):
                answer = await running.stub(name).GetSettlement(GET)
                assert answer.settlement.institution_id in (
                    "institution/H50011200001",
                    "agency/500100/wang",
                )
                assert answer.settlement.institution_id.startswith(name[0]) == (name == "agency")

    asyncio.run(main())


def test_a_role_outside_the_access_table_is_refused_before_anything_is_looked_at(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            error = await refusal(running.visits("hospital").GetVisit(visits.GetVisitRequest()))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            assert reason_in(error) == "CALLER_NOT_ALLOWED"
            info = detail_in(error, error_details_pb2.ErrorInfo)
            assert dict(info.metadata) == {
                "method": "/yibao.settlement.v1.VisitService/GetVisit",
                "role": "institution",
            }
            await running.visits("agency").GetVisit(GET_VISIT)

    asyncio.run(main())


def test_a_method_without_a_row_is_refused_to_everyone(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            for name in ("hospital", "agency", "server"):
                error = await refusal(running.stub(name).ExplainSettlement(EXPLAIN))
                assert reason_in(error) == "CALLER_NOT_ALLOWED"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (
            "/yibao.identity.v1.PersonService/GetPerson",
            "yibao.identity.v1 is served by identity; this address serves yibao.settlement.v1, "
            "yibao.test.v1: call identity's",
        ),
        (
            "/yibao.settlement.v1.VisitService/Nothing",
            "yibao.settlement.v1 has no such method here: it is misspelt, or of another version",
        ),
        (
            "/yibao.x.v1.Some/Thing",
            "there is no such method; this address serves yibao.settlement.v1, yibao.test.v1",
        ),
        (
            "/nothing",
            "there is no such method; this address serves yibao.settlement.v1, yibao.test.v1",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream"])
def test_a_method_that_is_not_there_is_unimplemented_and_its_service_named(
    tmp_path: Path, kind: str, method: str, told: str
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            channel: Any = running.channel()
            if kind == "unary_unary":
                error = await refusal(channel.unary_unary(method)(b"request"))
            else:
                error = await refusal(channel.unary_stream(method)(b"request").read())
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
            assert error.details() == told

    asyncio.run(main())


def test_a_certificate_that_names_no_caller_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            error = await refusal(running.stub("nobody").GetSettlement(GET))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert reason_in(error) == "CALLER_UNKNOWN"

    asyncio.run(main())


def test_a_certificate_of_another_trust_domain_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            stranger = Leaf("stranger", "institution/H50011200001")
            issue_dev_certificates(tmp_path, [stranger], trust_domain="yibao.cq.gov.cn")
            error = await refusal(running.stub("stranger").GetSettlement(GET))
            assert reason_in(error) == "CALLER_UNKNOWN"
            assert error.details() == "the certificate is not of trust domain yibao.dev"

    asyncio.run(main())


def test_a_certificate_that_expires_on_an_open_connection_is_refused(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    later = [dt.timedelta(0)]

    async def main() -> None:
        async with serving(tmp_path, clock=lambda: now + later[0]) as running:
            stub = running.stub()
            await stub.GetSettlement(GET)
            later[0] = dt.timedelta(days=31)
            error = await refusal(stub.GetSettlement(GET))
            assert reason_in(error) == "CALLER_UNKNOWN"
            assert error.details() == "the client certificate has expired"

    asyncio.run(main())


def test_nothing_personal_is_ever_logged(tmp_path: Path) -> None:
    number, name = "11010519491231002X", "欧阳参保"

    async def serve(request: Any, _context: Any) -> Any:
        if request.visit_id == ID:
            raise ValueError(f"{name} {number}")
        return visits.GetVisitResponse()

    async def main() -> None:
        async with serving(tmp_path, serve, log_level="debug") as running:
            stub = running.visits()
            request = visits.RegisterVisitRequest(
                request_id=number,
                region=name,
                care_type=number,
                provider_visit_number=f"{name}{number}",
            )
            request.presentation.qr_text = f"{name}{number}"
            await refusal(stub.RegisterVisit(request))
            agency = running.visits("agency")
            await refusal(agency.GetVisit(GET_VISIT))
            await agency.GetVisit(visits.GetVisitRequest(region="500100", visit_id=ID[:-1] + "f"))
            events = [line["event"] for line in running.log]
            assert events == ["started", "refused", "unexpected", "call"]
            assert running.log[1]["request_id"] == ""
        assert number not in running.lines.getvalue()
        assert name not in running.lines.getvalue()

    asyncio.run(main())


def test_a_refusal_is_logged_with_the_id_of_the_request(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            request = visits.RegisterVisitRequest(request_id=ID)
            await refusal(running.visits().RegisterVisit(request))
            assert running.log[-1]["request_id"] == ID

    asyncio.run(main())


def test_health_answers_any_caller_and_only_with_a_certificate(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            health: Any = health_pb2_grpc.HealthStub(running.channel("agency"))
            for service in ("", "settlement", "yibao.settlement.v1.VisitService"):
                answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            error = await refusal(health.Check(health_pb2.HealthCheckRequest(service="other")))
            assert error.code() is grpc.StatusCode.NOT_FOUND
            nobody: Any = health_pb2_grpc.HealthStub(running.channel("nobody"))
            error = await refusal(nobody.Check(health_pb2.HealthCheckRequest()))
            assert reason_in(error) == "CALLER_UNKNOWN"

    asyncio.run(main())


def test_reflection_answers_only_where_it_is_switched_on(tmp_path: Path) -> None:
    async def names(running: Serving, name: str = "hospital") -> list[str]:
        channel: Any = running.channel(name)
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = stub.ServerReflectionInfo(iter([request]))
        answer = await answers.read()
        return [service.name for service in answer.list_services_response.service]

    async def main() -> None:
        async with serving(tmp_path) as running:
            error = await refusal(names(running))
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        async with serving(tmp_path, reflection=True) as running:
            assert "yibao.settlement.v1.SettlementService" in await names(running)
            error = await refusal(names(running, "nobody"))
            assert reason_in(error) == "CALLER_UNKNOWN"

    asyncio.run(main())
