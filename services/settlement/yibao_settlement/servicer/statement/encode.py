"""A statement in the words of the contract."""

from yibao.settlement.v1 import statement_pb2 as pb
from yibao.settlement.v1 import visit_pb2
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.rules.statement.capitals import in_capitals
from yibao_settlement.rules.statement.form import MOST_ITEMS_PRINTED
from yibao_settlement.rules.statement.statement import (
    Care,
    NextBill,
    Parts,
    Share,
    Statement,
    StatementItem,
)
from yibao_settlement.rules.statement.telling import sentences_of
from yibao_settlement.servicer.settled_lines import OWN_COST_REASONS


def statement_message(statement: Statement) -> pb.Statement:
    """Returns a statement as sent."""
    message = pb.Statement(
        settlement_id=statement.settlement_id,
        region=statement.region,
        bill_number=statement.bill_number,
        settle_time=from_instant(statement.settle_time),
        service_date=from_date(statement.service_date),
        insurance_type=statement.insurance_type,
        person_class=statement.person_class,
        entitlement_groups=statement.entitlement_groups,
        age=statement.age,
        provider=pb.StatementProvider(**statement.provider._asdict()),
        care=_care(statement.care),
        policy_version=statement.policy_version,
        policy_title=statement.policy_title,
        policy_title_zh=statement.policy_title_zh,
        benefit_year=statement.benefit_year,
    )
    _fill_lines(message, statement)
    _fill_payers(message, statement)
    _fill_year(message, statement)
    for sentence in sentences_of(statement):
        message.sentences.add(
            sentence_id=sentence.sentence_id, text_zh=sentence.zh, text=sentence.en
        )
    _fill_since(message, statement)
    if statement.reversal is not None:
        message.reversal_id = statement.reversal.reversal_id
        message.reverse_date.CopyFrom(from_date(statement.reversal.day))
    return message


def _fill_since(message: pb.Statement, statement: Statement) -> None:
    if statement.returned is not None:
        told = statement.returned._asdict()
        day = from_date(told.pop("last_day"))
        message.returned.CopyFrom(pb.StatementReturned(last_date=day, **told))
    if statement.costs_now is not None:
        message.effective.CopyFrom(pb.StatementEffective(**statement.costs_now._asdict()))


def _care(care: Care) -> pb.StatementCare:
    message = pb.StatementCare(
        care_type=care.care_type,
        provider_visit_number=care.provider_visit_number,
        start_date=from_date(care.start_date),
        department=care.department,
        diagnoses=[visit_pb2.Diagnosis(**each._asdict()) for each in care.diagnoses],
        is_interim=care.is_interim,
    )
    if care.end_date is not None:
        message.end_date.CopyFrom(from_date(care.end_date))
    return message


def _fill_lines(message: pb.Statement, statement: Statement) -> None:
    message.items.extend(_item(item) for item in statement.items[:MOST_ITEMS_PRINTED])
    message.item_count = len(statement.items)
    message.refused_line_count = statement.not_charged.line_count
    message.refused_fen = statement.not_charged.amount_fen
    for group in statement.groups:
        message.groups.add(
            group=group.group,
            name_zh=group.name_zh,
            line_count=group.line_count,
            parts=_parts(group.parts),
        )
    message.parts.CopyFrom(_parts(statement.parts))


def _item(item: StatementItem) -> pb.StatementItem:
    message = pb.StatementItem(
        line_number=item.line_number,
        item_code=item.item_code,
        item_name=item.item_name,
        catalogue_class=item.catalogue_class,
        unit_price=item.unit_price,
        quantity=item.quantity,
        parts=_parts(item.parts),
        line_id=item.line_id,
        charge_date=from_date(item.charge_date),
        own_cost_reason=OWN_COST_REASONS[item.own_cost],
    )
    if item.first_self_pay_ratio_ppm is not None:
        message.first_self_pay_ratio_ppm = item.first_self_pay_ratio_ppm
    return message


def _parts(parts: Parts) -> pb.StatementParts:
    return pb.StatementParts(**parts._asdict())


def _fill_payers(message: pb.Statement, statement: Statement) -> None:
    message.deductible_fen = statement.deductible_fen
    message.deductibles.extend(
        pb.StatementDeductible(**each._asdict()) for each in statement.deductibles
    )
    message.funds.extend(pb.StatementFund(**each._asdict()) for each in statement.funds)
    message.shares.extend(map(_share, statement.shares))
    message.overflows.extend(pb.StatementOverflow(**each._asdict()) for each in statement.overflows)
    message.others.extend(pb.StatementOther(**each._asdict()) for each in statement.others)
    message.other_total_fen = statement.other_total_fen
    message.fund_total_fen = statement.fund_total_fen
    message.personal_total_fen = statement.personal_total_fen
    message.account_fen = statement.account_fen
    message.cash_fen = statement.cash_fen
    message.account_balance_fen = statement.account_balance_fen
    message.account_carried_fen = statement.account_carried_fen
    message.carried_balance_fen = statement.carried_balance_fen
    message.family_fen = sum(fen for _, fen in statement.family)
    message.inside_list_fen = statement.inside_list_fen
    message.outside_list_fen = statement.outside_list_fen
    capitals = message.capitals
    capitals.total = in_capitals(statement.total_fen)
    capitals.fund_total = in_capitals(statement.fund_total_fen)
    capitals.account = in_capitals(statement.account_fen)
    capitals.cash = in_capitals(statement.cash_fen)


def _share(share: Share) -> pb.StatementShare:
    told = {name: each for name, each in share._asdict().items() if each is not None}
    return pb.StatementShare(**told, left_fen=share.left_fen)


def _fill_year(message: pb.Statement, statement: Statement) -> None:
    message.year.extend(
        pb.StatementYearLine(**line._asdict(), after=line.after) for line in statement.year
    )
    if statement.next_bill is not None:
        message.next_bill.CopyFrom(_next_bill(statement.next_bill))


def _next_bill(next_bill: NextBill) -> pb.NextBill:
    return pb.NextBill(
        deductible_fen=next_bill.deductible_fen,
        limits=[pb.LimitLeft(**each._asdict()) for each in next_bill.limits],
    )
