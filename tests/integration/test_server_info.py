"""What a server tells of itself: version, limits, regions, and how old what it knows is."""

import importlib.metadata

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient
from support.settlement_world import REGION

from yibao.common.v1.server_service_pb2 import GetServerInfoRequest, GetServerInfoResponse
from yibao.common.v1.server_service_pb2_grpc import ServerServiceStub
from yibao_common.values.clock import system_clock


def told(services: BothServices, service: str, name: str = "hospital") -> GetServerInfoResponse:
    stub = ServerServiceStub(services.channel(service, name))
    return stub.GetServerInfo(GetServerInfoRequest(), timeout=CALL_SECONDS)


@pytest.mark.parametrize("service", ["identity", "settlement"])
def test_a_server_tells_its_version_its_limits_and_its_regions(
    services: BothServices, service: str
) -> None:
    info = told(services, service)
    assert info.service_name == service
    assert info.version == importlib.metadata.version("yibao-server")
    assert info.contract_version == importlib.metadata.version("yibao")
    assert REGION in [each.region for each in info.regions]
    assert info.limits.max_message_bytes == 1_000_000
    assert info.limits.max_deadline_milliseconds == 30_000
    assert info.limits.calls_per_minute > 0
    assert info.limits.answer_keep_days == 400


def test_any_caller_with_a_certificate_is_told(services: BothServices) -> None:
    for name in ("hospital", "hospital-terminal", "maker", "elsewhere"):
        assert told(services, "settlement", name).service_name == "settlement"


def test_settlement_tells_how_old_its_news_and_its_trust_are(
    services: BothServices, patient: Patient
) -> None:
    info = told(services, "settlement")
    (served,) = [each for each in info.regions if each.region == REGION]
    assert served.feed.lag == 0
    assert served.feed.max_age_seconds == 24 * 3_600
    assert 0 <= served.feed.age_seconds < 60
    assert served.feed.HasField("read_time")
    assert info.trust.version > 0
    assert info.trust.problem == ""
    assert info.trust.age_seconds < 300
    assert abs(info.server_time.ToSeconds() - system_clock().timestamp()) < 60
    assert patient.person_id


def test_identity_knows_its_persons_itself(services: BothServices) -> None:
    info = told(services, "identity")
    assert not any(each.HasField("feed") for each in info.regions)
    assert not info.HasField("trust")


def test_a_caller_without_a_certificate_is_told_nothing(services: BothServices) -> None:
    credentials = grpc.ssl_channel_credentials((services.files.folder / "ca.pem").read_bytes())
    address = f"localhost:{services.ports['settlement']}"
    with (
        grpc.secure_channel(address, credentials) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        ServerServiceStub(channel).GetServerInfo(GetServerInfoRequest(), timeout=5)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )
