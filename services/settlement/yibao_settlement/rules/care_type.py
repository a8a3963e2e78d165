"""Care types (医疗类别, med_type): the national list, and what each is.

Regions add codes of their own below these; what is in no list is refused, since no policy
could be meant for it.
"""

import enum
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

LIST_NAME = "med_type"
# The fact of a bill, as policy files name it.
CARE_TYPE = "care_type"


class CareKind(enum.Enum):
    """What kind of care a care type is."""

    OUTPATIENT = "outpatient"
    EMERGENCY = "emergency"
    CHRONIC = "chronic"
    INPATIENT = "inpatient"
    DAY_SURGERY = "day_surgery"
    MATERNITY = "maternity"
    PHARMACY = "pharmacy"


class CareType(NamedTuple):
    """A care type: a stay has admission, discharge and interim bills.

    `needs_disease` is whether it is of a disease that the visit names. Pharmacies register
    what is `at_pharmacies`: purchases, and the outpatient care whose drugs they dispense.
    """

    kind: CareKind
    is_stay: bool = False
    needs_disease: bool = False
    at_pharmacies: bool = False


_OUTPATIENT = CareType(CareKind.OUTPATIENT)
_EMERGENCY = CareType(CareKind.EMERGENCY)
_INPATIENT = CareType(CareKind.INPATIENT, is_stay=True)
_CHRONIC = CareType(CareKind.CHRONIC, needs_disease=True, at_pharmacies=True)
_SPECIAL_DRUG = CareType(CareKind.OUTPATIENT, at_pharmacies=True)
_DELIVERY = CareType(CareKind.MATERNITY, is_stay=True)

CARE_TYPES = {
    "11": _OUTPATIENT,
    "1103": _OUTPATIENT,  # Cancer screening.
    "12": _OUTPATIENT,  # Registration.
    "13": _EMERGENCY,
    "1301": _EMERGENCY,  # Rescue.
    "14": _CHRONIC,  # Chronic and special diseases (门诊慢特病).
    "18": _SPECIAL_DRUG,
    "21": _INPATIENT,
    "2101": _INPATIENT,
    "2102": CareType(CareKind.INPATIENT, is_stay=True, needs_disease=True),  # Paid by disease.
    "2105": _INPATIENT,  # Rehabilitation.
    "2106": _DELIVERY,
    "2107": _DELIVERY,
    "2109": _INPATIENT,  # Rescue of newborns.
    "21303": _INPATIENT,  # Psychiatry.
    "22": _INPATIENT,  # Trauma.
    "23": _INPATIENT,  # Referral.
    "24": _INPATIENT,  # From emergency.
    "28": CareType(CareKind.DAY_SURGERY, is_stay=True),
    "41": CareType(CareKind.PHARMACY, at_pharmacies=True),
    "51": CareType(CareKind.MATERNITY),
    "52": _DELIVERY,
    "71": _OUTPATIENT,  # A bed at home is no stay: who has one may be admitted.
    "9901": _CHRONIC,  # Hypertension and diabetes (两病).
    "9903": _OUTPATIENT,  # Accidents.
    "9904": _SPECIAL_DRUG,
}


def care_type_of(code: str) -> CareType:
    """Returns the care type of a code; raises RuleError CARE_TYPE_UNKNOWN."""
    care_type = CARE_TYPES.get(code)
    if care_type is None:
        raise RuleError(
            Reason.CARE_TYPE_UNKNOWN,
            f"care type {code} is no code of the national list {LIST_NAME}",
            care_type=code,
            list=LIST_NAME,
        )
    return care_type


def is_stay(code: str) -> bool:
    """Tells whether care of a code is a stay; of one that is in no list it is none."""
    care_type = CARE_TYPES.get(code)
    return care_type is not None and care_type.is_stay


def needs_disease(code: str) -> bool:
    """Tells whether care of a code is of a disease that the visit names."""
    care_type = CARE_TYPES.get(code)
    return care_type is not None and care_type.needs_disease


def check_care_type(code: str, *, is_pharmacy: bool) -> CareType:
    """Returns the care type that is registered at a pharmacy or elsewhere.

    Raises RuleError CARE_TYPE_UNKNOWN, or CARE_TYPE_NOT_ALLOWED at a pharmacy.
    """
    care_type = care_type_of(code)
    if is_pharmacy and not care_type.at_pharmacies:
        raise care_type_not_allowed(code, "is not registered at a pharmacy")
    return care_type


def is_named_by(pattern: str, code: str) -> bool:
    """Tells whether a pattern (a care type, or with a `*` at its end the beginning of some) names
    a care type of the list: it fits, and its care types are of one kind.

    The kind is that of the care type before the `*`, as in `14*`, else of the first that fits:
    `2*` are stays in hospital, and names neither day surgery nor deliveries. `*` names nothing.
    """
    beginning = pattern.removesuffix("*")
    if beginning == pattern or not code.startswith(beginning):
        return code == pattern
    first = next(
        each
        for each in (beginning, *CARE_TYPES)
        if each in CARE_TYPES and each.startswith(beginning)
    )
    return bool(beginning) and CARE_TYPES[code].kind is CARE_TYPES[first].kind


def care_type_not_allowed(code: str, why: str) -> RuleError:
    """Returns the refusal of what is not done for a care type; `why` goes on after its code."""
    return RuleError(Reason.CARE_TYPE_NOT_ALLOWED, f"care type {code} {why}", care_type=code)
