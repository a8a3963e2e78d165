"""What codes of the national dictionaries are called on paper: people read names only.

A code that is not here is printed as it is, with what kind of code it is told by its label.
"""

from collections.abc import Mapping

from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH, INSURANCE_NAMES_ZH

# hosp_lv
LEVELS_ZH: Mapping[str, str] = {
    "1": "三级特等",
    "2": "三级甲等",
    "3": "三级乙等",
    "4": "三级丙等",
    "5": "二级甲等",
    "6": "二级乙等",
    "7": "二级丙等",
    "8": "一级甲等",
    "9": "一级乙等",
    "10": "一级丙等",
    "11": "无等级",
    "12": "三级未定等",
    "13": "二级未定等",
    "14": "一级未定等",
}

# med_type
CARE_TYPES_ZH: Mapping[str, str] = {
    "11": "普通门诊",
    "12": "门诊挂号",
    "13": "急诊",
    "14": "门诊慢特病",
    "18": "特殊药品",
    "21": "普通住院",
    "22": "外伤住院",
    "23": "转外诊治住院",
    "24": "急诊转住院",
    "28": "日间手术",
    "41": "定点药店购药",
    "51": "生育门诊",
    "52": "生育住院",
    "71": "家庭病床",
    "1103": "癌症筛查",
    "1301": "急诊抢救",
    "2101": "普通住院",
    "2102": "单病种住院",
    "2105": "康复住院",
    "2106": "居民住院分娩",
    "2107": "居民住院分娩",
    "2109": "新生儿抢救住院",
    "21303": "精神病住院",
    "9901": "两病门诊",
    "9903": "意外伤害门诊",
    "9904": "特殊药品",
}

# psn_type
PERSON_CLASSES_ZH: Mapping[str, str] = {
    "11": "在职职工",
    "12": "退休人员",
    "13": "离休人员",
    "14": "居民（未成年人）",
    "15": "居民（成年人）",
    "16": "居民（老年人）",
    "1401": "新生儿",
    "1402": "学龄前儿童",
    "1403": "中小学生",
    "1404": "大学生",
    "34": "建国前老工人",
}

# psn_idet_type
GROUPS_ZH: Mapping[str, str] = {
    "2303": "最低生活保障对象",
    "2304": "特困人员",
    "2305": "低收入人口",
    "2306": "因病致贫人员",
}

# chrgitm_lv
CLASSES_ZH: Mapping[str, str] = {"01": "甲类", "02": "乙类", "03": "丙类（目录外）"}

# What the care groups of policies are called where their bills are counted.
_COUNTED_ZH: Mapping[str, str] = {"inpatient": "住院", "outpatient": "门诊"}


# Who bears a part of a bill beside funds and the person.
BEARERS_ZH: Mapping[str, str] = {
    "hospital": "医疗机构承担",
    "employer": "用人单位支付",
    "treasury": "财政支付",
}

# What is counted in a year, by the window that takes a number.
COUNTED_ZH: Mapping[str, str] = {
    "bill": "结算次数",
    "day": "就诊天数",
    "month": "就诊月数",
    "period": "周期数",
    "stay": "就诊（住院）次数",
    "year": "年数",
}


def named(names: Mapping[str, str], code: str) -> str:
    """Returns what a code is called, or the code where the dictionary has no name for it."""
    return names.get(code, code)


def fund_zh(fund_type: str) -> str:
    """Returns what a fund (fund_pay_type) is called."""
    return FUND_NAMES_ZH.get(fund_type, f"基金{fund_type}")


def insurance_zh(insurance_type: str) -> str:
    """Returns what an insurance type (insutype) is called."""
    return INSURANCE_NAMES_ZH.get(insurance_type, f"险种{insurance_type}")


def counted_zh(care_group: str) -> str:
    """Returns what the bills of a care group are called where they are counted."""
    return f"{_COUNTED_ZH.get(care_group, care_group)}结算次数"


_RELATIONS = (
    ("亲属", "relative"),
    ("配偶", "spouse"),
    ("父母", "parent"),
    ("子女", "child"),
    ("亲属", "relative"),
    ("兄弟姐妹", "sibling"),
    ("祖父母", "grandparent"),
    ("孙子女", "grandchild"),
)


def relation_zh(relation: int) -> str:
    """Returns what a relative is to a person, in Chinese."""
    return _relation(relation)[0]


def relation_en(relation: int) -> str:
    """Returns what a relative is to a person, in English."""
    return _relation(relation)[1]


def _relation(relation: int) -> tuple[str, str]:
    return _RELATIONS[relation] if 0 <= relation < len(_RELATIONS) else _RELATIONS[0]
