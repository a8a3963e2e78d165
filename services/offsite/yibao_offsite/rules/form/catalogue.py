"""The application of a retired cadre for what is outside of the catalogue, in two copies."""

import dataclasses

from yibao_common.values.sheet import Room, Sheet
from yibao_offsite.rules.form.form import Form, day, foot, grid

_ROOM_TO_SIGN = "　" * 10
# Who keeps which copy.
_COPIES = ("第一联　经办机构留存", "第二联　医疗机构留存")


def outside_catalogue(form: Form) -> tuple[Sheet, ...]:
    """Returns the application with the opinions of doctor, expert, hospital and agency."""
    person, care, said = form.person, form.care, form.opinions
    sheet = Sheet(
        title="离休人员医疗保障目录外药品、项目使用申请表",
        unit="",
        mark="",
        front=(
            grid(
                (("申请日期", day(care.apply_date)), ("参保地", form.region_name)),
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("年龄", person.age_on(form.printed_date)), ("联系电话", person.phone(1))),
                (
                    ("身份证号", person.certificate_number),
                    ("人员类别", person.person_class_name),
                ),
                (("工作单位", person.employer_name),),
                (("就诊机构", care.institution_name), ("科室", care.department_name)),
                (("疾病诊断", care.diagnosis_name),),
                (("药品、项目", care.item_name),),
            ),
            Room("病情简介", care.summary, 3),
            Room("申请依据", care.reason, 3, _signed("经治医生签名", care.doctor_name)),
            Room(
                "专家意见", said.expert_opinion, 2, _signed("专家签名（科主任）", said.expert_name)
            ),
            Room("医疗机构意见", said.institution_opinion, 2, _signed("医疗机构（章）")),
            Room("医保经办机构意见", said.agency_opinion, 2, _signed("经办机构（章）")),
        ),
        signatures=(),
        foot=f"本表一式两份，医保经办机构、医疗机构各执一份。　{foot(form)}",
        list_title="",
        list_pages=(),
    )
    return tuple(dataclasses.replace(sheet, unit=each) for each in _COPIES)


def _signed(label: str, name: str = "") -> str:
    """Returns where an opinion is signed or stamped and dated; who is told signs beside it."""
    return f"{label}：{name}{_ROOM_TO_SIGN}年　　月　　日"
