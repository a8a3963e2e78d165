"""CSV files of commands: no row is read as another one, and nothing without an end is read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from yibao_cli.account.files import read_rows
from yibao_cli.catalogue.files import read_rows as read_catalogue
from yibao_cli.day_csv import read_lines
from yibao_cli.mapping_csv import read_mappings
from yibao_cli.month_csv import read_sums
from yibao_cli.persons_csv import open_file
from yibao_common.process.config import StartError

PERSON = "01a22d38-05d6-7000-b0fd-3852a876b1c3"
NEED = ("person_id", "business_key", "amount_fen")


def written(folder: Path, text: str) -> Path:
    path = folder / "credits.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def refused(path: Path, *, may: tuple[str, ...] = ()) -> str:
    with pytest.raises(StartError) as caught:
        read_rows(path, need=NEED, may=may, whole=("amount_fen",))
    return str(caught.value)


def test_a_credit_of_more_cells_than_columns_is_not_read_by_the_first_of_them(
    tmp_path: Path,
) -> None:
    # An amount with a comma for its thousands would be one fen.
    path = written(tmp_path, f"person_id,business_key,amount_fen\n\n{PERSON},K1,1,200\n")
    assert "row 3: has more cells than columns" in refused(path)


def test_a_column_of_credits_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"person_id,business_key,amount_fen,amount_fen\n{PERSON},K1,100,200\n")
    assert "each once" in refused(path)


def test_a_quotation_of_credits_that_does_not_end_is_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "person_id,amount_fen,business_key,insurance_type\n"
        f'{PERSON},100,K1,"310\n{PERSON},100,K2,310\n',
    )
    assert "cannot be read as CSV" in refused(path, may=("insurance_type",))


def test_credits_are_read_by_their_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"amount_fen, business_key,person_id,insurance_type\n\n 100 ,K1,{PERSON}\n",
    )
    assert read_rows(path, need=NEED, may=("insurance_type",), whole=("amount_fen",)) == [
        {"amount_fen": "100", "business_key": "K1", "person_id": PERSON, "insurance_type": ""}
    ]


@pytest.mark.parametrize("form", [PERSON.upper(), f"{{{PERSON}}}", PERSON.replace("-", "")])
def test_a_person_is_read_in_every_form_that_services_take(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, f"person_id,business_key,amount_fen\n{form},K1,1\n{PERSON},K2,1\n")
    assert [each["person_id"] for each in read_rows(path, need=NEED)] == [PERSON, PERSON]
    with pytest.raises(StartError, match="row 3: person_id stands in row 2 already"):
        read_rows(path, need=NEED, is_once=True)


READERS: dict[str, Callable[[Path], object]] = {
    "credits": lambda path: read_rows(path, need=NEED),
    "catalogue": lambda path: list(read_catalogue(path, layer=1, encoding="utf-8-sig")),
    "day": lambda path: read_lines(path, encoding="utf-8-sig"),
    "mappings": lambda path: read_mappings(path, encoding="utf-8-sig"),
    "month": lambda path: read_sums(path, encoding="utf-8-sig"),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_has_no_end_is_not_read_into_the_memory(reader: str) -> None:
    with pytest.raises(StartError, match="is no CSV: a line has 1000000 characters or more"):
        READERS[reader](Path("/dev/zero"))


def test_persons_in_one_endless_line_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "persons.csv"
    path.touch()
    os.truncate(path, 20_000_000)
    with pytest.raises(StartError, match="is no CSV: a line has 1000000 characters or more"):
        open_file(path, encoding="utf-8-sig")
