"""`yibao persons import`: each row once, a report of all, and on again after a stop."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from support.person_files import REGION, FakeService, Runner, opened, row, write

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_cli.persons_import import import_file
from yibao_common.process.config import StartError


class Interrupted(Exception):  # noqa: N818  # it stands for the end of the process
    """The process is gone."""


def test_the_report_tells_what_became_of_each_row(tmp_path: Path) -> None:
    rows = [row(1), row(2, name=""), row(1), "01,N,张三,310,11,never,,,,,", row(5)]
    run = Runner(write(tmp_path, *rows), FakeService())
    assert run() == 1
    assert run.rows() == [
        ["row", "outcome", "reason", "fields", "person_id", "explanation"],
        ["2", "REGISTERED", "", "", "person-1", ""],
        ["3", "REFUSED", "FIELD_REQUIRED", "person_name", "", ""],
        ["4", "REFUSED", "PERSON_EXISTS", "", "person-1", ""],
        ["5", "REFUSED", "FIELD_MALFORMED", "start_date", "", ""],
        ["6", "REGISTERED", "", "", "person-2", ""],
    ]
    assert "2 REGISTERED" in run.shown
    assert "1 PERSON_EXISTS" in run.shown
    assert not run.journal.exists()


def test_the_report_counts_rows_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    # A cell of two lines is one row there, and an empty row is one, too.
    rows = [row(1, name='"张\n三"'), "", row(2, name=""), "", "", row(3, name="")]
    run = Runner(write(tmp_path, *rows), FakeService())
    run()
    assert [cells[0] for cells in run.rows()[1:]] == ["2", "4", "7"]


def test_the_report_explains_rows_that_another_operator_sent_before(tmp_path: Path) -> None:
    """The service answers a request id to the caller that used it first, and to no other."""

    def submit(request: pb.SubmitPersonsRequest) -> pb.SubmitPersonsResponse:
        error = ItemError(reason="ERROR_REASON_REQUEST_ID_REUSED")
        return pb.SubmitPersonsResponse(results=[pb.SubmitPersonsResult(error=error)])

    report = tmp_path / "report.csv"
    file = opened(write(tmp_path, row(1)))
    console = Console(file=io.StringIO())
    assert import_file(console, file, region=REGION, report=report, submit=submit) == 1
    (told,) = csv.DictReader(report.read_text(encoding="utf-8").splitlines())
    assert told["reason"] == "REQUEST_ID_REUSED"
    assert "under another certificate" in told["explanation"]


def test_an_import_without_a_refusal_ends_well(tmp_path: Path) -> None:
    run = Runner(write(tmp_path, row(1), row(2)), FakeService())
    assert run() == 0
    assert len(run.rows()) == 3


def test_an_empty_file_gives_an_empty_report(tmp_path: Path) -> None:
    run = Runner(write(tmp_path), FakeService())
    assert run() == 0
    assert len(run.rows()) == 1
    assert run.service.calls == 0


def test_neither_report_nor_journal_nor_screen_holds_a_number_or_name(tmp_path: Path) -> None:
    service = FakeService()
    run = Runner(write(tmp_path, *map(row, range(150)), row(1)), service)

    def fail(call: int) -> None:
        if call == 2:
            raise Interrupted

    service.before = fail
    with pytest.raises(Interrupted):
        run()
    kept = run.journal.read_text(encoding="utf-8")
    service.before = lambda call: None
    run()
    for text in (kept, run.report.read_text(encoding="utf-8"), run.shown):
        assert "N0000" not in text
        assert "张三" not in text


@pytest.mark.parametrize("at", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_killed_import_goes_on_and_reports_the_same(tmp_path: Path, at: str, call: int) -> None:
    rows = [*map(row, range(120)), row(3), row(121, name=""), *map(row, range(122, 260))]
    whole_folder, killed_folder = tmp_path / "whole", tmp_path / "killed"
    whole_folder.mkdir()
    killed_folder.mkdir()
    whole = Runner(write(whole_folder, *rows), FakeService())
    whole()
    service = FakeService()
    killed = Runner(write(killed_folder, *rows), service)

    def fail(number: int) -> None:
        if number == call:
            raise Interrupted

    setattr(service, at, fail)
    with pytest.raises(Interrupted):
        killed()
    assert not killed.report.exists()
    service.before = service.after = lambda number: None
    assert killed() == 1
    assert killed.report.read_bytes() == whole.report.read_bytes()
    assert len(service.by_number) == len(whole.service.by_number) == 258
    # What was done before is not sent again, but for the batch that was cut off.
    assert service.calls == 4


def test_a_line_that_was_half_written_is_done_again(tmp_path: Path) -> None:
    service = FakeService()
    run = Runner(write(tmp_path, *map(row, range(150))), service)

    def fail(call: int) -> None:
        if call == 2:
            raise Interrupted

    service.before = fail
    with pytest.raises(Interrupted):
        run()
    whole = run.journal.read_text(encoding="utf-8")
    run.journal.write_text(whole + '[101, 102, "REGIST', encoding="utf-8")
    service.before = lambda call: None
    assert run() == 0
    assert [cells[0] for cells in run.rows()[1:]] == [str(number) for number in range(2, 152)]
    assert "Going on after person 100 of 150" in run.shown


def test_an_import_that_is_done_reports_the_same_again(tmp_path: Path) -> None:
    run = Runner(write(tmp_path, row(1), row(1), row(2)), FakeService())
    run()
    first = run.report.read_bytes()
    run()
    assert run.report.read_bytes() == first
    assert len(run.service.by_number) == 2


def test_the_journal_of_another_file_is_left_alone(tmp_path: Path) -> None:
    run = Runner(write(tmp_path, row(1)), FakeService())
    run.journal.write_text(json.dumps({"file": "other", "region": REGION}) + "\n")
    with pytest.raises(StartError, match="of another import"):
        run()
    assert run.service.calls == 0


def test_two_imports_do_not_write_one_journal(tmp_path: Path) -> None:
    service = FakeService()
    first = Runner(write(tmp_path, row(1)), service)
    second = Runner(first.path, FakeService())

    def import_too(_call: int) -> None:
        with pytest.raises(StartError, match="another import writes it now"):
            second()

    service.before = import_too
    assert first() == 0
    assert second.service.calls == 0
