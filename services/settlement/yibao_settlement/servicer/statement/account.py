"""The statement of a personal account as sent."""

from yibao.settlement.v1 import account_statement_pb2 as pb
from yibao.settlement.v1.family_pb2 import FamilyRelation
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.account_statement import AccountStatement, Movement


def account_statement_message(statement: AccountStatement) -> pb.AccountStatement:
    """Returns a statement as sent."""
    message = pb.AccountStatement(
        person_id=statement.person_id,
        region=statement.region,
        start_date=from_date(statement.start_date),
        end_date=from_date(statement.end_date),
        opening=purses_message(statement.opening),
        closing=purses_message(statement.closing),
        credited_fen=statement.credited_fen,
        paid_fen=statement.paid_fen,
        moved_fen=statement.moved_fen,
        receivable_fen=statement.receivable_fen,
        family_fen=statement.family_fen,
    )
    balance_fen = statement.opening.balance_fen
    for each in statement.movements:
        balance_fen += each.amount_fen
        message.movements.append(_movement(each, balance_fen))
    return message


def purses_message(purses: Purses) -> pb.AccountPurses:
    """Returns what purses hold as sent."""
    return pb.AccountPurses(
        balance_fen=purses.balance_fen,
        current_year_fen=purses.current_year_fen,
        carried_fen=purses.carried_fen,
    )


def _movement(each: Movement, balance_fen: int) -> pb.AccountMovement:
    message = pb.AccountMovement(
        # Kinds have the numbers of postings.
        kind=pb.AccountMovementKind.ValueType(each.kind),
        move_time=from_instant(each.move_time),
        amount_fen=each.amount_fen,
        current_year_amount_fen=each.change.current_year_fen,
        carried_amount_fen=each.change.carried_fen,
        balance_fen=balance_fen,
        credit_source=each.credit_source,
    )
    for relative in each.relatives:
        message.relatives.add(
            relation=FamilyRelation.ValueType(relative.relation),
            relative_name_masked=relative.relative_name_masked,
            amount_fen=relative.amount_fen,
        )
    if each.bill is not None:
        message.settlement_id = each.bill.settlement_id
        message.institution_id = each.bill.institution_id
        message.institution_name = each.bill.institution_name
        message.bill_number = each.bill.bill_number
    return message
