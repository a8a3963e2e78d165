"""`yibao persons import`: each row once, a report of all, and on again after a stop."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from rich.console import Console

from yibao.common.v1.date_pb2 import Date
from yibao.common.v1.item_error_pb2 import FieldFault, ItemError
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_cli.persons_csv import PersonFile, open_file, read_rows
from yibao_cli.persons_import import import_file
from yibao_common.process.config import StartError

REGION = "500100"
HEADER = (
    "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date,"
    "entitlement_groups,end_date,employer_code,gender,birth_date"
)


class Interrupted(Exception):  # noqa: N818  # it stands for the end of the process
    """The process is gone."""


class FakeService:
    """Registers by request id, as the service does; `calls` counts what reached it."""

    def __init__(self) -> None:
        self.by_request: dict[str, str] = {}
        self.by_number: dict[str, str] = {}
        self.calls = 0
        self.before: Callable[[int], None] = lambda call: None
        self.after: Callable[[int], None] = lambda call: None

    def __call__(self, request: pb.SubmitPersonsRequest) -> pb.SubmitPersonsResponse:
        self.calls += 1
        self.before(self.calls)
        response = pb.SubmitPersonsResponse(results=map(self._register, request.items))
        self.after(self.calls)
        return response

    def _register(self, item: pb.RegisterPersonRequest) -> pb.SubmitPersonsResult:
        if item.request_id in self.by_request:
            return pb.SubmitPersonsResult(person_id=self.by_request[item.request_id])
        if not item.person_name:
            fault = FieldFault(field="person_name", reason="ERROR_REASON_FIELD_REQUIRED")
            error = ItemError(reason="ERROR_REASON_FIELD_REQUIRED", field_faults=[fault])
            return pb.SubmitPersonsResult(error=error)
        known = self.by_number.get(item.certificate_number)
        if known is not None:
            error = ItemError(reason="ERROR_REASON_PERSON_EXISTS", metadata={"person_id": known})
            return pb.SubmitPersonsResult(error=error)
        person_id = f"person-{len(self.by_number) + 1}"
        self.by_request[item.request_id] = person_id
        self.by_number[item.certificate_number] = person_id
        return pb.SubmitPersonsResult(person_id=person_id)


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


def write(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "persons.csv"
    path.write_text("\r\n".join((header, *rows, "")), encoding=encoding)
    return path


def row(number: int, *, name: str = "张三") -> str:
    return f"01,N{number:06d},{name},310,11,2026-01-01,,,,,"


def opened(path: Path) -> PersonFile:
    return open_file(path, encoding="utf-8-sig")


class Runner:
    """Runs imports of one file, and keeps what they print and how long they wait."""

    def __init__(self, path: Path, service: FakeService) -> None:
        self.path, self.service = path, service
        self.report = path.with_name("report.csv")
        self.journal = path.with_name("report.csv.journal")
        self.waits: list[float] = []
        self.shown = ""

    def __call__(self) -> int:
        console = Console(file=io.StringIO(), width=100)
        try:
            return import_file(
                console,
                opened(self.path),
                region=REGION,
                report=self.report,
                submit=self.service,
                sleep=self.waits.append,
            )
        finally:
            assert isinstance(console.file, io.StringIO)
            self.shown += console.file.getvalue()

    def rows(self) -> list[list[str]]:
        with self.report.open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))


# --- Reading.


def test_a_row_becomes_a_request(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        " 08 , E12345678 ,李四,390,15,20260131,2305; 2101;,2026-12-31,E-1,女,1985-05-05",
        row(2),
    )
    first, second = read_rows(opened(path), region=REGION)
    assert first.request is not None
    assert second.request is not None
    expected = pb.RegisterPersonRequest(
        request_id=first.request.request_id,
        region=REGION,
        certificate_type="08",
        certificate_number="E12345678",
        person_name="李四",
        insurance_type="390",
        person_class="15",
        entitlement_groups=["2305", "2101"],
        start_date=Date(year=2026, month=1, day=31),
        end_date=Date(year=2026, month=12, day=31),
        employer_code="E-1",
        gender=2,
        birth_date=Date(year=1985, month=5, day=5),
    )
    assert first.request == expected
    assert not second.request.HasField("end_date")
    assert second.request.gender == 0


def test_the_same_row_of_the_same_file_is_the_same_request(tmp_path: Path) -> None:
    path = write(tmp_path, row(1), row(1))

    def ids(region: str = REGION) -> list[str]:
        rows = read_rows(opened(path), region=region)
        return [each.request.request_id for each in rows if each.request is not None]

    before = ids()
    assert ids() == before
    assert len(set(before)) == 2
    assert not set(ids("330100")) & set(before)
    write(tmp_path, row(1), row(2))
    assert not set(ids()) & set(before)


FACTS_HEADER = f"{HEADER},tier,insured_months_before,months_owing,years_unclaimed"


@pytest.mark.parametrize(
    ("cells", "tier", "numbers"),
    [
        ("2,12,0,4", "2", [12, 0, 4]),
        (",,,", "", [None, None, None]),
        (" 2 ,0,,0", "2", [0, None, 0]),
    ],
)
def test_an_empty_number_of_months_is_not_known_and_no_0(
    tmp_path: Path, cells: str, tier: str, numbers: list[int | None]
) -> None:
    path = write(tmp_path, f"01,x,张三,310,11,2026-01-01,,,,,,{cells}", header=FACTS_HEADER)
    (row,) = read_rows(open_file(path, encoding="utf-8-sig"), region=REGION)
    assert row.request is not None
    told = [
        getattr(row.request, name) if row.request.HasField(name) else None
        for name in ("insured_months_before", "months_owing", "years_unclaimed")
    ]
    assert (row.request.tier, told) == (tier, numbers)


@pytest.mark.parametrize("months", ["-1", "1.5", "many", "12345", "１"])
def test_what_is_no_number_of_months_names_its_column(tmp_path: Path, months: str) -> None:
    path = write(tmp_path, f"01,x,张三,310,11,2026-01-01,,,,,,,{months},,", header=FACTS_HEADER)
    (row,) = read_rows(open_file(path, encoding="utf-8-sig"), region=REGION)
    assert (row.request, row.faulty) == (None, ("insured_months_before",))


@pytest.mark.parametrize(
    ("cells", "reason", "faulty"),
    [
        ("01,N,张三,310,11,2026-02-30,,,,,", "FIELD_MALFORMED", ("start_date",)),
        ("01,N,张三,310,11,1.1.2026,,x,,3,y", "FIELD_MALFORMED", None),
        ("01,N,张三,310,11,2026-01-01,,,,,,", "FIELD_MALFORMED", ("row",)),
        ("01,N,张三,310,11,2026-01-01,,,,", "FIELD_MALFORMED", ("row",)),
        (f"01,N,{'张' * 201},310,11,2026-01-01,,,,,", "FIELD_LENGTH", ("person_name",)),
    ],
)
def test_a_row_that_makes_no_request_names_its_columns(
    tmp_path: Path, cells: str, reason: str, faulty: tuple[str, ...] | None
) -> None:
    (only,) = read_rows(opened(write(tmp_path, cells)), region=REGION)
    assert only.request is None
    assert only.reason == reason
    assert only.faulty == (faulty or ("start_date", "end_date", "birth_date", "gender"))


def test_a_cell_of_200_characters_is_sent(tmp_path: Path) -> None:
    cells = f"01,N,{'张' * 200},310,11,2026-01-01,,,,,"
    (only,) = read_rows(opened(write(tmp_path, cells)), region=REGION)
    assert only.request is not None


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("certificate_type,certificate_number", "lacks the columns person_name"),
        (HEADER + ",phone", "each column is one of"),
        (HEADER + ",gender", "none stands twice"),
        ("", "lacks the columns certificate_type"),
    ],
)
def test_a_file_with_other_columns_is_not_imported(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(StartError, match=told):
        opened(write(tmp_path, row(1), header=header))


def test_a_file_in_another_encoding_is_read_where_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, row(1), encoding="gb18030")
    with pytest.raises(StartError, match="name its encoding"):
        opened(path)
    file = open_file(path, encoding="gb18030")
    (only,) = read_rows(file, region=REGION)
    assert only.request is not None
    assert only.request.person_name == "张三"
    with pytest.raises(StartError, match="no such encoding"):
        open_file(path, encoding="martian")


def test_what_spreadsheets_put_before_the_header_is_no_column(tmp_path: Path) -> None:
    assert opened(write(tmp_path, row(1), encoding="utf-8-sig")).rows == 1


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read"):
        opened(tmp_path / "nothing.csv")


# --- Importing.


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


# --- A service that is away.


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
