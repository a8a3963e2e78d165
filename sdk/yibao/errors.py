"""Refusals of the services, read out of what gRPC raises.

    try:
        stub.SettleBill(request, timeout=5)
    except grpc.RpcError as failure:
        refusal = error_of(failure)

or, with a typed exception instead, `with refusals(): ...`. Works for sync and aio calls.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

DOMAIN = "yibao"
CHINESE = "zh-CN"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One faulty field: its path in the request, the `ErrorReason` name, what is wrong.

    `message_zh` is empty where the service sent no Chinese text.
    """

    field: str
    reason: str
    message: str
    message_zh: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call failed.

    `reason` is the name of an `ErrorReason` value, such as `ERROR_REASON_QR_EXPIRED`,
    and empty where the failure is not a service's refusal (no connection, time-out).
    `message` is for engineers, `message_zh` for the counter: a sentence, or a code to pass
    on where no clerk can help, such as `错误代码 E003`. `metadata` holds what varies in them.
    `retry_after_seconds` is how long to wait before the call is sent again, where the
    service says so (`RetryInfo`), as for `ERROR_REASON_RATE_LIMITED`; else None.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    message_zh: str
    metadata: Mapping[str, str]
    field_faults: tuple[FieldFault, ...]
    retry_after_seconds: float | None = None


class RefusedError(Exception):
    """A call was refused; see `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        """Keeps the refusal and shows its reason and message."""
        super().__init__(f"{refusal.reason or refusal.code.name}: {refusal.message}")
        self.refusal = refusal


@contextmanager
def refusals() -> Iterator[None]:
    """Turns a `grpc.RpcError` of the calls within into a `RefusedError`."""
    try:
        yield
    except grpc.RpcError as failure:
        raise RefusedError(error_of(failure)) from failure


def error_of(rpc_error: grpc.RpcError) -> Refusal:
    """Returns the refusal in `rpc_error`; details that cannot be read count as absent."""
    # Every RpcError that a call raises is also a grpc.Call, or its twin of grpc.aio.
    if not isinstance(rpc_error, (grpc.Call, grpc.aio.AioRpcError)):
        raise TypeError("not the error of a call")
    reason, message_zh = "", ""
    metadata: Mapping[str, str] = {}
    faults: tuple[FieldFault, ...] = ()
    retry_after_seconds: float | None = None
    status = _status_of(rpc_error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        localized = error_details_pb2.LocalizedMessage()
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(localized.DESCRIPTOR) and detail.Unpack(localized):
            if localized.locale == CHINESE:
                message_zh = localized.message
        elif detail.Is(bad_request.DESCRIPTOR) and detail.Unpack(bad_request):
            faults = tuple(_fault_of(violation) for violation in bad_request.field_violations)
        elif detail.Is(retry.DESCRIPTOR) and detail.Unpack(retry):
            retry_after_seconds = retry.retry_delay.ToTimedelta().total_seconds()
    message = rpc_error.details() or ""
    return Refusal(
        rpc_error.code(), reason, message, message_zh, metadata, faults, retry_after_seconds
    )


def _status_of(rpc_error: grpc.Call | grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        # An AioRpcError has the three methods of a Call that are used here.
        return rpc_status.from_call(cast("grpc.Call", rpc_error))
    except (ValueError, DecodeError):
        # A proxy on the way changed the status line; what is left is its code.
        return None


def _fault_of(violation: error_details_pb2.BadRequest.FieldViolation) -> FieldFault:
    # Releases of googleapis-common-protos before 1.66 know only the first two fields.
    reason = getattr(violation, "reason", "")
    localized = getattr(violation, "localized_message", None)
    message_zh = localized.message if localized and localized.locale == CHINESE else ""
    return FieldFault(violation.field, reason, violation.description, message_zh)
