"""ServerService: what a server is, the same at every service."""

import datetime as dt
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc

from yibao.common.v1 import server_service_pb2 as pb
from yibao.common.v1 import server_service_pb2_grpc as rpc
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.process.config import ServiceConfig
from yibao_common.rpc.wire import from_instant
from yibao_common.values.caller import EVERY_ROLE, Role
from yibao_common.values.clock import Clock

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["ServerService"]
# Rows of the access table of every service.
ACCESS_ROWS: Mapping[str, Mapping[str, frozenset[Role]]] = {
    DESCRIPTOR.full_name: {"GetServerInfo": EVERY_ROLE}
}

# What a field of 32 bits holds.
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of what a feed tells: when all was, None before the first answer."""

    read_time: dt.datetime | None
    age: dt.timedelta
    # How many changes are known to be missing.
    lag: int
    most_age: dt.timedelta


@dataclass(frozen=True, slots=True)
class TrustState:
    """What codes are judged by: the version and time of a snapshot, 0 and None without one.

    `problem` tells why codes are refused at the moment, and is empty where they are not.
    """

    version: int
    issue_time: dt.datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a service learns from others; it may ask for it at each call.

    `offsite_feed` returns None of a region whose registrations are not followed.
    """

    feed: Callable[[str], FeedState]
    trust: Callable[[dt.datetime], TrustState] | None = None
    offsite_feed: Callable[[str], FeedState | None] | None = None


class ServerInfoServicer(rpc.ServerServiceServicer):
    """Tells of this process; reads nothing from a database."""

    def __init__(
        self,
        config: ServiceConfig,
        *,
        service_name: str,
        regions: Sequence[str] = (),
        known: Known | None = None,
        clock: Clock,
    ) -> None:
        """Takes what is told; `known` where the service learns from another one."""
        self._regions = tuple(regions)
        self._known = known
        self._clock = clock
        self._is_sandbox = config.sandbox.folder is not None
        server = config.server
        self._told = pb.GetServerInfoResponse(
            service_name=service_name,
            version=importlib.metadata.version("yibao-server"),
            contract_version=importlib.metadata.version("yibao"),
            limits=pb.CallLimits(
                max_message_bytes=server.max_message_bytes,
                max_deadline_milliseconds=round(server.max_deadline_seconds * 1_000),
                calls_per_minute=min(round(server.rate_per_second * 60), _MOST),
                burst=min(server.burst, _MOST),
                answer_keep_days=config.answers.keep_days,
            ),
        )

    async def GetServerInfo(  # noqa: N802 (the contract's name)
        self,
        request: pb.GetServerInfoRequest,
        context: "grpc.aio.ServicerContext[pb.GetServerInfoRequest, pb.GetServerInfoResponse]",
    ) -> pb.GetServerInfoResponse:
        """Tells version, limits, regions and how old what is known is."""
        now = self._clock()
        response = pb.GetServerInfoResponse()
        response.CopyFrom(self._told)
        response.server_time.CopyFrom(from_instant(now))
        for region in self._regions:
            served = response.regions.add(region=region)
            if self._known is not None:
                served.feed.CopyFrom(_feed(self._known.feed(region)))
            ask = self._known.offsite_feed if self._known is not None else None
            if ask is not None and (state := ask(region)) is not None:
                served.offsite_feed.CopyFrom(_feed(state))
        if self._is_sandbox:
            ahead = self._clock.ahead if isinstance(self._clock, SandboxClock) else dt.timedelta()
            response.sandbox.has_movable_clock = isinstance(self._clock, SandboxClock)
            response.sandbox.clock_ahead_seconds = round(ahead.total_seconds())
        if self._known is not None and self._known.trust is not None:
            response.trust.CopyFrom(_trust(self._known.trust(now), now))
        return response


def _feed(state: FeedState) -> pb.FeedInfo:
    message = pb.FeedInfo(
        age_seconds=_seconds(state.age),
        lag=min(state.lag, _MOST),
        max_age_seconds=_seconds(state.most_age),
    )
    if state.read_time is not None:
        message.read_time.CopyFrom(from_instant(state.read_time))
    return message


def _trust(state: TrustState, now: dt.datetime) -> pb.TrustInfo:
    message = pb.TrustInfo(version=state.version, problem=state.problem)
    if state.issue_time is not None:
        message.issue_time.CopyFrom(from_instant(state.issue_time))
        message.age_seconds = _seconds(now - state.issue_time)
    return message


def _seconds(span: dt.timedelta) -> int:
    return max(-_MOST, min(int(span.total_seconds()), _MOST))
