from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from yibao.common.v1 import error_reason_pb2
from yibao_common.rpc.field_names import path_zh
from yibao_common.rpc.status import fault_zh, grpc_code, item_error, item_errors, status_of
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
    waiting_helps = {Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.ENROLMENT_UNCONFIRMED}
    assert bool(waits) == (reason in waiting_helps)


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
            "费用明细第4条，单价：单价或数量不能为负",
        ),
        ("region", "is required", "ERROR_REASON_FIELD_REQUIRED", "统筹区：缺少必填项"),
    ]
    (chinese,) = details(status, error_details_pb2.LocalizedMessage)
    assert chinese.message == "费用明细第4条，单价：单价或数量不能为负（共2处）"


def test_details_stay_small_enough_for_a_header_and_say_what_was_left_out() -> None:
    faults = [
        FieldFault(
            f"bill.lines[{index}].unit_price", Reason.DECIMAL_NEGATIVE, "must not be negative"
        )
        for index in range(100)
    ]
    refusal = RuleError(Reason.DECIMAL_NEGATIVE, "many", faults=faults, faults_total=1_505)
    status = status_of(refusal)
    (request,) = details(status, error_details_pb2.BadRequest)
    assert 20 < len(request.field_violations) < 100
    (info,) = details(status, error_details_pb2.ErrorInfo)
    assert info.metadata["faults_total"] == "1505"
    assert item_error(refusal).metadata["faults_total"] == "1505"
    # Base64 lengthens by a third; a header of 8 KiB is what clients take.
    assert len(status.SerializeToString()) * 4 / 3 < 7_000


def test_an_item_carries_what_a_refused_call_carries() -> None:
    fault = FieldFault("region", Reason.FIELD_REQUIRED, "is required")
    error = item_error(RuleError(Reason.FIELD_REQUIRED, "one", faults=[fault], state="x"))
    assert (error.code, error.reason) == (3, "ERROR_REASON_FIELD_REQUIRED")
    assert (error.message, error.message_zh) == ("one", "统筹区：缺少必填项")
    assert dict(error.metadata) == {"state": "x"}
    (told,) = error.field_faults
    assert (told.field, told.reason) == ("region", "ERROR_REASON_FIELD_REQUIRED")
    assert (told.message, told.message_zh) == ("is required", "统筹区：缺少必填项")


@pytest.mark.parametrize(
    ("message_zh", "told"),
    [
        ("", "统筹区：缺少必填项"),
        ("请填写", "统筹区：请填写"),
        ("长" * 150, "统筹区：" + "长" * 150),
        ("长" * 151, "统筹区：" + "长" * 150 + "…"),
    ],
)
def test_a_field_says_its_own_chinese_where_it_has_some(message_zh: str, told: str) -> None:
    fault = FieldFault("region", Reason.FIELD_REQUIRED, "is required", message_zh)
    assert fault_zh(fault) == told
    assert item_error(RuleError(Reason.FIELD_REQUIRED, "no", faults=[fault])).message_zh == told


def test_codes_of_reasons_are_those_of_grpc() -> None:
    assert grpc_code(Reason.CALLER_UNKNOWN) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("region", "统筹区"),
        ("bill.total_fen", "医疗费总额"),
        ("bill.lines", "费用明细"),
        ("bill.lines[0].item_code", "费用明细第1条，项目编码"),
        ("items[11].end_date", "记录第12条，结束日期"),
        ("entitlement_groups[1]", "人员身份类别第2条"),
        ("bill.lines[2].15", "费用明细第3条，字段15"),
        ("something_new", "something_new"),
        ("policy_file:12 steps[1].tiers.rows[0]", "政策文件第12行，steps[1].tiers.rows[0]"),
        ("policy_file:3", "政策文件第3行"),
    ],
)
def test_a_field_is_named_as_at_the_counter(path: str, told: str) -> None:
    assert path_zh(path) == told


@pytest.mark.parametrize("reason", Reason)
def test_an_item_says_when_to_come_again_as_a_call_does(reason: Reason) -> None:
    waits = details(status_of(RuleError(reason, "no")), error_details_pb2.RetryInfo)
    told = item_error(RuleError(reason, "no")).metadata
    assert told == ({"retry_seconds": "1"} if waits else {})


def row_refused(faults: int) -> RuleError:
    """Returns the refusal of a row, 300 bytes and more a fault."""
    told = [
        FieldFault(f"lines[{n}].unit_price", Reason.FIELD_MALFORMED, "x" * 200)
        for n in range(faults)
    ]
    return RuleError(Reason.FIELD_MALFORMED, "bad", faults=told)


def test_items_tell_all_their_faults_where_the_answer_holds_them() -> None:
    errors = item_errors([row_refused(100), None, row_refused(1)])
    assert [error and len(error.field_faults) for error in errors] == [100, None, 1]


@pytest.mark.parametrize(("rows", "least"), [(200, 50), (5_000, 1)])
def test_an_answer_is_no_larger_than_clients_take(rows: int, least: int) -> None:
    errors = item_errors([row_refused(100)] * rows)
    assert sum(error.ByteSize() for error in errors if error is not None) < 4_000_000
    for error in errors:
        assert error is not None
        assert least <= len(error.field_faults) < 100
        assert error.metadata["faults_total"] == "100"
        assert error.field_faults[0].field == "lines[0].unit_price"
