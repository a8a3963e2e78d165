"""What facts and their closed codes are called in Chinese."""

from collections.abc import Mapping

from yibao_settlement.rules.benefit.facts import CARE_GROUP, COUNT

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
