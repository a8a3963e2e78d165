"""What became of each row of an import: kept as it happens, so that a killed run goes on.

The journal lies beside the report and holds a line for each row, in their order, written
to the disk after each batch. The report is made of it at the end.
"""

import csv
import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from yibao_common.process.config import StartError

REGISTERED = "REGISTERED"
REFUSED = "REFUSED"
REPORT_COLUMNS = ("row", "outcome", "reason", "fields", "person_id", "explanation")

# Of the lines of a journal: one that another release wrote in another form is left alone.
_FORM = 2

# What a reason does not tell whoever reads the report.
_EXPLANATIONS = {
    "REQUEST_ID_REUSED": "this row was sent before under another certificate or encoding; "
    "import again with the former ones, or look the person up",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: no cell of it, only the names of columns at fault.

    `number` and `sheet_row` are those of the `Row`. `person_id` is the person, also where
    it was registered before.
    """

    number: int
    sheet_row: int
    outcome: str
    reason: str = ""
    fields: tuple[str, ...] = ()
    person_id: str = ""


class Journal:
    """The journal of one import; used as a context it is this process's alone."""

    def __init__(self, report: Path, *, digest: str, region: str) -> None:
        """Takes where the report will lie, and which file is imported where."""
        self._report = report
        self._path = report.parent / f"{report.name}.journal"
        self._head = json.dumps({"file": digest, "region": region, "form": _FORM})
        self._stream: TextIO | None = None
        self.done = 0
        self.totals: Counter[str] = Counter()

    def __enter__(self) -> "Journal":
        """Opens the journal, and takes up one of a run that was killed.

        Raises:
            StartError: it belongs to another file, or another process uses it.
        """
        try:
            stream = self._path.open("a+", encoding="utf-8", newline="")
        except OSError as error:
            raise StartError(f"{self._path}: cannot be written: {error.strerror}") from None
        try:
            self._take_up(stream)
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the journal, which stays where the import did not end."""
        assert self._stream is not None
        self._stream.close()

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Keeps what became of the next rows; durable when it returns."""
        assert self._stream is not None
        lines = []
        for each in outcomes:
            assert each.number == self.done + 1, "rows are kept in their order"
            self._count(each)
            cells = (each.number, each.sheet_row, each.outcome, each.reason, each.fields)
            lines.append(json.dumps((*cells, each.person_id)) + "\n")
        self._stream.writelines(lines)
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def finish(self) -> None:
        """Makes the report of all rows and removes the journal."""
        assert self._stream is not None
        temporary = self._report.parent / f"{self._report.name}.part"
        self._stream.seek(0)
        self._stream.readline()
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(REPORT_COLUMNS)
            for line in self._stream:
                _, row, outcome, reason, fields, person_id = json.loads(line)
                explanation = _EXPLANATIONS.get(reason, "")
                writer.writerow((row, outcome, reason, ";".join(fields), person_id, explanation))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._report)
        self._path.unlink()

    def _take_up(self, stream: TextIO) -> None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"{self._path}: another import writes it now") from None
        stream.seek(0)
        text = stream.read()
        # A killed process may leave a line half written; its row is sent again.
        whole = text[: text.rfind("\n") + 1]
        head, *lines = whole.splitlines() or [""]
        if head and head != self._head:
            raise StartError(
                f"{self._path} is of another import; finish that one, or choose another --report"
            )
        for line in lines:
            number, row, outcome, reason, fields, person_id = json.loads(line)
            self._count(Outcome(number, row, outcome, reason, tuple(fields), person_id))
        os.truncate(self._path, len(whole.encode()))
        if not head:
            stream.write(self._head + "\n")
            stream.flush()

    def _count(self, outcome: Outcome) -> None:
        self.done = outcome.number
        self.totals[outcome.reason or outcome.outcome] += 1
