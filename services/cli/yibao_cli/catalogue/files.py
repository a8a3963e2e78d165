"""Files of lists: CSV, JSON (an array of objects) or JSON Lines, read row by row."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao_cli.catalogue.columns import COLUMNS, Read, column_of, row_of
from yibao_cli.csv_file import csv_rows
from yibao_common.process.config import StartError


class FileRow(NamedTuple):
    """A row of a file: as it is sent, or the columns that cannot be read.

    `number` is the row as a spreadsheet shows it, where the names of the columns are row 1; of
    JSON the place of the object, from 1.
    """

    number: int
    row: messages.CatalogueRow | None
    faulty: tuple[str, ...] = ()


def read_rows(path: Path, *, layer: int, encoding: str) -> Iterator[FileRow]:
    """Yields the rows of a file of a layer.

    Raises:
        StartError: it cannot be read, or its columns are none of a list.
    """
    with _told(path, encoding):
        if path.suffix.lower() in (".json", ".jsonl"):
            yield from _json_rows(path, layer, encoding)
        else:
            yield from _csv_rows(path, layer, encoding)


def _csv_rows(path: Path, layer: int, encoding: str) -> Iterator[FileRow]:
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv_rows(path, stream)
        names = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
        columns = _columns(path, names, layer)
        for number, cells in enumerate(reader, start=2):
            if len(cells) == len(names):
                stripped = dict(zip(names, map(str.strip, cells), strict=True))
                yield _made(number, stripped, columns)
            elif cells:
                # More or fewer cells than columns: whose is whose is unknown.
                yield FileRow(number, None, ("row",))


def _json_rows(path: Path, layer: int, encoding: str) -> Iterator[FileRow]:
    columns: dict[str, tuple[str, Read]] = {}
    for number, each in enumerate(_objects(path, encoding), start=1):
        if not isinstance(each, dict):
            yield FileRow(number, None, ("row",))
            continue
        for name in each.keys() - columns.keys():
            columns.update(_columns(path, [name], layer, whole=False))
        cells = {name: _cell(value) for name, value in each.items()}
        yield _made(number, cells, columns)


def _objects(path: Path, encoding: str) -> Iterator[Any]:
    with path.open(encoding=encoding) as stream:
        if path.suffix.lower() == ".jsonl":
            yield from (json.loads(line, **_AS_WRITTEN) for line in stream if line.strip())
            return
        read = json.load(stream, **_AS_WRITTEN)
    if not isinstance(read, list):
        raise StartError(f"{path}: expected an array of objects, one a row")
    yield from read


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | list[tuple[str, Any]]:
    """Returns an object, or what is none where a name stands twice: which one is meant?"""
    made = dict(pairs)
    return made if len(made) == len(pairs) else pairs


# Numbers stay as they are written: a binary fraction is another one, and may be none at all.
_AS_WRITTEN: dict[str, Any] = {
    "parse_int": str,
    "parse_float": str,
    "object_pairs_hook": _object,
}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).strip()


def _columns(
    path: Path, names: list[str], layer: int, *, whole: bool = True
) -> dict[str, tuple[str, Read]]:
    """Returns what each column is. Raises StartError where some are none, or two are one."""
    found = {name: column_of(name, layer) for name in names}
    unknown = [name for name, each in found.items() if each is None]
    if unknown:
        raise StartError(
            f"{path}: {', '.join(unknown)}: no columns of this list; those are "
            f"{', '.join(COLUMNS)}, or as the national interface calls them"
        )
    columns = {name: each for name, each in found.items() if each is not None}
    fields = [field for field, _ in columns.values()]
    if whole and (len(set(fields)) < len(names) or "code" not in fields):
        raise StartError(f"{path}: each column stands once, and code is among them")
    return columns


def _made(
    number: int, cells: Mapping[str, str], columns: Mapping[str, tuple[str, Read]]
) -> FileRow:
    made = row_of(number, cells, columns)
    if isinstance(made, list):
        return FileRow(number, None, tuple(made))
    return FileRow(number, made)


@contextmanager
def _told(path: Path, encoding: str) -> Iterator[None]:
    """Tells why a file cannot be read."""
    try:
        yield
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeError, LookupError, csv.Error, json.JSONDecodeError) as error:
        raise StartError(f"{path}: cannot be read in {encoding}: {error}") from None
    except RecursionError:
        raise StartError(f"{path}: expected objects, and not what lies within itself") from None
