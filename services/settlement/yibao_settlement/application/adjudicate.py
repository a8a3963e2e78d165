"""What a bill costs whom: the same calculation for trial, settlement and explanation."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.values.calendar import full_years, shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.records import Adjudication
from yibao_settlement.rules.bill import Bill, price_lines
from yibao_settlement.rules.enrolment import Enrolment, check_enrolled, check_premium
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.split import Facts
from yibao_settlement.rules.standing import Accumulators
from yibao_settlement.rules.visit import Visit, check_designated, check_service_date

if TYPE_CHECKING:
    from yibao_settlement.application.reference import Reference


def adjudicate_bill(
    bill: Bill,
    visit: Visit,
    *,
    region: str,
    enrolments: Sequence[Enrolment],
    year: Accumulators,
    account_balance_fen: int,
    reference: "Reference",
    now: dt.datetime,
) -> Adjudication:
    """Returns what `bill` costs whom, with the person's `year` before it.

    The enrolment on the service date decides, whatever it was when the visit began.

    Raises RuleError, in this order: SERVICE_DATE_INVALID, INSTITUTION_NOT_DESIGNATED,
    PERSON_NOT_ENROLLED, PREMIUM_NOT_RECEIVED, POLICY_NOT_FOUND, the faults of the lines,
    POLICY_NO_MATCHING_ROW.
    """
    day = bill.service_date
    check_service_date(day, visit=visit, today=shanghai_day(now))
    institution = reference.institution(visit.institution_id)
    check_designated(institution, visit.institution_id, region=region, on=day)
    enrolment = check_enrolled(enrolments, on=day, insurance_type=visit.insurance_type)
    check_premium(enrolment)
    insurance_type = enrolment.insurance_type
    policy = reference.policy(insurance_type, day)
    if policy is None:
        raise RuleError(
            Reason.POLICY_NOT_FOUND,
            f"no active policy of region {region} for insurance type {insurance_type} "
            f"on {day.isoformat()}",
            region=region,
            insurance_type=insurance_type,
            date=day.isoformat(),
        )
    lines = price_lines(bill, reference.items([line.item_code for line in bill.lines], day))
    facts = Facts(
        visit.care_type,
        enrolment.person_class,
        enrolment.entitlement_groups,
        visit.institution_level,
        full_years(visit.birth_date, day),
    )
    split = adjudicate(
        policy,
        facts=facts,
        lines=lines,
        year=year,
        account_used=bill.account_used,
        account_balance_fen=account_balance_fen,
    )
    return Adjudication(visit, bill, insurance_type, facts, policy.version, lines, year, split)
