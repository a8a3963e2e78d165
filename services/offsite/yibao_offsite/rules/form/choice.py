"""The choice of an institution for chronic diseases: until when it holds, and its two halves.

A first choice holds to the end of the year in which it is made. Anew an institution is chosen
in November and December, for the next year.
"""

import dataclasses
import datetime as dt

from yibao_common.values.sheet import Prose, Sheet
from yibao_offsite.rules.form.form import (
    ChoiceKind,
    Form,
    FormInstitutionChoice,
    choice,
    day,
    foot,
    grid,
)

# Months in which the institution of the next year is chosen.
_FIRST_MONTH_ANEW = 11
_KINDS = ((ChoiceKind.FIRST.name, "首次选定"), (ChoiceKind.ANEW.name, "重新选定"))
_AGREED = (
    "乙方自愿选定甲方为本人门诊慢特病的定点医疗机构，双方约定：",
    "1. 甲方按规定为乙方提供业务范围内的门诊医疗服务，建立健康档案，随访病情，指导治疗。",
    "2. 甲方按认定病种的需要开具处方；乙方不要求开具与认定病种无关的药品和诊疗项目。",
    "3. 乙方由本人就诊；由家属代为取药的，出示双方身份证明，由甲方核对登记。",
    "4. 乙方需外出较长时间的，事先告知甲方。",
    "5. 本约定的有效期止于年底，期满自行终止。",
)
_TOLD = (
    "首次选定：第一次选定门诊慢特病定点医疗机构，自选定之日起至当年年底有效。",
    "重新选定：每年11月至12月选定下一年度的定点医疗机构，自下一年度1月1日起至年底有效。",
)
_SEAM = "（定点医疗机构骑缝章）"


def is_made_in_time(chosen: FormInstitutionChoice) -> bool:
    """Returns whether an institution may be chosen on the day that is told, if one is."""
    return (
        chosen.kind is not ChoiceKind.ANEW
        or chosen.choice_date is None
        or chosen.choice_date.month >= _FIRST_MONTH_ANEW
    )


def days_of(chosen: FormInstitutionChoice) -> tuple[dt.date, dt.date] | None:
    """Returns first and last day of a choice, both included; None where too little is told."""
    made = chosen.choice_date
    if made is None or chosen.kind is None:
        return None
    if chosen.kind is ChoiceKind.FIRST:
        return made, dt.date(made.year, 12, 31)
    return dt.date(made.year + 1, 1, 1), dt.date(made.year + 1, 12, 31)


def institution_choice(form: Form) -> tuple[Sheet, ...]:
    """Returns the halves of a choice: the agency's, and below the seam the person's."""
    person, chosen = form.person, form.institution_choice
    start, end = days_of(chosen) or (None, None)
    kind = "" if chosen.kind is None else chosen.kind.name
    half = Sheet(
        title="门诊慢特病定点医疗机构择点申请表",
        unit="第一联　经办机构留存",
        mark="",
        front=(
            grid(
                (("乙方申请人", person.person_name), ("身份证号码", person.certificate_number)),
                (
                    ("代办人", chosen.agent.person_name),
                    ("身份证号码", chosen.agent.certificate_number),
                ),
                (("联系电话", person.phone(1)), ("参保地", form.region_name)),
                (("居住地址", person.address),),
                (("甲方定点机构", chosen.institution_name), ("机构编码", chosen.institution_id)),
                (("选定类别", choice(_KINDS, kind)), ("选定日期", day(chosen.choice_date))),
                (("有效期起", day(start)), ("有效期止", day(end))),
            ),
            Prose("", _AGREED),
        ),
        signatures=("甲方（章）", "乙方（代办人）签名", "收表人", "收表日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
    )
    told = Prose("说明", _TOLD)
    kept = dataclasses.replace(
        half,
        unit="第二联　参保人留存",
        front=(*half.front, told),
        signatures=half.signatures[:2],
        seam=_SEAM,
    )
    return half, kept
