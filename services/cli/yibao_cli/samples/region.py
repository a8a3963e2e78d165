"""The region in which everything can be tried: institutions of every level beside its own."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from yibao_cli.parties import institution_leaf
from yibao_cli.regions import Institution, Region

# Employees of two classes, with personal accounts, hospitals of four levels and a pharmacy.
HOME = "330100"

_START = dt.date(2020, 1, 1)
_LEVELS = {
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
    "12": "未定级三级",
    "13": "未定级二级",
    "14": "未定级一级",
}
# Whose agreement is over, and which takes no e-certificates.
CLOSED_ID = f"H{HOME}99897"
WITHOUT_ECERT_ID = f"H{HOME}99896"
_CLOSED_DATE = dt.date(2024, 12, 31)


def level_id(level: str) -> str:
    """Returns the hospital of a level that is loaded in the home region."""
    return f"H{HOME}998{int(level):02d}"


def with_samples(regions: Iterable[Region]) -> list[Region]:
    """Returns regions of which the home region has institutions of every level too."""
    return [_with_samples(each) if each.region == HOME else each for each in regions]


def sample_institutions() -> tuple[Institution, ...]:
    """Returns the institutions that are loaded in the home region beside its own."""
    levels = (
        Institution(level_id(level), f"示例{name}医院（样例）", level, True, _START, None)
        for level, name in _LEVELS.items()
    )
    return (
        *levels,
        Institution(CLOSED_ID, "示例已解除协议医院（样例）", "5", True, _START, _CLOSED_DATE),
        Institution(WITHOUT_ECERT_ID, "示例未接入电子凭证医院（样例）", "8", False, _START, None),
    )


def institution_documents(region: Region) -> list[dict[str, str | bool]]:
    """Returns the institutions of a region as programs are told them.

    `certificate` is the name of the certificate file; `end_date` is empty while they are open.
    """
    return [
        {
            "region": region.region,
            "institution_id": each.institution_id,
            "institution_name": each.institution_name,
            "institution_level": each.institution_level,
            "takes_ecert": each.ecert_supported,
            "end_date": "" if each.end_date is None else each.end_date.isoformat(),
            "certificate": institution_leaf(region, each.institution_id),
        }
        for each in region.institutions
    ]


def _with_samples(region: Region) -> Region:
    return replace(region, institutions=(*region.institutions, *sample_institutions()))
