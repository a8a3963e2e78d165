"""The gate of a server: which requests get through."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.sample_proto import Sample, good_sample
from support.serving import ID, detail_in, reason_in, serving, status_in

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1 import visit_service_pb2 as visits
from yibao_common.rpc.callers import current_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)
COUNT = "/yibao.test.v1.Ticker/Count"


async def refusal(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_every_violation_is_told_at_once_in_english_and_chinese(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            request = visits.RegisterVisitRequest(request_id="1", region="50", care_type="1")
            request.start_date.year = 2026
            request.presentation.qr_text = "x" * 701
            error = await refusal(running.visits().RegisterVisit(request))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert reason_in(error) == "FIELDS_INVALID"
            told = detail_in(error, error_details_pb2.BadRequest).field_violations
            assert [(each.field, each.reason) for each in told] == [
                ("request_id", "ERROR_REASON_FIELD_MALFORMED"),
                ("region", "ERROR_REASON_FIELD_MALFORMED"),
                ("presentation.qr_text", "ERROR_REASON_FIELD_LENGTH"),
                ("presentation.terminal_id", "ERROR_REASON_FIELD_REQUIRED"),
                ("provider_visit_number", "ERROR_REASON_FIELD_REQUIRED"),
                ("care_type", "ERROR_REASON_FIELD_LENGTH"),
                ("start_date", "ERROR_REASON_DATE_INVALID"),
            ]
            assert told[6].description == "is no day of the years 1900 to 2999"
            assert told[6].localized_message.message == "开始日期：日期不存在或年份超出范围"
            chinese = detail_in(error, error_details_pb2.LocalizedMessage)
            assert chinese.locale == "zh-CN"
            assert chinese.message == "交易流水号：格式不正确（共7处）"
            assert status_in(error).message == error.details()

    asyncio.run(main())


def test_a_request_with_more_faults_than_a_header_holds_is_still_answered(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(tmp_path, ticks=_count) as running:
            sample = good_sample(numbers=[0] * 300)
            count: Any = running.channel().unary_stream(
                COUNT, Sample.SerializeToString, Sample.FromString
            )
            error = await refusal(count(sample).read())
            assert reason_in(error) == "FIELD_OUT_OF_RANGE"
            info = detail_in(error, error_details_pb2.ErrorInfo)
            assert info.metadata["faults_total"] == "300"

    asyncio.run(main())


def test_bytes_that_are_no_message_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            call: Any = running.channel().unary_unary(
                "/yibao.settlement.v1.SettlementService/GetSettlement"
            )
            error = await refusal(call(b"\xff\xff"))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert reason_in(error) == "FIELD_MALFORMED"

    asyncio.run(main())


def test_a_message_over_the_limit_is_refused_with_a_reason_and_far_over_it_by_the_channel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(tmp_path, max_message_bytes=1_000) as running:
            get: Any = running.channel().unary_unary(
                "/yibao.settlement.v1.SettlementService/GetSettlement"
            )
            sound = GET.SerializeToString()

            def of_size(size: int) -> bytes:
                # Field 15 is unknown and does no harm.
                rest = size - len(sound) - 3
                return sound + b"\x7a" + bytes([rest & 127 | 128, rest >> 7]) + bytes(rest)

            await get(of_size(1_000))
            error = await refusal(get(of_size(1_001)))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason_in(error) == "MESSAGE_TOO_LARGE"
            info = detail_in(error, error_details_pb2.ErrorInfo)
            assert dict(info.metadata) == {"bytes": "1001", "limit": "1000"}
            assert reason_in(await refusal(get(of_size(2_000)))) == "MESSAGE_TOO_LARGE"
            error = await refusal(get(of_size(2_001)))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert not status_in(error).details
            # gRPC would tell of an answer that comes after it ended the call by itself.
            assert not [each for each in caplog.records if each.levelname == "ERROR"]

    asyncio.run(main())


@pytest.mark.parametrize(("timeout", "passes"), [(30, True), (33, False), (3600, False)])
def test_a_deadline_beyond_the_limit_is_refused(
    tmp_path: Path, timeout: float, passes: bool
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            call = running.stub().GetSettlement(GET, timeout=timeout)
            if passes:
                await call
                return
            error = await refusal(call)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert reason_in(error) == "DEADLINE_INVALID"
            info = detail_in(error, error_details_pb2.ErrorInfo)
            assert dict(info.metadata) == {"limit_seconds": "30"}

    asyncio.run(main())


def test_a_caller_over_its_rate_is_told_when_to_come_again_and_others_are_not(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(tmp_path, rate_per_second=0.5, burst=2) as running:
            stub = running.stub()
            await stub.GetSettlement(GET)
            await running.stub().GetSettlement(GET)  # Another connection, the same caller.
            error = await refusal(stub.GetSettlement(GET))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason_in(error) == "RATE_LIMITED"
            wait = detail_in(error, error_details_pb2.RetryInfo).retry_delay
            assert 0 < wait.ToMilliseconds() <= 2_000
            await running.stub("other-hospital").GetSettlement(GET)

    asyncio.run(main())


async def _count(request: Any, _context: Any) -> AsyncIterator[Any]:
    for number in range(request.count):
        yield Sample(text=current_caller().id, count=number)
    if request.text == "refuse":
        raise RuleError(Reason.OVERLOADED, "no more")
    yield Sample(text="bytes").SerializeToString()


def test_items_of_a_bulk_request_reach_the_servicer_unchecked(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            item = settlement.SettleBillRequest(region="x")
            await running.stub().SubmitBills(settlement.SubmitBillsRequest(items=[item]))
            error = await refusal(running.stub().SubmitBills(settlement.SubmitBillsRequest()))
            assert reason_in(error) == "FIELD_LENGTH"

    asyncio.run(main())
