"""The CSV file of an institution's acts of a day, and that of the differences that were found."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from google.protobuf.timestamp_pb2 import Timestamp

from yibao.settlement.v1 import day_pb2
from yibao_cli.csv_file import csv_rows
from yibao_cli.whole_file import whole_csv
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import to_instant
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.texts import canonical_uuid

AMOUNTS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
REQUIRED_COLUMNS = ("request_id", "act_kind", *AMOUNTS)
OPTIONAL_COLUMNS = ("settlement_id", "bill_number")
KINDS = {
    name.removeprefix("DAY_ACT_KIND_").lower(): number
    for name, number in day_pb2.DayActKind.items()
    if number
}
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FEN = re.compile("-?[0-9]{1,15}")
# So many faulty rows are told at once.
_MOST_FAULTS = 20
_SIDES = ("institution", "insurer")
REPORT_COLUMNS = (
    *("difference", "request_id", "outcome", "outcome_time", "outcome_method"),
    *(
        f"{side}_{name}"
        for side in _SIDES
        for name in ("act_kind", "settlement_id", "bill_number", *AMOUNTS)
    ),
    *("act_time", "acted_by"),
)


def read_lines(path: Path, *, encoding: str) -> list[day_pb2.DayLine]:
    """Returns the acts of a file in the order of their request ids.

    Raises:
        StartError: it cannot be read, or rows are no acts: the first of these are named.
        OSError: it is not there.
    """
    lines, faults = [], []
    try:
        with path.open(encoding=encoding, newline="") as stream:
            for number, cells in _records(path, stream):
                made = _line(cells)
                if isinstance(made, str):
                    faults.append(f"row {number}: {made}")
                else:
                    lines.append(made)
    except (UnicodeError, LookupError, csv.Error) as error:
        raise StartError(f"{path}: cannot be read as CSV in {encoding}: {error}") from None
    if faults:
        more = len(faults) - _MOST_FAULTS
        told = [*faults[:_MOST_FAULTS], *([f"and {more} rows more"] if more > 0 else [])]
        raise StartError("\n  ".join((f"{path}: nothing was sent", *told)))
    lines.sort(key=lambda line: line.request_id)
    return lines


def write_report(path: Path, differences: Iterable[day_pb2.DayDifference]) -> None:
    """Writes every difference as a row of REPORT_COLUMNS."""
    with whole_csv(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(REPORT_COLUMNS)
        writer.writerows(map(_report_row, differences))


def kind_name(difference: day_pb2.DayDifference) -> str:
    """Returns what differs, as reports name it."""
    name = day_pb2.DayDifferenceKind.Name(difference.kind)
    return name.removeprefix("DAY_DIFFERENCE_KIND_")


def outcome_name(difference: day_pb2.DayDifference) -> str:
    """Returns what became of the request of a difference; empty where it is not told."""
    if not difference.outcome:
        return ""
    return day_pb2.DayOutcome.Name(difference.outcome).removeprefix("DAY_OUTCOME_")


def act_name(act: day_pb2.DayLine | day_pb2.DayAct) -> str:
    """Returns what an act did, as files name it."""
    return day_pb2.DayActKind.Name(act.act_kind).removeprefix("DAY_ACT_KIND_").lower()


def _records(path: Path, stream: TextIO) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yields each record with its row as a spreadsheet counts it; empty rows are left out."""
    reader = csv_rows(path, stream)
    columns = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise StartError(f"{path}: lacks the columns {', '.join(missing)}")
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    if set(columns) - set(known) or len(set(columns)) < len(columns):
        raise StartError(f"{path}: each column is one of {', '.join(known)}, and none stands twice")
    for number, cells in enumerate(reader, start=2):
        if cells:
            # Fewer cells leave the last columns empty, and more are nobody's.
            padded = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
            record = dict(zip(columns, padded, strict=False))
            yield number, record if len(padded) == len(columns) else {"request_id": ""}


def _line(cells: Mapping[str, str]) -> day_pb2.DayLine | str:
    """Returns the act of a record, or what is wrong with it."""
    request_id, settlement_id = (
        canonical_uuid(cells.get(name, "")) for name in ("request_id", "settlement_id")
    )
    kind = KINDS.get(cells.get("act_kind", "").lower())
    bill_number = cells.get("bill_number", "")
    if not _UUID.fullmatch(request_id):
        return "request_id is no UUID, or there are more cells than columns"
    if kind is None:
        return f"act_kind is one of {', '.join(KINDS)}"
    if settlement_id and not _UUID.fullmatch(settlement_id):
        return "settlement_id is no UUID"
    if len(bill_number) > 32:
        return "bill_number has more than 32 characters"
    faulty = [name for name in AMOUNTS if not _FEN.fullmatch(cells.get(name, ""))]
    if faulty:
        return f"{', '.join(faulty)}: whole numbers of fen, negative for what went back"
    return day_pb2.DayLine(
        request_id=request_id,
        act_kind=day_pb2.DayActKind.ValueType(kind),
        settlement_id=settlement_id,
        bill_number=bill_number,
        **{name: int(cells[name]) for name in AMOUNTS},
    )


def _report_row(difference: day_pb2.DayDifference) -> list[str]:
    row = [kind_name(difference), difference.request_id, outcome_name(difference)]
    has_time = difference.HasField("outcome_time")
    row += [_told(difference.outcome_time) if has_time else "", difference.outcome_method]
    for side, is_there in (
        ("institution", difference.HasField("institution")),
        ("insurer", difference.HasField("insurer")),
    ):
        act = getattr(difference, side)
        if is_there:
            sums = (str(getattr(act, name)) for name in AMOUNTS)
            row += [act_name(act), act.settlement_id, act.bill_number, *sums]
        else:
            row += [""] * 7
    if difference.HasField("insurer"):
        row += [_told(difference.insurer.act_time), difference.insurer.acted_by]
    else:
        row += ["", ""]
    return row


def _told(instant: Timestamp) -> str:
    return to_instant(instant).astimezone(SHANGHAI).isoformat(timespec="milliseconds")
