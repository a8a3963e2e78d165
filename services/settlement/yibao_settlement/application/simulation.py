"""A policy tried on bills that are settled: each person's in their order, nothing is stored."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.benefit import terms_of
from yibao_settlement.application.settlement.lines import engine_lines
from yibao_settlement.application.settlement.record import SettlementRecord, amounts_by_fund
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.rules.account import accumulate
from yibao_settlement.rules.benefit.adjudicate import adjudicate as adjudicate_benefits
from yibao_settlement.rules.benefit.bill import Balances, Bill
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.policy import BenefitPolicy, on_any_day
from yibao_settlement.rules.benefit.steps import Bearer
from yibao_settlement.rules.enrolment import (
    Enrolment,
    RegisteredDisease,
    enrolled_facts_of,
    paying_on,
)
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import OwnCost, PricedLine
from yibao_settlement.rules.simulation import Borne, SimulatedBill, Tally
from yibao_settlement.rules.visit import Visit

MOST_BILLS = 100_000
# In place of a fund, those who had paid before the bill was settled.
GIVEN = "given"
# Settlements read at once: some megabytes where bills are long.
PAGE = 250


class Period(NamedTuple):
    """Whose bills: of an insurance type, with service dates from the first to the last."""

    insurance_type: str
    start_date: dt.date
    end_date: dt.date


class Insured(NamedTuple):
    """What identity told of a person: every period that stands, and registered diseases."""

    enrolments: Sequence[Enrolment]
    diseases: Sequence[RegisteredDisease]


class SettledHistory(Protocol):
    """Settlements that stand, as one who simulates reads them: no lock, no write."""

    def ids(self, region: str, period: Period, *, most: int) -> list[str]:
        """Returns at most `most` settlements, by person, service date and time of settling."""
        ...

    def read(self, region: str, ids: Sequence[str]) -> list[tuple[SettlementRecord, Visit]]:
        """Returns settlements with their visits, in the order of `ids`; those reversed since
        are left out.
        """
        ...

    def insured(self, region: str, person_ids: Iterable[str]) -> Mapping[str, Insured]:
        """Returns what is known of persons; of one that was merged, what is of the survivor."""
        ...


class _Person:
    """One person's windows, years and account, as the policy leaves them bill by bill."""

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        self.memory: Memory = NOTHING_YET
        self.years: dict[int, dict[str, int]] = {}
        # What the account holds beyond what it held when the bills were settled.
        self.saved_fen = 0
        # Of it, earlier years' money.
        self.saved_carried_fen = 0


class Simulation:
    """A policy on its way through the bills of a period, page by page. Blocks."""

    def __init__(
        self, history: SettledHistory, region: str, policy: AnyPolicy, period: Period
    ) -> None:
        """Finds the bills; the policy decides them whatever days it is for.

        Raises RuleError FIELD_OUT_OF_RANGE where there are over MOST_BILLS.
        """
        self._history, self._region = history, region
        self._policy = on_any_day(policy) if isinstance(policy, BenefitPolicy) else policy
        self._ids = history.ids(region, period, most=MOST_BILLS + 1)
        if len(self._ids) > MOST_BILLS:
            message = f"over {MOST_BILLS} bills are settled of these days: choose fewer days"
            raise RuleError(
                Reason.FIELD_OUT_OF_RANGE,
                f"end_date: {message}",
                faults=[FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)],
            )
        self._person = _Person("")
        self.done = 0
        self.tally = Tally()

    @property
    def total(self) -> int:
        """How many bills there are."""
        return len(self._ids)

    def advance(self) -> bool:
        """Takes the next page of bills; tells whether there are more."""
        page = self._ids[self.done : self.done + PAGE]
        bills = self._history.read(self._region, page)
        insured = self._insured(bills)
        for record, visit in bills:
            self._take(record, visit, insured.get(record.person_id))
        self.done += len(page)
        if self.done < self.total:
            return True
        self.tally.close()
        return False

    def _insured(self, bills: Iterable[tuple[SettlementRecord, Visit]]) -> Mapping[str, Insured]:
        """Returns what bills do not say of their persons and the policy may ask for."""
        if not isinstance(self._policy, BenefitPolicy):
            return {}
        unsaid = {record.person_id for record, _ in bills if record.benefit is None}
        return self._history.insured(self._region, unsaid) if unsaid else {}

    def _take(self, record: SettlementRecord, visit: Visit, insured: Insured | None) -> None:
        if record.person_id != self._person.person_id:
            self._person = _Person(record.person_id)
        try:
            after = self._decide(record, visit, insured)
        except RuleError as refusal:
            self.tally.refuse(record.settlement_id, refusal.reason)
            return
        self.tally.add(
            SimulatedBill(
                record.settlement_id,
                record.person_id,
                record.facts.institution_level,
                record.facts.age,
                record.total_fen,
                _as_settled(record),
                after,
            )
        )

    def _decide(self, record: SettlementRecord, visit: Visit, insured: Insured | None) -> Borne:
        if isinstance(self._policy, BenefitPolicy):
            terms = _terms_of(self._policy, record, visit, insured)
            return _by_benefits(self._policy, record, visit, terms, self._person)
        return _by_policy(self._policy, record, self._person)


def _by_policy(policy: Policy, record: SettlementRecord, person: _Person) -> Borne:
    lines = [
        PricedLine(
            line.line_number,
            line.item_code,
            line.catalogue_class,
            line.amount_fen,
            line.over_limit_fen,
            line.first_self_pay_ratio_ppm,
            own_cost=OwnCost.NONE if own is None else OwnCost(own.own_cost),
        )
        for line, own in itertools.zip_longest(record.lines, record.particulars)
    ]
    year = person.years.get(record.benefit_year, {})
    split = adjudicate(
        policy,
        facts=record.facts,
        lines=lines,
        year=year,
        account_used=record.account_used,
        account_balance_fen=_balance_fen(record, person),
    )
    person.years[record.benefit_year] = accumulate(year, split.accumulations)
    person.saved_fen += record.account_fen - split.account_fen
    return Borne(amounts_by_fund(split.fund_payments), split.personal_total_fen)


def _terms_of(
    policy: BenefitPolicy, record: SettlementRecord, visit: Visit, insured: Insured | None
) -> BenefitTerms:
    """Returns what a settled bill would be decided on.

    Bills that were settled by the first format do not say tier, months and diseases: those are
    what identity by now tells of the bill's day, or of the admission's where the policy asks then.
    """
    terms = terms_of(record, visit)
    if record.benefit is not None or insured is None:
        return terms
    day = visit.start_date if policy.windows.facts_of_admission else record.service_date
    enrolment = paying_on(insured.enrolments, day, insurance_type=record.insurance_type)
    if enrolment is None or enrolment.insurance_type != record.insurance_type:
        return terms
    told = enrolled_facts_of(enrolment, insured.enrolments, insured.diseases, on=day)
    return terms._replace(facts=terms.facts._replace(**told._asdict()))


def _by_benefits(
    policy: BenefitPolicy,
    record: SettlementRecord,
    visit: Visit,
    terms: BenefitTerms,
    person: _Person,
) -> Borne:
    bill = _bill_of(record, visit, terms, _balances(record, person))
    split = adjudicate_benefits(policy, bill, person.memory)
    person.memory = person.memory.after(split.change)
    person.saved_fen += record.account_fen - split.sums.account_fen
    person.saved_carried_fen += record.carried.paid_fen - split.paid_by_purse.carried_fen
    paid = [
        (each.payer.value if isinstance(each.payer, Bearer) else each.payer or GIVEN, fen)
        for each in split.payments()
        for fen in (each.amount_fen, each.arrears_fen)
    ]
    return Borne(_added(paid), split.sums.personal_fen - split.sums.arrears_fen)


def _as_settled(record: SettlementRecord) -> Borne:
    """Returns who bears how much of a bill; what is owed for earlier ones is of this one."""
    paid = [(each.fund_type, each.amount_fen) for each in record.fund_payments]
    terms = record.benefit
    if terms is None:
        return Borne(_added(paid), record.personal_total_fen)
    payers = {each.step_id: each.fund_type for each in record.fund_payments}
    payers |= {each.step_id: each.payer for each in terms.other_payments}
    paid += [
        (each.payer if each.is_bearer else GIVEN, each.amount_fen) for each in terms.other_payments
    ]
    paid += [(payers[step_id], fen) for step_id, fen in terms.arrears]
    return Borne(_added(paid), record.personal_total_fen - terms.arrears_fen)


def _added(payments: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Returns what each payer pays, without those who pay nothing."""
    found: dict[str, int] = {}
    for payer, fen in payments:
        if fen:
            found[payer] = found.get(payer, 0) + fen
    return found


def _balance_fen(record: SettlementRecord, person: _Person) -> int:
    """Returns what the account would hold, had earlier bills been decided by the policy.

    Credits and other payments are those that were: only what bills took of it differs.
    """
    # What is left of a returned bill is recorded with what the account bears of it alone.
    return max(record.as_settled.balance_before_fen + person.saved_fen, 0)


def _balances(record: SettlementRecord, person: _Person) -> Balances:
    """Returns what the purses would hold; what was saved of a year that is over stays its own."""
    # Relatives may pay what they paid, and no more.
    family_fen = record.as_settled.family_fen
    own_fen = max(_balance_fen(record, person) - family_fen, 0)
    carried_fen = record.as_settled.carried.before_fen + person.saved_carried_fen
    carried_fen = min(max(carried_fen, 0), own_fen)
    return Balances(own_fen - carried_fen, carried_fen, family_fen)


def _bill_of(
    record: SettlementRecord, visit: Visit, terms: BenefitTerms, balances: Balances
) -> Bill:
    """Returns a settled bill as the engine of `yibao-policy/2` takes it.

    Its lines were priced when it was settled: which lie outside the visit or cover, and
    which are own cost, was found then.
    """
    return Bill(
        visit_id=record.visit_id,
        date=record.service_date,
        lines=engine_lines(record.lines, record.particulars, terms.item_groups),
        facts=terms.facts,
        admission_date=visit.start_date,
        transfer_from=visit.transfer_from_visit_id,
        given=terms.given,
        account_used=record.account_used,
        balances=balances,
    )
