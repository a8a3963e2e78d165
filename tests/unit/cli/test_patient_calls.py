"""Requests that are sent again until they are answered, and for how long nobody may be there."""

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc.aio import Metadata

from yibao_cli.catalogue.patience import patiently


def _unanswered(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        code, initial_metadata=Metadata(), trailing_metadata=Metadata(), details="nobody listens"
    )


class _Clock:
    def __init__(self, each_call: float) -> None:
        self.now = 0.0
        self.each_call = each_call
        self.calls = 0

    def call(self, *codes: grpc.StatusCode) -> object:
        def answer(_request: Empty, *, timeout: float) -> str:
            assert timeout > 0
            self.calls += 1
            self.now += self.each_call
            if self.calls > len(codes) > 1:
                return "answered"
            raise _unanswered(codes[min(self.calls, len(codes)) - 1])

        return answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def test_a_service_that_is_not_there_is_asked_for_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = _Clock(each_call=0.0)
    with pytest.raises(grpc.aio.AioRpcError):
        patiently(
            clock.call(grpc.StatusCode.UNAVAILABLE),  # type: ignore[arg-type]
            Empty(),
            sleep=clock.sleep,
            monotonic=clock.monotonic,
        )
    assert 60 < clock.now < 63
    said = capsys.readouterr().err
    assert said.count("nobody listens") == 1
    assert said.count("Not answered yet") == 1


def test_one_that_is_there_and_takes_long_is_asked_on() -> None:
    clock = _Clock(each_call=29.0)
    late = [grpc.StatusCode.DEADLINE_EXCEEDED] * 20
    away = [grpc.StatusCode.UNAVAILABLE]
    answer: object = patiently(
        clock.call(*away, *late, *away, *late[:5]),  # type: ignore[arg-type]
        Empty(),
        sleep=clock.sleep,
        monotonic=clock.monotonic,
    )
    assert answer == "answered"
    with pytest.raises(grpc.aio.AioRpcError):
        patiently(
            _Clock(1.0).call(grpc.StatusCode.DEADLINE_EXCEEDED),  # type: ignore[arg-type]
            Empty(),
            sleep=clock.sleep,
            monotonic=clock.monotonic,
        )


def test_what_is_refused_is_not_asked_again() -> None:
    clock = _Clock(each_call=0.0)
    with pytest.raises(grpc.aio.AioRpcError):
        patiently(
            clock.call(grpc.StatusCode.FAILED_PRECONDITION),  # type: ignore[arg-type]
            Empty(),
            sleep=clock.sleep,
            monotonic=clock.monotonic,
        )
    assert clock.calls == 1
