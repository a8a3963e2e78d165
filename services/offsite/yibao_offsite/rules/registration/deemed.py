"""Emergencies that are deemed registered by the mark of the hospital (视同备案)."""

import datetime as dt

from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import check_place
from yibao_offsite.rules.registration.kinds import Basis, Category, Channel, Origin
from yibao_offsite.rules.registration.registration import Application, Registration
from yibao_offsite.rules.registration.states import BEGINNINGS, Event


def deem(
    rules: RegionRules,
    *,
    region: str,
    registration_id: str,
    person_id: str,
    visit_id: str,
    treatment_region: str,
    admission_date: dt.date,
    by: str,
    now: dt.datetime,
) -> Registration:
    """Returns the registration that an emergency mark stands for: of one visit alone.

    医保发〔2022〕22号, article 34: who is marked as an emergency is treated as registered. Its only
    day is that of admission; a stay that began then is covered to its end.

    Raises:
        RuleError: REGION_EXCLUDED.
    """
    check_place(treatment_region, rules)
    asked = rules.categories[Category.EMERGENCY]
    application = Application(
        person_id,
        Category.EMERGENCY,
        treatment_region,
        admission_date,
        basis=Basis.NONE,
        channel=Channel.HOSPITAL,
        admission_date=admission_date,
    )
    return Registration(
        region=region,
        registration_id=registration_id,
        application=application,
        state=BEGINNINGS[Event.GRANTED],
        end_date=admission_date,
        register_time=now,
        registered_by=by,
        handed_in_by=by,
        origin=Origin.DEEMED,
        terms=asked.terms,
        benefits=asked.benefits,
        change_allowed_date=None,
        rules_version=rules.version,
        visit_id=visit_id,
    )
