"""`yibao mapping`: an institution's own codes, uploaded, checked and listed."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.errors import error_of
from yibao.settlement.v1 import mapping_pb2
from yibao.settlement.v1 import mapping_service_pb2 as pb
from yibao.settlement.v1.mapping_service_pb2_grpc import MappingServiceStub
from yibao_cli.call import REFUSED, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.inputs import check_report
from yibao_cli.mapping_csv import read_checked, read_mappings, write_report
from yibao_cli.output import is_json, print_document
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.ids import new_id

# What a call holds at most: a service takes 5,000 rows, and by default 1 MB.
ROWS_A_PART = 2_000
BYTES_A_PART = 800_000
# Of more rows the first are shown; a report has them all.
_MOST_SHOWN = 100

MessageT = TypeVar("MessageT", bound=Message)


def run_upload(
    out: Console,
    err: Console,
    at: Connection,
    file: Path,
    *,
    report: Path | None,
    encoding: str,
    seconds: float,
) -> int:
    """Uploads a file of mappings; returns 0, 1 where rows were refused, 2 where nothing was sent.

    What was sent before it was interrupted is answered with its mappings when it is sent again.

    Raises:
        StartError: the file, a certificate or the address cannot be used.
        OSError: a file is not there, or the report cannot be written.
    """
    if report is not None:
        check_report("--report", report, file, of="the mappings")
    rows = read_mappings(file, encoding=encoding)
    told: list[tuple[object, ...]] = []
    stored = 0

    def upload(stub: MappingServiceStub) -> None:
        nonlocal stored
        for part in _parts(rows):
            request = pb.UploadMappingsRequest(
                request_id=new_id(), region=at.region, items=[row for _, row in part]
            )
            answer = stub.UploadMappings(request, timeout=seconds)
            stored += answer.stored
            for (number, row), result in zip(part, answer.results, strict=True):
                told.extend(_outcomes(number, row, result))

    code = _carry_out(err, at, upload)
    if report is not None:
        write_report(report, told)
    faults = [each for each in told if each[2] == "refused"]
    refused = len({each[0] for each in faults})
    if code:
        # What was answered before it failed is stored all the same.
        if not is_json():
            err.print(f"{stored} rows were stored before", markup=False)
    elif is_json():
        names = ("row", "provider_item_code", "outcome", "field", "reason", "message")
        document = {
            "rows": len(rows),
            "stored": stored,
            "refused": refused,
            "faults": [dict(zip(names, each, strict=True)) for each in faults],
        }
        print_document(out, document)
    else:
        for each in faults[:_MOST_SHOWN]:
            _print(out, f"row {each[0]}  {each[1]}  {each[3]}: {each[5]}")
        if len(faults) > _MOST_SHOWN:
            _print(out, f"and {len(faults) - _MOST_SHOWN} more")
        _print(out, f"{len(rows)} rows, {stored} stored, {refused} refused")
    return code or (REFUSED if refused else 0)


def run_check(
    out: Console,
    err: Console,
    at: Connection,
    file: Path,
    *,
    day: date,
    institution_id: str,
    encoding: str,
    seconds: float,
) -> int:
    """Checks a file of own codes; returns 0, 1 where something was found, 2 where nothing was."""
    rows = read_checked(file, encoding=encoding, day=day)
    found: list[tuple[int, pb.CheckedCode, pb.CheckMappingResult]] = []

    def check(stub: MappingServiceStub) -> None:
        for part in _parts(rows):
            request = pb.CheckMappingsRequest(
                region=at.region, institution_id=institution_id, items=[row for _, row in part]
            )
            answer = stub.CheckMappings(request, timeout=seconds)
            found.extend(
                (number, row, result)
                for (number, row), result in zip(part, answer.results, strict=True)
                if result.findings
            )

    code = _carry_out(err, at, check)
    if code:
        return code
    if is_json():
        told = [
            {"row": number, "provider_item_code": row.provider_item_code, **to_values(result)}
            for number, row, result in found
        ]
        print_document(out, {"rows": len(rows), "found": told})
    else:
        for number, row, result in found:
            names = ", ".join(map(_finding, result.findings))
            _print(out, f"row {number}  {row.provider_item_code}  {result.item_code}  {names}")
        _print(out, f"{len(rows)} rows, {len(found)} with a finding")
    return REFUSED if found else 0


def run_list(
    out: Console, err: Console, at: Connection, request: pb.ListMappingsRequest, *, seconds: float
) -> int:
    """Prints a line for each mapping; returns 1 where it was refused, 2 where nothing was asked."""
    request.region = at.region

    def list_all(stub: MappingServiceStub) -> None:
        found: list[mapping_pb2.CodeMapping] = []
        while True:
            answer = stub.ListMappings(request, timeout=seconds)
            found += answer.mappings
            if not is_json():
                for mapping in answer.mappings:
                    _print(out, _line(mapping))
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        if is_json():
            print_document(out, {"mappings": [to_values(each) for each in found]})
        else:
            _print(out, f"{len(found)} mappings")

    return _carry_out(err, at, list_all)


def list_request(
    *, code: str, item: str, state: str, day: date | None, institution_id: str
) -> pb.ListMappingsRequest:
    """Returns what is asked for; empty limits nothing."""
    request = pb.ListMappingsRequest(
        provider_item_code=code,
        item_code=item,
        institution_id=institution_id,
        state=mapping_pb2.MappingState.Value(f"MAPPING_STATE_{(state or 'unspecified').upper()}"),
    )
    if day is not None:
        request.date.CopyFrom(from_date(day))
    return request


def _carry_out(err: Console, at: Connection, act: Callable[[MappingServiceStub], None]) -> int:
    with at.open() as channel:
        try:
            act(MappingServiceStub(channel))
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    return 0


def _parts(rows: Sequence[tuple[int, MessageT]]) -> Iterator[list[tuple[int, MessageT]]]:
    """Yields rows in parts that a call holds."""
    part: list[tuple[int, MessageT]] = []
    size = 0
    for number, row in rows:
        own = row.ByteSize() + 4
        if part and (len(part) >= ROWS_A_PART or size + own > BYTES_A_PART):
            yield part
            part, size = [], 0
        part.append((number, row))
        size += own
    if part:
        yield part


def _outcomes(
    number: int, row: mapping_pb2.MappingRow, result: pb.UploadMappingResult
) -> Iterator[tuple[object, ...]]:
    """Yields what became of a row: one line, or one for each fault."""
    code = row.provider_item_code
    if result.mapping_id:
        yield number, code, "stored", "", "", result.mapping_id
        return
    error: ItemError = result.error
    if not error.field_faults:
        yield number, code, "refused", "", error.reason, error.message
    for fault in error.field_faults:
        yield number, code, "refused", fault.field, fault.reason, fault.message


def _line(mapping: mapping_pb2.CodeMapping) -> str:
    row = mapping.row
    last = mapping.cancel_last_date if mapping.HasField("cancel_last_date") else row.end_date
    ends = mapping.HasField("cancel_last_date") or row.HasField("end_date")
    days = f"{to_date(row.start_date)} to {to_date(last) if ends else 'further notice'}"
    state = mapping_pb2.MappingState.Name(mapping.state).removeprefix("MAPPING_STATE_")
    parts = (mapping.mapping_id, row.provider_item_code, row.item_code, days, state)
    return "  ".join((*parts, row.provider_item_name))


def _finding(number: pb.MappingFinding.ValueType) -> str:
    return pb.MappingFinding.Name(number).removeprefix("MAPPING_FINDING_")


def _print(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)
