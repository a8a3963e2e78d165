"""What generated bills may say, so that generated tables can ask for it."""

from typing import Final

CODES: Final[dict[str, tuple[str, ...]]] = {
    "care_type": ("11", "14", "2101", "2102", "41"),
    "care_group": ("inpatient", "chronic", "outpatient"),
    "disease": ("M03900", "M01600", "M07800"),
    "institution": ("H1", "H2", "H3"),
    "institution_level": ("1", "2", "3"),
    "institution_kind": ("hospital", "pharmacy"),
    "offsite": ("local", "long_term", "referral", "emergency", "temporary", "unregistered"),
    "path": ("counter", "claim"),
    "person_class": ("11", "12", "15"),
    "tier": ("1", "2"),
}
SETS: Final[dict[str, tuple[str, ...]]] = {
    "entitlement_groups": ("2301", "2303", "2305"),
    "diseases": ("M03900", "M01600", "M07800"),
}
NUMBERS: Final[dict[str, int]] = {
    "age": 90,
    "months_insured": 36,
    "months_owing": 6,
    "years_unclaimed": 5,
}
# Those of enrolment, which may differ at admission.
ENROLMENT: Final = ("person_class", "tier", *SETS, *NUMBERS)
CARE_GROUPS: Final = {"inpatient": ["2*"], "chronic": ["14"], "outpatient": ["*"]}
ITEM_GROUPS: Final = ("implant", "dual_channel")
GIVERS: Final = ("390100", "390200")
