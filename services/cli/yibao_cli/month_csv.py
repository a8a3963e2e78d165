"""The CSV file of an institution's own sums of a month, a row for two types."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from yibao.settlement.v1 import declaration_pb2 as messages
from yibao_cli.csv_file import csv_rows
from yibao_cli.whole_file import whole_csv
from yibao_common.process.config import StartError

AMOUNTS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
_FUND_PREFIX = "fund_"
# A column for each fund: `fund_390100_fen`.
_FUND = re.compile("fund_([0-9]{6})_fen")
COLUMNS = ("insurance_type", "clearing_type", "act_count", *AMOUNTS)
_FEN, _COUNT = re.compile("-?[0-9]{1,15}"), re.compile("[0-9]{1,9}")
_TYPES = re.compile("[0-9]{2,6}")


def read_sums(path: Path, *, encoding: str) -> list[messages.MonthSum]:
    """Returns the sums of a file in the order of their types.

    Raises:
        StartError: it cannot be read, or a row is no sum: it is named.
        OSError: it is not there.
    """
    try:
        with path.open(encoding=encoding, newline="") as stream:
            sums = [_sum(path, number, cells) for number, cells in _records(path, stream)]
    except (UnicodeError, LookupError, csv.Error) as error:
        raise StartError(f"{path}: cannot be read as CSV in {encoding}: {error}") from None
    if not sums:
        raise StartError(f"{path}: has no rows")
    types = [(each.insurance_type, each.clearing_type) for each in sums]
    if len(set(types)) < len(types):
        raise StartError(f"{path}: an insurance type and clearing type stands twice")
    return sorted(sums, key=lambda each: (each.insurance_type, each.clearing_type))


def write_sums(path: Path, sums: Iterable[messages.MonthSum]) -> None:
    """Writes sums as they are read."""
    sums = list(sums)
    funds = sorted({fund.fund_type for each in sums for fund in each.funds})
    with whole_csv(path) as stream:
        writer = csv.writer(stream)
        writer.writerow((*COLUMNS, *(f"{_FUND_PREFIX}{each}_fen" for each in funds)))
        for each in sums:
            paid = {fund.fund_type: fund.amount_fen for fund in each.funds}
            own = [getattr(each, name) for name in COLUMNS]
            writer.writerow((*own, *(paid.get(fund, 0) for fund in funds)))


def _records(path: Path, stream: TextIO) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv_rows(path, stream)
    columns = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise StartError(f"{path}: lacks the columns {', '.join(missing)}")
    others = [each for each in columns if each not in COLUMNS and not _FUND.fullmatch(each)]
    if others or len(set(columns)) < len(columns):
        known = f"{', '.join(COLUMNS)} and fund_<type>_fen"
        raise StartError(f"{path}: each column is one of {known}, and none stands twice")
    for number, cells in enumerate(reader, start=2):
        if cells:
            if len(cells) != len(columns):
                raise StartError(f"{path}: row {number} has {len(cells)} cells")
            yield number, dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _sum(path: Path, number: int, cells: Mapping[str, str]) -> messages.MonthSum:
    for name, value in cells.items():
        form = _FEN
        if name in ("insurance_type", "clearing_type"):
            form = _TYPES
        elif name == "act_count":
            form = _COUNT
        if not form.fullmatch(value):
            raise StartError(f"{path}: row {number}: {name} is {value!r}")
    return messages.MonthSum(
        insurance_type=cells["insurance_type"],
        clearing_type=cells["clearing_type"],
        act_count=int(cells["act_count"]),
        **{name: int(cells[name]) for name in AMOUNTS},
        funds=[
            messages.MonthFundSum(fund_type=found[1], amount_fen=int(cells[name]))
            for name in sorted(cells)
            if (found := _FUND.fullmatch(name)) and int(cells[name])
        ],
    )
