"""The CSV file of an import of persons: its columns, and its rows as requests."""

import codecs
import csv
import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1.person_service_pb2 import RegisterPersonRequest
from yibao_cli.csv_file import csv_rows
from yibao_common.process.config import StartError
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import from_date
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

REQUIRED_COLUMNS = (
    "certificate_type",
    "certificate_number",
    "person_name",
    "insurance_type",
    "person_class",
    "start_date",
)
OPTIONAL_COLUMNS = (
    *("entitlement_groups", "end_date", "employer_code", "gender", "birth_date"),
    *("tier", "insured_months_before", "months_owing", "years_unclaimed"),
)
_NUMBERS = ("insured_months_before", "months_owing", "years_unclaimed")

_BLOCK_BYTES = 1 << 20
# Longer than any cell may be, and short enough that a batch of such rows can be sent.
_MOST_CHARACTERS = 200
_GROUPS_PARTED_BY = ";"
_GENDERS = {"": 0, "1": 1, "2": 2, "男": 1, "女": 2}
# So that the same row of the same file has the same request id, whenever it is sent. It is
# the same request only from the same caller: another gets REQUEST_ID_REUSED where the
# service took the row before.
_NAMESPACE = uuid.UUID("6f0f3c5e-8d3b-5c39-9b0e-2f6d6a1f4d11")


@dataclass(frozen=True, slots=True)
class PersonFile:
    """A file to import: `digest` stands for its contents, `rows` is how many persons it has."""

    path: Path
    encoding: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """A person of a file: a request, or the columns that make none.

    `number` is 1 for the first person. `sheet_row` is the row's number as a spreadsheet
    shows it, where the names of the columns are row 1 and empty rows count.
    """

    number: int
    sheet_row: int
    request: RegisterPersonRequest | None
    reason: str = ""
    faulty: tuple[str, ...] = ()


def open_file(path: Path, *, encoding: str) -> PersonFile:
    """Returns what the file is, after all of it was read once.

    Raises:
        StartError: it cannot be read, or its columns are not those of an import.
    """
    digest = hashlib.sha256()
    with _told(path):
        if path.exists() and not (path.is_file() or path.is_dir()):
            # It is read twice, which what comes from a pipe cannot be.
            raise StartError(f"{path}: is no regular file: write the persons into one")
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        count = sum(1 for _ in _records(path, encoding))
    return PersonFile(path, encoding, digest.hexdigest(), count)


def read_rows(file: PersonFile, *, region: str, after: int = 0) -> Iterator[Row]:
    """Yields the rows that follow number `after`.

    Raises:
        StartError: the file can no longer be read.
    """
    with _told(file.path):
        records = _records(file.path, file.encoding)
        for number, (sheet_row, cells) in enumerate(records, start=1):
            if number <= after:
                continue
            if cells is None:
                # More or fewer cells than there are columns: whose is whose is unknown.
                yield Row(number, sheet_row, None, "FIELD_MALFORMED", ("row",))
                continue
            request_id = uuid.uuid5(_NAMESPACE, f"{region}/{file.digest}/{number}")
            made = _request(cells, region=region, request_id=str(request_id))
            if isinstance(made, RegisterPersonRequest):
                yield Row(number, sheet_row, made)
            else:
                yield Row(number, sheet_row, None, *made)


def _records(path: Path, encoding: str) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    """Yields each record that is not empty, with its row in a spreadsheet.

    It is None where its cells are not as many as the columns.
    """
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv_rows(path, stream)
        # Not every encoding that is named takes the mark of UTF-8 for none of the text.
        columns = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
        missing = [name for name in REQUIRED_COLUMNS if name not in columns]
        unknown = [name for name in columns if name not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS]
        if missing:
            raise StartError(f"{path}: lacks the columns {', '.join(missing)}")
        if unknown or len(set(columns)) < len(columns):
            known = ", ".join((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
            raise StartError(f"{path}: each column is one of {known}, and none stands twice")
        for sheet_row, cells in enumerate(reader, start=2):
            if len(cells) == len(columns):
                stripped = (cell.strip() for cell in cells)
                yield sheet_row, dict(zip(columns, stripped, strict=True))
            elif cells:
                yield sheet_row, None


def _request(
    cells: Mapping[str, str], *, region: str, request_id: str
) -> RegisterPersonRequest | tuple[str, tuple[str, ...]]:
    """Returns the request of a row, or the reason that there is none and which columns.

    Of a row that makes none what the service would refuse of the other columns is told as well:
    it never sees them.
    """
    too_long = [name for name, cell in cells.items() if len(cell) > _MOST_CHARACTERS]
    read = {name: "" if name in too_long else cell for name, cell in cells.items()}
    unread = list(too_long)
    days: dict[str, Date | None] = {}
    for name in ("start_date", "end_date", "birth_date"):
        try:
            days[name] = _day(read.get(name, ""))
        except ValueError:
            unread.append(name)
    numbers: dict[str, int | None] = {}
    for name in _NUMBERS:
        cell = read.get(name, "")
        # More digits than a number of numbers has would not fit into the message.
        if re.fullmatch("[0-9]{0,4}", cell):
            numbers[name] = int(cell) if cell else None
        else:
            unread.append(name)
    gender = _GENDERS.get(read.get("gender", ""))
    if gender is None:
        unread.append("gender")
    groups = read.get("entitlement_groups", "").split(_GROUPS_PARTED_BY)
    request = RegisterPersonRequest(
        request_id=request_id,
        region=region,
        certificate_type=read["certificate_type"],
        certificate_number=read["certificate_number"],
        person_name=read["person_name"],
        insurance_type=read["insurance_type"],
        person_class=read["person_class"],
        entitlement_groups=[group.strip() for group in groups if group.strip()],
        start_date=days.get("start_date"),
        end_date=days.get("end_date"),
        employer_code=read.get("employer_code", ""),
        gender=gender or 0,
        birth_date=days.get("birth_date"),
        tier=read.get("tier", ""),
        insured_months_before=numbers.get("insured_months_before"),
        months_owing=numbers.get("months_owing"),
        years_unclaimed=numbers.get("years_unclaimed"),
    )
    if not unread:
        return request
    reason = Reason.FIELD_LENGTH if too_long else Reason.FIELD_MALFORMED
    malformed = _malformed_columns(request).difference(unread)
    return reason.name, (*unread, *(name for name in cells if name in malformed))


def _malformed_columns(request: RegisterPersonRequest) -> set[str]:
    """Returns the columns whose cells the service refuses by the rules of the request's fields."""
    try:
        Validator(RegisterPersonRequest.DESCRIPTOR).check(request)
    except RuleError as refusal:
        # Such as `start_date.day` and `entitlement_groups[1]`.
        return {re.split(r"[.\[]", fault.field, maxsplit=1)[0] for fault in refusal.faults}
    return set()


def _day(text: str) -> Date | None:
    """Returns the day of `2026-01-31` or `20260131`, None where there is none."""
    return from_date(dt.date.fromisoformat(text)) if text else None


def _is_utf16(path: Path) -> bool:
    """Tells whether a file has the mark of UTF-16 before it, as one that Excel calls Unicode."""
    with path.open("rb") as stream:
        return stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tells why a file cannot be read, without a cell of it."""
    try:
        yield
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        fitting = "utf-16" if _is_utf16(path) else "gb18030"
        raise StartError(
            f"{path}: is not in {error.encoding}; name its encoding, such as --encoding {fitting}"
        ) from None
    except UnicodeError:
        # Such as UTF-16 without the mark of its byte order.
        raise StartError(f"{path}: is not in the encoding that --encoding names") from None
    except LookupError:
        raise StartError(f"{path}: there is no such encoding") from None
    except csv.Error as error:
        raise StartError(f"{path}: is no CSV: {error}") from None
