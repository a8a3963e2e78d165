"""Codes that are resolved, and what takes their tokens."""

import datetime as dt
import hashlib
from typing import Any

from support.settlement_world import World

from yibao.settlement.v1.credential_service_pb2 import ResolveCredentialResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.resolution import ResolveCredential
from yibao_settlement.rules.token import PresentedToken
from yibao_settlement.servicer.resolution import resolved

SETTLE, REGISTER, ADMIT = "01301", "01101", "01103"
FIVE_MINUTES = dt.timedelta(minutes=5)


def hash_made_of(text: str) -> str:
    """Returns what may be the hash of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


def resolve_command(
    world: World,
    person_id: str,
    *,
    audience: str = SETTLE,
    valid_for: dt.timedelta = FIVE_MINUTES,
    **changes: Any,
) -> ResolveCredential:
    names = {"request_id", "institution_id", "caller", "digest"}
    asked = {name: changes.pop(name) for name in names & changes.keys()}
    values: dict[str, Any] = {
        "request": world.request("ResolveCredential", **asked),
        "code": world.code(person_id),
        "audience": audience,
        "token_hash": hash_made_of(new_id()),
        "valid_for": valid_for,
        "encode": lambda region, found: resolved(region, found, seed=bytes(16)),
    }
    return ResolveCredential(**{**values, **changes})


def token_of(command: ResolveCredential, *, terminal_id: str = "T2") -> PresentedToken:
    """Returns the token that a command gives, as presented for what its code was."""
    return PresentedToken(command.token_hash, command.audience, terminal_id)


def resolve(world: World, person_id: str, **changes: Any) -> PresentedToken:
    """Resolves a new code of a person and returns its token."""
    command = resolve_command(world, person_id, **changes)
    world.run(command)
    return token_of(command)


def told(world: World, person_id: str, **changes: Any) -> ResolveCredentialResponse:
    """Returns what resolving a code of a person tells, the seed in the token's place."""
    answer = world.run(resolve_command(world, person_id, **changes))
    return ResolveCredentialResponse.FromString(answer)


def refusal(world: World, command: Command) -> str | None:
    """Returns the name of a command's refusal, None where it is carried out."""
    (outcome,) = world.work(command.request.region, [command])
    return outcome.reason.name if isinstance(outcome, RuleError) else None
