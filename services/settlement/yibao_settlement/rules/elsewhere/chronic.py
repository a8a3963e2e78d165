"""Chronic diseases whose outpatient care is settled elsewhere (医保办发〔2024〕19号)."""

import datetime as dt
from collections.abc import Sequence

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.enrolment import RegisteredDisease

# The ten of the national list, by the first four characters: a region's sub-codes are of the
# disease that they begin with.
OPEN_DISEASES = {
    "M039": "hypertension",
    "M016": "diabetes",
    "M005": "outpatient treatment of malignant tumours",
    "M078": "dialysis",
    "M083": "anti-rejection after a transplant",
    "M053": "chronic obstructive pulmonary disease",
    "M069": "rheumatoid arthritis",
    "M046": "coronary disease",
    "M002": "viral hepatitis",
    "M072": "ankylosing spondylitis",
}
_DISEASE = 4


def is_open(disease_code: str) -> bool:
    """Tells whether a disease, or the one that a sub-code is of, is settled elsewhere."""
    return disease_code[:_DISEASE] in OPEN_DISEASES


def check_disease(disease_code: str, diseases: Sequence[RegisteredDisease], *, on: dt.date) -> None:
    """Raises OFFSITE_DISEASE_NOT_QUALIFIED where a disease is not settled elsewhere for somebody.

    It is of the ten, and the person's own qualification holds on the day, be it under another
    sub-code.
    """
    is_held = any(
        each.disease_code[:_DISEASE] == disease_code[:_DISEASE]
        and each.start_date <= on
        and (each.end_date is None or on <= each.end_date)
        for each in diseases
    )
    if is_open(disease_code) and is_held:
        return
    why = "the person has no qualification for it" if is_open(disease_code) else "it is none of ten"
    raise RuleError(
        Reason.OFFSITE_DISEASE_NOT_QUALIFIED,
        f"disease {disease_code} is not settled elsewhere on {on.isoformat()}: {why}",
        disease_code=disease_code,
        is_open=str(is_open(disease_code)).lower(),
        date=on.isoformat(),
    )
