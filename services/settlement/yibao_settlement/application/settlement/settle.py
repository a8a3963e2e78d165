"""Settling a bill: check, adjudicate, book."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.ids import Ids, IdsAbove
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.changes import CodeUse
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.taking import Taking
from yibao_settlement.application.elsewhere.treating import (
    note_deemed_of_bill,
    treating_reference,
    visit_on_terms,
)
from yibao_settlement.application.family.give import give
from yibao_settlement.application.family.offers import offers_to
from yibao_settlement.application.mapping.lines import needed_codes, taking_with_items
from yibao_settlement.application.presentation import (
    accepted,
    check_code,
    keys_of_code,
    use_code,
)
from yibao_settlement.application.review.found import found_with
from yibao_settlement.application.review.opening import opened_by
from yibao_settlement.application.settlement.adjudicate import adjudicate_bill, record_of
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.visit.find import visit_not_found
from yibao_settlement.rules.account import Purses, check_not_merged, purses_in
from yibao_settlement.rules.bill import Bill, ExpectedAmounts, check_expected
from yibao_settlement.rules.charge import Charge
from yibao_settlement.rules.duplicate import check_not_repeated, marks_of
from yibao_settlement.rules.elsewhere.hold import check_not_audited
from yibao_settlement.rules.elsewhere.marks import check_nobody_liable
from yibao_settlement.rules.family import drawn, offered_fen
from yibao_settlement.rules.finding import RETIRED_CADRES, RetiredCadres
from yibao_settlement.rules.hold import unreserved
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.review import Finding
from yibao_settlement.rules.stay import StandingBill, check_bill
from yibao_settlement.rules.visit import Visit, check_not_cancelled

# Under which the audit tells of a bill that no code was shown for.
SETTLE_METHOD = "SettleBill"


class SettleBill(NamedTuple):
    """Settles a bill of a visit of the caller's institution."""

    request: Request
    # None where none was presented: only of a person who died.
    code: Code | None
    bill: Bill
    # Writes a SettleBillResponse.
    encode: Callable[[SettlementRecord], bytes]
    # What the person agreed to; None where the caller did not say.
    expected: ExpectedAmounts | None = None
    # Whether the region settles the last bill of a stay after its discharge alone.
    is_discharge_required: bool = False
    # Whose drugs outside the catalogue need an approval.
    retired_cadres: RetiredCadres = RETIRED_CADRES
    # Whether accounts of the region pay of earlier years' money first.
    carried_first: bool = False

    def needs(self) -> Needs:
        """Returns the visit, the code, the items of the lines and the year."""
        bill = self.bill
        subjects, code_ids, token_hashes = keys_of_code(self.code)
        return Needs(
            visit_ids=(bill.visit_id,),
            subjects=subjects,
            code_ids=code_ids,
            token_hashes=token_hashes,
            item_codes=[line.item_code for line in bill.lines],
            benefit_years=(bill.service_date.year,),
            charged_visit_ids=(bill.visit_id,) if bill.needs_charges else (),
            bill_days=((bill.visit_id, bill.service_date),),
            reviewed_visit_ids=(bill.visit_id,),
            own_codes=needed_codes(bill.visit_id, bill.lines),
            family_visit_ids=(bill.visit_id,) if bill.family_used else (),
            treating_institution_ids=(self.request.caller.own_institution(),),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Settles the bill; see `Command`."""
        request = self.request
        record, code, taking, findings = self.decided(working_set, ids)
        review = opened_by(record, findings, review_id=ids()) if findings else None
        if review is not None:
            record = record._replace(review=review.note)
        response = self.encode(record)
        # Nothing below refuses: from here on the working set changes.
        note_deemed_of_bill(record, working_set)
        if code is None:
            self._put_on_record(record, working_set)
        else:
            use_code_of_bill(code, record, request, working_set)
        _book(record, request, working_set, ids)
        if review is not None:
            working_set.open_review(review, caller=request.caller.path)
        if taking.bill.needs_charges:
            take_charges(taking, record, working_set)
        return response

    def decided(
        self, working_set: WorkingSet, ids: Ids
    ) -> tuple[SettlementRecord, PresentedCode | None, Taking, tuple[Finding, ...]]:
        """Returns what the bill comes to, by which code, which lines it takes, what was found.

        It is what a hold of the bill starts from, too; nothing is booked. Raises RuleError
        where the bill is refused.
        """
        request = self.request
        visit = self._visit(working_set)
        person_id = visit.person_id
        standing = working_set.standing(person_id)
        check_not_merged(standing)
        death_date = working_set.death_dates.get(person_id)
        code = self._code(working_set, visit, death_date)
        visit = visit_on_terms(working_set, visit, last=self.bill.service_date)
        taking = self._taking(working_set, visit)
        bill = taking.bill
        marks = marks_of(bill.lines, bill.service_date)
        check_not_repeated(
            marks,
            working_set.bills_of(bill.visit_id),
            told_apart=taking.told_apart,
        )
        offers = offers_to(person_id, working_set) if bill.family_used else ()
        adjudication = adjudicate_bill(
            bill,
            visit,
            region=working_set.region,
            enrolments=working_set.enrolments.get(person_id, ()),
            diseases=working_set.diseases.get(person_id, ()),
            death_date=death_date,
            history=working_set.history(visit),
            purses=unheld(purses_in(standing, working_set.account_year), person_id, working_set),
            reference=working_set.reference,
            treating=treating_reference(working_set, visit),
            now=working_set.now,
            settled_lines=taking.settled,
            carried_first=self.carried_first,
            family_fen=offered_fen(offers) if offers else 0,
        )
        check_expected(
            self.expected, adjudication.expected, policy_version=adjudication.policy.version
        )
        record = record_of(
            adjudication,
            region=working_set.region,
            settlement_id=IdsAbove(ids, standing.newest_settlement_id or "")(),
            request_id=request.request_id,
            settled_by=request.caller.path,
            settle_time=working_set.now,
            entries=adjudication.owed_entries(),
            marks=marks,
            family=(
                drawn(offers, adjudication.family_fen, carried_first=self.carried_first)
                if offers
                else ()
            ),
        )
        return record, code, taking, self._findings(record, visit, taking, working_set)

    def _taking(self, working_set: WorkingSet, visit: Visit) -> Taking:
        charges = working_set.charges.get(visit.visit_id, {})
        mappings, reference = working_set.mappings, working_set.reference
        return taking_with_items(self.bill, visit, charges, mappings, reference)

    def _code(
        self, working_set: WorkingSet, visit: Visit, death_date: dt.date | None
    ) -> PresentedCode | None:
        """Returns the code, which may be used; None where the dead shows none (I-31).

        The visit was registered by the person, and what it cost until that day is paid.
        """
        if self.code is None:
            if death_date is not None:
                return None
            refuse_faults([FieldFault("presentation", Reason.FIELD_REQUIRED, "is required")])
        assert self.code is not None
        code = accepted(self.code, working_set, institution_id=visit.institution_id)
        # Of a merged record's visit the survivor's code pays; its own tells of the merge.
        credential = working_set.credentials.get(code.subject)
        registered_id = working_set.visits[visit.visit_id].person_id
        if credential is not None and credential.person_id == registered_id != visit.person_id:
            check_not_merged(working_set.standing(registered_id))
        check_code(working_set, code, visit.person_id, institution_id=visit.institution_id)
        return code

    def _findings(
        self,
        record: SettlementRecord,
        visit: Visit,
        taking: Taking,
        working_set: WorkingSet,
    ) -> tuple[Finding, ...]:
        """Returns what opens a case of the bill; of most nothing is found."""
        own, cadres = working_set.bills_of(record.visit_id), self.retired_cadres
        return found_with(record, visit, taking, own, working_set, retired_cadres=cadres)

    def _put_on_record(self, record: SettlementRecord, working_set: WorkingSet) -> None:
        """Tells of a bill that no code was shown for; the ledger checker asks for it."""
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(record.person_id, record.settlement_id),
                detail={
                    "death_date": working_set.death_dates[record.person_id].isoformat(),
                    "institution": record.institution_id,
                    "fund_total_fen": str(record.fund_total_fen),
                    "account_fen": str(record.account_fen),
                },
            )
        )

    def _visit(self, working_set: WorkingSet) -> Visit:
        bill = self.bill
        visit = working_set.visits.get(bill.visit_id)
        # Another institution's visit is not told apart from none.
        if visit is None or visit.institution_id != self.request.caller.own_institution():
            raise visit_not_found(bill.visit_id)
        check_not_cancelled(visit)
        check_not_audited(working_set.elsewhere.held(visit.visit_id))
        check_nobody_liable(visit.marks, visit.visit_id)
        settled = working_set.settled_bills.get(bill.visit_id, {}).get(bill.bill_number)
        if settled is not None:
            raise _stands_already(bill.bill_number, settled, working_set)
        check_bill(
            visit,
            working_set.bills_of(bill.visit_id),
            is_interim=bill.is_interim,
            is_discharge_required=self.is_discharge_required,
        )
        return working_set.held(visit)


def _stands_already(number: str, bill: StandingBill, working_set: WorkingSet) -> RuleError:
    """Returns the refusal for a bill of a number that stands settled or held."""
    reason, standing_id = Reason.BILL_ALREADY_SETTLED, bill.settlement_id
    if standing_id in working_set.holds.by_id:
        return RuleError(reason, f"bill {number} of the visit is held already", hold_id=standing_id)
    message = f"bill {number} of the visit is settled already"
    return RuleError(reason, message, settlement_id=standing_id)


def unheld(purses: Purses, person_id: str, working_set: WorkingSet) -> Purses:
    """Returns what an account may pay: what it has, less what holds reserve."""
    if not working_set.holds:
        return purses
    held = [each.reserved for each in working_set.holds.of(person_id)]
    return unreserved(purses, held, year=working_set.account_year)


def use_code_of_bill(
    code: PresentedCode, record: SettlementRecord, request: Request, working_set: WorkingSet
) -> None:
    """Uses up the code of a bill."""
    use = CodeUse(code, request.request_id, record.institution_id, record.settlement_id)
    use_code(working_set, record.person_id, use)


def take_charges(taking: Taking, record: SettlementRecord, working_set: WorkingSet) -> None:
    """Notes that the settlement took its lines with ids, and what was returned of them.

    What the institution bears itself is taken too: no other bill may charge it.
    """
    borne = Reason.LINE_BORNE_BY_INSTITUTION.name
    lost = {line.line_id for line in record.refused_lines if line.reason != borne}
    uploaded = {each.line.line_id: each for each in taking.charges}
    for line_id, each in uploaded.items():
        if line_id not in lost and each.line.returned_line_id not in lost:
            working_set.take_charge(each, record.settlement_id)
    if taking.bill.selection is None:
        for line in taking.bill.lines:
            if line.line_id and line.line_id not in lost and line.line_id not in uploaded:
                working_set.put_charge(
                    Charge(
                        record.visit_id,
                        line,
                        "",
                        working_set.now,
                        is_uploaded=False,
                        settlement_id=record.settlement_id,
                    )
                )


def _book(record: SettlementRecord, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    if record.account_fen:
        working_set.carry_over(record.person_id, request, ids)
    if record.family:
        give(record, request, working_set, ids)
        working_set.family.of_acts[record.settlement_id] = record.family_fen
    if record.benefit is None:
        working_set.change_person(
            record.person_id,
            balance_change_fen=-record.account_fen,
            benefit_year=record.benefit_year,
            accumulations=record.accumulations.items(),
        )
    else:
        additions = record.additions(holder_id=record.person_id)
        working_set.keep(record.person_id, additions, balance_change_fen=-record.account_fen)
    if record.carried.paid_fen:
        working_set.move_carried(record.person_id, -record.carried.paid_fen)
    working_set.note_newest(record)
    working_set.post(record.settlement_id, PostingKind.SETTLEMENT, record.entries, request)
    working_set.changes.settlements.append(record)
    # For commands that come later in the batch: the same bill, or its reversal.
    bill = StandingBill(
        record.settlement_id,
        record.service_date,
        record.is_interim,
        record.total_fen,
        record.marks.lines,
        record.marks.items,
    )
    working_set.keep_bill(record.visit_id, record.bill_number, bill)
    working_set.settlements[record.settlement_id] = record
