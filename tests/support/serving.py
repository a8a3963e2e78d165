"""A real server behind mutual TLS on a free port, with a servicer made for the test."""

import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from support.sample_proto import TICKER, Sample

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1 import settlement_service_pb2_grpc as settlement_grpc
from yibao.settlement.v1 import visit_service_pb2 as visits
from yibao.settlement.v1 import visit_service_pb2_grpc as visits_grpc
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.process.config import LogConfig, ServerConfig
from yibao_common.process.logs import Log, open_log
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server import Server
from yibao_common.values.caller import Role
from yibao_common.values.clock import Clock, system_clock

SETTLEMENT = settlement.DESCRIPTOR.services_by_name["SettlementService"]
VISITS = visits.DESCRIPTOR.services_by_name["VisitService"]
GET_METHOD = f"/{SETTLEMENT.full_name}/GetSettlement"
ID = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"

LEAVES = (
    Leaf("server", "service/settlement", is_server=True),
    Leaf("hospital", "institution/H50011200001"),
    Leaf("other-hospital", "institution/H50011200002"),
    Leaf("terminal", "terminal/H50011200001/T1"),
    Leaf("agency", "agency/500100/wang"),
    Leaf("nobody", "doctor/who"),
)
ACCESS = AccessTable.of_services(
    {
        SETTLEMENT.full_name: {
            "GetSettlement": (Role.INSTITUTION, Role.AGENCY),
            "SubmitBills": (Role.INSTITUTION, Role.TERMINAL),
        },
        VISITS.full_name: {"GetVisit": (Role.AGENCY,), "RegisterVisit": (Role.INSTITUTION,)},
        TICKER.full_name: {"Count": (Role.INSTITUTION,)},
    }
)

Serve = Callable[[Any, Any], Awaitable[Any]]


class FakeServicer(settlement_grpc.SettlementServiceServicer, visits_grpc.VisitServiceServicer):
    """Answers by the function that the test gives; by default with an empty message."""

    def __init__(self, serve: Serve | None = None) -> None:
        self._serve = serve

    async def _answer(self, request: Any, context: Any, default: Any) -> Any:
        return default if self._serve is None else await self._serve(request, context)

    async def GetSettlement(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, settlement.GetSettlementResponse())

    async def ExplainSettlement(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, settlement.ExplainSettlementResponse())

    async def SubmitBills(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, settlement.SubmitBillsResponse())

    async def RegisterVisit(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, visits.RegisterVisitResponse())

    async def GetVisit(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, visits.GetVisitResponse())


@dataclass
class Serving:
    """A server that runs, and what a test needs to call it."""

    port: int
    server: Server
    folder: Path
    certificates: DevCertificates
    lines: io.StringIO
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    def channel(self, name: str = "hospital", *, folder: Path | None = None) -> grpc.aio.Channel:
        """Opens a channel with the certificate `name`, over a connection of its own."""
        channel = grpc.aio.secure_channel(
            f"localhost:{self.port}",
            channel_credentials(folder or self.folder, name),
            options=[("grpc.use_local_subchannel_pool", 1)],
        )
        self._channels.append(channel)
        return channel

    def stub(self, name: str = "hospital") -> Any:
        """Returns a stub of the settlement service."""
        return settlement_grpc.SettlementServiceStub(self.channel(name))

    def visits(self, name: str = "hospital") -> Any:
        """Returns a stub of the visit service."""
        return visits_grpc.VisitServiceStub(self.channel(name))

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines logged so far."""
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]

    async def close(self) -> None:
        """Closes channels, then the server."""
        for channel in self._channels:
            await channel.close()
        await self.server.drain()


def channel_credentials(folder: Path, name: str) -> grpc.ChannelCredentials:
    """Returns the credentials of a client from the files of a development CA."""
    return grpc.ssl_channel_credentials(
        (folder / "ca.pem").read_bytes(),
        (folder / f"{name}.key").read_bytes(),
        (folder / f"{name}.pem").read_bytes(),
    )


def open_test_log(level: str = "info") -> tuple[Log, io.StringIO]:
    """Returns a log and the text it writes to."""
    lines = io.StringIO()
    config = LogConfig.model_validate({"level": level})
    return open_log(config, service="settlement", clock=system_clock, stream=lines), lines


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    serve: Serve | None = None,
    *,
    log_level: str = "info",
    clock: Clock = system_clock,
    ticks: Callable[[Any, Any], AsyncIterator[Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Serving]:
    """Runs a server with certificates in `folder`, and closes it."""
    issued = issue_dev_certificates(folder, LEAVES)
    log, lines = open_test_log(log_level)
    tls = {
        "certificate_file": issued.leaves["server"].certificate_file,
        "key_file": issued.leaves["server"].key_file,
        "client_ca_file": issued.ca_file,
    }
    config = ServerConfig(**{"address": "127.0.0.1:0", **tls, **settings})

    def register(server: grpc.aio.Server) -> None:
        servicer = FakeServicer(serve)  # type: ignore[abstract]  # some methods are not served
        settlement_grpc.add_SettlementServiceServicer_to_server(servicer, server)
        visits_grpc.add_VisitServiceServicer_to_server(servicer, server)
        if ticks is not None:
            server.add_generic_rpc_handlers((_ticker(ticks),))

    server = Server(
        config,
        service_name="settlement",
        register=register,
        descriptors=[SETTLEMENT, VISITS, TICKER],
        access=ACCESS,
        log=log,
        clock=clock,
    )
    running = Serving(await server.start(), server, folder, issued, lines)
    try:
        yield running
    finally:
        await running.close()


def _ticker(ticks: Callable[[Any, Any], AsyncIterator[Any]]) -> grpc.GenericRpcHandler:
    handler = grpc.unary_stream_rpc_method_handler(
        ticks,
        Sample.FromString,
        Sample.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(TICKER.full_name, {"Count": handler})


def status_in(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """Returns the rich status of a refusal; empty where it has none."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return status_pb2.Status()


def detail_in(error: grpc.aio.AioRpcError, kind: type[Any]) -> Any:
    """Returns the one detail of `kind`."""
    found = [packed for packed in status_in(error).details if packed.Is(kind.DESCRIPTOR)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__}"
    message = kind()
    found[0].Unpack(message)
    return message


def reason_in(error: grpc.aio.AioRpcError) -> str:
    """Returns the reason of a refusal without its prefix."""
    info = detail_in(error, error_details_pb2.ErrorInfo)
    assert info.domain == "yibao"
    reason: str = info.reason
    return reason.removeprefix("ERROR_REASON_")
