"""`yibao catalogue list, diff, approve, withdraw, roll-back, export`."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao.settlement.v1.catalogue_version_service_pb2_grpc import CatalogueVersionServiceStub
from yibao_cli.call import to_values
from yibao_cli.catalogue.columns import COLUMNS, cells_of
from yibao_cli.catalogue.patience import CALL_SECONDS, patiently
from yibao_cli.connection import Connection
from yibao_cli.console import working
from yibao_cli.output import is_json, print_document
from yibao_cli.whole_file import whole_csv
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.ids import new_id

SAME, DIFFERS = 0, 1
_MOST_SHOWN = 200
# Of a row that is told as a change, beside its own.
_CHANGE_COLUMNS = ("version_number", "version_start_date", "is_ended", "replaces_later")


@contextmanager
def _versions(at: Connection) -> Iterator[CatalogueVersionServiceStub]:
    with at.open() as channel:
        yield CatalogueVersionServiceStub(channel)


def run_list(out: Console, at: Connection, *, layer: int, state: int) -> int:
    """Prints the versions of the region, the one begun last first."""
    request = pb.ListCatalogueVersionsRequest(
        region=at.region,
        layer=messages.CatalogueLayer.ValueType(layer),
        state=messages.CatalogueVersionState.ValueType(state),
    )
    found: list[messages.CatalogueVersion] = []
    with _versions(at) as stub:
        while True:
            page = stub.ListCatalogueVersions(request, timeout=CALL_SECONDS)
            found += page.versions
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if is_json():
        print_document(out, {"versions": [to_values(each) for each in found]})
        return 0
    for version in found:
        _print(out, version)
    return 0


def run_diff(out: Console, at: Connection, version_id: str) -> int:
    """Prints how a submitted version differs; returns 1 where it does."""
    request = pb.DiffCatalogueVersionRequest(
        region=at.region, version_id=version_id, page_size=2_000
    )
    found: list[messages.CatalogueDifference] = []
    with _versions(at) as stub, working(out, "comparing") as tell:
        while True:
            page = stub.DiffCatalogueVersion(request, timeout=CALL_SECONDS)
            found += page.differences
            tell(f"{len(found)} differences")
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if is_json():
        print_document(out, {"differences": [to_values(each) for each in found]})
        return DIFFERS if found else SAME
    counts = {"added": 0, "changed": 0, "ended": 0}
    for place, each in enumerate(found):
        kind = _kind(each)
        counts[kind] += 1
        if place < _MOST_SHOWN:
            _say(out, f"{kind:<8}{to_date(each.date)}  {_told(each)}")
    if len(found) > _MOST_SHOWN:
        _say(out, f"and {len(found) - _MOST_SHOWN} more")
    _say(out, ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return DIFFERS if found else SAME


def run_approve(out: Console, at: Connection, version_id: str, *, past_days: bool) -> int:
    """Puts a version in force and prints of how many items bills settle otherwise."""
    request = pb.ApproveCatalogueVersionRequest(
        request_id=new_id(),
        region=at.region,
        version_id=version_id,
        decides_past_days=past_days,
    )
    with _versions(at) as stub, working(out, "approving"):
        answer = patiently(stub.ApproveCatalogueVersion, request)
    if is_json():
        print_document(out, to_values(answer))
        return 0
    _print(out, answer.version)
    _say(out, f"{answer.changed_items} items settle otherwise from its first day on")
    return 0


def run_withdraw(out: Console, at: Connection, version_id: str) -> int:
    """Gives a version up."""
    request = pb.WithdrawCatalogueVersionRequest(
        request_id=new_id(), region=at.region, version_id=version_id
    )
    with _versions(at) as stub:
        answer = patiently(stub.WithdrawCatalogueVersion, request)
    return _answered(out, answer, answer.version)


def run_roll_back(
    out: Console, at: Connection, version_id: str, *, start: dt.date, title: str
) -> int:
    """Makes a version that takes an approved one back from a day on."""
    request = pb.RollBackCatalogueVersionRequest(
        request_id=new_id(),
        region=at.region,
        version_id=version_id,
        start_date=from_date(start),
        title=title,
    )
    with _versions(at) as stub:
        answer = patiently(stub.RollBackCatalogueVersion, request)
    return _answered(out, answer, answer.version)


def run_export(
    out: Console, at: Connection, path: Path, *, layer: int, day: dt.date | None, after: int
) -> int:
    """Writes a list as CSV: what holds on a day, or what versions after one say.

    A stream that breaks goes on where it was. What holds on a day is written in the columns
    that an import takes. Raises grpc.RpcError where it breaks without having told anything.
    """
    request = pb.GetCatalogueRequest(
        region=at.region,
        layer=messages.CatalogueLayer.ValueType(layer),
        after_version_number=after,
    )
    if day is not None:
        request.date.CopyFrom(from_date(day))
    count, newest = 0, -1
    with (
        _versions(at) as stub,
        whole_csv(path) as stream,
        working(out, "downloading") as tell,
    ):
        writer = csv.writer(stream)
        writer.writerow((*COLUMNS, *(() if day else _CHANGE_COLUMNS)))
        for page in _pages(stub, request):
            for change in page.changes:
                more = () if day else _change_cells(change)
                writer.writerow((*cells_of(change.row), *more))
            count += len(page.changes)
            # What is approved meanwhile comes with the next download.
            newest = page.newest_version_number if newest < 0 else newest
            tell(f"{count} rows")
    if is_json():
        document = {"file": str(path), "rows": count, "newest_version_number": newest}
        print_document(out, document)
    else:
        _say(out, f"{path}: {count} rows; the newest version of the region is {newest}")
    return 0


def _pages(
    stub: CatalogueVersionServiceStub, request: pb.GetCatalogueRequest
) -> Iterator[pb.GetCatalogueResponse]:
    import grpc

    while True:
        before = request.resume_token
        try:
            for page in stub.GetCatalogue(request):
                yield page
                request.resume_token = page.resume_token
                if not page.resume_token:
                    return
            return
        except grpc.RpcError as error:
            broke = error.code() is grpc.StatusCode.UNAVAILABLE
            if not broke or request.resume_token == before:
                raise


def _change_cells(change: messages.CatalogueChange) -> tuple[object, ...]:
    flags = ("1" if each else "" for each in (change.is_ended, change.replaces_later))
    return change.version_number, to_date(change.version_start_date).isoformat(), *flags


def _answered(out: Console, answer: object, version: messages.CatalogueVersion) -> int:
    if is_json():
        print_document(out, to_values(answer))  # type: ignore[arg-type]
    else:
        _print(out, version)
    return 0


def _kind(each: messages.CatalogueDifference) -> str:
    if not each.HasField("before"):
        return "added"
    return "changed" if each.HasField("after") else "ended"


def _told(each: messages.CatalogueDifference) -> str:
    row = each.after if each.HasField("after") else each.before
    if _kind(each) != "changed":
        return _row_text(row, lambda name: True)
    changed = {
        name
        for name, old, new in zip(COLUMNS, cells_of(each.before), cells_of(row), strict=True)
        if old != new and name not in ("start_date", "end_date")
    }
    before = _row_text(each.before, changed.__contains__)
    return f"{row.code}  {before} -> {_row_text(row, changed.__contains__)}"


def _row_text(row: messages.CatalogueRow, wanted: Callable[[str], bool]) -> str:
    cells = zip(COLUMNS, cells_of(row), strict=True)
    return " ".join(f"{name}={cell}" for name, cell in cells if cell and wanted(name))


def _print(out: Console, version: messages.CatalogueVersion) -> None:
    layer = messages.CatalogueLayer.Name(version.layer).removeprefix("CATALOGUE_LAYER_").lower()
    state = messages.CatalogueVersionState.Name(version.state).rpartition("_")[2].lower()
    number = f" no. {version.version_number}" if version.version_number else ""
    by = f"by {version.maker}" + (f" and {version.checker}" if version.checker else "")
    _say(
        out,
        f"{version.version_id}  {layer} from {to_date(version.start_date)}  {state}{number}  "
        f"{version.row_count} rows  {version.title}  {by}",
    )


def _say(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)
