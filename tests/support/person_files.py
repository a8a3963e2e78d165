"""Files of persons, a service that takes their rows, and the import between them."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from yibao.common.v1.item_error_pb2 import FieldFault, ItemError
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_cli.persons_csv import PersonFile, open_file
from yibao_cli.persons_import import import_file

REGION = "500100"
HEADER = (
    "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date,"
    "entitlement_groups,end_date,employer_code,gender,birth_date"
)


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
