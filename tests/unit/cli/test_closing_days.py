"""Files of acts of a day, and the parts in which they are sent."""

import itertools
from pathlib import Path

import pytest

from yibao.settlement.v1 import day_pb2
from yibao_cli import day_close
from yibao_cli.day_close import Part, parts_of
from yibao_cli.day_csv import read_lines
from yibao_common.process.config import StartError

HEADER = (
    "request_id,act_kind,settlement_id,bill_number,total_fen,fund_total_fen,account_fen,cash_fen"
)
FIRST = "0b9f3b1e-6f1d-4d64-9a3c-0a5d0c6c1f10"
SECOND = "7d5a1c9e-2f44-4b7e-8a43-5f0f5c0b2a11"


def file_of(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = tmp_path / "day.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding=encoding)
    return path


def test_rows_are_read_in_the_order_of_their_request_ids(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        f"{SECOND.upper()}, REVERSED ,,B2,-1000,-600,0,-400",
        "",
        f"{FIRST},settled,{SECOND},票据1,1000,600,0,400",
        encoding="gb18030",
    )
    first, second = read_lines(path, encoding="gb18030")
    assert (first.request_id, first.act_kind) == (FIRST, day_pb2.DAY_ACT_KIND_SETTLED)
    assert (first.settlement_id, first.bill_number, first.cash_fen) == (SECOND, "票据1", 400)
    assert (second.request_id, second.act_kind) == (SECOND, day_pb2.DAY_ACT_KIND_REVERSED)
    assert (second.total_fen, second.settlement_id) == (-1_000, "")


@pytest.mark.parametrize("form", [f"{{{FIRST.upper()}}}", FIRST.replace("-", "")])
def test_ids_are_read_in_every_form_that_services_take(tmp_path: Path, form: str) -> None:
    (line,) = read_lines(file_of(tmp_path, f"{form},settled,{form},,1,1,0,0"), encoding="utf-8")
    assert (line.request_id, line.settlement_id) == (FIRST, FIRST)


def test_columns_may_stand_in_any_order_and_optional_ones_be_left_out(tmp_path: Path) -> None:
    header = "cash_fen,total_fen,fund_total_fen,account_fen,act_kind,request_id"
    (line,) = read_lines(
        file_of(tmp_path, f"4,10,5,1,refunded,{FIRST}", header=header), encoding="utf-8-sig"
    )
    assert (line.total_fen, line.fund_total_fen, line.account_fen, line.cash_fen) == (10, 5, 1, 4)
    assert line.act_kind == day_pb2.DAY_ACT_KIND_REFUNDED


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,settled,,,1,1,0,0", "request_id is no UUID"),
        (f"{FIRST},paid,,,1,1,0,0", "act_kind is one of settled, reversed, refunded, corrected"),
        (f"{FIRST},settled,1,,1,1,0,0", "settlement_id is no UUID"),
        (f"{FIRST},settled,,{'B' * 33},1,1,0,0", "bill_number has more than 32 characters"),
        (f"{FIRST},settled,,,1.00,1,0,0", "total_fen: whole numbers of fen"),
        (f"{FIRST},settled,,,1,,0,0", "fund_total_fen: whole numbers"),
        (f"{FIRST},settled,,,1,1,0", "cash_fen: whole numbers"),
        (f"{FIRST},settled,,,1,1,0,0,0", "more cells than columns"),
        (f"{FIRST},settled,,,{10**15},1,0,0", "total_fen: whole numbers"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_with_its_number(
    tmp_path: Path, row: str, told: str
) -> None:
    path = file_of(tmp_path, f"{FIRST},settled,,,1,1,0,0", row)
    with pytest.raises(StartError, match=f"nothing was sent\n  row 3: .*{told}"):
        read_lines(path, encoding="utf-8")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("request_id,total_fen", "lacks the columns act_kind, fund_total_fen"),
        (f"{HEADER},patient", "each column is one of"),
        (f"{HEADER},cash_fen", "none stands twice"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(StartError, match=told):
        read_lines(file_of(tmp_path, header=header), encoding="utf-8")


def test_another_encoding_is_told_and_the_first_faults_of_many(tmp_path: Path) -> None:
    path = file_of(tmp_path, f"{FIRST},settled,,票据,1,1,0,0", encoding="gb18030")
    with pytest.raises(StartError, match="cannot be read as CSV in utf-8"):
        read_lines(path, encoding="utf-8")
    path = file_of(tmp_path, *("1,settled,,,1,1,0,0" for _ in range(22)))
    with pytest.raises(StartError, match=r"row 21: .*\n  and 2 rows more"):
        read_lines(path, encoding="utf-8")


def lines_of(*requests: int) -> list[day_pb2.DayLine]:
    return [day_pb2.DayLine(request_id=f"{each:036}") for each in requests]


def sizes(parts: list[Part]) -> list[int]:
    return [len(each.lines) for each in parts]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ((), [0]),
        ((1, 2, 3), [3]),
        ((1, 2, 3, 4), [3, 1]),
        # Those of one request stay together.
        ((1, 2, 3, 3, 4), [4, 1]),
        ((1, 1, 1, 1, 1), [5]),
        (tuple(range(9)), [3, 3, 3]),
    ],
)
def test_parts_are_full_and_join_on(
    monkeypatch: pytest.MonkeyPatch, requests: tuple[int, ...], expected: list[int]
) -> None:
    monkeypatch.setattr(day_close, "LINES_A_PART", 3)
    lines = lines_of(*requests)
    parts = list(parts_of(lines))
    assert sizes(parts) == expected
    assert [line for part in parts for line in part.lines] == lines
    assert (parts[0].after, parts[-1].until) == ("", "")
    for before, part in itertools.pairwise(parts):
        assert before.until == part.after == before.lines[-1].request_id


def test_a_part_is_no_larger_than_a_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(*range(10))
    one = lines[0].ByteSize() + 4
    monkeypatch.setattr(day_close, "BYTES_A_PART", 4 * one)
    assert sizes(list(parts_of(lines))) == [4, 4, 2]
    monkeypatch.setattr(day_close, "BYTES_A_PART", 4 * one - 1)
    assert sizes(list(parts_of(lines))) == [3, 3, 3, 1]
