"""The settlement of record: everything that was decided of a bill, as it is stored.

It is made when the bill is settled, written in the same transaction and never changed;
reversals stand beside it. Explanation, reversal, listing and the ledger checker read it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.corrected import Correction
from yibao_settlement.application.settlement.refunded import Refund
from yibao_settlement.application.settlement.terms import BenefitTerms, OtherPayment, TermsSet
from yibao_settlement.rules.account import NOTHING_CARRIED, Accumulators, Carried
from yibao_settlement.rules.benefit.keeping import KeptPlace, is_of_window, place_of
from yibao_settlement.rules.benefit.steps import Bearer
from yibao_settlement.rules.bill import LineParticulars, RefusedLine
from yibao_settlement.rules.difference import Borne, Cause, Columns
from yibao_settlement.rules.duplicate import NO_MARKS, Marks
from yibao_settlement.rules.family import FamilyPart, family_fen
from yibao_settlement.rules.ledger import (
    Entry,
    Payers,
    bearer_account,
    fund_account,
    settlement_entries,
)
from yibao_settlement.rules.policy.split import Facts, FundPayment, SplitLine
from yibao_settlement.rules.review import ReviewNote


class ReversalNote(NamedTuple):
    """That a settlement was reversed: by which posting, when, why, by whom and which request.

    `request_id` is None where it was not kept.
    """

    reversal_id: str
    reverse_time: dt.datetime
    reason: str
    reversed_by: str
    request_id: str | None = None


class Effective(NamedTuple):
    """What a settlement costs whom now, after the bills before it that stand.

    `year_before` and `accumulations` are what it finds in the person's windows there and adds
    to them, as in `SettlementRecord`.
    """

    fund_payments: tuple[FundPayment, ...]
    deductible_fen: int
    account_fen: int
    cash_fen: int
    year_before: Accumulators
    accumulations: Accumulators
    other_payments: tuple[OtherPayment, ...] = ()
    arrears: tuple[tuple[str, int], ...] = ()

    @property
    def fund_total_fen(self) -> int:
        """What the funds pay."""
        return sum([payment.amount_fen for payment in self.fund_payments])

    @property
    def other_total_fen(self) -> int:
        """What others than funds and the person bear."""
        return sum([each.amount_fen for each in self.other_payments])

    @property
    def arrears_fen(self) -> int:
        """What is owed to the person for earlier bills, which is no part of this one."""
        return sum([fen for _, fen in self.arrears])

    def costs_as(self, other: "Effective") -> bool:
        """Tells whether everybody bears the same by another one, whatever windows hold."""
        same_windows = other._replace(
            year_before=self.year_before, accumulations=self.accumulations
        )
        return self == same_windows

    @property
    def borne(self) -> Borne:
        """Who bears how much, as it is booked."""
        late = dict(self.arrears)
        payers: dict[str, int] = {}
        for each in self.fund_payments:
            account_id = fund_account(each.fund_type)
            fen = each.amount_fen + late.get(each.step_id, 0)
            payers[account_id] = payers.get(account_id, 0) + fen
        for other in self.other_payments:
            if other.is_bearer:
                account_id = bearer_account(other.payer)
                fen = other.amount_fen + late.get(other.step_id, 0)
                payers[account_id] = payers.get(account_id, 0) + fen
        return Borne(payers, self.account_fen, self.cash_fen, self.arrears_fen)

    def is_borne_as(self, other: "Effective") -> bool:
        """Tells whether everybody bears the same by another one, whatever step pays it."""
        if (self.cash_fen, self.account_fen) != (other.cash_fen, other.account_fen):
            return False
        return self.borne == other.borne


class Adjustment(NamedTuple):
    """That a settlement's effective column moved: the how-manieth time, when and why.

    `revision` is 2 for the first one. `cause_id` is the reversal or the refund, or the person
    whose record a merge ended; `posting_id` is None where no money moved, and only windows did.
    """

    settlement_id: str
    revision: int
    adjust_time: dt.datetime
    cause: Cause
    cause_id: str
    posting_id: str | None
    effective: Effective


class SettlementRecord(NamedTuple):
    """A settlement: what a bill costs whom, what decided it and what it was decided on.

    A named tuple, because one is made for every bill. `settled_by` is the path of the
    caller's identity, empty for settlements of before it was kept. `year_before` and
    `balance_before_fen` are the person's benefit year and account before it;
    `accumulations` are what it added to the year. `reversal` is None while it stands.
    `particulars` are empty, or one for each line, None where it has none; `refused_lines`
    are those that it does not charge. `benefit` is None unless a policy of the second
    format decided: `year_before` and `accumulations` are then those of all windows that the
    bill opened, under the names by which they are kept (`rules.benefit.keeping`). `marks` are
    those of its lines, none for settlements of before they were kept. `review` is None
    unless it is or was under review. `carried` is what of `balance_before_fen` and of
    `account_fen` is of earlier years; nothing for settlements of before purses were kept.
    `former_place` is that which it took over, None for most: see `place`. Where something was
    returned, all of this is of what is left, decided on the same windows; `refunds` tell what
    was returned, and `first` is the settlement as it was. `correction` tells which settlement it
    took the place of, `corrected_by_id` which one took its place. `moved_fen` is what of it was
    moved into the account, which had paid too much; it is read where bills are decided again, as
    are `newest_terms`, those that decide what it costs by now, None where these are its own.
    `is_held` where it is no settlement, but a held bill (`application.hold`) under the hold's id.
    `family` is what of `account_fen` relatives' accounts paid; `balance_before_fen` has it, too.
    """

    region: str
    settlement_id: str
    request_id: str
    settled_by: str
    settle_time: dt.datetime
    visit_id: str
    bill_number: str
    person_id: str
    institution_id: str
    insurance_type: str
    service_date: dt.date
    policy_version: str
    facts: Facts
    year_before: Accumulators
    account_used: bool
    balance_before_fen: int
    lines: tuple[SplitLine, ...]
    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    deductible_fen: int
    fund_payments: tuple[FundPayment, ...]
    fund_total_fen: int
    account_fen: int
    cash_fen: int
    accumulations: Accumulators
    trace_sha256: bytes
    entries: tuple[Entry, ...]
    is_interim: bool = False
    reversal: ReversalNote | None = None
    particulars: tuple[LineParticulars | None, ...] = ()
    refused_lines: tuple[RefusedLine, ...] = ()
    benefit: BenefitTerms | None = None
    marks: Marks = NO_MARKS
    review: ReviewNote | None = None
    carried: Carried = NOTHING_CARRIED
    adjustment: Adjustment | None = None
    former_place: str | None = None
    is_held: bool = False
    refunds: tuple[Refund, ...] = ()
    first: "SettlementRecord | None" = None
    correction: Correction | None = None
    corrected_by_id: str | None = None
    moved_fen: int = 0
    newest_terms: TermsSet | None = None
    family: tuple[FamilyPart, ...] = ()

    @property
    def family_fen(self) -> int:
        """What of `account_fen` accounts of relatives paid."""
        return family_fen(self.family) if self.family else 0

    @property
    def in_effect(self) -> "SettlementRecord":
        """The settlement on the terms that decide what it costs by now; amounts stay."""
        if self.newest_terms is None:
            return self
        return self._replace(**self.newest_terms.terms._asdict())

    @property
    def as_settled(self) -> "SettlementRecord":
        """The settlement before anything of it was returned."""
        return self.first or self

    @property
    def place(self) -> str:
        """Where it stands among the person's bills: they are decided in the order of places.

        It is the settlement's own id, which rises with each of the person's, unless the
        settlement took over the place of another one.
        """
        return self.former_place or self.settlement_id

    @property
    def columns(self) -> Columns:
        """Who bore how much of it as the counter told, and who bears it by now."""
        counter = self.counter.borne
        effective = counter if self.adjustment is None else self.adjustment.effective.borne
        return Columns(counter, effective, self.moved_fen)

    @property
    def due_fen(self) -> int:
        """What is owed to the account for it."""
        paid_fen = self.account_fen
        if self.adjustment is not None:
            paid_fen = self.adjustment.effective.account_fen
        return self.account_fen - self.moved_fen - paid_fen

    @property
    def effective(self) -> Effective:
        """What it costs whom now; what the counter showed until it is adjusted."""
        return self.counter if self.adjustment is None else self.adjustment.effective

    @property
    def counter(self) -> Effective:
        """What it cost whom as it was settled, whatever became of bills before it."""
        benefit = self.benefit
        return Effective(
            self.fund_payments,
            self.deductible_fen,
            self.account_fen,
            self.cash_fen,
            self.year_before,
            self.accumulations,
            () if benefit is None else benefit.other_payments,
            () if benefit is None else benefit.arrears,
        )

    @property
    def is_revised(self) -> bool:
        """Whether it stands and costs somebody else now than the counter showed."""
        return (
            self.reversal is None
            and self.adjustment is not None
            and not self.effective.costs_as(self.counter)
        )

    @property
    def revision(self) -> int:
        """How often its effective column was told: 1 as it was settled."""
        return 1 if self.adjustment is None else self.adjustment.revision

    @property
    def benefit_year(self) -> int:
        """The year whose accumulators it adds to."""
        return self.service_date.year

    @property
    def has_windows(self) -> bool:
        """Whether its effective column is of windows, as by policies of the second format.

        What it adds tells so: it may have been repriced from one format to the other.
        """
        if self.newest_terms is None or self.adjustment is None:
            return self.benefit is not None
        return any(map(is_of_window, self.adjustment.effective.accumulations))

    def additions(self, *, holder_id: str) -> dict[KeptPlace, dict[str, int]]:
        """Returns what it adds by now, by where that is kept of who holds the person's account.

        By the first format all is of the benefit year.
        """
        added = self.accumulations
        if self.adjustment is not None:
            added = self.adjustment.effective.accumulations
        if not self.has_windows:
            return {KeptPlace(year=self.benefit_year): dict(added)}
        return by_place(added, holder_id=holder_id)

    @property
    def personal_total_fen(self) -> int:
        """What the person bears."""
        return self.account_fen + self.cash_fen

    @property
    def balance_after_fen(self) -> int:
        """The personal account after it, or after what was returned of it last."""
        if self.refunds:
            return self.refunds[-1].balance_after_fen
        if self.correction is not None:
            return self.correction.balance_after_fen
        return self.balance_before_fen - self.account_fen

    @property
    def carried_after_fen(self) -> int:
        """What of the personal account after it is of earlier years."""
        if self.refunds:
            return self.refunds[-1].carried_after_fen
        if self.correction is not None:
            return self.correction.carried_after_fen
        return self.carried.before_fen - self.carried.paid_fen


def by_place(added: Accumulators, *, holder_id: str) -> dict[KeptPlace, dict[str, int]]:
    """Returns what is added to windows of the second format, by where that is kept."""
    found: dict[KeptPlace, dict[str, int]] = {}
    instance: str | None = None
    for name, value in added.items():
        # Those of an instance follow each other, and are kept in one place.
        own_instance = name.rpartition(" ")[0]
        if own_instance != instance:
            instance = own_instance
            kept = found.setdefault(place_of(name, person_id=holder_id), {})
        kept[name] = value
    return found


def amounts_by_fund(payments: Iterable[FundPayment]) -> Mapping[str, int]:
    """Returns what each fund pays in fen; several steps may draw on one fund."""
    amounts: dict[str, int] = {}
    for payment in payments:
        if payment.amount_fen:
            paid_fen = amounts.get(payment.fund_type, 0)
            amounts[payment.fund_type] = paid_fen + payment.amount_fen
    return amounts


def owed_entries(
    fund_payments: Iterable[FundPayment],
    benefit: BenefitTerms | None,
    *,
    person_id: str,
    account_fen: int,
    institution_id: str,
    carried_fen: int = 0,
) -> tuple[Entry, ...]:
    """Returns the entries that book what each party owes of a settlement.

    `carried_fen` is what of `account_fen` is of earlier years.
    """
    funds = amounts_by_fund(fund_payments)
    if benefit is None or not (benefit.arrears or benefit.other_payments):
        return settlement_entries(
            funds,
            person_id=person_id,
            account_fen=account_fen,
            institution_id=institution_id,
            carried_fen=carried_fen,
        )
    arrears = dict(benefit.arrears)
    bearers: dict[str, int] = {}
    late: dict[str, int] = {}
    late_bearers: dict[str, int] = {}
    for fund in fund_payments:
        late[fund.fund_type] = late.get(fund.fund_type, 0) + arrears.get(fund.step_id, 0)
    for other in benefit.other_payments:
        # What the hospital bears it is not owed, and what was paid already nobody owes.
        if other.is_bearer and other.payer != Bearer.HOSPITAL.value:
            bearers[other.payer] = bearers.get(other.payer, 0) + other.amount_fen
            owed_fen = late_bearers.get(other.payer, 0) + arrears.get(other.step_id, 0)
            late_bearers[other.payer] = owed_fen
    return settlement_entries(
        funds,
        person_id=person_id,
        account_fen=account_fen,
        institution_id=institution_id,
        carried_fen=carried_fen,
        others=Payers(bearers, late, late_bearers),
    )


def settlement_not_found(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that the caller cannot see."""
    return RuleError(
        Reason.SETTLEMENT_NOT_FOUND,
        f"no settlement {settlement_id}",
        settlement_id=settlement_id,
    )
