"""What changing methods have in common: who asks, under which id, for what."""

from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Caller


class ChangingRequest(Protocol):
    """A message that asks for a change."""

    region: str
    request_id: str

    def SerializeToString(self) -> bytes:  # noqa: N802 (protobuf's name)
        """Returns the message as bytes."""
        ...


class TrialRequest(Protocol):
    """A message that asks what a change would be answered."""

    region: str


def trial_of(message: TrialRequest, method: str) -> Request:
    """Returns who asks for a trial, after the scope of an agency was checked.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = current_caller()
    caller.require_region(message.region)
    return Request.trial(caller, method=method, region=message.region)


def request_of(message: ChangingRequest, method: str, caller: Caller | None = None) -> Request:
    """Returns who asks, after the scope of an agency or bank was checked.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = caller or current_caller()
    caller.require_region(message.region)
    return Request.of(
        caller,
        method=method,
        region=message.region,
        request_id=message.request_id,
        contents=message.SerializeToString(),
    )
