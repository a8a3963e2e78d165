"""The bill that takes the place of a settled one: priced and decided there, on its terms."""

from collections.abc import Sequence

from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids, IdsAbove
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.taking import Taking, taking_of
from yibao_settlement.application.elsewhere.treating import treating_reference
from yibao_settlement.application.elsewhere.visit import may_use_account
from yibao_settlement.application.family.offers import asked_again
from yibao_settlement.application.mapping.lines import bill_with_items
from yibao_settlement.application.review.found import found_with
from yibao_settlement.application.settlement.adjudicate import (
    check_nothing_given,
    items_by_day,
)
from yibao_settlement.application.settlement.barred import barred_by
from yibao_settlement.application.settlement.benefit import BenefitOutcome, purses_of
from yibao_settlement.application.settlement.corrected import Correction
from yibao_settlement.application.settlement.explain import AnySplit, calculated
from yibao_settlement.application.settlement.fold import Fold
from yibao_settlement.application.settlement.lines import item_groups_of
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.remainder import decided
from yibao_settlement.application.settlement.reversing import back_of
from yibao_settlement.application.settlement.settle import unheld
from yibao_settlement.rules.account import Carried, Purses, taken_of_carried
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.charge import Charge, differing_fields
from yibao_settlement.rules.correction import days_found, purses_without_code, uncovered_days
from yibao_settlement.rules.duplicate import Marks, check_not_repeated, marks_of
from yibao_settlement.rules.family import FamilyPart, family_fen, kept
from yibao_settlement.rules.finding import RetiredCadres
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.split import undivided
from yibao_settlement.rules.pricing import Days, Priced, price_bill
from yibao_settlement.rules.review import Finding
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.third_party import as_third_partys, is_third_partys


class Replacing:
    """A bill while it is put in the place of a settled one; nothing is changed here."""

    def __init__(
        self,
        record: SettlementRecord,
        bill: Bill,
        working_set: WorkingSet,
        *,
        with_code: bool,
        carried_first: bool,
    ) -> None:
        """Finds which lines the bill takes, those of the settled one being free.

        `with_code` lets the account pay more than it paid. Raises RuleError as `taking_of`.
        """
        self._record = record
        # On which it stands by now.
        self._terms = record.in_effect
        self._working_set = working_set
        self._visit = working_set.held(working_set.visits[record.visit_id])
        self._with_code = with_code
        self._carried_first = carried_first
        self.taking = self._taking(bill)

    def _taking(self, bill: Bill) -> Taking:
        working_set = self._working_set
        charges = working_set.charges.get(bill.visit_id, {})
        mappings, reference = working_set.mappings, working_set.reference
        told = (self._visit, charges, mappings, reference)
        bill = bill_with_items(bill, *told)
        if not bill.needs_charges:
            return Taking(bill, (), {})
        carried = {line.line_id: line for line in bill.lines if line.line_id}
        freed = {
            line_id: self._freed(each, carried.get(line_id)) for line_id, each in charges.items()
        }
        taking = taking_of(bill, freed)
        return taking._replace(bill=bill_with_items(taking.bill, *told))

    def _freed(self, charge: Charge, carried: ChargedLine | None) -> Charge:
        """Returns a line as it is free once the settlement is gone.

        Where it is charged otherwise under its id, what was uploaded was wrong and is the
        corrected bill's own.
        """
        if charge.settlement_id != self._record.settlement_id:
            return charge
        free = charge._replace(settlement_id=None)
        if carried is None:
            return free
        # Its number in the bill is another thing than that in the list uploaded.
        numbered = carried._replace(line_number=charge.line.line_number)
        is_same = not any(differing_fields(numbered, charge.line))
        return free if is_same else free._replace(is_uploaded=False)

    @property
    def _other_bills(self) -> Sequence[StandingBill]:
        """The bills of the visit that stand beside the one that is replaced."""
        record = self._record
        return [
            each
            for each in self._working_set.bills_of(record.visit_id)
            if each.settlement_id != record.settlement_id
        ]

    def settled(self, fold: Fold, request: Request, ids: Ids) -> SettlementRecord:
        """Returns the bill as settled at the place that `fold` has come to.

        Raises RuleError LINES_ALREADY_SETTLED, the faults of the bill, what the policy refuses,
        READJUDICATION_FAILED where that is not stored any more.
        """
        record, bill = self._record, self.taking.bill
        marks = marks_of(bill.lines, bill.service_date)
        check_not_repeated(marks, self._other_bills, told_apart=self.taking.told_apart)
        policy = self._working_set.policy_of(self._terms)
        if policy is None:
            raise RuleError(
                Reason.READJUDICATION_FAILED,
                f"the policy of settlement {record.settlement_id} is not stored",
            )
        priced = self._priced(bill)
        new = self._decided(self._asked(priced, marks, fold), policy)
        standing = self._working_set.standing(new.person_id)
        settlement_id = IdsAbove(ids, standing.newest_settlement_id or "")()
        held = self._held()
        return new._replace(
            settlement_id=settlement_id,
            request_id=request.request_id,
            settled_by=request.caller.path,
            settle_time=self._working_set.now,
            correction=Correction(
                settlement_id,
                record.settlement_id,
                held.balance_fen - new.account_fen + new.family_fen,
                held.carried_fen - new.carried.paid_fen,
            ),
        )

    def found_with(
        self, new: SettlementRecord, *, retired_cadres: RetiredCadres
    ) -> tuple[Finding, ...]:
        """Returns what opens a case of the bill."""
        return found_with(
            *(new, self._visit, self.taking, self._other_bills, self._working_set),
            retired_cadres=retired_cadres,
        )

    def _priced(self, bill: Bill) -> Priced:
        terms, visit = self._terms, self._visit
        uncovered = uncovered_days(
            bill.lines,
            days_found(terms.lines, terms.particulars, service_date=bill.service_date),
            self._working_set.enrolments.get(visit.person_id, ()),
            insurance_type=terms.insurance_type,
            service_date=bill.service_date,
        )
        if terms.benefit is None:
            check_nothing_given(bill.given)
        priced = price_bill(
            bill,
            items_by_day(bill.lines, self._working_set.reference, bill.service_date),
            Days(visit.start_date, bill.service_date, uncovered),
            institution_level=visit.institution_level,
            insurance_type=terms.insurance_type,
            settled=self.taking.settled,
            barred=barred_by(
                treating_reference(self._working_set, visit),
                bill.lines,
                visit,
                last=bill.service_date,
            ),
        )
        if is_third_partys(terms.particulars, len(terms.lines)):
            particulars = as_third_partys(priced.particulars, len(priced.lines))
            priced = priced._replace(particulars=particulars)
        return priced

    def _asked(self, priced: Priced, marks: Marks, fold: Fold) -> SettlementRecord:
        """Returns the bill on the terms of the one that it replaces, not yet decided."""
        record, bill = self._record, self.taking.bill
        benefit = self._terms.benefit
        if benefit is not None:
            groups = item_groups_of(priced.lines)
            benefit = benefit._replace(
                given=bill.given, item_groups=groups, other_payments=(), arrears=()
            )
        before: dict[str, int] = {}
        for place in sorted(self._working_set.places_of(record)):
            before.update(fold.row(place))
        purses = unheld(self._held(), self._visit.person_id, self._working_set)
        if not self._with_code:
            purses = purses_without_code(purses, back_of(record).in_purses(self._working_set))
        family: tuple[FamilyPart, ...] = ()
        if bill.family_used:
            family = asked_again(back_of(record), self._working_set)
        # Nothing that became of the old one is the new one's.
        anew = self._terms._replace(**SettlementRecord._field_defaults)
        return anew._replace(
            person_id=self._visit.person_id,
            year_before=before,
            account_used=bill.account_used and self._lets_account_pay(),
            balance_before_fen=purses.balance_fen + family_fen(family),
            carried=Carried(purses.carried_fen),
            family=family,
            lines=tuple(map(undivided, priced.lines)),
            particulars=priced.particulars,
            refused_lines=priced.refused,
            is_interim=record.is_interim,
            benefit=benefit,
            marks=marks,
            former_place=record.place,
        )

    def _lets_account_pay(self) -> bool:
        """Tells whether the account pays at all of a bill on the terms of the one before."""
        benefit = self._terms.benefit
        decided = self._visit.elsewhere if benefit is None else benefit.elsewhere
        visit = self._visit._replace(elsewhere=decided)
        return may_use_account(visit, self._working_set.reference)

    def _decided(self, asked: SettlementRecord, policy: AnyPolicy) -> SettlementRecord:
        split = calculated(asked, policy)
        if asked.family:
            asked = _asked_for_what_they_pay(asked, split)
            split = calculated(asked, policy)
        if asked.benefit is None:
            purses = purses_of(asked)
            paid_fen = taken_of_carried(
                purses, split.account_fen - asked.family_fen, carried_first=self._carried_first
            )
            asked = asked._replace(carried=Carried(purses.carried_fen, paid_fen))
        return decided(asked, split)

    def _held(self) -> Purses:
        """Returns what the account holds once it has got back what it paid."""
        balance_fen, carried_fen = back_of(self._record).after(self._working_set)
        return Purses(balance_fen - carried_fen, carried_fen)


def _asked_for_what_they_pay(asked: SettlementRecord, split: AnySplit) -> SettlementRecord:
    """Returns a bill of which relatives are asked for what they pay, and no more."""
    fen = max(split.account_fen - purses_of(asked).balance_fen, 0)
    if isinstance(split, BenefitOutcome):
        fen = split.split.paid_by_purse.family_fen
    balance_fen = asked.balance_before_fen - asked.family_fen + fen
    return asked._replace(balance_before_fen=balance_fen, family=kept(asked.family, fen))
