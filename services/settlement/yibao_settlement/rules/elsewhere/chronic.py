"""Chronic diseases whose outpatient care is settled elsewhere (医保办发〔2024〕19号)."""

import datetime as dt
from collections.abc import Sequence

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.enrolment import RegisteredDisease

# The ten of the national list, by their whole codes.
OPEN_DISEASES = {
    "M03900": "hypertension",
    "M01600": "diabetes",
    "M00500": "outpatient treatment of malignant tumours",
    "M07801": "dialysis",
    "M08300": "anti-rejection after a transplant",
    "M05300": "chronic obstructive pulmonary disease",
    "M06900": "rheumatoid arthritis",
    "M04600": "coronary disease",
    "M00200": "viral hepatitis",
    "M07200": "ankylosing spondylitis",
}
# National codes that begin as one of the ten and are another disease: tumours without radiation
# and chemotherapy.
_ANOTHER_DISEASE = frozenset({"M00504"})
_DISEASE, _WHOLE = 4, "00"


def open_disease(disease_code: str) -> str | None:
    """Returns which of the ten a code is of, None where of none.

    A code of the ten is itself; any other one is of the whole disease with the same first four
    characters, as offsite's list has it, unless the national list has it as a disease of its own.
    So `M03905` is `M03900`, and `M07800`, renal failure without dialysis, is not `M07801`.
    """
    if disease_code in OPEN_DISEASES:
        return disease_code
    whole = disease_code[:_DISEASE] + _WHOLE
    return whole if whole in OPEN_DISEASES and disease_code not in _ANOTHER_DISEASE else None


def check_disease(disease_code: str, diseases: Sequence[RegisteredDisease], *, on: dt.date) -> None:
    """Raises OFFSITE_DISEASE_NOT_QUALIFIED where a disease is not settled elsewhere for somebody.

    It is of the ten, and the person's own qualification holds on the day, be it under another
    sub-code.
    """
    disease = open_disease(disease_code)
    is_held = any(
        open_disease(each.disease_code) == disease
        and each.start_date <= on
        and (each.end_date is None or on <= each.end_date)
        for each in diseases
    )
    if disease is not None and is_held:
        return
    why = "it is none of ten" if disease is None else "the person has no qualification for it"
    raise RuleError(
        Reason.OFFSITE_DISEASE_NOT_QUALIFIED,
        f"disease {disease_code} is not settled elsewhere on {on.isoformat()}: {why}",
        disease_code=disease_code,
        is_open=str(disease is not None).lower(),
        date=on.isoformat(),
    )
