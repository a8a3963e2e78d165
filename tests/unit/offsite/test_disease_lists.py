"""Lists of diseases: the national one, and files of regions with every mistake by its place."""

import datetime as dt
import os
from pathlib import Path

import pytest

from yibao_common.process.config import StartError
from yibao_common.values.errors import RuleError
from yibao_offsite.config import ChronicConfig
from yibao_offsite.files.qualification.read import load_disease_lists
from yibao_offsite.qualifying import read_disease_lists

DAY = dt.date(2026, 6, 1)
HEAD = """
format: yibao-chronic/1
region: "500100"
start: 2026-01-01
papers: [{code: proof, name: 诊断证明}]
"""
WHOLE = HEAD + "diseases: [{code: M03900, name: 高血压}, {code: X1, name: 透析, national: M07801}]"


def faults(*files: str) -> list[str]:
    with pytest.raises(RuleError) as refused:
        load_disease_lists([(f"{at}.yaml", each.encode()) for at, each in enumerate(files)])
    return [f"{each.field}: {each.message}" for each in refused.value.faults]


def test_the_national_list_counts_where_a_region_has_none() -> None:
    found = load_disease_lists([]).of("330100", DAY)
    assert found.start_date is None
    assert len(found.diseases) == 30
    # The ten diseases of 医保办发〔2024〕19号.
    opened = {
        each.national_disease_code for each in found.diseases.values() if each.is_open_elsewhere
    }
    ten = "M00200 M00500 M01600 M03900 M04600 M05300 M06900 M07200 M07801 M08300"
    assert opened == set(ten.split())
    assert not found.is_open_elsewhere("M07800")
    assert not found.is_open_elsewhere("M99999")


def test_a_region_says_what_it_asks_and_what_is_open_elsewhere() -> None:
    lists = load_disease_lists([("a", (WHOLE + "\nopen_elsewhere: [M07801]").encode())])
    found = lists.of("500100", DAY)
    assert [each.paper_code for each in found.diseases["X1"].papers] == ["proof"]
    assert found.diseases["X1"].national_disease_code == "M07801"
    assert found.is_open_elsewhere("X1")
    assert not found.is_open_elsewhere("M03900")
    # What the file says nothing of is as the national list has it.
    assert load_disease_lists([("a", WHOLE.encode())]).of("500100", DAY).is_open_elsewhere("M03900")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WHOLE.replace('region: "500100"\n', ""), "expected region and start"),
        (WHOLE.replace("national: M07801", "national: M07899"), "national: is no national code"),
        (
            WHOLE.replace("name: 高血压", "name: 高血压, papers: [scan]"),
            "is no paper that the file",
        ),
        (WHOLE.replace("code: X1", "code: M03900"), "stands in the list twice"),
        (WHOLE + "\nopen_elsewhere: [X1]", "open_elsewhere[0]: is no code of the national list"),
        (
            WHOLE.replace("name: 高血压", "valid_months: 0, name: 高血压"),
            "an integer from 1 to 600",
        ),
        (WHOLE + "\nlimits: 3", "unknown key"),
        (WHOLE.replace("高血压", '"高\\n血压"'), "1 to 100 printable characters"),
        (WHOLE.replace("高血压", '"高\\u202E血压"'), "1 to 100 printable characters"),
        (WHOLE.replace("chronic/1", "chronic/2"), "expected 'yibao-chronic/1'"),
    ],
)
def test_every_mistake_is_told_by_its_place(text: str, told: str) -> None:
    assert any(told in each for each in faults(text))


def test_two_files_of_a_region_begin_on_two_days() -> None:
    (told,) = faults(WHOLE, WHOLE)
    assert told.startswith("1.yaml:4 start: is the first day of another file")


def test_a_file_that_cannot_be_used_keeps_the_service_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    with pytest.raises(
        StartError, match=r"chronic\.files: .*list\.yaml: cannot be read: No such file"
    ):
        read_disease_lists(ChronicConfig(files=[file]))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Nobody ever writes into it, and reading it would wait for that.
    with pytest.raises(StartError, match=r"pipe: cannot be read: it is a pipe or a device"):
        read_disease_lists(ChronicConfig(files=[pipe]))
    file.write_text(WHOLE.replace("code: X1", "code: M03900"), encoding="utf-8")
    with pytest.raises(StartError, match="twice"):
        read_disease_lists(ChronicConfig(files=[file]))
    file.write_text(WHOLE, encoding="utf-8")
    assert read_disease_lists(ChronicConfig(files=[file])).of("500100", DAY).find("X1")
