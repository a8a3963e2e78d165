"""A settled bill decided otherwise: on another day, at another place, at another level."""

import datetime as dt
from dataclasses import replace
from typing import NamedTuple

from yibao_common.values.calendar import full_years
from yibao_common.values.caller import Caller
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.adjudicate import policy_on
from yibao_settlement.application.settlement.benefit import BenefitOutcome, kind_of, terms_of
from yibao_settlement.application.settlement.explain import (
    AnySplit,
    TraceNode,
    calculated,
    explained,
    trace_mismatch,
)
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.application.settlement.record import BenefitTerms, SettlementRecord
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.visit import Visit, check_designated


class Wish(NamedTuple):
    """What is to be otherwise; None and empty leave it as it was.

    A level goes before that of the institution.
    """

    service_date: dt.date | None = None
    institution_id: str = ""
    institution_level: str = ""


class WhatIf(NamedTuple):
    """A settlement, what it would be otherwise, and each step of that."""

    settled: SettlementRecord
    otherwise: SettlementRecord
    trace: tuple[TraceNode, ...]


def find_what_if(
    reads: Reads, region: str, settlement_id: str, wish: Wish, caller: Caller
) -> WhatIf:
    """Returns what a settlement would come to by the policy of another day, place or level.

    Its lines keep class, share and ceiling. What the person had used up counts where it is
    of the same windows; of another format or benefit year nothing does.

    Raises RuleError SETTLEMENT_NOT_FOUND, TRACE_MISMATCH, INSTITUTION_NOT_DESIGNATED,
    OFFSITE_NOT_REGISTERED, POLICY_NOT_FOUND, and what refuses a bill of a policy.
    """
    try:
        record = find_settlement(reads, region, settlement_id, caller)
    except InvariantError as error:
        raise trace_mismatch(settlement_id) from error
    visit = reads.visit(region, record.visit_id)
    if visit is None:
        raise trace_mismatch(settlement_id)
    day = wish.service_date or record.service_date
    reference = reads.reference(region, set())
    institution_id = wish.institution_id or record.institution_id
    level = wish.institution_level or _level(reference, record, institution_id, day)
    policy = policy_on(reference, record.insurance_type, day, region=region)
    altered = _altered(
        record, visit, policy, day=day, institution_id=institution_id, institution_level=level
    )
    split = calculated(altered, policy)
    return WhatIf(record, _outcome(altered, policy, split), explained(policy, split))


def _level(
    reference: Reference, record: SettlementRecord, institution_id: str, day: dt.date
) -> str:
    if institution_id == record.institution_id:
        return record.facts.institution_level
    found = reference.institution(institution_id)
    return check_designated(found, institution_id, region=record.region, on=day).institution_level


def _altered(
    record: SettlementRecord,
    visit: Visit,
    policy: AnyPolicy,
    *,
    day: dt.date,
    institution_id: str,
    institution_level: str,
) -> SettlementRecord:
    """Returns the record as that of a bill that was never settled."""
    age = max(full_years(visit.birth_date, day), 0) + record.facts.age
    # The age that decided is kept where the day is: it may be that of the admission.
    age -= max(full_years(visit.birth_date, record.service_date), 0)
    by_benefits = isinstance(policy, BenefitPolicy)
    is_same_format = by_benefits == (record.benefit is not None)
    is_same_year = by_benefits or day.year == record.service_date.year
    moved = day - record.service_date
    return record._replace(
        settlement_id="",
        request_id="",
        reversal=None,
        entries=(),
        service_date=day,
        institution_id=institution_id,
        facts=replace(record.facts, institution_level=institution_level, age=age),
        year_before=record.year_before if is_same_format and is_same_year else {},
        particulars=tuple(
            None
            if own is None
            else own._replace(charge_date=own.charge_date and own.charge_date + moved)
            for own in record.particulars
        ),
        benefit=_terms(record, visit, institution_id, institution_level, age=age, moved=moved)
        if by_benefits
        else None,
    )


def _terms(
    record: SettlementRecord,
    visit: Visit,
    institution_id: str,
    institution_level: str,
    *,
    age: int,
    moved: dt.timedelta,
) -> BenefitTerms:
    terms = terms_of(record, visit)
    return terms._replace(
        facts=terms.facts._replace(
            institution=institution_id,
            institution_kind=kind_of(institution_id),
            institution_level=institution_level,
            age=age,
        ),
        admission_date=terms.admission_date + moved,
    )


def _outcome(altered: SettlementRecord, policy: AnyPolicy, split: AnySplit) -> SettlementRecord:
    return altered._replace(
        policy_version=policy.version,
        lines=split.lines,
        total_fen=split.total_fen,
        excluded_fen=split.excluded_fen,
        over_limit_fen=split.over_limit_fen,
        first_self_pay_fen=split.first_self_pay_fen,
        eligible_fen=split.eligible_fen,
        deductible_fen=split.deductible_fen,
        fund_payments=split.fund_payments,
        fund_total_fen=split.fund_total_fen,
        account_fen=split.account_fen,
        cash_fen=split.cash_fen,
        accumulations=dict(split.accumulations),
        trace_sha256=split.trace_sha256,
        benefit=split.terms if isinstance(split, BenefitOutcome) else None,
    )
