"""Declared months, deductions, payments and deposits as messages."""

import datetime as dt
from collections.abc import Iterable, Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from yibao.settlement.v1 import day_pb2
from yibao.settlement.v1 import declaration_pb2 as messages
from yibao.settlement.v1 import institution_payment_pb2 as payments
from yibao_common.rpc.wire import from_instant
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.declaration.find import (
    ToldDeclaration,
    ToldPayment,
    TypeSum,
)
from yibao_settlement.rules.day.act import DayAct
from yibao_settlement.rules.declaration.month import Declaration, MonthSums
from yibao_settlement.rules.declaration.order import Deduction, DepositMove
from yibao_settlement.rules.declaration.payment import Payment
from yibao_settlement.rules.ledger import fund_account
from yibao_settlement.rules.period.month import is_month

_FUND = fund_account("")


def month_from(text: str) -> int:
    """Returns a month as told; raises RuleError FIELD_MALFORMED where it is none."""
    if not is_month(int(text)):
        fault = "six digits of a year and a month, such as 202611"
        refuse_faults([FieldFault("month", Reason.FIELD_MALFORMED, fault)])
    return int(text)


def sums_from(sum_: messages.MonthSum) -> tuple[MonthSums, dict[str, int]]:
    """Returns what an institution makes of a month, and of each fund.

    Raises RuleError FIELD_MALFORMED where a fund is told twice.
    """
    funds = {each.fund_type: each.amount_fen for each in sum_.funds}
    if len(funds) != len(sum_.funds):
        fault = FieldFault("sum.funds", Reason.FIELD_MALFORMED, "a fund is told once")
        refuse_faults([fault])
    sums = MonthSums(
        sum_.act_count, sum_.total_fen, sum_.fund_total_fen, sum_.account_fen, sum_.cash_fen
    )
    return sums, funds


def sum_message(each: TypeSum) -> messages.MonthSum:
    """Returns what acts of two types come to."""
    return _sum_message(each.insurance_type, each.clearing_type, each.sums, each.funds)


def declaration_message(told: ToldDeclaration, caller: Caller) -> messages.Declaration:
    """Returns a declaration, with shares where there are any."""
    declaration = told.declaration
    funds = {
        each.account_id.removeprefix(_FUND): each.declared_fen
        for each in told.shares
        if each.account_id.startswith(_FUND) and each.declared_fen
    }
    types = declaration.insurance_type, declaration.clearing_type
    return messages.Declaration(
        declaration_id=declaration.declaration_id,
        region=declaration.region,
        institution_id=declaration.institution_id,
        month=str(declaration.month),
        sum=_sum_message(*types, declaration.sums, funds),
        state=messages.DeclarationState.ValueType(declaration.state),
        declared_by=who(declaration.declared_by, caller),
        declare_time=from_instant(declaration.declare_time),
        accepted_by=who(declaration.accepted_by, caller),
        accept_time=_time(declaration.accept_time),
        ended_by=who(declaration.ended_by, caller),
        end_time=_time(declaration.end_time),
        end_reason=declaration.end_reason or "",
        shares=[
            messages.DeclarationShare(**each._asdict(), payable_fen=each.payable_fen)
            for each in told.shares
        ],
        payable_fen=told.payable_fen,
        payment_id=told.payment_id or "",
    )


def listed_message(declaration: Declaration, caller: Caller) -> messages.Declaration:
    """Returns a declaration as in a list."""
    return declaration_message(ToldDeclaration(declaration), caller)


def act_message(act: DayAct) -> messages.DeclaredAct:
    """Returns an act of a declaration."""
    return messages.DeclaredAct(
        act_id=act.act_id,
        act_kind=day_pb2.DayActKind.ValueType(act.kind),
        settlement_id=act.settlement_id,
        act_time=from_instant(act.act_time),
        **act.amounts._asdict(),
    )


def deduction_message(deduction: Deduction, caller: Caller) -> messages.Deduction:
    """Returns a deduction."""
    return messages.Deduction(
        deduction_id=deduction.deduction_id,
        declaration_id=deduction.declaration_id,
        institution_id=deduction.institution_id,
        deduction_type=messages.DeductionType.ValueType(deduction.deduction_type),
        fund_type=deduction.fund_type,
        amount_fen=deduction.amount_fen,
        settlement_id=deduction.settlement_id or "",
        revoked_id=deduction.revoked_id or "",
        reason=deduction.reason,
        state=messages.OrderState.ValueType(deduction.state),
        maker=who(deduction.maker, caller),
        propose_time=from_instant(deduction.propose_time),
        checker=who(deduction.checker, caller),
        decide_time=_time(deduction.decide_time),
    )


def move_message(move: DepositMove, caller: Caller) -> payments.DepositMove:
    """Returns what became of a deposit."""
    return payments.DepositMove(
        move_id=move.move_id,
        declaration_id=move.declaration_id,
        institution_id=move.institution_id,
        move_kind=payments.DepositMoveKind.ValueType(move.move_kind),
        fund_type=move.fund_type,
        amount_fen=move.amount_fen,
        reason=move.reason,
        state=messages.OrderState.ValueType(move.state),
        maker=who(move.maker, caller),
        propose_time=from_instant(move.propose_time),
        checker=who(move.checker, caller),
        decide_time=_time(move.decide_time),
        payment_id=move.payment_id or "",
    )


def payment_message(told: ToldPayment, caller: Caller) -> payments.InstitutionPayment:
    """Returns a payment, with lines where there are any."""
    payment = told.payment
    return payments.InstitutionPayment(
        payment_id=payment.payment_id,
        region=payment.region,
        institution_id=payment.institution_id,
        amount_fen=payment.amount_fen,
        deposit_fen=payment.deposit_fen,
        state=payments.InstitutionPaymentState.ValueType(payment.state),
        maker=who(payment.maker, caller),
        propose_time=from_instant(payment.propose_time),
        checker=who(payment.checker, caller),
        decide_time=_time(payment.decide_time),
        bank_reference=payment.bank_reference or "",
        pay_time=_time(payment.pay_time),
        lines=[payments.InstitutionPaymentLine(**line._asdict()) for line in told.lines],
    )


def listed_payment(payment: Payment, caller: Caller) -> payments.InstitutionPayment:
    """Returns a payment as in a list."""
    return payment_message(ToldPayment(payment), caller)


def who(path: str | None, caller: Caller) -> str:
    """Returns who did something: which operator of an agency, that agency alone is told."""
    role, _, party = (path or "").partition("/")
    region = party.partition("/")[0]
    if role == Role.AGENCY.value and (caller.role is not Role.AGENCY or caller.region != region):
        return f"{role}/{region}"
    return path or ""


def _sum_message(
    insurance_type: str, clearing_type: str, sums: MonthSums, funds: Mapping[str, int]
) -> messages.MonthSum:
    return messages.MonthSum(
        insurance_type=insurance_type,
        clearing_type=clearing_type,
        **sums._asdict(),
        funds=_fund_messages(funds),
    )


def _fund_messages(funds: Mapping[str, int]) -> Iterable[messages.MonthFundSum]:
    return [
        messages.MonthFundSum(fund_type=fund_type, amount_fen=fen)
        for fund_type, fen in sorted(funds.items())
    ]


def _time(instant: dt.datetime | None) -> Timestamp | None:
    return None if instant is None else from_instant(instant)
