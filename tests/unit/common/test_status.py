from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from yibao.common.v1 import error_reason_pb2
from yibao_common.rpc.status import grpc_code, item_error, status_of
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason


def details(status: status_pb2.Status, kind: type[Any]) -> list[Any]:
    found = []
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            message = kind()
            packed.Unpack(message)
            found.append(message)
    return found


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_one_error_info_and_a_chinese_message(reason: Reason) -> None:
    status = status_of(RuleError(reason, "no", visit_id="v1", count=3))
    (info,) = details(status, error_details_pb2.ErrorInfo)
    assert (info.domain, dict(info.metadata)) == ("yibao", {"visit_id": "v1", "count": "3"})
    assert info.reason in set(error_reason_pb2.ErrorReason.keys())
    (chinese,) = details(status, error_details_pb2.LocalizedMessage)
    assert (chinese.locale, chinese.message) == ("zh-CN", reason.message_zh)
    assert status.code == reason.code.value == grpc_code(reason).value[0]
    assert status.message == "no"
    assert not details(status, error_details_pb2.BadRequest)


@pytest.mark.parametrize("reason", Reason)
def test_only_refusals_that_pass_by_waiting_say_when_to_retry(reason: Reason) -> None:
    waits = details(status_of(RuleError(reason, "no")), error_details_pb2.RetryInfo)
    assert bool(waits) == (reason in (Reason.RATE_LIMITED, Reason.OVERLOADED))


def test_the_wait_is_told_to_the_millisecond() -> None:
    status = status_of(RuleError(Reason.RATE_LIMITED, "no"), retry_after_seconds=0.25)
    (wait,) = details(status, error_details_pb2.RetryInfo)
    assert wait.retry_delay.ToMilliseconds() == 250


def test_each_fault_is_told_in_english_and_chinese() -> None:
    faults = [
        FieldFault("bill.lines[3].unit_price", Reason.DECIMAL_NEGATIVE, "must not be negative"),
        FieldFault("region", Reason.FIELD_REQUIRED, "is required"),
    ]
    status = status_of(RuleError(Reason.FIELDS_INVALID, "two", faults=faults))
    (request,) = details(status, error_details_pb2.BadRequest)
    told = [
        (each.field, each.description, each.reason, each.localized_message.message)
        for each in request.field_violations
    ]
    assert told == [
        (
            "bill.lines[3].unit_price",
            "must not be negative",
            "ERROR_REASON_DECIMAL_NEGATIVE",
            "单价或数量不能为负",
        ),
        ("region", "is required", "ERROR_REASON_FIELD_REQUIRED", "缺少必填字段"),
    ]


def test_details_stay_small_enough_for_a_header_and_say_what_was_left_out() -> None:
    faults = [
        FieldFault(
            f"bill.lines[{index}].unit_price", Reason.DECIMAL_NEGATIVE, "must not be negative"
        )
        for index in range(100)
    ]
    status = status_of(RuleError(Reason.DECIMAL_NEGATIVE, "many", faults=faults))
    (request,) = details(status, error_details_pb2.BadRequest)
    assert 20 < len(request.field_violations) < 100
    (info,) = details(status, error_details_pb2.ErrorInfo)
    assert info.metadata["faults_total"] == "100"
    # Base64 lengthens by a third; a header of 8 KiB is what clients take.
    assert len(status.SerializeToString()) * 4 / 3 < 7_000


def test_an_item_carries_what_a_refused_call_carries() -> None:
    fault = FieldFault("region", Reason.FIELD_REQUIRED, "is required")
    error = item_error(RuleError(Reason.FIELD_REQUIRED, "one", faults=[fault], state="x"))
    assert (error.code, error.reason) == (3, "ERROR_REASON_FIELD_REQUIRED")
    assert (error.message, error.message_zh) == ("one", "缺少必填字段")
    assert dict(error.metadata) == {"state": "x"}
    (told,) = error.field_faults
    assert (told.field, told.reason) == ("region", "ERROR_REASON_FIELD_REQUIRED")
    assert (told.message, told.message_zh) == ("is required", "缺少必填字段")


def test_codes_of_reasons_are_those_of_grpc() -> None:
    assert grpc_code(Reason.CALLER_UNKNOWN) is grpc.StatusCode.UNAUTHENTICATED
