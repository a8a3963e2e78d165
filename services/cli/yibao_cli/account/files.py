"""CSV files of credits and contributions: read whole, with the first mistakes told at once."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from yibao_cli.csv_file import csv_rows
from yibao_common.process.config import StartError
from yibao_common.values.texts import canonical_uuid

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WHOLE = re.compile("[0-9]{1,12}")
# So many faulty rows are told at once.
_MOST_FAULTS = 20


def read_rows(
    path: Path,
    *,
    need: Sequence[str],
    may: Sequence[str] = (),
    whole: Sequence[str] = (),
    is_once: bool = False,
) -> list[Mapping[str, str]]:
    """Returns the rows of a file by column; a row's number is that of a spreadsheet.

    `person_id` is a UUID in any of its forms, with `is_once` another one in each row; `whole`
    columns are whole numbers.

    Raises:
        StartError: it cannot be read, or rows are not as they must be: the first are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv_rows(path, stream)
            columns = [name.strip() for name in next(reader, [])]
            missing, other = set(need) - set(columns), set(columns) - {*need, *may}
            if missing or other or len(set(columns)) < len(columns):
                known = ", ".join([*need, *may])
                raise StartError(f"{path}: its first row must name columns of {known}, each once")
            rows = [(number, cells) for number, cells in enumerate(reader, start=2) if cells]
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeError, csv.Error) as error:
        raise StartError(f"{path}: cannot be read as CSV in UTF-8: {error}") from None
    read: list[Mapping[str, str]] = []
    faults = []
    first_rows: dict[str, int] = {}
    for number, cells in rows:
        # Fewer cells leave the last columns empty; of more, whose is whose is unknown.
        padded = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
        row = dict(zip(columns, padded, strict=False))
        row["person_id"] = canonical_uuid(row["person_id"])
        read.append(row)
        found = _faults(row, need, whole)
        if len(cells) > len(columns):
            found = ["has more cells than columns"]
        first = first_rows.setdefault(row["person_id"], number)
        if is_once and first < number and not found:
            found = [f"person_id stands in row {first} already"]
        faults += [f"row {number}: {fault}" for fault in found]
    if faults:
        more = len(faults) - _MOST_FAULTS
        told = [*faults[:_MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]
        raise StartError("\n  ".join((f"{path}: nothing was sent", *told)))
    return read


def _faults(row: Mapping[str, str], need: Sequence[str], whole: Sequence[str]) -> list[str]:
    found = [f"{name} is missing" for name in need if not row[name]]
    if row["person_id"] and not _UUID.fullmatch(row["person_id"]):
        found.append("person_id is no id")
    found += [f"{each} is no whole number" for each in whole if not _is_whole(row[each])]
    return found


def _is_whole(text: str) -> bool:
    return not text or bool(_WHOLE.fullmatch(text))
