"""SandboxService: moves the time of a sandbox; served nowhere else."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from yibao.common.v1 import sandbox_service_pb2 as pb
from yibao.common.v1 import sandbox_service_pb2_grpc as rpc
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.caller import EVERY_ROLE, Role
from yibao_common.values.clock import Clock

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["SandboxService"]
# Rows of the access table of every service.
ACCESS_ROWS: Mapping[str, Mapping[str, frozenset[Role]]] = {
    DESCRIPTOR.full_name: {"MoveClock": EVERY_ROLE}
}

# So long an answer waits for what the service learns anew; that takes a second or two.
_SETTLE_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class SandboxServicer(rpc.SandboxServiceServicer):
    """Moves the clock that all services of the sandbox share."""

    def __init__(self, clock: SandboxClock, *, problem: Callable[[], str]) -> None:
        """Takes the clock; `problem()` tells what this service does not know as of now."""
        self._clock = clock
        self._problem = problem

    async def MoveClock(  # noqa: N802 (the contract's name)
        self,
        request: pb.MoveClockRequest,
        context: "grpc.aio.ServicerContext[pb.MoveClockRequest, pb.MoveClockResponse]",
    ) -> pb.MoveClockResponse:
        """Moves the time forward, and waits until this service is in it."""
        made = self._clock.move(to_instant(request.to_time), request_id=request.request_id)
        end = time.monotonic() + _SETTLE_SECONDS
        problem = await asyncio.to_thread(self._problem)
        while problem and time.monotonic() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            problem = await asyncio.to_thread(self._problem)
        return pb.MoveClockResponse(server_time=from_instant(made), problem=problem)


def served(descriptors: Sequence[ServiceDescriptor], clock: Clock) -> Sequence[ServiceDescriptor]:
    """Returns which services are served: this one where the clock is a sandbox's alone."""
    if isinstance(clock, SandboxClock):
        return descriptors
    return [each for each in descriptors if each is not DESCRIPTOR]


def register(
    server: grpc.aio.Server, clock: Clock, *, problem: Callable[[], str] = lambda: ""
) -> None:
    """Lets a server answer for the service, where its clock is a sandbox's."""
    if isinstance(clock, SandboxClock):
        servicer = SandboxServicer(clock, problem=problem)
        rpc.add_SandboxServiceServicer_to_server(servicer, server)
