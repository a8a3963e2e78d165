"""A visit elsewhere with the terms that it has on a day."""

import datetime as dt
from collections.abc import Sequence

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.elsewhere.chronic import check_disease
from yibao_settlement.rules.elsewhere.cover import Days
from yibao_settlement.rules.elsewhere.registered import Benefit, KnownCare
from yibao_settlement.rules.elsewhere.terms import (
    Care,
    Elsewhere,
    benefit_of,
    elsewhere_of,
    may_account_pay,
)
from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.visit import Visit, is_pharmacy


def on_terms(
    visit: Visit,
    place_region: str,
    known: KnownCare,
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
        known,
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


def check_knows_elsewhere(policy: AnyPolicy, elsewhere: Elsewhere) -> None:
    """Raises OFFSITE_POLICY_MISSING where a policy cannot tell what reduced terms pay.

    Policies of the first format know no care elsewhere; whoever is there as at home is paid by
    them as at home.
    """
    if not isinstance(policy, BenefitPolicy) and not elsewhere.is_as_at_home:
        raise RuleError(
            Reason.OFFSITE_POLICY_MISSING,
            f"policy {policy.version} says nothing of care elsewhere on terms {elsewhere.terms}",
            policy_version=policy.version,
            terms=elsewhere.terms,
        )


def lets_account_pay(visit: Visit, policy: AnyPolicy, home: Reference) -> bool:
    """Tells whether the personal account pays of a bill of a visit, whatever the policy says.

    Raises RuleError as `check_knows_elsewhere`.
    """
    if visit.elsewhere is not None:
        check_knows_elsewhere(policy, visit.elsewhere)
    return may_use_account(visit, home)


def may_use_account(visit: Visit, home: Reference) -> bool:
    """Tells whether the region lets the personal account pay of a bill of a visit (O-04)."""
    if visit.elsewhere is None:
        return True
    return may_account_pay(visit.elsewhere, benefit_of_visit(visit), home.elsewhere)
