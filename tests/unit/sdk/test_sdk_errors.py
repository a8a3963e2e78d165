"""What a caller reads out of a failed call, over a real connection, sync and aio."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from yibao.errors import FieldFault, Refusal, RefusedError, error_of, refusals
from yibao_common.rpc.status import status_of
from yibao_common.values import errors as server_errors
from yibao_common.values.reasons import Reason

METHOD = "/yibao.test.Service/Fail"

EXPIRED = server_errors.RuleError(Reason.QR_EXPIRED, "expired 12 s ago", offset_seconds=72)
FAULTY = server_errors.RuleError(
    Reason.FIELD_REQUIRED,
    "region: is required",
    faults=[server_errors.FieldFault("region", Reason.FIELD_REQUIRED, "is required")],
)


def foreign() -> status_pb2.Status:
    """Another system's error, with details that are not ours and one that is torn."""
    status = status_pb2.Status(code=9, message="elsewhere")
    info = error_details_pb2.ErrorInfo(reason="QUOTA", domain="example.org")
    english = error_details_pb2.LocalizedMessage(locale="en", message="No.")
    for detail in (info, english):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


LIMITED = server_errors.RuleError(Reason.RATE_LIMITED, "too many calls")
STATUSES = {
    b"expired": status_of(EXPIRED),
    b"faulty": status_of(FAULTY),
    b"foreign": foreign(),
    b"limited": status_of(LIMITED, retry_after_seconds=1.25),
}


def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request in STATUSES:
        context.abort_with_status(rpc_status.to_status(STATUSES[request]))
    if request == b"torn":
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
    if request == b"changed":
        # The status line says otherwise than the details, as behind some proxies.
        details = status_of(EXPIRED).SerializeToString()
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
    context.abort(grpc.StatusCode.UNAVAILABLE, "try again")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(fail)
    generic = grpc.method_handlers_generic_handler("yibao.test.Service", {"Fail": handler})
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((generic,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def ask(channel: grpc.Channel, request: bytes) -> bytes:
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return method(request, timeout=5)


def sync_error(address: str, request: bytes) -> Refusal:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as failed:
        ask(channel, request)
    return error_of(failed.value)


def aio_error(address: str, request: bytes) -> Refusal:
    async def call() -> Refusal:
        async with grpc.aio.insecure_channel(address) as channel:
            method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await method(request, timeout=5)
            return error_of(failed.value)

    return asyncio.run(call())


Failure = Callable[[str, bytes], Refusal]
BOTH = pytest.mark.parametrize("failure", [sync_error, aio_error], ids=["sync", "aio"])


@BOTH
def test_a_refusal_is_read_with_its_reason_and_metadata(address: str, failure: Failure) -> None:
    assert failure(address, b"expired") == Refusal(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason="ERROR_REASON_QR_EXPIRED",
        message="expired 12 s ago",
        message_zh=Reason.QR_EXPIRED.message_zh,
        metadata={"offset_seconds": "72"},
        field_faults=(),
    )


@BOTH
def test_how_long_to_wait_is_told_where_the_service_says_so(address: str, failure: Failure) -> None:
    limited = failure(address, b"limited")
    assert (limited.reason, limited.retry_after_seconds) == ("ERROR_REASON_RATE_LIMITED", 1.25)
    assert failure(address, b"expired").retry_after_seconds is None
    assert failure(address, b"plain").retry_after_seconds is None


@BOTH
def test_field_faults_are_read(address: str, failure: Failure) -> None:
    refusal = failure(address, b"faulty")
    assert refusal.field_faults == (
        FieldFault(
            "region",
            "ERROR_REASON_FIELD_REQUIRED",
            "is required",
            f"统筹区：{Reason.FIELD_REQUIRED.message_zh}",
        ),
    )


@BOTH
@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (b"foreign", grpc.StatusCode.FAILED_PRECONDITION, "elsewhere"),
        (b"plain", grpc.StatusCode.UNAVAILABLE, "try again"),
        (b"torn", grpc.StatusCode.UNAVAILABLE, "try again"),
        (b"changed", grpc.StatusCode.UNAVAILABLE, "try again"),
    ],
)
def test_a_failure_that_is_not_ours_has_its_code_and_no_reason(
    address: str, failure: Failure, request_: bytes, code: grpc.StatusCode, message: str
) -> None:
    assert failure(address, request_) == Refusal(code, "", message, "", {}, ())


def test_a_server_that_is_not_there_is_a_failure_without_reason() -> None:
    refusal = sync_error("127.0.0.1:1", b"")
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "")


def test_refusals_turns_a_failed_call_into_a_typed_exception(address: str) -> None:
    with (
        grpc.insecure_channel(address) as channel,
        pytest.raises(RefusedError, match="ERROR_REASON_QR_EXPIRED: expired 12 s ago") as refused,
        refusals(),
    ):
        ask(channel, b"expired")
    assert refused.value.refusal.reason == "ERROR_REASON_QR_EXPIRED"
    assert isinstance(refused.value.__cause__, grpc.RpcError)


def test_refusals_lets_other_exceptions_pass() -> None:
    with pytest.raises(KeyError), refusals():
        raise KeyError
