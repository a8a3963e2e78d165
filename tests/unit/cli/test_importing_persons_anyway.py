"""`yibao persons import` where the service is away, or does not take the caller."""

import io
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from rich.console import Console
from support.person_files import REGION, FakeService, Runner, opened, row, write

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_cli.persons_import import import_file
from yibao_common.process.config import StartError


class Refused(grpc.RpcError, grpc.Call):
    """What a call of gRPC raises."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "details"

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def initial_metadata(self) -> tuple[()]:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float:
        return 0.0

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_a_lost_answer_is_asked_for_again(tmp_path: Path, code: grpc.StatusCode) -> None:
    service = FakeService()
    run = Runner(write(tmp_path, row(1), row(2)), service)

    def lose(call: int) -> None:
        if call <= 2:
            raise Refused(code)

    service.after = lose
    assert run() == 0
    assert len(service.by_number) == 2
    assert run.waits == [0.5, 1.0]


def test_a_service_that_stays_away_stops_the_import_where_it_is(tmp_path: Path) -> None:
    service = FakeService()
    run = Runner(write(tmp_path, *map(row, range(150))), service)

    def lose(call: int) -> None:
        if call > 1:
            raise Refused(grpc.StatusCode.UNAVAILABLE)

    service.before = lose
    with pytest.raises(StartError, match="stopped after person 100 of 150"):
        run()
    assert run.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    service.before = lambda call: None
    assert run() == 0
    assert len(run.rows()) == 151


def test_a_row_that_the_database_could_not_take_is_sent_again(tmp_path: Path) -> None:
    calls = 0
    service = FakeService()

    def submit(request: pb.SubmitPersonsRequest) -> pb.SubmitPersonsResponse:
        nonlocal calls
        calls += 1
        response = service(request)
        if calls == 1:
            error = ItemError(reason="ERROR_REASON_DATABASE_UNAVAILABLE")
            response.results[1].CopyFrom(pb.SubmitPersonsResult(error=error))
        return response

    path = write(tmp_path, row(1), row(2), row(1))
    report = tmp_path / "report.csv"
    code = import_file(
        Console(file=io.StringIO()),
        opened(path),
        region=REGION,
        report=report,
        submit=submit,
        sleep=lambda seconds: None,
    )
    assert (code, calls) == (1, 2)
    told = report.read_text(encoding="utf-8")
    assert "DATABASE_UNAVAILABLE" not in told
    assert "4,REFUSED,PERSON_EXISTS,,person-1" in told


def test_a_region_that_is_not_the_callers_is_told_once_and_reports_no_row(tmp_path: Path) -> None:
    run = Runner(write(tmp_path, *(row(number) for number in range(1, 251))), FakeService())
    calls = []

    def refuse(request: pb.SubmitPersonsRequest) -> pb.SubmitPersonsResponse:
        calls.append(len(request.items))
        error = ItemError(reason="ERROR_REASON_OUT_OF_SCOPE")
        return pb.SubmitPersonsResponse(
            results=[pb.SubmitPersonsResult(error=error) for _ in request.items]
        )

    with pytest.raises(StartError, match=f"--region {REGION}: this certificate does not act"):
        import_file(
            Console(file=io.StringIO()),
            opened(run.path),
            region=REGION,
            report=run.report,
            submit=refuse,
            sleep=run.waits.append,
        )
    assert (len(calls), run.report.exists()) == (1, False)
    # With the right certificate the same command does all of it.
    assert run() == 0
    assert len(run.rows()) == 251


def test_a_refused_caller_is_not_tried_again(tmp_path: Path) -> None:
    service = FakeService()
    run = Runner(write(tmp_path, row(1)), service)

    def refuse(_call: int) -> None:
        raise Refused(grpc.StatusCode.PERMISSION_DENIED)

    service.before = refuse
    with pytest.raises(grpc.RpcError):
        run()
    assert (service.calls, run.waits) == (1, [])
