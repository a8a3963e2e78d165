"""`yibao persons import`: what a row of a file says, and what makes no request."""

from pathlib import Path

import pytest
from support.person_files import HEADER, REGION, opened, row, write

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_cli.persons_csv import open_file, read_rows
from yibao_common.process.config import StartError


def test_a_row_becomes_a_request(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        " 08 , E12345678 ,李四,390,15,20260131,2305; 2101;,2026-12-31,E-1,女,1985-05-05",
        row(2),
    )
    first, second = read_rows(opened(path), region=REGION)
    assert first.request is not None
    assert second.request is not None
    expected = pb.RegisterPersonRequest(
        request_id=first.request.request_id,
        region=REGION,
        certificate_type="08",
        certificate_number="E12345678",
        person_name="李四",
        insurance_type="390",
        person_class="15",
        entitlement_groups=["2305", "2101"],
        start_date=Date(year=2026, month=1, day=31),
        end_date=Date(year=2026, month=12, day=31),
        employer_code="E-1",
        gender=2,
        birth_date=Date(year=1985, month=5, day=5),
    )
    assert first.request == expected
    assert not second.request.HasField("end_date")
    assert second.request.gender == 0


def test_the_same_row_of_the_same_file_is_the_same_request(tmp_path: Path) -> None:
    path = write(tmp_path, row(1), row(1))

    def ids(region: str = REGION) -> list[str]:
        rows = read_rows(opened(path), region=region)
        return [each.request.request_id for each in rows if each.request is not None]

    before = ids()
    assert ids() == before
    assert len(set(before)) == 2
    assert not set(ids("330100")) & set(before)
    write(tmp_path, row(1), row(2))
    assert not set(ids()) & set(before)


FACTS_HEADER = f"{HEADER},tier,insured_months_before,months_owing,years_unclaimed"


@pytest.mark.parametrize(
    ("cells", "tier", "numbers"),
    [
        ("2,12,0,4", "2", [12, 0, 4]),
        (",,,", "", [None, None, None]),
        (" 2 ,0,,0", "2", [0, None, 0]),
    ],
)
def test_an_empty_number_of_months_is_not_known_and_no_0(
    tmp_path: Path, cells: str, tier: str, numbers: list[int | None]
) -> None:
    path = write(tmp_path, f"01,x,张三,310,11,2026-01-01,,,,,,{cells}", header=FACTS_HEADER)
    (row,) = read_rows(open_file(path, encoding="utf-8-sig"), region=REGION)
    assert row.request is not None
    told = [
        getattr(row.request, name) if row.request.HasField(name) else None
        for name in ("insured_months_before", "months_owing", "years_unclaimed")
    ]
    assert (row.request.tier, told) == (tier, numbers)


@pytest.mark.parametrize("months", ["-1", "1.5", "many", "12345", "１"])
def test_what_is_no_number_of_months_names_its_column(tmp_path: Path, months: str) -> None:
    path = write(tmp_path, f"01,x,张三,310,11,2026-01-01,,,,,,,{months},,", header=FACTS_HEADER)
    (row,) = read_rows(open_file(path, encoding="utf-8-sig"), region=REGION)
    assert (row.request, row.faulty) == (None, ("insured_months_before",))


@pytest.mark.parametrize(
    ("cells", "reason", "faulty"),
    [
        ("01,N,张三,310,11,2026-02-30,,,,,", "FIELD_MALFORMED", ("start_date",)),
        ("01,N,张三,310,11,1.1.2026,,x,,3,y", "FIELD_MALFORMED", None),
        ("01,N,张三,310,11,2026-01-01,,,,,,", "FIELD_MALFORMED", ("row",)),
        ("01,N,张三,310,11,2026-01-01,,,,", "FIELD_MALFORMED", ("row",)),
        (f"01,N,{'张' * 201},310,11,2026-01-01,,,,,", "FIELD_LENGTH", ("person_name",)),
        # What is wrong beside it is told as well.
        ("01,N,···,x,11,2026-02-30,,,,,", "FIELD_MALFORMED",
         ("start_date", "person_name", "insurance_type")),
        (f"01,N,,310,11,2026-01-01,{'g;' * 101},,,3,", "FIELD_LENGTH",
         ("entitlement_groups", "gender", "person_name")),
    ],
)  # fmt: skip
def test_a_row_that_makes_no_request_names_its_columns(
    tmp_path: Path, cells: str, reason: str, faulty: tuple[str, ...] | None
) -> None:
    (only,) = read_rows(opened(write(tmp_path, cells)), region=REGION)
    assert only.request is None
    assert only.reason == reason
    assert only.faulty == (faulty or ("start_date", "end_date", "birth_date", "gender"))


def test_a_cell_of_200_characters_is_sent(tmp_path: Path) -> None:
    cells = f"01,N,{'张' * 200},310,11,2026-01-01,,,,,"
    (only,) = read_rows(opened(write(tmp_path, cells)), region=REGION)
    assert only.request is not None


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("certificate_type,certificate_number", "lacks the columns person_name"),
        (HEADER + ",phone", "each column is one of"),
        (HEADER + ",gender", "none stands twice"),
        ("", "lacks the columns certificate_type"),
    ],
)
def test_a_file_with_other_columns_is_not_imported(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(StartError, match=told):
        opened(write(tmp_path, row(1), header=header))


def test_a_file_in_another_encoding_is_read_where_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, row(1), encoding="gb18030")
    with pytest.raises(StartError, match="name its encoding"):
        opened(path)
    file = open_file(path, encoding="gb18030")
    (only,) = read_rows(file, region=REGION)
    assert only.request is not None
    assert only.request.person_name == "张三"
    with pytest.raises(StartError, match="no such encoding"):
        open_file(path, encoding="martian")


def test_what_spreadsheets_put_before_the_header_is_no_column(tmp_path: Path) -> None:
    assert opened(write(tmp_path, row(1), encoding="utf-8-sig")).rows == 1


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read"):
        opened(tmp_path / "nothing.csv")
