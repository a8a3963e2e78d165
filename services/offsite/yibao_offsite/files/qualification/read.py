"""Files of the format `yibao-chronic/1`: from bytes to what a region qualifies for."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from yibao_common.files.yaml_file import YamlFile, parse_yaml
from yibao_common.files.yaml_model import DAY, StrictModel, code, printed_text, read_model, whole
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.listed import (
    AskedPaper,
    DiseaseList,
    DiseaseLists,
    ListedDisease,
    national_code,
)

CHRONIC_FORMAT = "yibao-chronic/1"
_NATIONAL_FILE = Path(__file__).parent / "national.yaml"

_Code = Annotated[str, code(r"[A-Za-z0-9._-]{1,30}", "a code of a disease such as M03900")]
_PaperCode = Annotated[str, code(r"[a-z][a-z0-9_]{0,39}", "a code such as diagnosis_proof")]
_Region = Annotated[str, code(r"[1-9][0-9]{5}", "a pooling region such as 500100")]
_Institution = Annotated[str, code(r"[HP][0-9]{11}", "an institution such as H50011200001")]
_Name = Annotated[str, printed_text(100)]


class PaperModel(StrictModel):
    """A paper that may be asked for."""

    code: _PaperCode
    name: _Name


class DiseaseModel(StrictModel):
    """A disease; what it does not say is as the file says for all."""

    code: _Code
    name: _Name
    national: _Code | None = None
    # How sure the national list is of the code: `read` in a public list, or `recalled`.
    mark: Literal["read", "recalled"] | None = None
    valid_months: Annotated[int, whole(1, 600)] | None = None
    renew_days: Annotated[int, whole(1, 366)] | None = None
    papers: list[_PaperCode] | None = None
    institutions: list[_Institution] | None = None


class ListModel(StrictModel):
    """A file."""

    format: Literal["yibao-chronic/1"]
    region: _Region | None = None
    start: Annotated[dt.date, DAY] | None = None
    sources: list[_Name] = Field([])
    renew_days: Annotated[int, whole(1, 366)] = 90
    papers: Annotated[list[PaperModel], Field(max_length=20)]
    open_elsewhere: list[_Code] | None = None
    diseases: Annotated[list[DiseaseModel], Field(min_length=1, max_length=1_000)]


def load_disease_lists(files: Sequence[tuple[str, bytes]]) -> DiseaseLists:
    """Returns the lists of regions, given with the names that messages call them by.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake of a file.
    """
    national_file, national = _read(_NATIONAL_FILE.name, _NATIONAL_FILE.read_bytes())
    codes = [each.code for each in national.diseases]
    opened = national.open_elsewhere or []
    lists: list[tuple[str, DiseaseList]] = []
    for name, contents in files:
        file, model = _read(name, contents)
        faults = []
        if model.region is None or model.start is None:
            faults.append(file.fault((), "expected region and start, from when it counts"))
        elif any((model.region, model.start) == (one, each.start_date) for one, each in lists):
            faults.append(file.fault(("start",), "is the first day of another file of the region"))
        refuse_faults(faults)
        assert model.region is not None
        lists.append((model.region, _list_of(file, model, codes, opened)))
    return DiseaseLists(_list_of(national_file, national, codes, opened), lists)


def _read(name: str, contents: bytes) -> tuple[YamlFile, ListModel]:
    file = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID)
    refuse_faults(file.faults)
    model, faults = read_model(ListModel, file, file.data)
    refuse_faults(faults)
    assert model is not None
    return file, model


def _list_of(
    file: YamlFile, model: ListModel, national: Sequence[str], opened: Sequence[str]
) -> DiseaseList:
    """Returns a list; `opened` are opened elsewhere where the file says nothing of it."""
    papers = {each.code: AskedPaper(each.code, each.name) for each in model.papers}
    faults = _repeated(file, "papers", [each.code for each in model.papers])
    faults += _repeated(file, "diseases", [each.code for each in model.diseases])
    known_open = opened if model.open_elsewhere is None else model.open_elsewhere
    for at, each in enumerate(model.open_elsewhere or []):
        if each not in national:
            faults.append(file.fault(("open_elsewhere", at), "is no code of the national list"))
    mapping = {each.code: each.national for each in model.diseases if each.national is not None}
    diseases = {}
    for at, each_disease in enumerate(model.diseases):
        for number, paper in enumerate(each_disease.papers or []):
            if paper not in papers:
                place = ("diseases", at, "papers", number)
                faults.append(file.fault(place, "is no paper that the file names"))
        if each_disease.national is not None and each_disease.national not in national:
            faults.append(file.fault(("diseases", at, "national"), "is no national code"))
        if not faults:
            code = national_code(each_disease.code, national=national, mapping=mapping)
            diseases[each_disease.code] = _disease(
                each_disease, model, papers, code, is_open=code in known_open
            )
    refuse_faults(faults)
    return DiseaseList(model.start, dict(sorted(diseases.items())))


def _disease(
    model: DiseaseModel,
    file: ListModel,
    papers: Mapping[str, AskedPaper],
    national_disease_code: str,
    *,
    is_open: bool,
) -> ListedDisease:
    asked = papers if model.papers is None else model.papers
    return ListedDisease(
        model.code,
        model.name,
        national_disease_code,
        is_open,
        model.valid_months,
        model.renew_days or file.renew_days,
        tuple(papers[each] for each in asked),
        frozenset(model.institutions or ()),
    )


def _repeated(file: YamlFile, key: str, codes: Sequence[str]) -> list[FieldFault]:
    return [
        file.fault((key, at, "code"), "stands in the list twice")
        for at, each in enumerate(codes)
        if each in codes[:at]
    ]
