"""The settlement statement: found, calculated again, and told only where it adds up."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.charge.results import applied_ratios
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.elsewhere.explain import explain_elsewhere
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.benefit import BenefitOutcome
from yibao_settlement.application.settlement.explain import AnySplit, trace_mismatch
from yibao_settlement.application.settlement.find import find_recalculated
from yibao_settlement.application.settlement.past import Gap
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import OwnCost
from yibao_settlement.rules.statement import benefit_reckoning, reckoning
from yibao_settlement.rules.statement.labels import CLASSES_ZH, named
from yibao_settlement.rules.statement.sentences import Sentence
from yibao_settlement.rules.statement.since import CostsNow, Returned
from yibao_settlement.rules.statement.statement import (
    Care,
    DeductibleLine,
    FundLine,
    LineGroup,
    NextBill,
    NotCharged,
    OtherLine,
    Overflow,
    Parts,
    Provider,
    Reversed,
    Share,
    Statement,
    StatementItem,
    YearLine,
    check_identities,
    sum_of_parts,
)
from yibao_settlement.rules.visit import Visit


def find_statement(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> Statement:
    """Returns the statement of a settlement of the caller's institution, or any for an agency.

    Raises RuleError SETTLEMENT_NOT_FOUND, and TRACE_MISMATCH where it does not come out as
    it was settled or would not add up on paper.
    """
    record, policy, split = find_recalculated(reads, region, settlement_id, caller)
    visit = reads.visit(region, record.visit_id)
    if visit is None:
        raise trace_mismatch(settlement_id)
    reference = reads.reference(region, {line.item_code for line in record.lines})
    treating = None
    if visit.elsewhere is not None:
        treating = reads.reference(visit.elsewhere.place_region, set())
    told = (record, policy, split)
    statement = statement_of(*told, visit=visit, reference=reference, treating=treating)
    try:
        check_identities(statement)
    except InvariantError as error:
        raise trace_mismatch(settlement_id) from error
    return statement


def statement_of(
    record: SettlementRecord,
    policy: AnyPolicy,
    split: AnySplit,
    *,
    visit: Visit,
    reference: Reference,
    treating: Reference | None = None,
) -> Statement:
    """Returns the statement of a settlement; `split` is its calculation.

    `treating` is what another region says of its institutions, for care elsewhere.
    """
    items = tuple(_items(record, split, reference))
    facts, reckoned = record.facts, _reckoned(record, policy, split)
    return Statement(
        region=record.region,
        settlement_id=record.settlement_id,
        bill_number=record.bill_number,
        settle_time=record.settle_time,
        service_date=record.service_date,
        benefit_year=reckoned.benefit_year,
        insurance_type=record.insurance_type,
        person_class=facts.person_class,
        entitlement_groups=facts.entitlement_groups,
        age=facts.age,
        policy_version=record.policy_version,
        policy_title=policy.title,
        policy_title_zh=policy.title_zh,
        provider=_provider(record, treating or reference),
        care=_care(record, visit),
        items=items,
        groups=tuple(_groups(items)),
        not_charged=NotCharged(
            len(record.refused_lines), sum(line.amount_fen for line in record.refused_lines)
        ),
        parts=Parts(
            record.total_fen,
            record.eligible_fen,
            record.first_self_pay_fen,
            record.over_limit_fen,
            record.excluded_fen,
        ),
        deductible_fen=record.deductible_fen,
        deductibles=reckoned.deductibles,
        titles={step.id: step.title for step in policy.steps},
        funds=reckoned.funds,
        shares=reckoned.shares,
        overflows=reckoned.overflows,
        fund_total_fen=record.fund_total_fen,
        account_fen=record.account_fen,
        cash_fen=record.cash_fen,
        account_used=record.account_used,
        account_balance_fen=record.balance_after_fen,
        year=reckoned.year,
        next_bill=reckoned.next_bill,
        reversal=_reversal(record),
        others=reckoned.others,
        account_carried_fen=record.carried.paid_fen,
        carried_balance_fen=record.carried_after_fen,
        family=tuple([(part.relation, part.amount_fen) for part in record.family]),
        returned=_returned(record),
        costs_now=_costs_now(record),
        elsewhere=_elsewhere(record, policy, split),
    )


def _care(record: SettlementRecord, visit: Visit) -> Care:
    return Care(
        care_type=record.facts.care_type,
        provider_visit_number=visit.provider_visit_number,
        start_date=visit.start_date,
        end_date=visit.end_date,
        department=visit.facts.department,
        diagnoses=visit.facts.diagnoses,
        is_interim=record.is_interim,
    )


def _elsewhere(
    record: SettlementRecord, policy: AnyPolicy, split: AnySplit
) -> tuple[Sentence, ...]:
    found = explain_elsewhere(record, policy, split)
    return () if found is None else found.sentences


class _Reckoned(NamedTuple):
    """What is read out of a calculation, by the format of its policy."""

    deductibles: tuple[DeductibleLine, ...]
    funds: tuple[FundLine, ...]
    shares: tuple[Share, ...]
    overflows: tuple[Overflow, ...]
    year: tuple[YearLine, ...]
    next_bill: NextBill | None
    benefit_year: int
    others: tuple[OtherLine, ...] = ()


def _reckoned(record: SettlementRecord, policy: AnyPolicy, split: AnySplit) -> _Reckoned:
    if isinstance(split, BenefitOutcome):
        found, terms = split.split, split.terms
        paid = [(each.step_id, each.payer, each.amount_fen) for each in terms.other_payments]
        windows = (record.year_before, record.accumulations)
        year = benefit_reckoning.year_of_bill(found, admission_date=terms.admission_date)
        return _Reckoned(
            benefit_reckoning.deductible_lines(found),
            benefit_reckoning.fund_lines(found, split.fund_payments),
            benefit_reckoning.shares(found),
            benefit_reckoning.overflows(found),
            benefit_reckoning.year_lines(found, *windows, year=year),
            benefit_reckoning.next_bill(found, _next_terms(record, terms), *windows, year=year),
            year,
            benefit_reckoning.other_lines(paid),
        )
    assert isinstance(policy, Policy), "it was calculated by another format"
    facts, before, added = record.facts, record.year_before, record.accumulations
    return _Reckoned(
        reckoning.deductible_lines(policy, split),
        reckoning.fund_lines(policy, split),
        reckoning.shares(policy, split),
        reckoning.overflows(policy, split),
        reckoning.year_lines(policy, before, added),
        reckoning.next_bill(policy, facts, before, added),
        record.benefit_year,
    )


def _next_terms(record: SettlementRecord, terms: BenefitTerms) -> benefit_reckoning.NextTerms:
    """Returns what the next bill has of this one; the next of an interim bill is of its stay."""
    stay_id = terms.stay_id if record.is_interim else ""
    return benefit_reckoning.NextTerms(terms.facts, terms.admission_date, stay_id)


def _provider(record: SettlementRecord, reference: Reference) -> Provider:
    """Returns the institution by its name of now, and the level that decided the bill."""
    known = reference.institution(record.institution_id)
    name = record.institution_id if known is None else known.institution_name
    return Provider(record.institution_id, name, record.facts.institution_level)


def _items(
    record: SettlementRecord, split: AnySplit, reference: Reference
) -> Iterator[StatementItem]:
    ratios = applied_ratios(split)
    particulars = record.particulars or [None] * len(record.lines)
    for line, ratio_ppm, own in zip(record.lines, ratios, particulars, strict=True):
        day = record.service_date if own is None else own.charge_date or record.service_date
        item = reference.item(line.item_code, day)
        yield StatementItem(
            line_number=line.line_number,
            line_id="" if own is None else own.line_id,
            charge_date=day,
            item_code=line.item_code,
            item_name=_name(line.item_code, own) if item is None else item.item_name,
            catalogue_class=line.catalogue_class,
            unit_price=line.unit_price,
            quantity=line.quantity,
            first_self_pay_ratio_ppm=ratio_ppm,
            own_cost=OwnCost.NONE if own is None else OwnCost(own.own_cost),
            parts=Parts(
                line.amount_fen,
                line.eligible_fen,
                line.first_self_pay_fen,
                line.over_limit_fen,
                line.excluded_fen,
            ),
        )


def _name(item_code: str, own: LineParticulars | None) -> str:
    """Returns what a line is called that the catalogue has no name for."""
    if item_code or own is None or own.origin is None:
        return item_code
    # An own code that is mapped to nothing.
    return own.origin.provider_item_name or own.origin.provider_item_code


def _groups(items: Iterable[StatementItem]) -> Iterator[LineGroup]:
    """Yields the lines by catalogue class."""
    by_class: dict[str, list[Parts]] = {}
    for item in items:
        by_class.setdefault(item.catalogue_class, []).append(item.parts)
    for catalogue_class, parts in sorted(by_class.items()):
        name = named(CLASSES_ZH, catalogue_class)
        yield LineGroup(catalogue_class, name, len(parts), sum_of_parts(parts))


def _reversal(record: SettlementRecord) -> Reversed | None:
    if record.reversal is None:
        return None
    return Reversed(record.reversal.reversal_id, shanghai_day(record.reversal.reverse_time))


def _returned(record: SettlementRecord) -> Returned | None:
    if not record.refunds:
        return None
    lines = {line.line_number for refund in record.refunds for line in refund.returned}
    given_back = [refund.given_back for refund in record.refunds]
    sums = [sum(each) for each in zip(*given_back, strict=True)]
    return Returned(shanghai_day(record.refunds[-1].refund_time), len(lines), *sums)


def _costs_now(record: SettlementRecord) -> CostsNow | None:
    if not record.is_revised:
        return None
    effective = record.effective
    gap = Gap.of(record.counter, effective)
    return CostsNow(
        effective.fund_total_fen,
        effective.other_total_fen,
        effective.account_fen,
        effective.cash_fen,
        gap.difference_fen,
        gap.due_fen,
    )
