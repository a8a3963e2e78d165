"""A visit elsewhere with the terms that it has on a day."""

import datetime as dt
from collections.abc import Sequence

from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.elsewhere.chronic import check_disease
from yibao_settlement.rules.elsewhere.cover import Days
from yibao_settlement.rules.elsewhere.registered import Benefit, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import (
    Care,
    benefit_of,
    elsewhere_of,
    may_account_pay,
)
from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.rules.visit import Visit, is_pharmacy


def on_terms(
    visit: Visit,
    place_region: str,
    registered: Sequence[RegisteredCare],
    diseases: Sequence[RegisteredDisease],
    *,
    home: Reference,
    home_region: str,
    last: dt.date,
) -> Visit:
    """Returns a visit elsewhere with the terms that it has on a day, decided anew.

    Raises RuleError as `elsewhere_of` and, of chronic diseases, as `check_disease`.
    """
    benefit = benefit_of_visit(visit)
    days = Days(visit.start_date if benefit is Benefit.INPATIENT else last, last)
    found = elsewhere_of(
        Care(place_region, visit.care_type, visit.marks, days),
        registered,
        home.elsewhere,
        benefit=benefit,
        home_region=home_region,
    )
    if benefit is Benefit.CHRONIC and visit.facts.disease_code:
        check_disease(visit.facts.disease_code, diseases, on=last)
    return visit._replace(elsewhere=found)


def benefit_of_visit(visit: Visit) -> Benefit:
    """Returns which benefit a visit is, as regions open them elsewhere."""
    return benefit_of(visit.care_type, is_pharmacy=is_pharmacy(visit.institution_id))


def lets_account_pay(visit: Visit, home: Reference) -> bool:
    """Tells whether the personal account pays of a bill of a visit, whatever the policy says."""
    if visit.elsewhere is None:
        return True
    return may_account_pay(visit.elsewhere, benefit_of_visit(visit), home.elsewhere)
