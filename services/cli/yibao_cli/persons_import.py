"""`yibao persons import`: registers the persons of a CSV file, with a report of each row.

Each row is a request with an id that its file and number make, so a run that was killed,
or whose answers were lost, is simply run again: the service answers what it answered
before, and nobody is registered twice. Nothing that is printed or kept names a person.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.errors import error_of
from yibao.identity.v1.person_service_pb2 import (
    SubmitPersonsRequest,
    SubmitPersonsResponse,
    SubmitPersonsResult,
)
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao_cli.connection import Connection
from yibao_cli.inputs import check_written
from yibao_cli.output import is_json, print_document
from yibao_cli.persons_csv import PersonFile, Row, open_file, read_rows
from yibao_cli.persons_journal import REFUSED, REGISTERED, Journal, Outcome
from yibao_common.process.config import StartError

SOME_REFUSED = 1

_BATCH = 100
_CALL_SECONDS = 30.0
_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_PREFIX = "ERROR_REASON_"
# What waiting may mend: the row was neither taken nor refused.
_TRANSIENT = frozenset({"DATABASE_UNAVAILABLE", "OVERLOADED", "RATE_LIMITED", "INTERNAL"})
_TRANSIENT_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
    }
)

Submit = Callable[[SubmitPersonsRequest], SubmitPersonsResponse]


class StoppedError(Exception):
    """The service did not answer for long; the text says what it said last."""


def run_import(out: Console, path: Path, *, report: Path, encoding: str, at: Connection) -> int:
    """Imports over a channel of its own; returns 1 where rows were refused.

    Raises:
        StartError: a file cannot be used, or the service stayed away.
        grpc.RpcError: the service refused the caller.
    """
    file = open_file(path, encoding=encoding)
    check_written("--report", report, path, of="the persons")
    with at.open() as channel:
        stub = PersonServiceStub(channel)

        def submit(request: SubmitPersonsRequest) -> SubmitPersonsResponse:
            return stub.SubmitPersons(request, timeout=_CALL_SECONDS)

        return import_file(out, file, region=at.region, report=report, submit=submit)


def import_file(
    out: Console,
    file: PersonFile,
    *,
    region: str,
    report: Path,
    submit: Submit,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Imports what is not done yet, writes the report and prints the totals.

    Raises:
        StartError: the journal cannot be used, the service stayed away, or the region is
            none of the caller's, or not served there.
        grpc.RpcError: the service refused the caller.
    """
    with Journal(report, digest=file.digest, region=region) as journal:
        begun = journal.done
        if begun and not is_json():
            out.print(f"Going on after person {journal.done} of {file.rows}.")
        rows = read_rows(file, region=region, after=journal.done)
        with _progress(out) as progress:
            task = progress.add_task("persons", total=file.rows, completed=journal.done)
            try:
                for batch in _batches(rows):
                    outcomes = _import_batch(batch, submit, sleep)
                    _check_region(outcomes, region)
                    journal.add(outcomes)
                    progress.update(task, completed=journal.done)
            except StoppedError as stop:
                raise StartError(
                    f"stopped after person {journal.done} of {file.rows}: {stop}\n"
                    "Run the same command again to go on."
                ) from None
        journal.finish()
        totals = dict(sorted(journal.totals.items()))
    if is_json():
        told = {"rows": file.rows, "outcomes": totals, "report": str(report), "done_before": begun}
        print_document(out, told)
    else:
        for name, count in totals.items():
            out.print(f"{count:>9} {name}")
        out.print(f"Report: {report}", markup=False, soft_wrap=True)
    refused = file.rows - totals.get(REGISTERED, 0)
    return SOME_REFUSED if refused else 0


def _progress(out: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # Into a pipe or a file it would be written at the end, and nobody sees it move there.
    return Progress(*columns, console=out, disable=is_json() or not out.is_terminal)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch


def _import_batch(
    batch: Sequence[Row], submit: Submit, sleep: Callable[[float], None]
) -> list[Outcome]:
    """Returns what became of each row, in their order."""
    items = [row.request for row in batch if row.request is not None]
    results = iter(_submit(SubmitPersonsRequest(items=items), submit, sleep) if items else ())
    return [
        Outcome(row.number, row.sheet_row, REFUSED, row.reason, row.faulty)
        if row.request is None
        else _outcome(row, next(results))
        for row in batch
    ]


def _submit(
    request: SubmitPersonsRequest, submit: Submit, sleep: Callable[[float], None]
) -> Sequence[SubmitPersonsResult]:
    """Returns a final result for each item; sends all again while some have none.

    Those that have one get the same again.
    """
    last = ""
    for wait_seconds in (*_WAITS_SECONDS, None):
        try:
            results = submit(request).results
        except grpc.RpcError as error:
            refusal = error_of(error)
            if refusal.code not in _TRANSIENT_CODES:
                raise
            last = refusal.reason or f"{refusal.code.name}: {refusal.message}"
        else:
            assert len(results) == len(request.items), "one result an item"
            transient = {_reason(each.error) for each in results} & _TRANSIENT
            if not transient:
                return results
            last = ", ".join(sorted(transient))
        if wait_seconds is not None:
            sleep(wait_seconds)
    raise StoppedError(last)


def _check_region(outcomes: Sequence[Outcome], region: str) -> None:
    """Raises StartError where the region, which all rows share, keeps them all out."""
    if any(each.reason == "OUT_OF_SCOPE" for each in outcomes):
        raise StartError(
            f"--region {region}: this certificate does not act for it, or the service does not "
            "serve it; nobody was registered: correct the region or name another certificate"
        )


def _outcome(row: Row, result: SubmitPersonsResult) -> Outcome:
    if not result.HasField("error"):
        return Outcome(row.number, row.sheet_row, REGISTERED, person_id=result.person_id)
    error = result.error
    fields = tuple(fault.field for fault in error.field_faults)
    # Who is registered already, where that is why.
    registered = error.metadata.get("person_id", "")
    return Outcome(row.number, row.sheet_row, REFUSED, _reason(error), fields, registered)


def _reason(error: ItemError) -> str:
    return error.reason.removeprefix(_PREFIX)
