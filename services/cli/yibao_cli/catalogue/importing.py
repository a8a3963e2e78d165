"""`yibao catalogue import`: a file as a version of a list, with a report of each refused row."""

import csv
import datetime as dt
import itertools
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao.settlement.v1.catalogue_version_service_pb2_grpc import CatalogueVersionServiceStub
from yibao_cli.call import to_values
from yibao_cli.catalogue.files import FileRow, read_rows
from yibao_cli.catalogue.patience import AGAIN, CALL_SECONDS, patiently
from yibao_cli.connection import Connection
from yibao_cli.inputs import check_report
from yibao_cli.output import is_json, print_document
from yibao_cli.whole_file import whole_csv
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id

SOME_REFUSED = 1
# What a call holds at most: the service takes 5,000 rows, and by default 1 MB.
ROWS_A_CHUNK, BYTES_A_CHUNK = 5_000, 800_000
# One chunk is read here while the other is stored there.
_AT_ONCE = 2
# So that a chunk that is sent again is the same request.
_NAMESPACE = uuid.UUID("1f8f0e0a-7d0b-5a55-9f0d-0c8c5f0a0b51")
_MOST_SHOWN = 20
REPORT_COLUMNS = ("row", "field", "reason", "message", "message_zh")


class Import(NamedTuple):
    """What is brought: a file of a layer, and what the version is."""

    file: Path
    layer: int
    start: dt.date
    is_whole: bool
    title: str
    authority: int
    document: str
    encoding: str
    # The draft that goes on, where an import broke off.
    version_id: str = ""


class Fault(NamedTuple):
    """A fault of a row."""

    row: int
    field: str
    reason: str
    message: str
    message_zh: str


def run_import(
    out: Console, at: Connection, asked: Import, *, report: Path | None, leaves_out: bool
) -> int:
    """Brings a version and submits it, unless rows are refused; returns 1 where some are.

    Raises:
        StartError: the file, a certificate or the address cannot be used.
        grpc.RpcError: the service refused it.
    """
    if report is not None:
        check_report("--report", report, asked.file, of="the rows")
    rows = _begun(asked)
    with at.open() as channel:
        stub = CatalogueVersionServiceStub(channel)
        version_id = asked.version_id or _begin(stub, at.region, asked).version_id
        if not is_json():
            out.print(f"Version {version_id}", markup=False, soft_wrap=True)
        sent, unread = _upload(out, stub, at.region, rows, version_id)
        version = _get(stub, at.region, version_id)
        faults = unread
        if version.refused_count:
            faults = [*unread, *_listed(stub, at.region, version_id)]
        refused = len({each.row for each in unread}) + version.refused_count
        if report is not None:
            write_report(report, faults)
        if not refused or leaves_out:
            request = pb.SubmitCatalogueVersionRequest(
                request_id=str(uuid.uuid5(_NAMESPACE, f"{version_id}/submit/{sent}")),
                region=at.region,
                version_id=version_id,
                row_count=sent,
                leaves_out_refused=leaves_out,
            )
            version = patiently(stub.SubmitCatalogueVersion, request).version
    _tell(out, version, faults, refused=refused, report=report)
    return SOME_REFUSED if refused else 0


def write_report(path: Path, faults: Iterable[Fault]) -> None:
    """Writes each fault as a row of REPORT_COLUMNS, by the rows of the file."""
    with whole_csv(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(REPORT_COLUMNS)
        writer.writerows(sorted(faults))


def _begin(
    stub: CatalogueVersionServiceStub, region: str, asked: Import
) -> messages.CatalogueVersion:
    request = pb.BeginCatalogueVersionRequest(
        request_id=new_id(),
        region=region,
        layer=messages.CatalogueLayer.ValueType(asked.layer),
        title=asked.title or asked.file.name,
        start_date=from_date(asked.start),
        is_whole=asked.is_whole,
        issuing_authority=messages.IssuingAuthority.ValueType(asked.authority),
        authority_document=asked.document,
    )
    return stub.BeginCatalogueVersion(request, timeout=CALL_SECONDS).version


def _begun(asked: Import) -> Iterator[FileRow]:
    """Returns the rows of the file, whose head was read: one that is none begins no version."""
    rows = read_rows(asked.file, layer=asked.layer, encoding=asked.encoding)
    first = next(rows, None)
    if first is None:
        raise StartError(f"{asked.file}: holds no rows")
    return itertools.chain((first,), rows)


def _upload(
    out: Console,
    stub: CatalogueVersionServiceStub,
    region: str,
    rows: Iterable[FileRow],
    version_id: str,
) -> tuple[int, list[Fault]]:
    """Sends the rows of a file; returns how many, and the faults of those that are none."""
    unread: list[Fault] = []
    sent = 0
    waiting: deque[Any] = deque()
    with _progress(out) as progress:
        task = progress.add_task("rows", total=None)
        for number, chunk in enumerate(_chunks(rows, unread), start=1):
            if len(waiting) == _AT_ONCE:
                _answered(stub, *waiting.popleft())
            request = pb.UploadCatalogueRowsRequest(
                request_id=str(uuid.uuid5(_NAMESPACE, f"{version_id}/{number}")),
                region=region,
                version_id=version_id,
                chunk_number=number,
                items=chunk,
            )
            call = stub.UploadCatalogueRows.future(request, timeout=CALL_SECONDS)
            waiting.append((request, call))
            sent += len(chunk)
            progress.update(task, completed=sent, description=f"{sent} rows")
        while waiting:
            _answered(stub, *waiting.popleft())
    return sent, unread


def _answered(
    stub: CatalogueVersionServiceStub, request: pb.UploadCatalogueRowsRequest, call: Any
) -> None:
    """Waits for the answer of a chunk; one that was not answered is sent again."""
    try:
        call.result()
    except grpc.RpcError as error:
        if error.code() not in AGAIN:
            raise
        patiently(stub.UploadCatalogueRows, request)


def _chunks(rows: Iterable[FileRow], unread: list[Fault]) -> Iterator[list[messages.CatalogueRow]]:
    """Yields rows as many as a call holds; those that cannot be read go to `unread`."""
    chunk: list[messages.CatalogueRow] = []
    size = 0
    for number, row, faulty in rows:
        if row is None:
            unread += [
                Fault(number, name, "FIELD_MALFORMED", "cannot be read", "格式不正确")
                for name in faulty
            ]
            continue
        own = row.ByteSize() + 4
        if len(chunk) == ROWS_A_CHUNK or size + own > BYTES_A_CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += own
    if chunk:
        yield chunk


def _get(
    stub: CatalogueVersionServiceStub, region: str, version_id: str
) -> messages.CatalogueVersion:
    request = pb.GetCatalogueVersionRequest(region=region, version_id=version_id)
    return stub.GetCatalogueVersion(request, timeout=CALL_SECONDS).version


def _listed(stub: CatalogueVersionServiceStub, region: str, version_id: str) -> Iterator[Fault]:
    """Yields the faults of all rows that the service refused, of each row its first twenty."""
    request = pb.ListCatalogueRowFaultsRequest(region=region, version_id=version_id, page_size=500)
    while True:
        page = stub.ListCatalogueRowFaults(request, timeout=CALL_SECONDS)
        for row in page.faults:
            for each in row.field_faults:
                reason = each.reason.removeprefix("ERROR_REASON_")
                yield Fault(row.row_number, each.field, reason, each.message, each.message_zh)
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def _progress(out: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out, disable=is_json() or not out.is_terminal)


def _tell(
    out: Console,
    version: messages.CatalogueVersion,
    faults: Sequence[Fault],
    *,
    refused: int,
    report: Path | None,
) -> None:
    if is_json():
        document = {
            "version": to_values(version),
            "refused": refused,
            "faults": [each._asdict() for each in faults[:_MOST_SHOWN]],
            "report": None if report is None else str(report),
        }
        print_document(out, document)
        return
    for fault in sorted(faults)[:_MOST_SHOWN]:
        told = f"row {fault.row}: {fault.field}: {fault.reason}: {fault.message}"
        out.print(told, markup=False, soft_wrap=True)
    if len(faults) > _MOST_SHOWN:
        out.print(f"and {len(faults) - _MOST_SHOWN} faults more")
    state = messages.CatalogueVersionState.Name(version.state).rpartition("_")[2].lower()
    out.print(f"{version.row_count} rows, {refused} refused; the version is {state}")
    if version.state == messages.CATALOGUE_VERSION_STATE_SUBMITTED:
        out.print("It holds once another operator approves it. 待另一经办人复核后生效。")
    else:
        out.print(
            "Nothing is submitted: correct the rows and import again, or leave them out "
            "(--leave-out-refused)."
        )
