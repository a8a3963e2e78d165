"""What changing methods have in common: who asks, under which id, for what."""

from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller


class ChangingRequest(Protocol):
    """A message that asks for a change."""

    region: str
    request_id: str

    def SerializeToString(self) -> bytes:
        """Returns the message as bytes."""
        ...


def request_of(message: ChangingRequest, method: str) -> Request:
    """Returns what is asked and by whom, after the scope of an agency was checked.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = current_caller()
    caller.require_region(message.region)
    return Request.of(
        caller,
        method=method,
        region=message.region,
        request_id=message.request_id,
        contents=message.SerializeToString(),
    )
