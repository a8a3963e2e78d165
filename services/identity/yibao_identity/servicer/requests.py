"""What the parts share: requests as values, and the refusal of what a newer contract knows."""

from typing import Protocol

from yibao_common.commands.request import Request, request_digest
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Caller
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason


class ChangingRequest(Protocol):
    """A message that asks for a change."""

    region: str
    request_id: str

    def SerializeToString(self) -> bytes:
        """Returns the message as bytes."""
        ...


def request_of(message: ChangingRequest, method: str, caller: Caller | None = None) -> Request:
    """Returns who asks, after the scope of an agency or bank was checked.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = caller or current_caller()
    caller.require_region(message.region)
    digest = request_digest(method, caller.path, message.SerializeToString())
    return Request(message.region, message.request_id, digest, method, caller)


def refuse_unknown(field: str, what: str) -> None:
    """Raises RuleError FIELD_OUT_OF_RANGE for a value of a newer contract."""
    message = f"is no {what} that this version knows"
    refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)])
