"""Reads requests and stored answers into the values that the rules work with."""

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import settlement_pb2 as pb
from yibao_common.rpc.wire import to_date
from yibao_settlement.application.records import StoredInputs
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.policy.split import Facts, PricedLine


def bill_of(message: bill_pb2.Bill) -> Bill:
    """Returns the bill of a request; the gate has checked its form."""
    return Bill(
        message.visit_id,
        message.bill_number,
        to_date(message.service_date),
        tuple(
            [
                ChargedLine(
                    line.line_number,
                    line.item_code,
                    line.unit_price,
                    line.quantity,
                    line.amount_fen,
                )
                for line in message.lines
            ]
        ),
        message.total_fen,
        message.account_use == bill_pb2.ACCOUNT_USE_OWN,
    )


def stored_inputs(settlement: pb.Settlement) -> StoredInputs:
    """Returns what a settlement, as SettleBill answered it, was calculated from."""
    facts = settlement.facts
    return StoredInputs(
        settlement_id=settlement.settlement_id,
        policy_version=settlement.policy_version,
        facts=Facts(
            facts.care_type,
            facts.person_class,
            tuple(facts.entitlement_groups),
            facts.institution_level,
            facts.age,
        ),
        lines=tuple(
            PricedLine(
                line.line_number,
                line.item_code,
                line.catalogue_class,
                line.amount_fen,
                line.over_limit_fen,
                line.prepay_ratio_ppm if line.HasField("prepay_ratio_ppm") else None,
            )
            for line in settlement.lines
        ),
        year_before={item.name: item.value for item in settlement.year_before},
        account_used=settlement.account_used,
        balance_before_fen=settlement.account_balance_fen + settlement.account_fen,
        trace_sha256=settlement.trace_sha256,
        amounts=(settlement.fund_total_fen, settlement.account_fen, settlement.cash_fen),
    )
