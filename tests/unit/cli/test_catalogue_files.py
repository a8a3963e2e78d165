"""`yibao catalogue`: what the rows of a file say, and downloads that break."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from rich.console import Console

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao_cli.catalogue import calls
from yibao_cli.catalogue.columns import COLUMNS, LAYERS, cells_of
from yibao_cli.catalogue.files import FileRow, read_rows
from yibao_cli.catalogue.importing import BYTES_A_CHUNK, ROWS_A_CHUNK, Fault, _chunks, write_report
from yibao_cli.catalogue.patience import patiently
from yibao_cli.connection import Connection
from yibao_common.process.config import StartError

SHARE, INSURANCE, MAPPING = LAYERS["share"], LAYERS["insurance"], LAYERS["mapping"]


def read(
    path: Path, text: str, *, layer: int = SHARE, encoding: str = "utf-8-sig"
) -> list[FileRow]:
    path.write_bytes(text.encode(encoding))
    return list(read_rows(path, layer=layer, encoding=encoding))


def test_the_columns_of_the_national_interface_are_read(tmp_path: Path) -> None:
    header = "hilist_code,selfpay_prop_psn_type,selfpay_prop_type,selfpay_prop,begndate,enddate\n"
    (row,) = read(tmp_path / "1319.csv", header + "H1,310,10,0.15,2014-01-01 00:00:00,20301231\n")
    assert row == FileRow(
        2,
        messages.CatalogueRow(
            row_number=2,
            code="H1",
            person_type="310",
            share_type="10",
            first_self_pay_ratio_ppm=150_000,
            start_date=Date(year=2014, month=1, day=1),
            end_date=Date(year=2030, month=12, day=31),
        ),
    )
    (mapped,) = read(tmp_path / "1316.csv", "med_list_codg,hilist_code\nM,H\n", layer=MAPPING)
    assert mapped.row is not None
    assert (mapped.row.code, mapped.row.insurance_code) == ("M", "H")


def test_three_kinds_of_files_say_the_same(tmp_path: Path) -> None:
    rows = [{"code": "H1", "name": "示例药", "is_limited_use": True, "price_ceiling": 8.5}]
    text = "code,name,is_limited_use,price_ceiling\nH1,示例药,是,8.5\n"
    found = [
        read(tmp_path / "1.csv", text, layer=INSURANCE, encoding="gb18030"),
        read(tmp_path / "1.json", json.dumps(rows), layer=INSURANCE),
        read(tmp_path / "1.jsonl", json.dumps(rows[0]) + "\n\n", layer=INSURANCE),
    ]
    for (each,) in found:
        assert each.row is not None
        each.row.row_number = 0
    assert found[0][0].row == found[1][0].row == found[2][0].row


@pytest.mark.parametrize(
    ("cells", "faulty"),
    [
        ("H1,0.15,2014-01-01,1", ()),
        ("H1,1,2014-01-01,", ()),
        ("H1,0.1234567,2014-01-01,1", ("selfpay_prop",)),
        ("H1,15%,2014-02-30,vielleicht", ("selfpay_prop", "begndate", "lmt_used_flag")),
        # Whose is whose is unknown.
        ("H1,0.15,2014-01-01", ("row",)),
        ("H1,0.15,2014-01-01,1,more", ("row",)),
    ],
)
def test_cells_that_cannot_be_read_are_told_by_their_columns(
    tmp_path: Path, cells: str, faulty: tuple[str, ...]
) -> None:
    header = "hilist_code,selfpay_prop,begndate,lmt_used_flag\n"
    (row,) = read(tmp_path / "rows.csv", header + cells + "\n")
    assert (row.number, row.faulty, row.row is None) == (2, faulty, bool(faulty))


def test_rows_are_counted_as_the_sheet_does(tmp_path: Path) -> None:
    # Case M3: an empty row and a cell of two lines are rows of the sheet as well.
    text = 'code,name\nA,x\n\nB,"one\ntwo"\nC,y,z\n'
    found = read(tmp_path / "rows.csv", text, layer=INSURANCE)
    assert [(each.number, each.row.code if each.row else None) for each in found] == [
        *((2, "A"), (4, "B"), (5, None)),
    ]
    unread: list[Fault] = []
    assert [[row.code for row in chunk] for chunk in _chunks(found, unread)] == [["A", "B"]]
    assert [(each.row, each.field) for each in unread] == [(5, "row")]
    report = tmp_path / "report.csv"
    write_report(report, unread)
    assert report.read_bytes().startswith(b"\xef\xbb\xbfrow,field,reason,message,message_zh")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("1.csv", "code,colour\nA,red\n", "colour"),
        ("1.csv", "name\nx\n", "code is among them"),
        ("1.csv", "code,hilist_code\nA,B\n", "each column stands once"),
        ("1.csv", "", "code is among them"),
        ("1.csv", 'code,name\nA,"x\n', "cannot be read"),
        ("1.json", "{}", "an array of objects"),
        ("1.json", "[", "cannot be read"),
        ("1.jsonl", '{"code": "A"}\n{\n', "cannot be read"),
        ("1.json", '[{"colour": 1}]', "colour"),
    ],
)
def test_a_file_that_is_no_list_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(StartError, match=told):
        read(tmp_path / name, text, layer=INSURANCE)


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    path.write_bytes("code,name\nA,示例\n".encode("gb18030"))
    for encoding in ("utf-8-sig", "no-such"):
        with pytest.raises(StartError, match=encoding):
            list(read_rows(path, layer=INSURANCE, encoding=encoding))
    with pytest.raises(StartError, match="cannot be read"):
        list(read_rows(tmp_path / "none.csv", layer=INSURANCE, encoding="utf-8"))


def test_chunks_are_as_large_as_a_call_may_be() -> None:
    def rows(count: int, text: str) -> Iterator[FileRow]:
        for number in range(count):
            yield FileRow(number, messages.CatalogueRow(code="C", limited_use_text=text))

    assert [len(each) for each in _chunks(rows(ROWS_A_CHUNK + 1, ""), [])] == [ROWS_A_CHUNK, 1]
    # Rows as long as a row may be: 1,000 characters of three bytes.
    large = list(_chunks(rows(600, "限" * 1_000), []))
    sizes = [sum(row.ByteSize() + 4 for row in chunk) for chunk in large]
    assert sum(map(len, large)) == 600
    assert max(sizes) <= BYTES_A_CHUNK < sizes[0] + 4_000


def test_what_is_exported_is_read_again(tmp_path: Path) -> None:
    row = messages.CatalogueRow(
        code="H1",
        name="示例药",
        start_date=Date(year=2026, month=4, day=1),
        person_type="310",
        share_type="10",
        first_self_pay_ratio_ppm=0,
        is_limited_use=True,
    )
    stream = io.StringIO()
    csv.writer(stream).writerows([COLUMNS, cells_of(row)])
    (again,) = read(tmp_path / "held.csv", stream.getvalue())
    assert again.row is not None
    again.row.row_number = 0
    assert again.row == row


class Broken(grpc.RpcError):
    """A stream that went away."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


class Downloads:
    """Streams of which some break; a part of each is told by where it goes on."""

    def __init__(self, *streams: list[pb.GetCatalogueResponse | Broken]) -> None:
        self._streams = iter(streams)
        self.resumed: list[str] = []

    def GetCatalogue(  # noqa: N802
        self, request: pb.GetCatalogueRequest
    ) -> Iterator[pb.GetCatalogueResponse]:
        self.resumed.append(request.resume_token)
        for each in next(self._streams):
            if isinstance(each, Broken):
                raise each
            yield each


def part(code: str, newest: int, token: str = "") -> pb.GetCatalogueResponse:
    change = messages.CatalogueChange(
        version_number=newest,
        version_start_date=Date(year=2026, month=1, day=1),
        row=messages.CatalogueRow(code=code, start_date=Date(year=2026, month=1, day=1)),
        replaces_later=True,
    )
    return pb.GetCatalogueResponse(
        changes=[change], newest_version_number=newest, resume_token=token
    )


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Callable[[Downloads], None]:
    """Has the command ask a fake, over a channel that nobody opens."""

    def use(fake: Downloads) -> None:
        monkeypatch.setattr(calls, "CatalogueVersionServiceStub", lambda channel: fake)
        monkeypatch.setattr(Connection, "open", lambda self: io.StringIO())

    return use


@pytest.mark.parametrize("last_breaks", [False, True])
def test_a_download_goes_on_where_it_broke_and_tells_where_the_next_begins(
    tmp_path: Path, downloads: Callable[[Downloads], None], last_breaks: bool
) -> None:
    end: list[pb.GetCatalogueResponse | Broken] = [part("C", 8)]
    # Behind the last part there is nothing to go on with.
    fake = Downloads(
        [part("A", 7, "a"), Broken()], [part("B", 8, "b"), *end, *([Broken()] * last_breaks)]
    )
    downloads(fake)
    file, out = tmp_path / "changes.csv", Console(file=io.StringIO(), width=200)
    at = Connection("500112", "localhost:1", Path(), Path(), Path())
    assert calls.run_export(out, at, file, layer=INSURANCE, day=None, after=0) == 0
    assert fake.resumed == ["", "a"]
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = [(row["code"], row["replaces_later"]) for row in csv.DictReader(stream)]
    assert rows == [("A", "1"), ("B", "1"), ("C", "1")]
    # Version 8 came while it was downloaded, and may be of the part that was read before.
    assert out.file.getvalue().rstrip().endswith("is 7")  # type: ignore[attr-defined]


def test_a_download_that_never_begins_is_told(
    tmp_path: Path, downloads: Callable[[Downloads], None]
) -> None:
    downloads(Downloads([Broken()]))
    at = Connection("500112", "localhost:1", Path(), Path(), Path())
    out = Console(file=io.StringIO())
    with pytest.raises(Broken):
        calls.run_export(out, at, tmp_path / "x.csv", layer=INSURANCE, day=None, after=0)


def test_a_request_that_is_not_answered_is_sent_again_as_it_was() -> None:
    sent: list[str] = []
    slept: list[float] = []

    def approve(request: pb.ApproveCatalogueVersionRequest, timeout: float) -> str:
        sent.append(request.request_id)
        if len(sent) < 3:
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata)
        return "done"

    request = pb.ApproveCatalogueVersionRequest(request_id="one")
    assert patiently(approve, request, sleep=slept.append) == "done"
    assert (sent, slept) == (["one"] * 3, [1.0, 1.0])
    # Not for ever.
    times = iter([0.0, 1.0, 901.0])
    sent.clear()
    with pytest.raises(grpc.aio.AioRpcError):
        patiently(approve, request, sleep=slept.append, monotonic=lambda: next(times))
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 20_000, "expected objects, and not what lies within itself"),
        ('{"a":' * 20_000, "expected objects, and not what lies within itself"),
        ("[{]", "cannot be read in utf-8-sig"),
    ],
)
def test_json_that_is_none_is_told_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(StartError, match=told):
        list(read_rows(path, layer=SHARE, encoding="utf-8-sig"))


def test_numbers_in_json_are_read_as_they_are_written(tmp_path: Path) -> None:
    # The one is longer than what Python makes a number of, the other than a binary fraction.
    text = '{"code": ' + "1" * 5_000 + '}\n{"code": "C", "price_ceiling": 1234567890123456.10}\n'
    long, exact = read(tmp_path / "list.jsonl", text, layer=LAYERS["ceiling"])
    assert (long.row, long.faulty) == (None, ("code",))
    assert exact.row is not None
    assert exact.row.price_ceiling == "1234567890123456.10"


def test_an_object_that_names_a_column_twice_is_a_faulty_row(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('[{"code": "A", "name": "a", "name": "b"}]')
    (row,) = read_rows(path, layer=SHARE, encoding="utf-8-sig")
    assert (row.row, row.faulty) == (None, ("row",))
