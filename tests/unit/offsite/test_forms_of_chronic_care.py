"""The batch application, the choice of an institution and what is outside of the catalogue."""

import dataclasses
import datetime as dt
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest
from support.forms import CARE, PERSON, TODAY, Counter, in_order, pages_of
from support.qualifying import HOSPITAL, OTHER_HOSPITAL

from yibao_common.papers.pdf import pdf_of_sheets, print_of
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_common.values.sheet import Table
from yibao_offsite.rules.form.choice import days_of
from yibao_offsite.rules.form.form import (
    NOBODY,
    ChoiceKind,
    Form,
    FormApplicant,
    FormCare,
    FormInstitutionChoice,
    FormKind,
    FormOpinions,
    FormPerson,
)
from yibao_offsite.rules.form.sheets import sheets_of

APPLICANT = FormApplicant(
    dataclasses.replace(PERSON, employer_name="某厂"),
    HOSPITAL,
    "三次血压",
    "高血压",
    "冠心病",
    "2型",
    "极高危",
    (HOSPITAL, OTHER_HOSPITAL),
)
CHOICE = FormInstitutionChoice(
    ChoiceKind.FIRST,
    HOSPITAL,
    "甲医院",
    FormPerson("司马代办", certificate_number="110105194912310038"),
    TODAY,
)
CADRE = dataclasses.replace(
    PERSON, employer_name="某局", person_class_name="离休", birth_date=dt.date(1932, 3, 1)
)
OPINIONS = FormOpinions("王专家", "同意使用", "情况属实", "准予支付")
BATCH, FIRST_OR_ANEW = FormKind.CHRONIC_BATCH, FormKind.INSTITUTION_CHOICE
OUTSIDE = FormKind.OUTSIDE_CATALOGUE
# All of the greatest lengths that the contract takes, in the widest letters.
LONGEST = FormPerson(
    *("欧" * 100, "女" * 10, "证" * 50, "W" * 50, ("话" * 30, "话" * 30), "巷" * 200),
    *("险" * 50, "厂" * 100, "类" * 50, TODAY),
)
LONGEST_APPLICANT = FormApplicant(
    LONGEST, HOSPITAL, "血" * 300, "痹" * 100, "糖" * 200, "亚" * 50, "危" * 50, (HOSPITAL,) * 10
)


def batch(*applicants: FormApplicant) -> Form:
    return Form(BATCH, NOBODY, FormCare(), "重庆市", "", TODAY, applicants=applicants)


def choice(chosen: FormInstitutionChoice = CHOICE, person: FormPerson = PERSON) -> Form:
    return Form(FIRST_OR_ANEW, person, FormCare(), "重庆市", "", TODAY, institution_choice=chosen)


def outside(**more: Any) -> Form:
    care = dataclasses.replace(CARE, apply_date=TODAY)
    told: dict[str, Any] = {"person": CADRE, "care": care, "opinions": OPINIONS, **more}
    return Form(OUTSIDE, region_name="重庆市", treatment_region_name="", printed_date=TODAY, **told)


def numbered(count: int) -> tuple[FormApplicant, ...]:
    """Returns applicants whose names and numbers tell them apart."""
    return tuple(
        dataclasses.replace(
            APPLICANT,
            person=FormPerson(f"申请人{at}", certificate_number=f"{at:018d}", address="某路1号"),
        )
        for at in range(1, count + 1)
    )


def drawn(form: Form, *, large: bool = False) -> list[str]:
    sheets = sheets_of(form)
    return pages_of(pdf_of_sheets(sheets, print_of(sheets, large=large)))


def test_a_batch_has_its_columns_in_their_order_and_a_line_a_person() -> None:
    (page,) = drawn(batch(APPLICANT, FormApplicant(FormPerson("司马申请"))))
    in_order(
        page,
        *("门诊慢特病待遇认定批量申请表", "重庆市", "2人", "姓名", "身份证号码", "单位"),
        *("申请医院编码", "地址", "电话", "诊断依据", "病种", "并发症", "分型", "严重等级"),
        *("定点医院编码", "1", "欧阳测试", "11010519491231002X", "某厂", HOSPITAL, "某路1号"),
        *("02312345678", "三次血压", "高血压", "冠心病", "2型", "极高危", HOSPITAL),
        *(OTHER_HOSPITAL, "2", "司马申请", "经办机构（章）", "日期"),
    )


@pytest.mark.parametrize(("count", "most"), [(1, 1), (100, 8), (200, 16)])
def test_a_batch_takes_as_many_pages_as_it_needs_each_with_the_titles(
    count: int, most: int
) -> None:
    pages = drawn(batch(*numbered(count)))
    assert len(pages) <= most
    for number, page in enumerate(pages, 1):
        assert f"第{number}页共{len(pages)}页" in page
        assert ("定点医院编码" in page) == ("申请人" in page.replace("申请人数", ""))
    in_order("".join(pages), *(f"{at:018d}" for at in range(1, count + 1)))


def test_each_of_a_batch_in_large_print_has_titles_of_its_own() -> None:
    pages = drawn(batch(*numbered(9)), large=True)
    whole = "".join(pages)
    assert whole.count("诊断依据") == 9
    in_order(whole, *(f"{at:018d}" for at in range(1, 10)))
    for page in pages:
        # A person is not torn apart.
        assert page.count("序号") == page.count("定点医院编码")


def test_a_blank_batch_is_a_page_of_lines_to_write_on() -> None:
    (sheet,) = sheets_of(batch())
    (table,) = [each for each in sheet.front if isinstance(each, Table)]
    assert len(table.rows) == 12
    assert {cell for row in table.rows for cell in row} == {""}
    assert len(drawn(batch())) == 1


def test_no_text_of_a_batch_leaves_its_column() -> None:
    form = batch(LONGEST_APPLICANT)
    (sheet,) = sheets_of(form)
    print_ = print_of([sheet], large=False)
    document = pypdfium2.PdfDocument(pdf_of_sheets([sheet], print_))
    page = document[0].get_textpage()
    (table,) = [each for each in sheet.front if isinstance(each, Table)]
    total = sum(column.width for column in table.columns)
    margin = (print_.page[0] - print_.width) / 2
    at, edges = margin, {}
    for column, cell in zip(table.columns, table.rows[0], strict=True):
        edges[cell[0]] = (at, at := at + print_.width * column.width / total)
    seen = set()
    for index, letter in enumerate(page.get_text_range()):
        if letter in "欧W厂巷血痹糖亚危":
            left, bottom, right, top = page.get_charbox(index)
            low, high = edges[letter]
            assert low <= left, letter
            assert right <= high, letter
            assert 0 < bottom < top < print_.page[1]
            seen.add(letter)
    assert len(seen) == 9
    page.close()
    document.close()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("form", "count"),
    [
        (batch(*(LONGEST_APPLICANT,) * 3), {"欧": 300, "血": 900, "糖": 600}),
        (
            choice(FormInstitutionChoice(ChoiceKind.ANEW, HOSPITAL, "院" * 100, LONGEST), LONGEST),
            {"欧": 400, "院": 200},
        ),
        (
            outside(
                person=LONGEST,
                care=FormCare(
                    *("院" * 100, "科" * 50, "诊" * 200, "摘" * 1000, "药" * 200, "由" * 500),
                    *("", "医" * 100),
                ),
                opinions=FormOpinions("专" * 100, "言" * 500, "语" * 500, "词" * 500),
            ),
            {"欧": 200, "摘": 2000, "由": 1000, "言": 1000, "语": 1000, "词": 1000},
        ),
    ],
    ids=["batch", "choice", "outside"],
)
def test_the_longest_texts_are_all_on_the_pages(
    form: Form, count: dict[str, int], large: bool
) -> None:
    whole = "".join(drawn(form, large=large))
    assert {each: whole.count(each) for each in count} == count


@pytest.mark.parametrize(
    ("kind", "made", "days"),
    [
        (ChoiceKind.FIRST, (2026, 1, 1), ((2026, 1, 1), (2026, 12, 31))),
        (ChoiceKind.FIRST, (2026, 12, 31), ((2026, 12, 31), (2026, 12, 31))),
        (ChoiceKind.FIRST, (2028, 2, 29), ((2028, 2, 29), (2028, 12, 31))),
        (ChoiceKind.ANEW, (2026, 11, 1), ((2027, 1, 1), (2027, 12, 31))),
        (ChoiceKind.ANEW, (2026, 12, 31), ((2027, 1, 1), (2027, 12, 31))),
        (ChoiceKind.ANEW, (2999, 12, 31), ((3000, 1, 1), (3000, 12, 31))),
        (ChoiceKind.ANEW, None, None),
        (None, (2026, 11, 1), None),
    ],
)
def test_a_choice_holds_to_the_end_of_its_year(
    kind: ChoiceKind | None, made: tuple[int, int, int] | None, days: Any
) -> None:
    chosen = FormInstitutionChoice(kind, choice_date=made and dt.date(*made))
    assert days_of(chosen) == (days and tuple(dt.date(*each) for each in days))


@pytest.mark.parametrize(
    ("kind", "made", "is_taken"),
    [
        (ChoiceKind.ANEW, dt.date(2026, 10, 31), False),
        (ChoiceKind.ANEW, dt.date(2026, 11, 1), True),
        (ChoiceKind.ANEW, dt.date(2026, 12, 31), True),
        (ChoiceKind.ANEW, dt.date(2027, 1, 1), False),
        (ChoiceKind.ANEW, None, True),
        (ChoiceKind.FIRST, dt.date(2026, 10, 31), True),
    ],
)
def test_an_institution_is_chosen_anew_in_november_and_december(
    kind: ChoiceKind, made: dt.date | None, is_taken: bool
) -> None:
    chosen = dataclasses.replace(CHOICE, kind=kind, choice_date=made)
    if is_taken:
        assert "甲医院" in Counter().print(FIRST_OR_ANEW, institution_choice=chosen)
    else:
        assert faults_of(FIRST_OR_ANEW, institution_choice=chosen) == {
            "institution_choice.choice_date": Reason.FIELD_OUT_OF_RANGE
        }


def test_a_choice_is_two_halves_of_a_page_with_the_seal_across() -> None:
    (page,) = drawn(choice())
    half = (
        *("门诊慢特病定点医疗机构择点申请表", "乙方申请人", "欧阳测试", "11010519491231002X"),
        *("代办人", "司马代办", "110105194912310038", "02312345678", "重庆市", "某路1号"),
        *("甲医院", HOSPITAL, "●首次选定", "○重新选定", "2026年3月1日", "2026年12月31日"),
        *("甲方（章）", "乙方（代办人）签名"),
    )
    in_order(page, "经办机构留存", "收表人", "定点医疗机构骑缝章", "参保人留存", "说明")
    in_order(page, *half, "收表人", "骑缝章", *half)
    assert page.count("收表人") == 1


def test_the_halves_in_large_print_are_a_page_each() -> None:
    first, second = drawn(choice(), large=True)
    assert "骑缝章" in first
    in_order(second, "参保人留存", "乙方（代办人）签名")


def test_what_is_outside_of_the_catalogue_takes_four_opinions_in_two_copies() -> None:
    pages = drawn(outside())
    assert len(pages) == 2
    for page, keeper in zip(pages, ("经办机构留存", "医疗机构留存"), strict=True):
        in_order(
            page,
            *("离休人员医疗保障目录外药品、项目使用申请表", keeper, "2026年3月1日", "欧阳测试"),
            *("94岁", "02312345678", "11010519491231002X", "离休", "某局", "甲医院", "心内科"),
            *("高血压3级", "PET-CT", "病情简介", "反复头晕", "申请依据", "本院无此设备"),
            *("经治医生签名：李某", "专家意见", "同意使用", "专家签名（科主任）：王专家"),
            *("医疗机构意见", "情况属实", "医疗机构（章）", "医保经办机构意见", "准予支付"),
            *("经办机构（章）", "一式两份", "各执一份"),
        )


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ((1932, 3, 1), "94岁"),
        ((1932, 3, 2), "93岁"),
        ((2026, 3, 1), "0岁"),
        ((1932, 2, 29), "94岁"),
    ],
)
def test_an_age_is_that_of_the_day_of_printing(born: tuple[int, int, int], age: str) -> None:
    assert FormPerson(birth_date=dt.date(*born)).age_on(TODAY) == age


def test_copies_mask_applicants_and_agents() -> None:
    counter = Counter()
    batch_copy = counter.print(BATCH, person=NOBODY, applicants=(APPLICANT,), is_copy=True)
    choice_copy = counter.print(FIRST_OR_ANEW, institution_choice=CHOICE, is_copy=True)
    outside_copy = counter.print(OUTSIDE, opinions=OPINIONS, is_copy=True)
    for text in (batch_copy, choice_copy, outside_copy):
        assert "**测试" in text
        assert "110105********002X" in text
        assert "欧阳" not in text
    assert "**代办" in choice_copy
    assert "110105********0038" in choice_copy


def faults_of(kind: FormKind, caller: str | None = None, **fields: Any) -> dict[str, Reason]:
    by = {} if caller is None else {"caller": caller}
    with pytest.raises(RuleError) as caught:
        Counter().print(kind, **by, **fields)
    return {each.field: each.reason for each in caught.value.faults}


def test_all_faults_of_a_form_are_told_at_once() -> None:
    out = Reason.FIELD_OUT_OF_RANGE
    told = {
        "person": dataclasses.replace(PERSON, birth_date=dt.date(9999, 1, 1)),
        "applicants": (APPLICANT, FormApplicant(), APPLICANT, FormApplicant()),
        "institution_choice": dataclasses.replace(CHOICE, kind=ChoiceKind.ANEW),
        "opinions": OPINIONS,
        "registration_id": "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e",
        "qualification_id": "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e",
        "is_copy": True,
    }
    assert faults_of(FormKind.TRAUMA_COMMITMENT, f"institution/{HOSPITAL}", **told) == {
        "registration_id": out,
        "qualification_id": out,
        "applicants": out,
        "institution_choice": out,
        "opinions": out,
        "applicants[2].person.certificate_number": out,
        "is_copy": out,
        "person.birth_date": out,
        "institution_choice.choice_date": out,
        "opinions.agency_opinion": out,
    }
    assert faults_of(BATCH, person=PERSON) == {"person": out}


def test_an_institution_prints_what_is_asked_of_itself_alone() -> None:
    counter = Counter()
    own, other = f"institution/{HOSPITAL}", f"institution/{OTHER_HOSPITAL}"
    for kind, fields in (
        (BATCH, {"person": NOBODY, "applicants": (FormApplicant(), APPLICANT)}),
        (FIRST_OR_ANEW, {"institution_choice": CHOICE}),
    ):
        assert HOSPITAL in counter.print(kind, own, **fields)
        with pytest.RaisesExc(RuleError, check=lambda error: error.reason is Reason.OUT_OF_SCOPE):
            counter.print(kind, other, **fields)
    # Where a person will be treated is not the applying hospital's own matter.
    told = dataclasses.replace(APPLICANT, institution_id="")
    assert HOSPITAL in counter.print(BATCH, other, person=NOBODY, applicants=(told,))
    said = dataclasses.replace(OPINIONS, agency_opinion="")
    assert "同意使用" in counter.print(OUTSIDE, own, opinions=said)
    assert faults_of(OUTSIDE, own, opinions=OPINIONS) == {
        "opinions.agency_opinion": Reason.FIELD_OUT_OF_RANGE
    }


def test_nothing_is_put_on_record_of_a_paper_that_nothing_stored_stands_on() -> None:
    counter = Counter()
    counter.print(BATCH, person=NOBODY, applicants=(APPLICANT,))
    assert [each for each in counter.work.audit.entries if each.method == "GetForm"] == []
