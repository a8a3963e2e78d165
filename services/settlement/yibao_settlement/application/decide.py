"""One command at a time over the working set of its batch.

The order of the checks is part of the contract: a repeated request first, then whether
the caller may see the thing at all, then its state, then the contents.
"""

from yibao_common.calendar import shanghai_day
from yibao_common.errors import RuleError
from yibao_common.ids import Ids
from yibao_common.reasons import Reason
from yibao_settlement.application.adjudicate import adjudicate_bill
from yibao_settlement.application.commands import (
    Code,
    Command,
    CreditAccount,
    RegisterVisit,
    ReverseSettlement,
    SettleBill,
)
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.records import Credit, Reversal, SettledBill, SettlementRow
from yibao_settlement.application.working_set import CodeUse, NewSettlement, WorkingSet
from yibao_settlement.rules.ledger import (
    PostingKind,
    credit_entries,
    opposite,
    settlement_entries,
)
from yibao_settlement.rules.presentation import PresentedCode, check_use
from yibao_settlement.rules.visit import (
    Visit,
    check_designated,
    check_ecert,
    check_enrolled,
)


def decide(command: Command, working_set: WorkingSet, *, ids: Ids, encoder: Encoder) -> bytes:
    """Carries out one command and returns the bytes of its answer.

    Raises RuleError where it is refused; the working set is then as it was.
    """
    known = working_set.replay(command.request_id, command.digest)
    if known is not None:
        return known
    match command:
        case SettleBill():
            response = _settle(command, working_set, ids, encoder)
        case RegisterVisit():
            response = _register_visit(command, working_set, ids, encoder)
        case ReverseSettlement():
            response = _reverse(command, working_set, ids, encoder)
        case CreditAccount():
            response = _credit(command, working_set, ids, encoder)
    return working_set.answer(command.request_id, command.digest, response)


def _register_visit(
    command: RegisterVisit, working_set: WorkingSet, ids: Ids, encoder: Encoder
) -> bytes:
    code = _accepted(command.code)
    institution = check_designated(
        working_set.reference.institution(command.institution_id),
        command.institution_id,
        region=working_set.region,
        on=shanghai_day(working_set.now),
    )
    check_ecert(institution)
    person_id = working_set.persons_by_subject.get(code.subject)
    enrolment = check_enrolled(
        None if person_id is None else working_set.enrolments[person_id], on=command.start_date
    )
    check_use(
        code,
        holder_subject=enrolment.subject,
        usable=enrolment.credential_usable,
        newest_code_time=working_set.standing(enrolment.person_id).newest_code_time,
        used_codes=working_set.used_codes,
    )
    number = (command.institution_id, command.provider_visit_number)
    existing = working_set.visit_numbers.get(number)
    if existing is not None:
        raise RuleError(
            Reason.VISIT_EXISTS,
            f"visit number {command.provider_visit_number} is registered already",
            visit_id=existing,
        )
    visit = Visit(
        visit_id=ids(),
        person_id=enrolment.person_id,
        institution_id=command.institution_id,
        provider_visit_number=command.provider_visit_number,
        care_type=command.care_type,
        start_date=command.start_date,
        birth_date=enrolment.birth_date,
        insurance_type=enrolment.insurance_type,
        person_class=enrolment.person_class,
        entitlement_groups=enrolment.entitlement_groups,
        institution_level=institution.institution_level,
        register_time=working_set.now,
    )
    working_set.use_code(visit.person_id, CodeUse(code, command.request_id, command.institution_id))
    working_set.visits[visit.visit_id] = visit
    working_set.visit_numbers[number] = visit.visit_id
    working_set.changes.visits.append(visit)
    return encoder.visit(working_set.region, visit)


def _settle(command: SettleBill, working_set: WorkingSet, ids: Ids, encoder: Encoder) -> bytes:
    bill = command.bill
    visit = working_set.visits.get(bill.visit_id)
    # Another institution's visit is not told apart from none.
    if visit is None or visit.institution_id != command.institution_id:
        raise visit_not_found(bill.visit_id)
    person_id = visit.person_id
    standing = working_set.standing(person_id)
    settled_id = working_set.settled_bills.get((bill.visit_id, bill.bill_number))
    if settled_id is not None:
        raise RuleError(
            Reason.BILL_ALREADY_SETTLED,
            f"bill {bill.bill_number} of the visit is settled already",
            settlement_id=settled_id,
        )
    enrolment = working_set.enrolments[person_id]
    code = _accepted(command.code)
    check_use(
        code,
        holder_subject=enrolment.subject,
        usable=enrolment.credential_usable,
        newest_code_time=standing.newest_code_time,
        used_codes=working_set.used_codes,
    )
    benefit_year = bill.service_date.year
    adjudication = adjudicate_bill(
        bill,
        visit,
        region=working_set.region,
        year=working_set.year(person_id, benefit_year),
        account_balance_fen=standing.balance_fen,
        reference=working_set.reference,
        now=working_set.now,
    )
    split = adjudication.split
    fund_amounts: dict[str, int] = {}
    for payment in split.fund_payments:
        if payment.amount_fen:
            paid_fen = fund_amounts.get(payment.fund_type, 0)
            fund_amounts[payment.fund_type] = paid_fen + payment.amount_fen
    entries = settlement_entries(
        fund_amounts,
        person_id=person_id,
        account_fen=split.account_fen,
        institution_id=visit.institution_id,
    )
    settlement_id = ids()
    settled = SettledBill(
        settlement_id,
        working_set.region,
        adjudication,
        entries,
        standing.balance_fen - split.account_fen,
        working_set.now,
    )
    response = encoder.settled(settled)
    # Nothing below refuses: from here on the working set changes.
    working_set.use_code(person_id, CodeUse(code, command.request_id, command.institution_id))
    working_set.change_person(
        person_id,
        balance_change_fen=-split.account_fen,
        benefit_year=benefit_year,
        accumulations=split.accumulations,
    )
    working_set.post(settlement_id, PostingKind.SETTLEMENT, entries)
    working_set.settled_bills[bill.visit_id, bill.bill_number] = settlement_id
    accumulations = dict(split.accumulations)
    working_set.changes.settlements.append(
        NewSettlement(settled, command.request_id, accumulations, fund_amounts)
    )
    working_set.settle_responses[command.request_id] = response
    working_set.settlements[settlement_id] = SettlementRow(
        settlement_id,
        command.request_id,
        bill.visit_id,
        bill.bill_number,
        person_id,
        visit.institution_id,
        benefit_year,
        split.account_fen,
        accumulations,
        fund_amounts,
        None,
    )
    return response


def _accepted(code: Code) -> PresentedCode:
    if isinstance(code, RuleError):
        raise code
    return code


def _reverse(
    command: ReverseSettlement, working_set: WorkingSet, ids: Ids, encoder: Encoder
) -> bytes:
    row = working_set.settlements.get(command.settlement_id)
    if row is None or command.institution_id not in (None, row.institution_id):
        raise settlement_not_found(command.settlement_id)
    if row.reversal_id is not None:
        raise RuleError(
            Reason.SETTLEMENT_REVERSED,
            f"settlement {row.settlement_id} is reversed already",
            reversal_id=row.reversal_id,
        )
    entries = opposite(
        settlement_entries(
            row.fund_amounts,
            person_id=row.person_id,
            account_fen=row.account_fen,
            institution_id=row.institution_id,
        )
    )
    standing = working_set.standing(row.person_id)
    reversal = Reversal(
        ids(),
        row,
        entries,
        working_set.now,
        command.reason,
        command.actor,
        standing.balance_fen + row.account_fen,
    )
    response = encoder.reversed(reversal, working_set.settle_responses[row.request_id])
    working_set.change_person(
        row.person_id,
        balance_change_fen=row.account_fen,
        benefit_year=row.benefit_year,
        accumulations=[(name, -value) for name, value in row.accumulations.items()],
    )
    working_set.post(reversal.reversal_id, PostingKind.REVERSAL, entries)
    working_set.settled_bills.pop((row.visit_id, row.bill_number), None)
    working_set.settlements[row.settlement_id] = reversed_row(row, reversal.reversal_id)
    working_set.changes.reversals.append(reversal)
    return response


def _credit(command: CreditAccount, working_set: WorkingSet, ids: Ids, encoder: Encoder) -> bytes:
    person_id = command.person_id
    if person_id not in working_set.enrolments:
        raise RuleError(
            Reason.PERSON_NOT_ENROLLED,
            f"person {person_id} is not enrolled in this region",
            enrolment_status="UNKNOWN",
        )
    entries = credit_entries(
        source=command.source, person_id=person_id, amount_fen=command.amount_fen
    )
    posting_id = ids()
    standing = working_set.change_person(person_id, balance_change_fen=command.amount_fen)
    working_set.post(posting_id, PostingKind.CREDIT, entries)
    return encoder.credited(Credit(posting_id, working_set.region, standing, entries))


def reversed_row(row: SettlementRow, reversal_id: str) -> SettlementRow:
    """Returns the row as it stands after its reversal."""
    return SettlementRow(
        row.settlement_id,
        row.request_id,
        row.visit_id,
        row.bill_number,
        row.person_id,
        row.institution_id,
        row.benefit_year,
        row.account_fen,
        row.accumulations,
        row.fund_amounts,
        reversal_id,
    )


def visit_not_found(visit_id: str) -> RuleError:
    """Returns the refusal for a visit that the caller cannot see."""
    return RuleError(Reason.VISIT_NOT_FOUND, f"no visit {visit_id}", visit_id=visit_id)


def settlement_not_found(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that the caller cannot see."""
    return RuleError(
        Reason.SETTLEMENT_NOT_FOUND,
        f"no settlement {settlement_id}",
        settlement_id=settlement_id,
    )
