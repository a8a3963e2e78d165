"""Papers of hospitals and agencies: registrations, referrals, care outside, chronic diseases."""

import dataclasses

from yibao_common.values.sheet import Prose, Room, Sheet
from yibao_offsite.rules.form.form import Form, choice, day, foot, grid
from yibao_offsite.rules.registration.states import State

_CATEGORIES = (
    ("RETIRED_RESETTLED", "异地安置退休"),
    ("LONG_TERM_RESIDENT", "异地长期居住"),
    ("POSTED_WORKER", "常驻异地工作"),
    ("REFERRAL", "异地转诊"),
    ("EMERGENCY", "异地急诊抢救"),
    ("OTHER_TEMPORARY", "其他临时外出就医"),
    ("MATERNITY", "异地生育"),
)
_EVIDENCE = (("PROOF", "证明材料"), ("COMMITMENT", "个人承诺书"))
# What came of an application; of one that waits the agency writes it.
_RESULTS = {
    State.ACTIVE: "准予备案",
    State.CANCELLED: "已取消",
    State.RETURNED: "材料退回补正",
    State.REJECTED: "不予备案",
    State.WITHDRAWN: "申请人撤回",
    State.ENDED: "已终止",
    State.REVOKED: "已撤销",
}
_DECLARED = (
    "本人已了解异地就医备案的有关政策，所填内容真实；参保关系或居住情况变化时，及时办理变更或取消。",
)
# Who keeps which copy.
_COPIES = ("第一联　参保人留存", "第二联　经办机构留存")


def registration_form(form: Form) -> Sheet:
    """Returns the form of a registration for care elsewhere."""
    person, registration = form.person, form.registration
    chosen = "" if registration is None else registration.category.name
    basis = "" if registration is None else registration.application.basis.name
    result = "" if registration is None else _RESULTS.get(registration.state, "")
    start = None if registration is None else registration.start_date
    end = day(None if registration is None else registration.end_date)
    if registration is not None and registration.end_date is None:
        end = "长期"
    return Sheet(
        title="基本医疗保险异地就医备案表",
        unit="",
        mark="",
        front=(
            grid(
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("险种", person.insurance_name), ("证件类型", person.certificate_name)),
                (("证件号码", person.certificate_number), ("联系电话", person.phone(1))),
                (("备案类别", choice(_CATEGORIES, chosen)),),
                (("参保地", form.region_name), ("就医地", form.treatment_region_name)),
                (("开始日期", day(start)), ("结束日期", end)),
                (("就医地住址", person.address),),
                (("联系人", ""), ("联系人电话", person.phone(2))),
                (("备案依据", choice(_EVIDENCE, basis)),),
            ),
            Prose("声明", _DECLARED),
            grid(
                (("备案编号", "" if registration is None else registration.registration_id),),
                (("经办结果", result),),
            ),
        ),
        signatures=("申请人签字", "经办人", "经办机构（章）", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )


def referral_form(form: Form) -> Sheet:
    """Returns a referral to a hospital elsewhere (2501)."""
    person, care, registration = form.person, form.care, form.registration
    until = care.end_date
    if until is None and registration is not None:
        until = registration.end_date
    return Sheet(
        title="基本医疗保险异地转诊单",
        unit="",
        mark="",
        front=(
            grid(
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("证件号码", person.certificate_number), ("联系电话", person.phone(1))),
                (("转出医院", care.institution_name), ("科室", care.department_name)),
                (("诊断及编码", care.diagnosis_name),),
            ),
            Room("病情摘要", care.summary, 5),
            Room("转诊理由", care.reason, 3),
            grid(
                (("转往地区", form.treatment_region_name),),
                (("转往医院", care.other_institution_name),),
                (("有效期至", day(until)), ("医师", care.doctor_name)),
            ),
        ),
        signatures=("科主任", "医疗机构（章）", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )


def outside_care(form: Form) -> Sheet:
    """Returns the certificate of annex 8: an examination or drug outside during a stay."""
    person, care = form.person, form.care
    return Sheet(
        title="外院检查/双通道购药证明",
        unit="",
        mark="",
        front=(
            grid(
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("证件号码", person.certificate_number), ("联系电话", person.phone(1))),
                (("诊断", care.diagnosis_name),),
                (("住院医疗机构", care.institution_name),),
                (("检查/购药机构", care.other_institution_name),),
                (("项目或药品", care.item_name),),
            ),
            Room("理由", care.reason, 4),
            Prose("", ("该项费用发生在本次住院期间，并入本次住院费用结算。",)),
            grid((("医师", care.doctor_name),)),
        ),
        signatures=("医疗机构医保部门（章）", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )


def chronic_application(form: Form) -> tuple[Sheet, ...]:
    """Returns the application for a chronic disease, in a copy for the person and the agency's."""
    person, care, found = form.person, form.care, form.qualification
    disease = "" if found is None else f"{found.disease_name}（{found.disease_code}）"
    start, end = (None, None) if found is None else (found.start_date, found.end_date)
    treated = "" if found is None else "、".join(found.treating_institution_ids)
    until = "长期" if found is not None and found.checker and end is None else day(end)
    sheet = Sheet(
        title="门诊慢特病待遇认定申请表",
        unit="",
        mark="",
        front=(
            grid(
                (("序列号", "" if found is None else found.qualification_id),),
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("身份证号码", person.certificate_number), ("联系电话", person.phone(1))),
                (("参保地", form.region_name), ("险种", person.insurance_name)),
                (("住址", person.address),),
                (("申请医院", care.institution_name), ("科室", care.department_name)),
                (("医院编码", "" if found is None else found.institution_id),),
                (("申请病种", disease),),
                (("诊断编码", "" if found is None else found.diagnosis_code),),
            ),
            Room("病情摘要及诊断依据", "" if found is None else found.diagnosis_basis, 5),
            Room("诊治方案", care.summary, 3),
            grid(
                (("定点医疗机构", treated),),
                (("有效期起", day(start)), ("有效期止", until)),
                (("诊断医师", care.doctor_name), ("主任医师", "")),
                (("医务科意见", ""),),
            ),
        ),
        signatures=("参保人签字", "医疗机构（章）", "经办机构（章）", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )
    return tuple(dataclasses.replace(sheet, unit=each) for each in _COPIES)
