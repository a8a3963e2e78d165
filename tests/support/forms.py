"""Forms on paper: what they are printed with, and their text read back."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
from support.memory.registration import MemoryRegistrations
from support.qualifying import REGION, Desk, insured
from support.registrations import application, registered, shown

from yibao_common.papers.pdf import pdf_of_sheets, print_of
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_common.values.sheet import Sheet
from yibao_offsite.application.form import Forms
from yibao_offsite.rules.form.asked import AskedForm
from yibao_offsite.rules.form.form import FormCare, FormKind, FormPerson
from yibao_offsite.rules.registration.kinds import Category

PERSON = FormPerson(
    "欧阳测试",
    "女",
    "居民身份证",
    "11010519491231002X",
    ("02312345678", "13900000000"),
    "某路1号",
    "职工基本医疗保险",
)
CARE = FormCare(
    "甲医院",
    "心内科",
    "高血压3级",
    "反复头晕",
    "PET-CT",
    "本院无此设备",
    "乙医院",
    "李某",
    dt.date(2026, 9, 1),
)
TODAY = dt.date(2026, 3, 1)
PERSON_ID = new_id()
REGISTRATION = dataclasses.replace(
    registered(
        application(
            Category.LONG_TERM_RESIDENT,
            person_id=PERSON_ID,
            start_date=TODAY,
            expected_end_date=dt.date(2027, 3, 1),
            materials=shown("registration_form", "residence_permit"),
        ),
        region=REGION,
        now=dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
    ),
    registration_id=new_id(),
)
AGENCY = parse_caller(f"agency/{REGION}/wang")


class Counter:
    """Forms over rows in memory, with one registration and one qualification."""

    def __init__(self) -> None:
        desk = Desk.in_memory()
        desk.know(insured(PERSON_ID))
        self.qualification_id = desk.apply(PERSON_ID).qualification_id
        work = desk.transactions.work  # type: ignore[attr-defined]
        registrations = MemoryRegistrations({REGISTRATION.registration_id: REGISTRATION})
        object.__setattr__(work, "registrations", registrations)
        self.work = work
        self.forms = Forms(desk.transactions, clock=desk.clock)

    def print(self, kind: FormKind, caller: str = AGENCY.path, **fields: Any) -> str:
        """Returns the text of a form of PERSON that `fields` say more of, without blanks."""
        told: dict[str, Any] = {
            "registration_id": "",
            "qualification_id": "",
            "person": PERSON,
            "care": CARE,
            "region_name": "",
            "treatment_region_name": "",
            "is_copy": False,
            **fields,
        }
        return printed(self.forms.sheets(AskedForm(REGION, kind, **told), parse_caller(caller)))


def pages_of(pdf: bytes) -> list[str]:
    """Returns the text of each page without blanks."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return ["".join(page.split()) for page in pages]


def printed(sheets: Sequence[Sheet]) -> str:
    """Returns the text of sheets as they are printed, without blanks."""
    return "".join(pages_of(pdf_of_sheets(sheets, print_of(sheets, large=False))))


def in_order(text: str, *parts: str) -> None:
    """Fails unless the parts stand in the text, one behind the other."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part} does not stand where it belongs"
        at = found + len(part)
