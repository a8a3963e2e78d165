"""Settling a bill: check, adjudicate, book."""

from collections.abc import Iterable

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.adjudicate import adjudicate_bill
from yibao_settlement.application.commands import SettleBill, accepted
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.records import SettledBill, SettlementRow
from yibao_settlement.application.working_set import CodeUse, NewSettlement, WorkingSet
from yibao_settlement.rules.ledger import PostingKind, settlement_entries
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.standing import check_not_merged
from yibao_settlement.rules.visit import Visit


def settle(command: SettleBill, working_set: WorkingSet, ids: Ids, encoder: Encoder) -> bytes:
    """Settles a bill and returns the bytes of its answer.

    Raises RuleError where it is refused; the working set is then as it was.
    """
    bill = command.bill
    visit = _visit_of(command, working_set)
    standing = working_set.standing(visit.person_id)
    check_not_merged(standing)
    code = accepted(command.code)
    working_set.check_code(code, visit.person_id, institution_id=visit.institution_id)
    adjudication = adjudicate_bill(
        bill,
        visit,
        region=working_set.region,
        enrolments=working_set.enrolments.get(visit.person_id, ()),
        year=working_set.year(visit.person_id, bill.service_date.year),
        account_balance_fen=standing.balance_fen,
        reference=working_set.reference,
        now=working_set.now,
    )
    split = adjudication.split
    fund_amounts = amounts_by_fund(split.fund_payments)
    entries = settlement_entries(
        fund_amounts,
        person_id=visit.person_id,
        account_fen=split.account_fen,
        institution_id=visit.institution_id,
    )
    settled = SettledBill(
        ids(),
        working_set.region,
        adjudication,
        entries,
        standing.balance_fen - split.account_fen,
        working_set.now,
    )
    response = encoder.settled(settled)
    # Nothing below refuses: from here on the working set changes.
    working_set.use_code(visit.person_id, CodeUse(code, command.request_id, command.institution_id))
    new = NewSettlement(settled, command.request_id, dict(split.accumulations), fund_amounts)
    _book(new, response, working_set)
    return response


def _visit_of(command: SettleBill, working_set: WorkingSet) -> Visit:
    bill = command.bill
    visit = working_set.visits.get(bill.visit_id)
    # Another institution's visit is not told apart from none.
    if visit is None or visit.institution_id != command.institution_id:
        raise visit_not_found(bill.visit_id)
    settled_id = working_set.settled_bills.get((bill.visit_id, bill.bill_number))
    if settled_id is not None:
        raise RuleError(
            Reason.BILL_ALREADY_SETTLED,
            f"bill {bill.bill_number} of the visit is settled already",
            settlement_id=settled_id,
        )
    return visit


def _book(new: NewSettlement, response: bytes, working_set: WorkingSet) -> None:
    settled = new.settled
    adjudication = settled.adjudication
    bill, visit, split = adjudication.bill, adjudication.visit, adjudication.split
    benefit_year = bill.service_date.year
    working_set.change_person(
        visit.person_id,
        balance_change_fen=-split.account_fen,
        benefit_year=benefit_year,
        accumulations=split.accumulations,
    )
    working_set.post(settled.settlement_id, PostingKind.SETTLEMENT, settled.entries)
    working_set.changes.settlements.append(new)
    # For commands that come later in the batch: the same bill, or its reversal.
    working_set.settled_bills[bill.visit_id, bill.bill_number] = settled.settlement_id
    working_set.settle_responses[new.request_id] = response
    working_set.settlements[settled.settlement_id] = SettlementRow(
        settled.settlement_id,
        new.request_id,
        bill.visit_id,
        bill.bill_number,
        visit.person_id,
        visit.institution_id,
        benefit_year,
        split.account_fen,
        new.accumulations,
        new.fund_amounts,
        None,
    )


def amounts_by_fund(payments: Iterable[FundPayment]) -> dict[str, int]:
    """Returns what each fund pays in fen; several steps may draw on one fund."""
    amounts: dict[str, int] = {}
    for payment in payments:
        if payment.amount_fen:
            paid_fen = amounts.get(payment.fund_type, 0)
            amounts[payment.fund_type] = paid_fen + payment.amount_fen
    return amounts


def visit_not_found(visit_id: str) -> RuleError:
    """Returns the refusal for a visit that the caller cannot see."""
    return RuleError(Reason.VISIT_NOT_FOUND, f"no visit {visit_id}", visit_id=visit_id)
