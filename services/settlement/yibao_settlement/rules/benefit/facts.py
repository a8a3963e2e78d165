"""The facts that tables of a policy may ask for: a closed list.

A file does not declare them, since where a fact comes from and what it can be never vary
from policy to policy. Codes are those of the national interface: med_type, psn_type,
psn_idet_type, hosp_lv.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

CARE_GROUP = "care_group"
COUNT = "count."


class Kind(enum.Enum):
    """What a fact can be: one code, a set of codes, or a whole number that is not negative."""

    CODE = "code"
    SET = "set"
    NUMBER = "number"


class Facts(NamedTuple):
    """What is known of a bill; None where it is not said.

    Facts of the person are those of the bill's last day or of the admission, as the policy
    has it. `offsite` is the category of the registration for care elsewhere, `path` how the
    bill came (at a counter or as a paper claim), `years_unclaimed` and the months are whole.
    """

    care_type: str | None = None
    disease: str | None = None
    institution: str | None = None
    institution_level: str | None = None
    institution_kind: str | None = None
    offsite: str = "local"
    path: str = "counter"
    person_class: str | None = None
    tier: str | None = None
    entitlement_groups: frozenset[str] = frozenset()
    diseases: frozenset[str] = frozenset()
    age: int | None = None
    months_insured: int | None = None
    months_owing: int | None = None
    years_unclaimed: int | None = None


# Facts that enrolment and the annual close say; an admission keeps its own.
PERSON_FACTS = (
    *("person_class", "tier", "entitlement_groups", "diseases", "age"),
    *("months_insured", "months_owing", "years_unclaimed"),
)

_SETS = ("entitlement_groups", "diseases")
_NUMBERS = ("age", "months_insured", "months_owing", "years_unclaimed")


def _kind(fact: str) -> Kind:
    if fact in _SETS:
        return Kind.SET
    return Kind.NUMBER if fact in _NUMBERS else Kind.CODE


# Every fact that a table may ask for, but for `count.NAME`, which is a number.
FACTS: Mapping[str, Kind] = {
    CARE_GROUP: Kind.CODE,
    **{fact: _kind(fact) for fact in Facts._fields},
}

# Codes of facts that can be nothing else; those of `care_group` are the policy's own.
CLOSED_CODES: Mapping[str, tuple[str, ...]] = {
    "offsite": ("local", "long_term", "referral", "emergency", "temporary", "unregistered"),
    "path": ("counter", "claim"),
}
