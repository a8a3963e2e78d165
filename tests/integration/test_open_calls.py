"""What a party has open is bounded: requests that do not come, and answers that nobody reads."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.serving import GET_METHOD, ID, Serving, channel_credentials, reason_in, serving

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.rpc.open_calls import OpenCall

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)
SUBMIT_METHOD = "/yibao.settlement.v1.SettlementService/SubmitBills"
LIMITED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
OPEN_CALLS = "yibao_common.rpc.open_calls"


def silent(running: Serving, name: str = "hospital", method: str = GET_METHOD) -> Any:
    """Begins a call that sends nothing but its headers, and sets no deadline."""
    return running.channel(name).stream_unary(method)()


def unread(channel: grpc.aio.Channel) -> Any:
    """Begins a call whose answer is not read."""
    begin: Any = channel.unary_stream(GET_METHOD)
    return begin(GET.SerializeToString())


def narrow_channel(running: Serving) -> grpc.aio.Channel:
    """Opens a channel that takes no more of an answer than is read, as HTTP/2 has it."""
    return grpc.aio.secure_channel(
        f"localhost:{running.port}",
        channel_credentials(running.folder, "hospital"),
        options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", 65_535),
        ],
    )


async def end_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(call, 20)
    return caught.value


def test_a_request_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OPEN_CALLS}.ARRIVAL_SECONDS", 0.3)

    async def main() -> None:
        async with serving(tmp_path) as running:
            error = await end_of(silent(running))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "nothing was stored" in (error.details() or "")
            (line,) = [line for line in running.log if line["event"] == "call cut off"]
            assert line["caller"] == "institution/H50011200001"
            assert line["code"] == "DEADLINE_EXCEEDED"
            # Whoever brings a request is served meanwhile as ever.
            assert await running.stub().GetSettlement(GET)

    asyncio.run(main())


def test_where_a_look_at_late_requests_fails_the_next_call_begins_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OPEN_CALLS}.ARRIVAL_SECONDS", 0.1)
    waits_since, failed = OpenCall.waits_since, asyncio.Event()

    def fail_once(call: OpenCall, instant: float) -> bool:
        if not failed.is_set():
            failed.set()
            raise MemoryError
        return waits_since(call, instant)

    monkeypatch.setattr(OpenCall, "waits_since", fail_once)

    async def main() -> None:
        async with serving(tmp_path) as running:
            first = asyncio.ensure_future(end_of(silent(running)))
            await asyncio.wait_for(failed.wait(), 5)
            for call in (first, end_of(silent(running))):
                assert (await call).code() is grpc.StatusCode.DEADLINE_EXCEEDED

    asyncio.run(main())


def test_where_many_requests_do_not_come_none_is_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OPEN_CALLS}._MANY_ARRIVING", 2)
    monkeypatch.setattr(f"{OPEN_CALLS}._SHORT_SECONDS", 0.3)

    async def main() -> None:
        async with serving(tmp_path) as running:
            few = [silent(running, "other-hospital") for _ in range(2)]
            many = [silent(running) for _ in range(3)]
            began = time.monotonic()
            ended, _ = await asyncio.wait(
                [asyncio.ensure_future(end_of(each)) for each in many],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert time.monotonic() - began < 5
            assert (await ended.pop()).code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert not any(each.done() for each in few)

    asyncio.run(main())


def test_calls_without_a_request_count_by_the_rate(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, rate_per_second=0.01, burst=2) as running:
            calls = [asyncio.ensure_future(end_of(silent(running))) for _ in range(3)]
            refused, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            error = await refused.pop()
            assert (error.code(), reason_in(error)) == LIMITED
            assert len(waiting) == 2
            assert await running.stub("other-hospital").GetSettlement(GET)

    asyncio.run(main())


def test_nobody_learns_by_a_late_request_what_it_may_not_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            error = await end_of(silent(running, "agency", SUBMIT_METHOD))
            assert reason_in(error) == "CALLER_NOT_ALLOWED"

    asyncio.run(main())


def test_a_party_has_so_many_calls_open_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OPEN_CALLS}._MOST_CALLS", 3)

    async def main() -> None:
        async with serving(tmp_path) as running:
            # A terminal of the hospital is the same party.
            waiting = [silent(running), silent(running)]
            waiting.append(silent(running, "terminal", SUBMIT_METHOD))
            await asyncio.sleep(0.3)
            stub = running.stub()
            error = await end_of(stub.GetSettlement(GET))
            assert (error.code(), reason_in(error)) == LIMITED
            assert "3 calls are open" in (error.details() or "")
            assert await running.stub("other-hospital").GetSettlement(GET)
            waiting[0].cancel()
            await asyncio.sleep(0.3)
            assert await stub.GetSettlement(GET)

    asyncio.run(main())


def test_who_reads_no_answers_gets_no_more_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OPEN_CALLS}._MOST_UNREAD_BYTES", 1_500_000)

    async def long_answer(_request: Any, _context: Any) -> Any:
        answer = settlement.GetSettlementResponse()
        answer.settlement.bill_number = "B" * 1_000_000
        return answer

    async def main() -> None:
        async with serving(tmp_path, long_answer) as running:
            channel = narrow_channel(running)
            calls = [unread(channel) for _ in range(2)]
            await asyncio.sleep(0.5)
            stub = running.stub()
            error = await end_of(stub.GetSettlement(GET))
            assert (error.code(), reason_in(error)) == LIMITED
            assert "not read" in (error.details() or "")
            assert await running.stub("other-hospital").GetSettlement(GET)
            for each in calls:
                assert len(await each.read()) > 1_000_000
                assert await each.code() is grpc.StatusCode.OK
            await asyncio.sleep(0.3)
            assert await stub.GetSettlement(GET)
            await channel.close()

    asyncio.run(main())


def test_nobody_waits_for_requests_that_do_not_come_when_the_service_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            calls = [asyncio.ensure_future(end_of(silent(running))) for _ in range(3)]
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await running.server.drain()
            assert time.monotonic() - began < 5
            assert {(await each).code() for each in calls} == {grpc.StatusCode.DEADLINE_EXCEEDED}
            (stopped,) = [line for line in running.log if line["event"] == "stopped"]
            assert stopped["finished"] is True

    asyncio.run(main())


def test_a_call_that_ends_without_a_request_is_told_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            call = silent(running)
            await call.done_writing()
            error = await end_of(call)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert reason_in(error) == "FIELD_MALFORMED"

    asyncio.run(main())
