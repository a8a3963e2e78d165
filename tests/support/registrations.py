"""Registrations for care elsewhere as tests apply for them."""

import datetime as dt
from pathlib import Path
from typing import Any

from yibao_common.values.calendar import SHANGHAI, shanghai_day
from yibao_offsite.files.national import national_rules
from yibao_offsite.files.region_rules import load_region_rules
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant, register
from yibao_offsite.rules.registration.kinds import Basis, Category, Origin
from yibao_offsite.rules.registration.registration import (
    Application,
    Material,
    Referral,
    Registration,
)

SAMPLE_FILE = Path(__file__).resolve().parents[2] / "policies" / "330100" / "offsite.yaml"
NATIONAL, NATIONAL_FILE = national_rules()
SAMPLE = load_region_rules(SAMPLE_FILE.read_bytes(), name="offsite.yaml")

REGION = "330100"
# Just past midnight in Shanghai, still 1 November in UTC.
NOW = dt.datetime(2026, 11, 2, 0, 30, tzinfo=SHANGHAI)
TODAY = shanghai_day(NOW)
DAY = dt.timedelta(days=1)
# Far beyond half a year.
LONG = dt.date(2028, 1, 1)
CLERK = Applicant("agency/330100/wang", Origin.AGENCY)
APP = Applicant("channel/wallet", Origin.SELF_SERVICE)
HOSPITAL = Applicant("institution/H33010000001", Origin.INSTITUTION, "H33010000001")
LONG_TERM = (Category.RETIRED_RESETTLED, Category.LONG_TERM_RESIDENT, Category.POSTED_WORKER)


def shown(*kinds: str) -> tuple[Material, ...]:
    """Returns papers that were shown at a window."""
    return tuple(Material(kind, is_shown=True) for kind in kinds)


def usual_basis(category: Category) -> Basis:
    """Returns the basis on which both the national and the sample rules take a category."""
    if category.is_long_term or category is Category.REFERRAL:
        return Basis.PROOF
    return Basis.NONE


def application(category: Category = Category.OTHER_TEMPORARY, **fields: Any) -> Application:
    """Returns what is applied for, to Shanghai from today on where not said otherwise."""
    values: dict[str, Any] = {
        "person_id": "person",
        "category": category,
        "treatment_region": "310000",
        "start_date": TODAY,
        "basis": usual_basis(category),
    }
    return Application(**{**values, **fields})


def referral(institution_id: str = "H33010000001") -> Referral:
    """Returns a referral of today."""
    return Referral(institution_id, "C34.900", TODAY)


def registered(
    asked: Application,
    *,
    by: Applicant = CLERK,
    rules: RegionRules = NATIONAL,
    region: str = REGION,
    now: dt.datetime = NOW,
) -> Registration:
    """Returns the registration that comes of an application, or raises the refusal."""
    return register(
        asked, by, rules, region=region, registration_id="r", now=now, today=shanghai_day(now)
    )
