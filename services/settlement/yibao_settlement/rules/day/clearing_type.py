"""Clearing types (清算类别, clr_type): the base list, by the care type of a visit."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from yibao_settlement.rules.care_type import CARE_TYPES, CareKind

OTHER = "99"
_OUTPATIENT, _INPATIENT = "11", "21"
# Care at birth is of the one or the other, see below.
_OF_KINDS: Mapping[CareKind, str] = MappingProxyType(
    {
        CareKind.OUTPATIENT: _OUTPATIENT,
        CareKind.EMERGENCY: _OUTPATIENT,
        CareKind.CHRONIC: "14",
        CareKind.INPATIENT: _INPATIENT,
        CareKind.DAY_SURGERY: _INPATIENT,
        CareKind.PHARMACY: "41",
    }
)


def clearing_type_of(care_type: str) -> str:
    """Returns the clearing type under which visits of a care type are cleared.

    One that the list does not know, as of a region's own code of before, is `OTHER`.
    """
    known = CARE_TYPES.get(care_type)
    if known is None:
        return OTHER
    return _OF_KINDS.get(known.kind, _INPATIENT if known.is_stay else _OUTPATIENT)


class CareTypes(NamedTuple):
    """The care types of a clearing type: these, or with `are_others` all that are none of these."""

    among: tuple[str, ...]
    are_others: bool = False


def care_types_of(clearing_type: str) -> CareTypes:
    """Returns the care types whose visits are cleared under a clearing type."""
    if clearing_type == OTHER:
        known = (each for each in CARE_TYPES if clearing_type_of(each) != OTHER)
        return CareTypes(tuple(sorted(known)), are_others=True)
    own = (each for each in CARE_TYPES if clearing_type_of(each) == clearing_type)
    return CareTypes(tuple(sorted(own)))
