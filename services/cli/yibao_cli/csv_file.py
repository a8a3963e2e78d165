"""CSV files that commands read, row by row, whatever it is that they were given."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from yibao_common.process.config import StartError

# Far more than the rows of any file here have.
_MOST_CHARACTERS = 1_000_000


def csv_rows(path: Path, stream: TextIO) -> Iterator[list[str]]:
    """Returns the cells of each row of a file that was opened with `newline=""`.

    What has no end of a line, such as /dev/zero, is not read into the memory.

    Raises, once they are read:
        StartError: a line is longer than any row.
        csv.Error: it is no CSV.
    """
    return csv.reader(_lines(path, stream), strict=True)


def _lines(path: Path, stream: TextIO) -> Iterator[str]:
    while line := stream.readline(_MOST_CHARACTERS):
        if len(line) == _MOST_CHARACTERS:
            raise StartError(f"{path}: is no CSV: a line has {_MOST_CHARACTERS} characters or more")
        yield line
