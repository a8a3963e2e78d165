"""Outcomes of requests, as tests of storage ask for them."""

from typing import Any

from support.settlement_world import World

from yibao.settlement.v1.outcome_pb2 import RequestOutcome
from yibao.settlement.v1.settlement_service_pb2 import ResolveRequestResponse
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.outcome.resolve import RESOLVE_METHOD, ResolveRequest
from yibao_settlement.servicer.outcome import made_by, resolved


def resolve_command(world: World, asked: Command | str, **changes: Any) -> ResolveRequest:
    """Returns what asks for the outcome of a command's request, or of one by its id."""
    request_id = asked if isinstance(asked, str) else asked.request.request_id
    return ResolveRequest(world.request(RESOLVE_METHOD, **changes), request_id, made_by, resolved)


def resolve(world: World, asked: Command | str, **changes: Any) -> RequestOutcome:
    """Returns the outcome of a request."""
    answer = world.run(resolve_command(world, asked, **changes))
    return ResolveRequestResponse.FromString(answer).outcome
