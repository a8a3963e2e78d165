"""Writes what was decided in the words of the contract."""

from collections.abc import Mapping

from yibao.settlement.v1 import account_service_pb2 as account_pb
from yibao.settlement.v1 import settlement_pb2 as pb
from yibao.settlement.v1 import settlement_service_pb2 as service_pb
from yibao.settlement.v1 import visit_pb2, visit_service_pb2
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.application.records import Adjudication, Credit, Reversal, SettledBill
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.trace import TraceNode
from yibao_settlement.rules.standing import Standing
from yibao_settlement.rules.visit import Visit


class ProtoEncoder:
    """Writes answers as the bytes that are stored and sent."""

    def visit(self, region: str, visit: Visit) -> bytes:
        """Returns a serialized RegisterVisitResponse."""
        return visit_service_pb2.RegisterVisitResponse(
            visit=visit_message(region, visit)
        ).SerializeToString()

    def settled(self, settled: SettledBill) -> bytes:
        """Returns a serialized SettleBillResponse."""
        response = service_pb.SettleBillResponse()
        settlement = response.settlement
        fill_settlement(settlement, settled.region, settled.adjudication)
        settlement.settlement_id = settled.settlement_id
        settlement.state = pb.SETTLEMENT_STATE_SETTLED
        settlement.settle_time.CopyFrom(from_instant(settled.settle_time))
        settlement.account_balance_fen = settled.balance_after_fen
        fill_entries(settlement, settled.entries)
        return response.SerializeToString()

    def reversed(self, reversal: Reversal, settle_response: bytes) -> bytes:
        """Returns a serialized ReverseSettlementResponse, from what was settled."""
        settled = service_pb.SettleBillResponse.FromString(settle_response)
        settlement = settled.settlement
        settlement.state = pb.SETTLEMENT_STATE_REVERSED
        settlement.reversal_id = reversal.reversal_id
        settlement.reverse_time.CopyFrom(from_instant(reversal.reverse_time))
        settlement.account_balance_fen = reversal.balance_after_fen
        del settlement.entries[:]
        fill_entries(settlement, reversal.entries)
        return service_pb.ReverseSettlementResponse(settlement=settlement).SerializeToString()

    def credited(self, credit: Credit) -> bytes:
        """Returns a serialized CreditAccountResponse."""
        return account_pb.CreditAccountResponse(
            account=account_message(credit.region, credit.standing)
        ).SerializeToString()


def visit_message(region: str, visit: Visit) -> visit_pb2.Visit:
    """Returns a visit as sent."""
    return visit_pb2.Visit(
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
    )


def account_message(region: str, standing: Standing) -> account_pb.Account:
    """Returns a personal account as sent."""
    return account_pb.Account(
        person_id=standing.person_id,
        region=region,
        balance_fen=standing.balance_fen,
        benefit_year=standing.benefit_year,
        accumulators=_accumulators(standing.accumulators),
    )


def fill_settlement(settlement: pb.Settlement, region: str, adjudication: Adjudication) -> None:
    """Fills in what a bill costs whom, as for a trial: no ids, no entries, no balance."""
    visit, bill, split = adjudication.visit, adjudication.bill, adjudication.split
    settlement.region = region
    settlement.visit_id = visit.visit_id
    settlement.bill_number = bill.bill_number
    settlement.person_id = visit.person_id
    settlement.institution_id = visit.institution_id
    settlement.insurance_type = adjudication.insurance_type
    day = bill.service_date
    date = settlement.service_date
    date.year, date.month, date.day = day.year, day.month, day.day
    add_line = settlement.lines.add
    for line, priced in zip(split.lines, adjudication.lines, strict=True):
        added = add_line(
            line_number=line.line_number,
            item_code=line.item_code,
            catalogue_class=line.catalogue_class,
            amount_fen=line.amount_fen,
            excluded_fen=line.excluded_fen,
            over_limit_fen=line.over_limit_fen,
            prepay_fen=line.prepay_fen,
            eligible_fen=line.eligible_fen,
        )
        if priced.prepay_ratio_ppm is not None:
            added.prepay_ratio_ppm = priced.prepay_ratio_ppm
    settlement.total_fen = split.total_fen
    settlement.excluded_fen = split.excluded_fen
    settlement.over_limit_fen = split.over_limit_fen
    settlement.prepay_fen = split.prepay_fen
    settlement.eligible_fen = split.eligible_fen
    settlement.deductible_fen = split.deductible_fen
    for payment in split.fund_payments:
        settlement.fund_payments.add(
            fund_type=payment.fund_type,
            step_id=payment.step_id,
            base_fen=payment.base_fen,
            amount_fen=payment.amount_fen,
        )
    settlement.fund_total_fen = split.fund_total_fen
    settlement.personal_total_fen = split.personal_total_fen
    settlement.account_fen = split.account_fen
    settlement.cash_fen = split.cash_fen
    settlement.policy_version = adjudication.policy_version
    settlement.trace_sha256 = split.trace_sha256
    settlement.year_before.extend(_accumulators(adjudication.year_before))
    facts = adjudication.facts
    settlement.facts.care_type = facts.care_type
    settlement.facts.person_class = facts.person_class
    settlement.facts.entitlement_groups.extend(facts.entitlement_groups)
    settlement.facts.institution_level = facts.institution_level
    settlement.facts.age = facts.age
    settlement.account_used = bill.account_used


def fill_entries(settlement: pb.Settlement, entries: tuple[Entry, ...]) -> None:
    """Appends ledger entries."""
    for entry in entries:
        settlement.entries.add(account_id=entry.account_id, amount_fen=entry.amount_fen)


def _accumulators(amounts: Mapping[str, int]) -> list[pb.Accumulator]:
    return [pb.Accumulator(name=name, value=amounts[name]) for name in sorted(amounts)]


def trace_messages(nodes: tuple[TraceNode, ...]) -> list[pb.TraceNode]:
    """Returns the steps of a calculation as sent."""
    return [
        pb.TraceNode(
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
