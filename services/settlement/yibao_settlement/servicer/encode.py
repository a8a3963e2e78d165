"""Writes what was decided in the words of the contract."""

from collections.abc import Mapping

from yibao.settlement.v1 import account_service_pb2 as account_pb
from yibao.settlement.v1 import review_pb2, visit_pb2, visit_service_pb2
from yibao.settlement.v1 import settlement_pb2 as pb
from yibao.settlement.v1 import settlement_service_pb2 as service_pb
from yibao.settlement.v1.family_pb2 import FamilyRelation
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.application.credit.book import Credited
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.settlement.explain import TraceNode
from yibao_settlement.application.settlement.folded import Reversal
from yibao_settlement.application.settlement.listing import SettlementSummary
from yibao_settlement.application.settlement.record import (
    Adjustment,
    SettlementRecord,
)
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.benefit.trace import TraceNode as BenefitNode
from yibao_settlement.rules.care_facts import Operation
from yibao_settlement.rules.elsewhere.marks import NO_MARKS
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.review import ReviewKind
from yibao_settlement.rules.visit import DischargeWay, Visit
from yibao_settlement.servicer.benefit import fill_benefit
from yibao_settlement.servicer.credit import credit_message
from yibao_settlement.servicer.elsewhere.messages import care_message, marks_message
from yibao_settlement.servicer.refund.encode import fill_adjusted, refund_message
from yibao_settlement.servicer.settled_lines import fill_lines, fill_refused

DISCHARGE_WAY_SENT = {
    DischargeWay.ORDERED: visit_pb2.DISCHARGE_WAY_ORDERED,
    DischargeWay.TO_HOSPITAL: visit_pb2.DISCHARGE_WAY_TO_HOSPITAL,
    DischargeWay.TO_COMMUNITY: visit_pb2.DISCHARGE_WAY_TO_COMMUNITY,
    DischargeWay.AGAINST_ORDER: visit_pb2.DISCHARGE_WAY_AGAINST_ORDER,
    DischargeWay.DIED: visit_pb2.DISCHARGE_WAY_DIED,
    DischargeWay.OTHER: visit_pb2.DISCHARGE_WAY_OTHER,
}

REVIEW_KINDS = {
    ReviewKind.SAME_BILL: review_pb2.REVIEW_KIND_SAME_BILL,
    ReviewKind.LINES_AGAIN: review_pb2.REVIEW_KIND_LINES_AGAIN,
    ReviewKind.STAYS_OVERLAP: review_pb2.REVIEW_KIND_STAYS_OVERLAP,
    ReviewKind.VISIT_COUNT: review_pb2.REVIEW_KIND_VISIT_COUNT,
    ReviewKind.UNAPPROVED_DRUG: review_pb2.REVIEW_KIND_UNAPPROVED_DRUG,
}


def registered(region: str, visit: Visit) -> bytes:
    """Returns a serialized RegisterVisitResponse."""
    return visit_service_pb2.RegisterVisitResponse(
        visit=visit_message(region, visit)
    ).SerializeToString()


def cancelled(region: str, visit: Visit) -> bytes:
    """Returns a serialized CancelVisitResponse."""
    return visit_service_pb2.CancelVisitResponse(
        visit=visit_message(region, visit)
    ).SerializeToString()


def updated(region: str, visit: Visit) -> bytes:
    """Returns a serialized UpdateVisitResponse."""
    return visit_service_pb2.UpdateVisitResponse(
        visit=visit_message(region, visit)
    ).SerializeToString()


def discharged(region: str, visit: Visit) -> bytes:
    """Returns a serialized DischargeVisitResponse."""
    return visit_service_pb2.DischargeVisitResponse(
        visit=visit_message(region, visit)
    ).SerializeToString()


def discharge_cancelled(region: str, visit: Visit) -> bytes:
    """Returns a serialized CancelDischargeResponse."""
    return visit_service_pb2.CancelDischargeResponse(
        visit=visit_message(region, visit)
    ).SerializeToString()


def settled(record: SettlementRecord) -> bytes:
    """Returns a serialized SettleBillResponse."""
    response = service_pb.SettleBillResponse()
    fill_settlement(response.settlement, record)
    return response.SerializeToString()


def reversed_(reversal: Reversal) -> bytes:
    """Returns a serialized ReverseSettlementResponse: entries and account are the reversal's."""
    response = service_pb.ReverseSettlementResponse()
    settlement = response.settlement
    fill_settlement(settlement, reversal.settlement)
    settlement.account_balance_fen = reversal.balance_after_fen
    settlement.carried_balance_fen = reversal.carried_after_fen
    fill_entries(settlement, reversal.entries)
    fill_adjusted(response, reversal.folded, institution_id=reversal.settlement.institution_id)
    return response.SerializeToString()


def credited(region: str, standing: Standing, told: Credited) -> bytes:
    """Returns a serialized CreditAccountResponse."""
    return account_pb.CreditAccountResponse(
        account=account_message(region, standing, told.claims),
        credit=credit_message(told.credit),
        is_repeated=told.is_repeated,
    ).SerializeToString()


def visit_message(region: str, visit: Visit) -> visit_pb2.Visit:
    """Returns a visit as sent."""
    message = visit_pb2.Visit(
        visit_id=visit.visit_id,
        region=region,
        person_id=visit.person_id,
        institution_id=visit.institution_id,
        provider_visit_number=visit.provider_visit_number,
        care_type=visit.care_type,
        start_date=from_date(visit.start_date),
        insurance_type=visit.insurance_type,
        person_class=visit.person_class,
        entitlement_groups=visit.entitlement_groups,
        institution_level=visit.institution_level,
        register_time=from_instant(visit.register_time),
        state=visit_pb2.VISIT_STATE_REGISTERED,
        department=visit.facts.department,
        bed=visit.facts.bed,
        diagnoses=[visit_pb2.Diagnosis(**each._asdict()) for each in visit.facts.diagnoses],
        operations=map(_operation_message, visit.facts.operations),
        disease_code=visit.facts.disease_code,
        transfer_from_visit_id=visit.transfer_from_visit_id or "",
        stay_id=visit.stay,
    )
    if visit.end_date is not None:
        message.end_date.CopyFrom(from_date(visit.end_date))
    if visit.discharge_way is not None:
        message.discharge_way = DISCHARGE_WAY_SENT[visit.discharge_way]
    if visit.marks != NO_MARKS:
        message.marks.CopyFrom(marks_message(visit.marks))
    if visit.elsewhere is not None:
        message.elsewhere.CopyFrom(care_message(visit.elsewhere))
    if visit.cancel_time is not None:
        message.state = visit_pb2.VISIT_STATE_CANCELLED
        message.cancel_time.CopyFrom(from_instant(visit.cancel_time))
        message.cancelled_by = visit.cancelled_by or ""
    return message


def _operation_message(operation: Operation) -> visit_pb2.Operation:
    return visit_pb2.Operation(
        operation_code=operation.operation_code,
        operation_name=operation.operation_name,
        operation_date=from_date(operation.operation_date),
    )


def account_message(region: str, standing: Standing, claims: AccountClaims) -> account_pb.Account:
    """Returns a personal account as sent."""
    return account_pb.Account(
        person_id=standing.person_id,
        region=region,
        balance_fen=standing.balance_fen,
        benefit_year=standing.benefit_year,
        accumulators=_accumulators(standing.accumulators),
        current_year_fen=standing.balance_fen - standing.carried_fen,
        carried_fen=standing.carried_fen,
        receivable_fen=claims.receivable_fen,
        is_closed=claims.is_closed,
    )


def fill_settlement(settlement: pb.Settlement, record: SettlementRecord) -> None:
    """Fills in a settlement as it is now; a trial is one without ids and entries."""
    settlement.settlement_id = record.settlement_id
    settlement.state = pb.SETTLEMENT_STATE_HELD if record.is_held else pb.SETTLEMENT_STATE_SETTLED
    settlement.region = record.region
    settlement.visit_id = record.visit_id
    settlement.bill_number = record.bill_number
    settlement.person_id = record.person_id
    settlement.institution_id = record.institution_id
    settlement.insurance_type = record.insurance_type
    day, date = record.service_date, settlement.service_date
    date.year, date.month, date.day = day.year, day.month, day.day
    settlement.settle_time.CopyFrom(from_instant(record.settle_time))
    _fill_amounts(settlement, record)
    settlement.policy_version = record.policy_version
    settlement.trace_sha256 = record.trace_sha256
    for name, value in sorted(record.year_before.items()):
        settlement.year_before.add(name=name, value=value)
    facts, told = record.facts, settlement.facts
    told.care_type = facts.care_type
    told.person_class = facts.person_class
    told.institution_level = facts.institution_level
    told.age = facts.age
    if facts.entitlement_groups:
        told.entitlement_groups.extend(facts.entitlement_groups)
    if record.benefit is not None:
        fill_benefit(settlement, record.benefit)
    settlement.account_used = record.account_used
    settlement.is_interim = record.is_interim
    fill_entries(settlement, record.entries)
    if record.review is not None:
        settlement.review_id = record.review.review_id
        settlement.review_kinds.extend([REVIEW_KINDS[kind] for kind in record.review.kinds])
    if record.former_place is not None:
        settlement.former_place = record.former_place
    if record.correction is not None:
        settlement.corrects_settlement_id = record.correction.corrected_id
    if record.corrected_by_id is not None:
        settlement.corrected_by_settlement_id = record.corrected_by_id
    if record.refunds:
        settlement.refunds.extend(map(refund_message, record.refunds))
    if record.adjustment is not None:
        settlement.revision = record.revision
    if record.reversal is not None:
        settlement.state = pb.SETTLEMENT_STATE_REVERSED
        settlement.reversal_id = record.reversal.reversal_id
        settlement.reverse_time.CopyFrom(from_instant(record.reversal.reverse_time))
    elif record.adjustment is not None and record.is_revised:
        _fill_effective(settlement.effective, record.adjustment)


def _fill_effective(message: pb.EffectiveAmounts, adjustment: Adjustment) -> None:
    effective = adjustment.effective
    message.revision = adjustment.revision
    message.adjust_time.CopyFrom(from_instant(adjustment.adjust_time))
    _fill_payments(message, effective.fund_payments)
    message.fund_total_fen = effective.fund_total_fen
    message.deductible_fen = effective.deductible_fen
    message.account_fen = effective.account_fen
    message.cash_fen = effective.cash_fen
    message.other_total_fen = effective.other_total_fen


def summary_message(summary: SettlementSummary) -> pb.SettlementSummary:
    """Returns a settlement of a list as sent."""
    message = pb.SettlementSummary(
        settlement_id=summary.settlement_id,
        state=pb.SETTLEMENT_STATE_SETTLED,
        visit_id=summary.visit_id,
        bill_number=summary.bill_number,
        person_id=summary.person_id,
        institution_id=summary.institution_id,
        insurance_type=summary.insurance_type,
        service_date=from_date(summary.service_date),
        settle_time=from_instant(summary.settle_time),
        total_fen=summary.total_fen,
        fund_total_fen=summary.fund_total_fen,
        account_fen=summary.account_fen,
        cash_fen=summary.cash_fen,
    )
    if summary.reversal_id is not None and summary.reverse_time is not None:
        message.state = pb.SETTLEMENT_STATE_REVERSED
        message.reversal_id = summary.reversal_id
        message.reverse_time.CopyFrom(from_instant(summary.reverse_time))
    if summary.adjustment is not None:
        _fill_effective(message.effective, summary.adjustment)
    return message


def _fill_amounts(settlement: pb.Settlement, record: SettlementRecord) -> None:
    fill_lines(settlement, record)
    if record.refused_lines:
        fill_refused(settlement, record)
    settlement.total_fen = record.total_fen
    settlement.excluded_fen = record.excluded_fen
    settlement.over_limit_fen = record.over_limit_fen
    settlement.first_self_pay_fen = record.first_self_pay_fen
    settlement.eligible_fen = record.eligible_fen
    settlement.deductible_fen = record.deductible_fen
    _fill_payments(settlement, record.fund_payments)
    settlement.fund_total_fen = record.fund_total_fen
    settlement.personal_total_fen = record.personal_total_fen
    settlement.account_fen = record.account_fen
    settlement.cash_fen = record.cash_fen
    settlement.account_balance_fen = record.balance_after_fen
    if record.family:
        settlement.family_fen = record.family_fen
        for part in record.family:
            relation = FamilyRelation.ValueType(part.relation)
            settlement.family_payments.add(relation=relation, amount_fen=part.amount_fen)
    if record.carried.before_fen or record.refunds or record.correction is not None:
        settlement.account_carried_fen = record.carried.paid_fen
        settlement.carried_balance_fen = record.carried_after_fen


def _fill_payments(
    message: pb.Settlement | pb.EffectiveAmounts, payments: tuple[FundPayment, ...]
) -> None:
    for payment in payments:
        message.fund_payments.add(
            fund_type=payment.fund_type,
            step_id=payment.step_id,
            base_fen=payment.base_fen,
            amount_fen=payment.amount_fen,
        )


def fill_entries(settlement: pb.Settlement, entries: tuple[Entry, ...]) -> None:
    """Fills in entries in the place of any others."""
    del settlement.entries[:]
    for entry in entries:
        settlement.entries.add(account_id=entry.account_id, amount_fen=entry.amount_fen)


def _accumulators(amounts: Mapping[str, int]) -> list[pb.Accumulator]:
    return [pb.Accumulator(name=name, value=amounts[name]) for name in sorted(amounts)]


def trace_messages(nodes: tuple[TraceNode, ...]) -> list[pb.TraceNode]:
    """Returns the steps of a calculation as sent."""
    return [
        pb.TraceNode(
            leg=node.leg if isinstance(node, BenefitNode) else 0,
            step_id=node.step_id,
            title=node.title,
            title_zh=node.title_zh,
            clause=node.clause,
            inputs=[
                pb.NamedAmount(name=each.name, amount_fen=each.amount_fen) for each in node.inputs
            ],
            formula=node.formula,
            amount_fen=node.amount_fen,
        )
        for node in nodes
    ]
