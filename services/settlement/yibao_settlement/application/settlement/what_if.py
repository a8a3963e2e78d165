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
from yibao_settlement.application.settlement.benefit import kind_of, terms_of
from yibao_settlement.application.settlement.explain import (
    TraceNode,
    calculated,
    divided,
    explained,
    trace_mismatch,
)
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.revaluing import (
    LineChange,
    Revalued,
    can_revalue,
    line_changes,
    revalue,
)
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.elsewhere.terms import LOCAL
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.visit import Visit, check_designated


class Wish(NamedTuple):
    """What is to be otherwise; None and empty leave it as it was.

    A level goes before that of the institution. `lines_held` keeps what the lines count as.
    """

    service_date: dt.date | None = None
    institution_id: str = ""
    institution_level: str = ""
    lines_held: bool = False


class WhatIf(NamedTuple):
    """A settlement, what it would be otherwise, and each step of that.

    `line_changes` are the lines that count as something else; none where `lines_held`.
    """

    settled: SettlementRecord
    otherwise: SettlementRecord
    trace: tuple[TraceNode, ...]
    lines_held: bool
    line_changes: tuple[LineChange, ...]


def find_what_if(
    reads: Reads, region: str, settlement_id: str, wish: Wish, caller: Caller
) -> WhatIf:
    """Returns what a settlement would come to by the policy of another day, place or level.

    Its lines are valued by the catalogue of the day and at the level, unless they are held:
    as was asked, or because a settlement of the oldest ones does not keep its prices. What
    the person had used up counts where it is of the same windows; of another format or
    benefit year nothing does. The person's enrolment and cover stay as they were.

    Raises RuleError SETTLEMENT_NOT_FOUND, TRACE_MISMATCH, INSTITUTION_NOT_DESIGNATED,
    OFFSITE_NOT_REGISTERED, POLICY_NOT_FOUND, CATALOGUE_ITEM_UNKNOWN where no line is left,
    and what refuses a bill of a policy.
    """
    try:
        record = find_settlement(reads, region, settlement_id, caller)
    except InvariantError as error:
        raise trace_mismatch(settlement_id) from error
    visit = reads.visit(region, record.visit_id)
    if visit is None:
        raise trace_mismatch(settlement_id)
    day = wish.service_date or record.service_date
    lines_held = wish.lines_held or not can_revalue(record)
    codes = set() if lines_held else {line.item_code for line in record.lines}
    reference = reads.reference(region, codes)
    institution_id = wish.institution_id or record.institution_id
    level = wish.institution_level or _level(reference, record, institution_id, day)
    policy = policy_on(reference, record.insurance_type, day, region=region)
    if lines_held:
        lines = Revalued(_moved(record, day), terms_of(record, visit).item_groups)
    else:
        lines = revalue(record, reference, day=day, institution_level=level)
    altered = _altered(
        record,
        lines,
        visit,
        policy,
        day=day,
        institution_id=institution_id,
        institution_level=level,
    )
    split = calculated(altered, policy)
    otherwise = divided(altered, split)._replace(policy_version=policy.version)
    changes = () if lines_held else line_changes(record, otherwise)
    return WhatIf(record, otherwise, explained(policy, split), lines_held, changes)


def _moved(record: SettlementRecord, day: dt.date) -> SettlementRecord:
    """Returns the record with its lines as they were, charged so much earlier or later."""
    moved = day - record.service_date
    return record._replace(
        particulars=tuple(
            None
            if own is None
            else own._replace(charge_date=own.charge_date and own.charge_date + moved)
            for own in record.particulars
        )
    )


def _level(
    reference: Reference, record: SettlementRecord, institution_id: str, day: dt.date
) -> str:
    if institution_id == record.institution_id:
        return record.facts.institution_level
    found = reference.institution(institution_id)
    return check_designated(found, institution_id, region=record.region, on=day).institution_level


def _altered(
    record: SettlementRecord,
    lines: Revalued,
    visit: Visit,
    policy: AnyPolicy,
    *,
    day: dt.date,
    institution_id: str,
    institution_level: str,
) -> SettlementRecord:
    """Returns the record with such lines as that of a bill that was never settled."""
    age = max(full_years(visit.birth_date, day), 0) + record.facts.age
    # The age that decided is kept where the day is: it may be that of the admission.
    age -= max(full_years(visit.birth_date, record.service_date), 0)
    by_benefits = isinstance(policy, BenefitPolicy)
    is_same_format = by_benefits == (record.benefit is not None)
    is_same_year = by_benefits or day.year == record.service_date.year
    moved = day - record.service_date
    return lines.record._replace(
        settlement_id="",
        request_id="",
        reversal=None,
        adjustment=None,
        former_place=None,
        refunds=(),
        first=None,
        correction=None,
        corrected_by_id=None,
        newest_terms=None,
        # What is left of a returned bill is recorded with what the account bears of it alone.
        balance_before_fen=record.as_settled.balance_before_fen,
        carried=record.as_settled.carried,
        entries=(),
        service_date=day,
        institution_id=institution_id,
        facts=replace(record.facts, institution_level=institution_level, age=age),
        year_before=record.year_before if is_same_format and is_same_year else {},
        benefit=_terms(
            record, visit, institution_id, institution_level, age=age, moved=moved
        )._replace(item_groups=lines.item_groups)
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
    if institution_id != record.institution_id:
        # It is one that the region has an agreement with.
        at_home = terms.facts._replace(offsite=LOCAL)
        terms = terms._replace(facts=at_home, elsewhere=None)
    return terms._replace(
        facts=terms.facts._replace(
            institution=institution_id,
            institution_kind=kind_of(institution_id),
            institution_level=institution_level,
            age=age,
        ),
        admission_date=terms.admission_date + moved,
    )
