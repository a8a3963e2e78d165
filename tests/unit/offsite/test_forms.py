"""Forms and letters: their fields in the order of the published papers, masks, copies, blanks."""

import dataclasses
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest
from support.forms import (
    CARE,
    PERSON,
    PERSON_ID,
    REGISTRATION,
    TODAY,
    Counter,
    in_order,
    pages_of,
    printed,
)
from support.qualifying import HOSPITAL, OTHER_HOSPITAL, REGION, Desk, insured

from yibao_common.papers.page import html_of
from yibao_common.papers.pdf import LARGE, LETTER, pdf_of_sheets
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.form.form import Form, FormCare, FormKind, FormPerson
from yibao_offsite.rules.form.sheets import sheets_of
from yibao_offsite.rules.registration.kinds import Basis
from yibao_offsite.rules.registration.states import State


def form(kind: FormKind, **fields: object) -> Form:
    told = {"registration": REGISTRATION, **fields}
    return Form(kind, PERSON, CARE, "重庆市", "上海市", TODAY, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (
            FormKind.LONG_TERM_COMMITMENT,
            ("长期异地居住人员个人承诺书", "姓名", "欧阳测试", "性别", "联系电话1", "02312345678",
             "身份证号", "11010519491231002X", "联系电话2", "13900000000", "参保地", "就医地",
             "○异地安置退休", "●异地长期居住", "○常驻异地工作", "告知事项", "六个月及以上",
             "承诺事项", "暂停异地就医直接结算", "真实意思表示", "不少于两年", "本人签字", "日期"),
        ),
        (
            FormKind.TRAUMA_COMMITMENT,
            ("外伤无第三方责任承诺书", "承诺人", "欧阳测试", "联系电话", "证件类型", "居民身份证",
             "证件号码", "11010519491231002X", "承诺事项", "工伤保险", "全额退回", "授权",
             "受伤时间", "受伤地点", "受伤经过（手写）", "第二百六十六条", "近亲属", "签字",
             "日期"),
        ),
        (
            FormKind.OUTSIDE_CARE,
            ("外院检查/双通道购药证明", "欧阳测试", "诊断", "高血压3级", "甲医院", "乙医院",
             "PET-CT", "理由", "本院无此设备", "医师", "李某", "医疗机构医保部门（章）", "日期"),
        ),
        (
            FormKind.REGISTRATION,
            ("异地就医备案表", "欧阳测试", "险种", "职工基本医疗保险", "证件号码", "联系电话",
             "●异地长期居住", "参保地", "重庆市", "就医地", "上海市", "2026年3月1日", "长期",
             "某路1号", "证明材料", "个人承诺书", "声明", "经办人"),
        ),
        (
            FormKind.REFERRAL,
            ("异地转诊单", "欧阳测试", "甲医院", "心内科", "高血压3级", "反复头晕", "本院无此设备",
             "上海市", "乙医院", "2026年9月1日", "李某", "科主任", "医疗机构（章）"),
        ),
    ],
)  # fmt: skip
def test_a_form_has_its_fields_in_their_order(kind: FormKind, parts: tuple[str, ...]) -> None:
    in_order(printed(sheets_of(form(kind))), *parts)


def test_a_chronic_application_comes_in_two_copies() -> None:
    desk = Desk.in_memory()
    desk.know(insured(PERSON_ID))
    found = desk.decide(desk.apply(PERSON_ID).qualification_id)
    sheets = sheets_of(form(FormKind.CHRONIC_APPLICATION, registration=None, qualification=found))
    text = printed(sheets)
    one = (
        *("欧阳测试", "甲医院", HOSPITAL, "高血压（M03900）", "I10.x00", "三次血压", "诊治方案"),
        *("2026年3月1日", "2027年2月28日", "诊断医师", "主任医师", "医务科意见", "参保人签字"),
    )
    in_order(text, "第一联参保人留存", *one, "第二联经办机构留存", *one)


@pytest.mark.parametrize("kind", FormKind)
def test_a_blank_form_is_there_to_be_filled_in_by_hand(kind: FormKind) -> None:
    blank = Form(kind, FormPerson(), FormCare(), REGION, "", TODAY)
    text = printed(sheets_of(blank))
    assert "None" not in text
    assert "●" not in text


def test_the_box_of_a_long_text_grows_with_it() -> None:
    care = FormCare(summary="反复头晕" * 249 + "止")
    told = Form(FormKind.REFERRAL, PERSON, care, "重庆市", "上海市", TODAY)
    pdf = pdf_of_sheets(sheets_of(told), LETTER)
    document = pypdfium2.PdfDocument(pdf)
    text = document[0].get_textpage()
    whole = text.get_text_range()
    last, caption = whole.index("止"), whole.index("转诊理由")
    # Left, bottom, right and top of a letter, from the page's foot.
    assert text.get_charbox(last)[1] > text.get_charbox(caption)[3]
    text.close()
    document.close()


def test_a_box_that_a_page_has_no_room_for_takes_its_caption_along() -> None:
    care = FormCare(summary="反复头晕" * 249 + "止", reason="本院无此设备")
    told = Form(FormKind.REFERRAL, PERSON, care, "重庆市", "上海市", TODAY)
    first, second = pages_of(pdf_of_sheets(sheets_of(told), LARGE))
    assert "病情摘要" in first
    assert "止" in first
    assert "转诊理由" not in first
    in_order(second, "转诊理由", "本院无此设备")


def test_what_callers_tell_is_no_markup() -> None:
    person = FormPerson(person_name="<b>&x")
    (sheet,) = sheets_of(Form(FormKind.TRAUMA_COMMITMENT, person, FormCare(), "", "", TODAY))
    page = html_of(sheet, large=False)
    assert "&lt;b&gt;&amp;x" in page
    assert "<b>" not in page


def test_a_copy_is_masked_and_a_letter_never_is() -> None:
    counter = Counter()
    copied = counter.print(FormKind.REGISTRATION, is_copy=True)
    assert "**测试" in copied
    assert "110105********002X" in copied
    assert "欧阳" not in copied
    for kind in (FormKind.LONG_TERM_COMMITMENT, FormKind.TRAUMA_COMMITMENT):
        with pytest.RaisesExc(RuleError, check=lambda error: "is_copy" in error.message):
            counter.print(kind, is_copy=True)


def test_what_is_stored_stands_on_the_form_and_is_put_on_record() -> None:
    counter = Counter()
    text = counter.print(FormKind.REGISTRATION, registration_id=REGISTRATION.registration_id)
    in_order(text, "●异地长期居住", REGION, "310000")
    text = counter.print(FormKind.CHRONIC_APPLICATION, qualification_id=counter.qualification_id)
    in_order(text, "高血压（M03900）", "三次血压")
    printings = [each for each in counter.work.audit.entries if each.method == "GetForm"]
    assert [each.detail["kind"] for each in printings] == ["REGISTRATION", "CHRONIC_APPLICATION"]
    assert all(PERSON_ID in each.subject_ids for each in printings)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (FormKind.REGISTRATION, {"registration_id": new_id()}, Reason.REGISTRATION_NOT_FOUND),
        (FormKind.TRAUMA_COMMITMENT, {"registration_id": new_id()}, Reason.FIELD_OUT_OF_RANGE),
        (FormKind.REFERRAL, {"qualification_id": new_id()}, Reason.FIELD_OUT_OF_RANGE),
        (
            FormKind.CHRONIC_APPLICATION,
            {"qualification_id": new_id()},
            Reason.QUALIFICATION_NOT_FOUND,
        ),
    ],
)
def test_what_does_not_belong_on_a_form_is_refused(
    kind: FormKind, fields: dict[str, Any], reason: Reason
) -> None:
    with pytest.RaisesExc(RuleError, check=lambda error: error.reason is reason):
        Counter().print(kind, **fields)


def test_an_institution_prints_of_its_own_qualifications_alone() -> None:
    counter = Counter()
    id = counter.qualification_id
    own, other = f"institution/{HOSPITAL}", f"institution/{OTHER_HOSPITAL}"
    assert "高血压" in counter.print(FormKind.CHRONIC_APPLICATION, own, qualification_id=id)
    with pytest.RaisesExc(
        RuleError, check=lambda error: error.reason is Reason.QUALIFICATION_NOT_FOUND
    ):
        counter.print(FormKind.CHRONIC_APPLICATION, other, qualification_id=id)
    with pytest.RaisesExc(
        RuleError, check=lambda error: error.reason is Reason.REGISTRATION_NOT_FOUND
    ):
        counter.print(FormKind.REFERRAL, own, registration_id=REGISTRATION.registration_id)


@pytest.mark.parametrize(
    ("basis", "state", "words"),
    [
        (Basis.PROOF, State.ACTIVE, ("●证明材料", "○个人承诺书", "准予备案")),
        (Basis.COMMITMENT, State.REJECTED, ("○证明材料", "●个人承诺书", "不予备案")),
        # Nothing is asked for, and who decides writes the result.
        (Basis.NONE, State.SUBMITTED, ("○证明材料", "○个人承诺书", "经办结果申请人签字")),
    ],
)
def test_a_registration_form_says_what_it_rests_on_and_what_came_of_it(
    basis: Basis, state: State, words: tuple[str, ...]
) -> None:
    asked = dataclasses.replace(REGISTRATION.application, basis=basis)
    registration = dataclasses.replace(REGISTRATION, application=asked, state=state)
    sheets = sheets_of(form(FormKind.REGISTRATION, registration=registration))
    text = printed(sheets)
    assert [each for each in words if each not in text] == []
