"""CSV files of institutions' own codes: what is mapped, and what is to be checked."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from google.protobuf.message import Message

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import mapping_pb2, mapping_service_pb2
from yibao_cli.csv_file import csv_rows
from yibao_cli.whole_file import whole_csv
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_date

REQUIRED_COLUMNS = (
    *("provider_item_code", "provider_item_name", "list_type", "item_code", "start_date"),
)
OPTIONAL_COLUMNS = (
    *("end_date", "is_remapping", "approval_number", "dosage_form", "exclusions", "contents"),
    *("pricing_unit", "specification", "package_specification", "memo"),
)
CHECKED_REQUIRED = ("provider_item_code",)
CHECKED_OPTIONAL = ("provider_item_name", "unit_price", "charge_date")
REPORT_COLUMNS = ("row", "provider_item_code", "outcome", "field", "reason", "message")
_TRUE, _FALSE = ("1", "true", "yes", "是"), ("", "0", "false", "no", "否")
# So many faulty rows are told at once.
_MOST_FAULTS = 20

MessageT = TypeVar("MessageT", bound=Message)


class FileRow(NamedTuple):
    """A row, with its number as a spreadsheet counts it."""

    number: int
    cells: Mapping[str, str]


def read_mappings(path: Path, *, encoding: str) -> list[tuple[int, mapping_pb2.MappingRow]]:
    """Returns the mappings of a file with their rows.

    Raises:
        StartError: it cannot be read, or cells cannot: the first of these are named.
        OSError: it is not there.
    """
    return _made(path, encoding, (REQUIRED_COLUMNS, OPTIONAL_COLUMNS), _mapping)


def read_checked(
    path: Path, *, encoding: str, day: date
) -> list[tuple[int, mapping_service_pb2.CheckedCode]]:
    """Returns the own codes of a file with their rows; raises as `read_mappings`.

    `day` is that of the charge where a row says none.
    """
    columns = (CHECKED_REQUIRED, CHECKED_OPTIONAL)
    return _made(path, encoding, columns, lambda cells: _checked(cells, day))


def write_report(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Writes what became of rows, as rows of REPORT_COLUMNS."""
    with whole_csv(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(REPORT_COLUMNS)
        writer.writerows(rows)


def _made(
    path: Path,
    encoding: str,
    columns: tuple[tuple[str, ...], tuple[str, ...]],
    make: Callable[[Mapping[str, str]], MessageT],
) -> list[tuple[int, MessageT]]:
    made, faults = [], []
    try:
        with path.open(encoding=encoding, newline="") as stream:
            for number, cells in _records(path, stream, *columns):
                try:
                    made.append((number, make(cells)))
                except ValueError as error:
                    faults.append(f"row {number}: {error}")
    except (UnicodeError, LookupError, csv.Error) as error:
        raise StartError(f"{path}: cannot be read as CSV in {encoding}: {error}") from None
    if faults:
        more = len(faults) - _MOST_FAULTS
        told = [*faults[:_MOST_FAULTS], *([f"and {more} rows more"] if more > 0 else [])]
        raise StartError("\n  ".join((f"{path}: nothing was sent", *told)))
    return made


def _records(
    path: Path, stream: TextIO, required: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[FileRow]:
    reader = csv_rows(path, stream)
    columns = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
    missing = [name for name in required if name not in columns]
    if missing:
        raise StartError(f"{path}: lacks the columns {', '.join(missing)}")
    known = (*required, *optional)
    if set(columns) - set(known) or len(set(columns)) < len(columns):
        raise StartError(f"{path}: each column is one of {', '.join(known)}, and none stands twice")
    for number, cells in enumerate(reader, start=2):
        if any(cell.strip() for cell in cells):
            if len(cells) > len(columns):
                raise StartError(f"{path}: row {number} has more cells than columns")
            # Fewer cells leave the last columns empty.
            padded = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
            yield FileRow(number, dict(zip(columns, padded, strict=True)))


def _mapping(cells: Mapping[str, str]) -> mapping_pb2.MappingRow:
    row = mapping_pb2.MappingRow(start_date=_day(cells, "start_date"))
    if cells.get("end_date"):
        row.end_date.CopyFrom(_day(cells, "end_date"))
    row.is_remapping = _flag(cells, "is_remapping")
    for name, text in cells.items():
        if name not in ("start_date", "end_date", "is_remapping"):
            setattr(row, name, text)
    return row


def _checked(cells: Mapping[str, str], day: date) -> mapping_service_pb2.CheckedCode:
    return mapping_service_pb2.CheckedCode(
        provider_item_code=cells["provider_item_code"],
        provider_item_name=cells.get("provider_item_name", ""),
        unit_price=cells.get("unit_price", ""),
        charge_date=_day(cells, "charge_date") if cells.get("charge_date") else from_date(day),
    )


def _day(cells: Mapping[str, str], name: str) -> Date:
    try:
        return from_date(date.fromisoformat(cells[name]))
    except ValueError:
        raise ValueError(f"{name} is no day such as 2026-01-31") from None


def _flag(cells: Mapping[str, str], name: str) -> bool:
    text = cells.get(name, "").lower()
    if text not in (*_TRUE, *_FALSE):
        raise ValueError(f"{name} is 1 or 0")
    return text in _TRUE
