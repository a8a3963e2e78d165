"""Orders of accounts: corrections and pay-outs are proposed, another operator confirms them.

All of it runs in the batches, under the lock of the person.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credit.book import (
    available,
    book_credit,
    check_opens,
    meet_receivables,
    order_detail,
    owed_of,
    put_order,
    take_out,
)
from yibao_settlement.application.credit.state import AccountClosing
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.credit.credit import (
    Credit,
    CreditState,
    credit_not_found,
)
from yibao_settlement.rules.credit.order import (
    AccountOrder,
    AccountOrderKind,
    PayOutCause,
    carried_out,
    check_checker,
    check_correctable,
    check_payable,
    check_waits,
    order_not_found,
    order_waits,
    pay_out_changed,
    rejected,
)
from yibao_settlement.rules.credit.posting import paid_out_entries, taken_back_entries
from yibao_settlement.rules.enrolment import paying_on
from yibao_settlement.rules.ledger import PostingKind

CONFIRM_METHOD = "ConfirmAccountOrder"
REJECT_METHOD = "RejectAccountOrder"
Encode = Callable[[AccountOrder], bytes]


@dataclass(frozen=True, slots=True)
class ProposeCorrection:
    """Proposes that some of a credit, or all of it, is taken back.

    `person_id` is who holds the account by now; a record that was merged into it was credited.
    """

    request: Request
    credit_id: str
    person_id: str
    amount_fen: int
    reason: str
    # Writes a ProposeCreditCorrectionResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the person and the credit, with what waits of it."""
        return Needs(
            person_ids=(self.person_id,),
            account_person_ids=(self.person_id,),
            credit_ids=(self.credit_id,),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`.

        Raises RuleError PERSON_MERGED, CREDIT_NOT_FOUND, ACCOUNT_ORDER_WAITS, CREDIT_NOT_LEFT.
        """
        check_not_merged(working_set.standing(self.person_id))
        credit = _credit(working_set, self.credit_id, self.person_id)
        waiting = working_set.credits.waiting(self.person_id, self.credit_id)
        if waiting is not None:
            raise order_waits(waiting)
        check_correctable(credit, self.amount_fen)
        order = AccountOrder(
            working_set.region,
            ids(),
            AccountOrderKind.CORRECTION,
            self.person_id,
            self.amount_fen,
            self.credit_id,
            None,
            None,
            self.reason,
            self.request.caller.path,
            working_set.now,
        )
        response = self.encode(order)
        put_order(order, self.request, working_set)
        return response


@dataclass(frozen=True, slots=True)
class ProposePayOut:
    """Proposes that an account is paid out and closed; `amount_fen` is what the operator read."""

    request: Request
    person_id: str
    amount_fen: int
    cause: PayOutCause
    payee_reference: str
    reason: str
    # Writes a ProposePayOutResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the person, with the orders and what is owed."""
        return Needs(person_ids=(self.person_id,), account_person_ids=(self.person_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`.

        Raises RuleError PERSON_MERGED, CASH_NOT_PAID, ACCOUNT_ORDER_WAITS, PAY_OUT_NOT_OPEN.
        """
        check_not_merged(working_set.standing(self.person_id))
        _check_payable(working_set, self.person_id, self.cause)
        waiting = working_set.credits.waiting(self.person_id, None)
        if waiting is not None:
            raise order_waits(waiting)
        _check_pay_out(working_set, self.person_id, self.amount_fen)
        order = AccountOrder(
            working_set.region,
            ids(),
            AccountOrderKind.PAY_OUT,
            self.person_id,
            self.amount_fen,
            None,
            self.cause,
            self.payee_reference,
            self.reason,
            self.request.caller.path,
            working_set.now,
        )
        response = self.encode(order)
        put_order(order, self.request, working_set)
        return response


@dataclass(frozen=True, slots=True)
class OrderCase:
    """An order with its person and credit, which never change."""

    order_id: str
    person_id: str
    credit_id: str | None

    def needs(self) -> Needs:
        """Returns the person, the order and its credit."""
        return Needs(
            person_ids=(self.person_id,),
            account_person_ids=(self.person_id,),
            credit_ids=() if self.credit_id is None else (self.credit_id,),
        )

    def find(self, working_set: WorkingSet) -> AccountOrder:
        """Returns the order as it is; raises ACCOUNT_ORDER_NOT_FOUND."""
        order = working_set.credits.orders.get(self.order_id)
        if order is None:
            raise order_not_found(self.order_id)
        return order


@dataclass(frozen=True, slots=True)
class ConfirmAccountOrder:
    """Confirms an order and posts it; `kind` and `amount_fen` are what the checker read."""

    request: Request
    case: OrderCase
    kind: AccountOrderKind
    amount_fen: int
    # Writes a ConfirmAccountOrderResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Confirms; see `Command`.

        Raises RuleError ACCOUNT_ORDER_NOT_FOUND, ACCOUNT_ORDER_STATE, SAME_MAKER_AND_CHECKER,
        PERSON_MERGED, CREDIT_NOT_FOUND, CREDIT_NOT_LEFT, ACCOUNT_CLOSED, CASH_NOT_PAID,
        PAY_OUT_NOT_OPEN.
        """
        proposed, checker = self.case.find(working_set), self.request.caller.path
        check_checker(proposed, checker=checker, kind=self.kind, amount_fen=self.amount_fen)
        check_not_merged(working_set.standing(proposed.person_id))
        act = _ACTS[proposed.kind]
        order = act(proposed, self.request, working_set, ids)
        response = self.encode(order)
        working_set.credits.change_order(order)
        _put_on_record(order, self.request, working_set, maker=order.maker, reason=order.reason)
        return response


@dataclass(frozen=True, slots=True)
class RejectAccountOrder:
    """Rejects an order: nothing comes of it, and a credit's key is free again."""

    request: Request
    case: OrderCase
    reason: str
    # Writes a RejectAccountOrderResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Rejects; see `Command`.

        Raises RuleError ACCOUNT_ORDER_NOT_FOUND, ACCOUNT_ORDER_STATE, SAME_MAKER_AND_CHECKER.
        """
        order = rejected(
            self.case.find(working_set),
            checker=self.request.caller.path,
            now=working_set.now,
            reason=self.reason,
        )
        response = self.encode(order)
        working_set.credits.change_order(order)
        if order.kind is AccountOrderKind.CREDIT and order.credit_id is not None:
            credit = working_set.credits.by_id[order.credit_id]
            working_set.credits.change(credit._replace(state=CreditState.REJECTED))
        _put_on_record(order, self.request, working_set, maker=order.maker, reason=self.reason)
        return response


def _credit(working_set: WorkingSet, credit_id: str | None, person_id: str) -> Credit:
    credit = working_set.credits.by_id.get(credit_id or "")
    if credit is None or working_set.holder_of(credit.person_id) != person_id:
        raise credit_not_found(credit_id or "")
    return credit


def _confirm_credit(
    order: AccountOrder, request: Request, working_set: WorkingSet, ids: Ids
) -> AccountOrder:
    credit = _credit(working_set, order.credit_id, order.person_id)
    check_waits(credit)
    check_opens(working_set, order.person_id, credit.source)
    booked = book_credit(credit, request, working_set, ids)
    assert booked.posting_id is not None, booked.credit_id
    return carried_out(
        order,
        checker=request.caller.path,
        now=working_set.now,
        posting_id=booked.posting_id,
    )


def _take_back(
    order: AccountOrder, request: Request, working_set: WorkingSet, ids: Ids
) -> AccountOrder:
    """Takes a credit back: out of the purse that its money is in first, then out of the other."""
    person_id, amount_fen = order.person_id, order.amount_fen
    credit = _credit(working_set, order.credit_id, person_id)
    check_correctable(credit, amount_fen)
    is_old = shanghai_day(_book_time(credit, working_set)).year < working_set.account_year
    posting_id = ids()
    taken = take_out(
        person_id,
        amount_fen,
        request,
        working_set,
        ids,
        carried_first=credit.is_carried or is_old,
    )
    entries = taken_back_entries(
        taken, person_id=person_id, source=credit.source, amount_fen=amount_fen
    )
    working_set.post(posting_id, PostingKind.CREDIT_TAKEN_BACK, entries, request)
    working_set.credits.change(credit.taken_back(amount_fen))
    return carried_out(
        order,
        checker=request.caller.path,
        now=working_set.now,
        posting_id=posting_id,
        receivable_fen=amount_fen - taken.balance_fen,
    )


def _book_time(credit: Credit, working_set: WorkingSet) -> dt.datetime:
    """Returns when a credit came into the account: one that waited, once it was confirmed."""
    order = working_set.credits.orders.get(credit.order_id or "")
    if order is None or order.close_time is None:
        return credit.credit_time
    return order.close_time


def _pay_out(
    order: AccountOrder, request: Request, working_set: WorkingSet, ids: Ids
) -> AccountOrder:
    """Pays an account out and closes it, once what is owed of it is met."""
    person_id = order.person_id
    assert order.cause is not None, order.order_id
    _check_payable(working_set, person_id, order.cause)
    _check_pay_out(working_set, person_id, order.amount_fen)
    meet_receivables(person_id, request, working_set, ids, carried_first=True)
    posting_id = ids()
    taken = take_out(person_id, order.amount_fen, request, working_set, ids, carried_first=True)
    entries = paid_out_entries(taken, person_id=person_id, order_id=order.order_id)
    working_set.post(posting_id, PostingKind.PAID_OUT, entries, request)
    working_set.credits.close(AccountClosing(person_id, order.order_id, working_set.now))
    return carried_out(
        order, checker=request.caller.path, now=working_set.now, posting_id=posting_id
    )


_ACTS = {
    AccountOrderKind.CREDIT: _confirm_credit,
    AccountOrderKind.CORRECTION: _take_back,
    AccountOrderKind.PAY_OUT: _pay_out,
}


def payable_fen(working_set: WorkingSet, person_id: str) -> int:
    """Returns what can leave an account whole: what it holds, less what it owes.

    None of it while holds reserve something: what is left would stay in a closed account.
    """
    if working_set.holds.of(person_id):
        return 0
    owed_fen = sum(fen for _, fen in owed_of(working_set, person_id))
    return max(available(working_set, person_id).balance_fen - owed_fen, 0)


def _check_payable(working_set: WorkingSet, person_id: str, cause: PayOutCause) -> None:
    enrolments = working_set.enrolments.get(person_id, ())
    check_payable(
        cause,
        death_date=working_set.death_dates.get(person_id),
        is_insured=paying_on(enrolments, shanghai_day(working_set.now)) is not None,
    )


def _check_pay_out(working_set: WorkingSet, person_id: str, amount_fen: int) -> None:
    payable = payable_fen(working_set, person_id)
    if payable != amount_fen or not payable:
        raise pay_out_changed(payable)


def _put_on_record(
    order: AccountOrder, request: Request, working_set: WorkingSet, **more: str
) -> None:
    detail = order_detail(order, posting=order.posting_id or "", **more)
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(order.person_id, order.order_id),
            detail=detail,
        )
    )
