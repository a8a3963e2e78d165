"""Commitments that are signed: of long-term residents, and of who was injured by nobody else."""

from yibao_common.values.sheet import Prose, Room, Sheet
from yibao_offsite.rules.form.form import Form, choice, foot, grid

_CATEGORIES = (
    ("RETIRED_RESETTLED", "异地安置退休"),
    ("LONG_TERM_RESIDENT", "异地长期居住"),
    ("POSTED_WORKER", "常驻异地工作"),
)
_TOLD = (
    "一、异地长期居住是指在参保地以外连续居住、生活或工作六个月及以上。",
    "二、备案生效后，可在备案的就医地各联网定点医疗机构按开通的住院、门诊和门诊慢特病服务直接结算，"
    "执行就医地支付范围和参保地支付政策。",
    "三、以承诺方式办理的，同一时间只能备案一个就医地；需要备案多个就医地的，应当提供相应证明材料。",
    "四、以承诺方式办理的，备案生效满六个月后方可变更或取消；提供证明材料的，可随时变更或取消。",
)
_PROMISED = (
    "一、本人已认真阅读上述告知事项，符合所选备案类别的条件。",
    "二、本人所填信息真实、准确。如有虚假，本人愿承担相应的法律责任和信用后果，接受暂停异地就医直接结算，"
    "并退回医疗保障基金已支付的费用。",
    "三、本人已了解异地就医备案、结算的有关政策。",
    "四、上述承诺是本人的真实意思表示。",
)
_KEPT = "本承诺书由经办机构存档，保存期不少于两年。"
_TRAUMA_PROMISED = (
    "一、本人此次受伤不存在第三方责任，也不属于工伤保险基金支付范围；如与事实不符，本人愿全额退回医疗保障"
    "基金已支付的费用。",
    "二、本人授权医疗保障经办机构向公安、交通、工伤认定等部门和医疗机构查询、核实与此次受伤有关的信息。",
    "三、本人所述受伤的时间、地点和经过以及提供的材料真实；提供虚假材料、虚构事实的，本人愿承担相应的法律责任。",
)
_TRAUMA_HINTS = (
    "以欺诈、伪造证明材料或者其他手段骗取医疗保障基金支出的，由医疗保障行政部门依法处理；构成犯罪的，"
    "依照《中华人民共和国刑法》第二百六十六条追究刑事责任。",
    "受伤经过由承诺人手写；承诺人不能书写的，可由近亲属代写代签，并注明代签人的身份证号和联系电话。",
)


def long_term_commitment(form: Form) -> Sheet:
    """Returns the letter of annex 1 of 苏医保发〔2022〕75号."""
    person, registration = form.person, form.registration
    chosen = "" if registration is None else registration.category.name
    return Sheet(
        title="长期异地居住人员个人承诺书",
        unit="",
        mark="",
        front=(
            grid(
                (("姓名", person.person_name), ("性别", person.gender_name)),
                (("联系电话1", person.phone(1)), ("身份证号", person.certificate_number)),
                (("联系电话2", person.phone(2)), ("参保地", form.region_name)),
                (("就医地", form.treatment_region_name),),
                (("备案类别", choice(_CATEGORIES, chosen)),),
            ),
            Prose("告知事项", _TOLD),
            Prose("承诺事项", _PROMISED),
            Prose("", (_KEPT,)),
        ),
        signatures=("本人签字", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )


def trauma_commitment(form: Form) -> Sheet:
    """Returns the letter of annex 7: with room for the course of events in handwriting."""
    person = form.person
    return Sheet(
        title="外伤无第三方责任承诺书",
        unit="",
        mark="",
        front=(
            grid(
                (("承诺人", person.person_name), ("联系电话", person.phone(1))),
                (("证件类型", person.certificate_name), ("证件号码", person.certificate_number)),
            ),
            Prose("承诺事项", _TRAUMA_PROMISED),
            grid((("受伤时间", ""), ("受伤地点", ""))),
            # A tick is not enough: whoever signs tells what happened in his own hand.
            Room("受伤经过（手写）", "", 9),
            Prose("提示", _TRAUMA_HINTS),
            grid((("代签人身份证号", ""), ("代签人电话", ""))),
        ),
        signatures=("承诺人（代签人）签字", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )
