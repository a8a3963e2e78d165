"""A refusal as the caller receives it: `google.rpc.Status`, or an item's error."""

from collections.abc import Iterable

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from yibao.common.v1 import item_error_pb2
from yibao_common.rpc.field_names import path_zh
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Code, Reason

DOMAIN = "yibao"
DETAILS_KEY = "grpc-status-details-bin"

# Status details travel in a header; clients refuse headers over 8 KiB in all, and base64
# lengthens them by a third.
_MOST_FAULT_BYTES = 4_000

# A sentence may list all that a file knows, and stands in the header beside the faults; of
# Chinese each character has three bytes.
_MOST_CHARACTERS, _MOST_ZH_CHARACTERS = 1_000, 150

# Clients refuse answers over 4 MiB unless they are told to take more.
_MOST_ITEM_BYTES = 4_000_000

_GRPC_CODES = {code: grpc.StatusCode[code.name] for code in Code}
_RETRY_SECONDS = {
    Reason.RATE_LIMITED: 1.0,
    Reason.OVERLOADED: 1.0,
    Reason.ENROLMENT_UNCONFIRMED: 1.0,
}

# Older releases of googleapis-common-protos have only field and description.
_VIOLATION_FIELDS = error_details_pb2.BadRequest.FieldViolation.DESCRIPTOR.fields_by_name
_HAS_REASON = "reason" in _VIOLATION_FIELDS
_HAS_LOCALIZED = "localized_message" in _VIOLATION_FIELDS


def grpc_code(reason: Reason) -> grpc.StatusCode:
    """Returns the gRPC status code of `reason`."""
    return _GRPC_CODES[reason.code]


def status_of(error: RuleError, *, retry_after_seconds: float | None = None) -> status_pb2.Status:
    """Returns the status of a refusal.

    It holds one ErrorInfo, the Chinese message, field violations where fields are at
    fault, and RetryInfo where waiting helps. Faults that do not fit into a header are
    left out; the metadata `faults_total` then tells how many there are. Sentences that
    would fill a header by themselves are cut.
    """
    reason = error.reason
    details: list[Message] = []
    metadata = dict(error.metadata)
    if error.faults:
        request = _bad_request(error.faults)
        details.append(request)
        if len(request.field_violations) < error.faults_total:
            metadata["faults_total"] = str(error.faults_total)
    details.append(error_details_pb2.LocalizedMessage(locale="zh-CN", message=message_zh(error)))
    seconds = retry_after_seconds or _RETRY_SECONDS.get(reason)
    if seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(max(1, round(seconds * 1_000)))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    info = error_details_pb2.ErrorInfo(reason=reason.wire_name, domain=DOMAIN, metadata=metadata)
    status = status_pb2.Status(
        code=reason.code.value, message=_cut(error.message, _MOST_CHARACTERS, " ...")
    )
    for detail in (info, *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def message_zh(error: RuleError) -> str:
    """Returns what the counter is told: with the first field at fault, and how many there are."""
    if not error.faults:
        return error.reason.message_zh
    more = f"（共{error.faults_total}处）" if error.faults_total > 1 else ""
    return f"{fault_zh(error.faults[0])}{more}"


def fault_zh(fault: FieldFault) -> str:
    """Returns which field is at fault and why, in Chinese; a long sentence is cut."""
    why = fault.message_zh or fault.reason.message_zh
    return f"{path_zh(fault.field)}：{_cut(why, _MOST_ZH_CHARACTERS, '…')}"


def _cut(text: str, most: int, mark: str) -> str:
    """Returns a text of at most `most` characters, with the mark where it was longer."""
    return text if len(text) <= most else f"{text[:most]}{mark}"


def _bad_request(faults: tuple[FieldFault, ...]) -> error_details_pb2.BadRequest:
    request = error_details_pb2.BadRequest()
    size = 0
    for fault in faults:
        violation = _violation(fault)
        size += violation.ByteSize() + 3
        if size > _MOST_FAULT_BYTES:
            break
        request.field_violations.append(violation)
    return request


def _violation(fault: FieldFault) -> error_details_pb2.BadRequest.FieldViolation:
    violation = error_details_pb2.BadRequest.FieldViolation(
        field=fault.field, description=_cut(fault.message, _MOST_CHARACTERS, " ...")
    )
    if _HAS_REASON:
        violation.reason = fault.reason.wire_name
    if _HAS_LOCALIZED:
        violation.localized_message.locale = "zh-CN"
        violation.localized_message.message = fault_zh(fault)
    return violation


def reason_of(wire_name: str) -> Reason:
    """Returns the reason that an item's error names."""
    return Reason[wire_name.removeprefix("ERROR_REASON_")]


def item_errors(refusals: Iterable[RuleError | None]) -> list[item_error_pb2.ItemError | None]:
    """Returns the errors of the items of a bulk request, None where one was not refused.

    Where all faults are more than clients take in one answer, each item tells as many as
    its share holds, and at least the first; `faults_total` then tells how many there are.
    """
    errors = [None if refusal is None else item_error(refusal) for refusal in refusals]
    if sum(error.ByteSize() for error in errors if error is not None) > _MOST_ITEM_BYTES:
        for error in errors:
            if error is not None:
                _shorten(error, most_bytes=_MOST_ITEM_BYTES // len(errors))
    return errors


def _shorten(error: item_error_pb2.ItemError, *, most_bytes: int) -> None:
    """Leaves the faults of an item that fit, in their order, and at least one."""
    faults = error.field_faults
    total = len(faults)
    # What stands around a fault and an error, and the total.
    size = error.ByteSize() + 32
    while size > most_bytes and len(faults) > 1:
        size -= faults.pop().ByteSize() + 2
    if len(faults) < total and "faults_total" not in error.metadata:
        error.metadata["faults_total"] = str(total)


def item_error(error: RuleError) -> item_error_pb2.ItemError:
    """Returns the error of one item of a bulk request."""
    metadata = dict(error.metadata)
    if len(error.faults) < error.faults_total:
        metadata["faults_total"] = str(error.faults_total)
    if (seconds := _RETRY_SECONDS.get(error.reason)) is not None:
        metadata["retry_seconds"] = f"{seconds:g}"
    return item_error_pb2.ItemError(
        code=error.reason.code.value,
        reason=error.reason.wire_name,
        message=error.message,
        message_zh=message_zh(error),
        metadata=metadata,
        field_faults=[
            item_error_pb2.FieldFault(
                field=fault.field,
                reason=fault.reason.wire_name,
                message=fault.message,
                message_zh=fault_zh(fault),
            )
            for fault in error.faults
        ],
    )
