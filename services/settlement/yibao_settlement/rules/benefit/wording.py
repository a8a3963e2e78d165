"""What facts and their codes are called."""

from collections.abc import Mapping

from yibao_settlement.rules.benefit.facts import CARE_GROUP, COUNT
from yibao_settlement.rules.statement.labels import (
    CARE_TYPES_ZH,
    GROUPS_ZH,
    LEVELS_ZH,
    PERSON_CLASSES_ZH,
)

FACT_NAMES_ZH: Mapping[str, str] = {
    CARE_GROUP: "医疗类别组",
    "care_type": "医疗类别",
    "disease": "病种",
    "institution": "医疗机构",
    "institution_level": "医院等级",
    "institution_kind": "机构类别",
    "offsite": "异地就医类别",
    "path": "结算途径",
    "person_class": "人员类别",
    "tier": "缴费档次",
    "entitlement_groups": "人员身份类别",
    "diseases": "认定病种",
    "age": "年龄",
    "months_insured": "连续参保月数",
    "months_owing": "欠缴月数",
    "years_unclaimed": "连续未报销年数",
}

# Codes that say what they are in English alone.
CODE_NAMES_ZH: Mapping[str, str] = {
    "local": "本地就医",
    "long_term": "异地长期居住",
    "referral": "转外就医",
    "emergency": "异地急诊抢救",
    "temporary": "临时外出就医",
    "unregistered": "未备案异地就医",
    "counter": "联网结算",
    "claim": "手工报销",
}


def fact_zh(fact: str) -> str:
    """Returns what a fact is called."""
    if fact.startswith(COUNT):
        return f"第几次（{fact.removeprefix(COUNT)}）"
    return FACT_NAMES_ZH[fact]


# Dictionaries of which people read the names; a code beside them is easily taken for another.
_NAMED_ZH: Mapping[str, Mapping[str, str]] = {
    "institution_level": LEVELS_ZH,
    "care_type": CARE_TYPES_ZH,
    "person_class": PERSON_CLASSES_ZH,
    "entitlement_groups": GROUPS_ZH,
}
# Level and grade (hosp_lv): the code 2 is no level 2.
_LEVELS_EN: Mapping[str, str] = {
    **{"1": "3 special", "2": "3A", "3": "3B", "4": "3C", "5": "2A", "6": "2B", "7": "2C"},
    **{"8": "1A", "9": "1B", "10": "1C", "11": "no level"},
    **{"12": "3 without grade", "13": "2 without grade", "14": "1 without grade"},
}


def code_zh(fact: str, code: str) -> str:
    """Returns name and code of a fact's value: `三级甲等（2）`; the code alone without a name."""
    named = _NAMED_ZH.get(fact, {}).get(code)
    return f"{named}（{code}）" if named else CODE_NAMES_ZH.get(code, code)


def code_en(fact: str, code: str) -> str:
    """Returns a value of a fact, a level with its grade: `2 (3A)`."""
    if fact == "institution_level" and code in _LEVELS_EN:
        return f"{code} ({_LEVELS_EN[code]})"
    return code
