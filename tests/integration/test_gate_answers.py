"""The gate of a server: how calls end, well or not."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.sample_proto import Sample, good_sample
from support.serving import ID, Serving, detail_in, reason_in, serving, status_in

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.rpc.callers import current_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)
COUNT = "/yibao.test.v1.Ticker/Count"


async def refusal(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_a_refusal_of_the_rules_reaches_the_caller(tmp_path: Path) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        raise RuleError(Reason.SETTLEMENT_REVERSED, "it is reversed", reversal_id="r1")

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            error = await refusal(running.stub().GetSettlement(GET))
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert error.details() == "it is reversed"
            assert reason_in(error) == "SETTLEMENT_REVERSED"
            info = detail_in(error, error_details_pb2.ErrorInfo)
            assert dict(info.metadata) == {"reversal_id": "r1"}
            (line,) = [line for line in running.log if line["event"] == "refused"]
            assert (line["caller"], line["reason"]) == (
                "institution/H50011200001",
                "SETTLEMENT_REVERSED",
            )

    asyncio.run(main())


@pytest.mark.parametrize("error", [RuntimeError("secret of 张三"), TimeoutError("secret of 张三")])
def test_an_unexpected_exception_leaks_nothing_and_is_found_by_its_reference(
    tmp_path: Path, error: Exception
) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        raise error

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            answer = await refusal(running.stub().GetSettlement(GET))
            assert answer.code() is grpc.StatusCode.INTERNAL
            assert reason_in(answer) == "INTERNAL"
            info = detail_in(answer, error_details_pb2.ErrorInfo)
            reference_id = info.metadata["reference_id"]
            everything = f"{answer.details()}{status_in(answer)}"
            for word in ("secret", "Error", "serve", ".py", type(error).__name__):
                assert word not in everything.replace("ErrorInfo", "")
            (line,) = [line for line in running.log if line["event"] == "unexpected"]
            assert line["reference_id"] == reference_id
            assert line["error"][0] == f"builtins.{type(error).__name__}"
            assert line["places"][-1].endswith(" serve")
            assert "张三" not in running.lines.getvalue()

    asyncio.run(main())


@pytest.mark.parametrize("broken", ["Endings._unexpected", "Call.__init__", "Gate._end"])
def test_want_of_memory_is_an_internal_error_though_nothing_can_be_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        raise MemoryError

    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise MemoryError

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            stub = running.stub()
            error = await refusal(stub.GetSettlement(GET))
            assert reason_in(error) == "INTERNAL"
            module = {"Endings": "endings", "Call": "calls", "Gate": "gate"}[broken.split(".")[0]]
            with monkeypatch.context() as patch:
                patch.setattr(f"yibao_common.rpc.{module}.{broken}", fail)
                error = await refusal(stub.GetSettlement(GET))
            assert error.code() is grpc.StatusCode.INTERNAL
            assert "MemoryError" not in f"{error.details()}{status_in(error)}"
            if broken != "Gate._end":
                assert reason_in(error) == "INTERNAL"

    asyncio.run(main())


@pytest.mark.parametrize("answer", [None, "text", 5])
def test_an_answer_that_is_no_message_is_an_internal_error(tmp_path: Path, answer: Any) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        return answer

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            assert reason_in(await refusal(running.stub().GetSettlement(GET))) == "INTERNAL"

    asyncio.run(main())


def test_stored_bytes_are_answered_as_they_are(tmp_path: Path) -> None:
    # Field 15 is unknown: parsing and serialising again could move it.
    stored = b"\x7a\x01x" + settlement.GetSettlementResponse().SerializeToString()

    async def serve(_request: Any, _context: Any) -> Any:
        return stored

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            get: Any = running.channel().unary_unary(
                "/yibao.settlement.v1.SettlementService/GetSettlement"
            )
            assert await get(GET.SerializeToString()) == stored

    asyncio.run(main())


class Endless:
    """A method that ends only by being cancelled, and says that it was."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _request: Any, _context: Any) -> Any:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def counted(running: Serving, code: str) -> float:
    """Returns how many calls of GetSettlement ended with `code`."""
    value = running.server.metrics.registry.get_sample_value(
        "yibao_calls_total",
        {
            "method": "/yibao.settlement.v1.SettlementService/GetSettlement",
            "code": code,
            "reason": "",
        },
    )
    return value or 0.0


async def eventually(true: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not true():
        assert time.monotonic() < ends, "it never came"
        await asyncio.sleep(0.01)


def test_a_call_that_its_caller_cancels_is_cut_off_and_counted(tmp_path: Path) -> None:
    async def main() -> None:
        endless = Endless()
        async with serving(tmp_path, endless) as running:
            call = running.stub().GetSettlement(GET)
            await endless.began.wait()
            call.cancel()
            await asyncio.wait_for(endless.cancelled.wait(), 5)
            await eventually(lambda: counted(running, "CANCELLED") == 1)

    asyncio.run(main())


def test_the_deadline_of_the_caller_cuts_the_call_off(tmp_path: Path) -> None:
    async def main() -> None:
        endless = Endless()
        async with serving(tmp_path, endless) as running:
            error = await refusal(running.stub().GetSettlement(GET, timeout=0.2))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            await asyncio.wait_for(endless.cancelled.wait(), 5)
            await eventually(lambda: counted(running, "DEADLINE_EXCEEDED") == 1)

    asyncio.run(main())


def test_without_a_deadline_the_limit_of_the_server_cuts_the_call_off(tmp_path: Path) -> None:
    async def main() -> None:
        endless = Endless()
        async with serving(tmp_path, endless, max_deadline_seconds=1) as running:
            error = await refusal(running.stub().GetSettlement(GET))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert (error.details() or "").startswith("no answer within the server's limit of 1 s")
            assert endless.cancelled.is_set()

    asyncio.run(main())


async def _count(request: Any, _context: Any) -> AsyncIterator[Any]:
    for number in range(request.count):
        yield Sample(text=current_caller().id, count=number)
    if request.text == "refuse":
        raise RuleError(Reason.OVERLOADED, "no more")
    yield Sample(text="bytes").SerializeToString()


def test_a_stream_is_guarded_as_a_single_answer_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, ticks=_count) as running:

            def count(name: str = "hospital") -> Any:
                return running.channel(name).unary_stream(
                    COUNT, Sample.SerializeToString, Sample.FromString
                )

            got = [(each.text, each.count) async for each in count()(good_sample(count=2))]
            assert got == [("H50011200001", 0), ("H50011200001", 1), ("bytes", 0)]
            error = await refusal(count("agency")(good_sample()).read())
            assert reason_in(error) == "CALLER_NOT_ALLOWED"
            error = await refusal(count()(good_sample(count=9)).read())
            assert reason_in(error) == "FIELD_OUT_OF_RANGE"

    asyncio.run(main())


def test_a_stream_may_be_refused_in_the_middle(tmp_path: Path) -> None:
    async def refuse(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield Sample(text="one")
        raise RuleError(Reason.OVERLOADED, "no more")

    async def main() -> None:
        async with serving(tmp_path, ticks=refuse) as running:
            count: Any = running.channel().unary_stream(
                COUNT, Sample.SerializeToString, Sample.FromString
            )
            call: Any = count(good_sample())
            assert (await call.read()).text == "one"
            error = await refusal(call.read())
            assert reason_in(error) == "OVERLOADED"
            assert detail_in(error, error_details_pb2.RetryInfo).retry_delay.seconds == 1

    asyncio.run(main())


def test_an_abandoned_stream_is_closed(tmp_path: Path) -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def forever(_request: Any, _context: Any) -> AsyncIterator[Any]:
            try:
                while True:
                    yield Sample(text="tick")
                    await asyncio.sleep(0.01)
            finally:
                closed.set()

        async with serving(tmp_path, ticks=forever) as running:
            count: Any = running.channel().unary_stream(
                COUNT, Sample.SerializeToString, Sample.FromString
            )
            call: Any = count(good_sample())
            await call.read()
            call.cancel()
            await asyncio.wait_for(closed.wait(), 5)

    asyncio.run(main())
