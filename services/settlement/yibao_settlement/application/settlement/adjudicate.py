"""What a bill costs whom: the same calculation for trial, settlement and explanation."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import full_years, shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.elsewhere.visit import lets_account_pay
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.barred import barred_by
from yibao_settlement.application.settlement.benefit import (
    BenefitOutcome,
    Person,
    common_facts,
    decide,
)
from yibao_settlement.application.settlement.history import History
from yibao_settlement.application.settlement.record import SettlementRecord, owed_entries
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.rules.account import (
    NOTHING_CARRIED,
    Accumulators,
    Carried,
    Purses,
    taken_of_carried,
)
from yibao_settlement.rules.benefit.bill import Balances, Given
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.bill import (
    Bill,
    ChargedLine,
    ExpectedAmounts,
    are_plain,
)
from yibao_settlement.rules.duplicate import NO_MARKS, Marks
from yibao_settlement.rules.enrolment import (
    Enrolment,
    RegisteredDisease,
    check_alive_on,
    check_enrolled,
    check_premium,
    paying_on,
)
from yibao_settlement.rules.family import FamilyPart
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts, Split
from yibao_settlement.rules.pricing import Days, Items, Priced, price_bill
from yibao_settlement.rules.visit import Visit, check_designated, check_service_date


class Adjudication(NamedTuple):
    """What a bill costs whom, and what decided it; `split` is of the policy's format."""

    visit: Visit
    bill: Bill
    insurance_type: str
    facts: Facts
    policy: AnyPolicy
    year_before: Accumulators
    purses: Purses
    split: Split | BenefitOutcome
    priced: Priced
    carried: Carried
    # What of the account's part relatives' accounts pay.
    family_fen: int = 0

    @property
    def benefit(self) -> BenefitTerms | None:
        """What else the bill was decided on, by a policy of the second format."""
        return self.split.terms if isinstance(self.split, BenefitOutcome) else None

    @property
    def expected(self) -> ExpectedAmounts:
        """Who bears how much."""
        split = self.split
        return ExpectedAmounts(split.fund_total_fen, split.account_fen, split.cash_fen)

    def owed_entries(self) -> tuple[Entry, ...]:
        """Returns the entries that book it."""
        return owed_entries(
            self.split.fund_payments,
            self.benefit,
            person_id=self.visit.person_id,
            account_fen=self.split.account_fen,
            institution_id=self.visit.institution_id,
            carried_fen=self.carried.paid_fen,
        )


def adjudicate_bill(
    bill: Bill,
    visit: Visit,
    *,
    region: str,
    enrolments: Sequence[Enrolment],
    diseases: Sequence[RegisteredDisease],
    death_date: dt.date | None,
    history: History,
    purses: Purses,
    reference: Reference,
    now: dt.datetime,
    settled_lines: Mapping[str, str] | None = None,
    carried_first: bool = False,
    family_fen: int = 0,
    treating: Reference | None = None,
) -> Adjudication:
    """Returns what `bill` costs whom, after the person's `history`.

    The enrolment on the service date decides, whatever it was when the visit began; where
    there is none, that on the last charge day which is covered. What was charged on a day
    without cover is own cost. `settled_lines` are the lines of the visit that settlements
    took, by line id. `carried_first` lets the account pay of earlier years' money first,
    where the policy says nothing of purses. `family_fen` is what relatives' accounts may pay
    where the own one does not do: the bill is recorded as asked of them for what they pay.
    `treating` is what another region says of its institution; the rest is of `reference`.

    Raises RuleError, in this order: SERVICE_DATE_INVALID, INSTITUTION_NOT_DESIGNATED,
    PERSON_DECEASED, PERSON_NOT_ENROLLED, PREMIUM_NOT_RECEIVED, POLICY_NOT_FOUND,
    OFFSITE_POLICY_MISSING, the faults of the bill, what the policy refuses.
    """
    day = bill.service_date
    check_service_date(day, visit=visit, today=shanghai_day(now))
    designating = treating or reference
    _check_designated(visit, designating, region=region, on=day)
    check_alive_on(death_date, day)
    cover = cover_of(bill.lines, enrolments, visit=visit, last=day)
    insurance_type = cover.enrolment.insurance_type
    policy = policy_on(reference, insurance_type, day, region=region)
    if not lets_account_pay(visit, policy, reference):
        bill, family_fen = bill._replace(account_used=False), 0
    priced = price_bill(
        bill,
        items_by_day(bill.lines, reference, day),
        cover.days,
        institution_level=visit.institution_level,
        insurance_type=insurance_type,
        settled=settled_lines,
        barred=barred_by(designating, bill.lines, visit, last=day),
    )
    if isinstance(policy, BenefitPolicy):
        person = Person(enrolments, cover.enrolment, diseases, Balances(*purses, family_fen))
        found = _by_benefits(policy, bill, visit, priced, person, history)
        paid = found.split.paid_by_purse
        facts, before = common_facts(found.terms.facts), found.year_before
        decided = (insurance_type, facts, policy, before, purses, found)
        carried = NOTHING_CARRIED
        if purses.carried_fen:
            carried = Carried(purses.carried_fen, paid.carried_fen)
        return Adjudication(visit, bill, *decided, priced, carried, paid.family_fen)
    facts, year = facts_of(visit, cover.enrolment, day), history.year(day.year)
    check_nothing_given(bill.given)
    split, family_fen = _by_tables(policy, facts, priced, year, bill, purses, family_fen)
    carried = NOTHING_CARRIED
    if purses.carried_fen:
        own_fen = split.account_fen - family_fen
        paid_fen = taken_of_carried(purses, own_fen, carried_first=carried_first)
        carried = Carried(purses.carried_fen, paid_fen)
    decided_by = (insurance_type, facts, policy, year, purses, split)
    return Adjudication(visit, bill, *decided_by, priced, carried, family_fen)


def _by_tables(
    policy: Policy,
    facts: Facts,
    priced: Priced,
    year: Mapping[str, int],
    bill: Bill,
    purses: Purses,
    family_fen: int,
) -> tuple[Split, int]:
    """Returns what a bill costs whom, as asked of relatives for what they pay, and that."""
    balance_fen = purses.balance_fen
    split = adjudicate(
        policy,
        facts=facts,
        lines=priced.lines,
        year=year,
        account_used=bill.account_used,
        account_balance_fen=balance_fen + family_fen,
    )
    if not family_fen:
        return split, 0
    paid_fen = max(split.account_fen - balance_fen, 0)
    if paid_fen != family_fen:
        split = adjudicate(
            policy,
            facts=facts,
            lines=priced.lines,
            year=year,
            account_used=bill.account_used,
            account_balance_fen=balance_fen + paid_fen,
        )
    return split, paid_fen


def _by_benefits(
    policy: BenefitPolicy,
    bill: Bill,
    visit: Visit,
    priced: Priced,
    person: Person,
    history: History,
) -> BenefitOutcome:
    """Returns what a bill costs whom, as asked of relatives for what they pay of it."""
    found = decide(policy, bill, visit, priced, person=person, history=history)
    paid_fen = found.split.paid_by_purse.family_fen
    if paid_fen != person.balances.family_fen:
        person = person._replace(balances=person.balances._replace(family_fen=paid_fen))
        found = decide(policy, bill, visit, priced, person=person, history=history)
    return found


def check_nothing_given(given: Sequence[Given]) -> None:
    """Raises GIVEN_UNKNOWN where others have paid, which no policy of the first format knows."""
    if given:
        raise RuleError(
            Reason.GIVEN_UNKNOWN,
            f"{given[0].fund_type} has paid {given[0].amount_fen} fen that no step takes",
            fund_type=given[0].fund_type,
            excess_fen=given[0].amount_fen,
        )


class Cover(NamedTuple):
    """The period of cover that decides, and the days that may be charged."""

    enrolment: Enrolment
    days: Days


def cover_of(
    lines: Sequence[ChargedLine],
    enrolments: Sequence[Enrolment],
    *,
    visit: Visit,
    last: dt.date,
) -> Cover:
    """Returns what covers lines charged on days up to `last`.

    Raises RuleError PERSON_NOT_ENROLLED where no day is covered, PREMIUM_NOT_RECEIVED.
    """
    first = visit.start_date
    enrolment = paying_on(enrolments, last, insurance_type=visit.insurance_type)
    if enrolment is not None and are_plain(lines):
        check_premium(enrolment)
        return Cover(enrolment, Days(first, last))
    dated = {line.details.charge_date for line in lines if line.details is not None}
    uncovered = set() if enrolment is not None else {last}
    for day in sorted((day for day in dated if day and first <= day < last), reverse=True):
        paying = paying_on(enrolments, day, insurance_type=visit.insurance_type)
        if paying is None:
            uncovered.add(day)
        else:
            check_premium(paying)
            enrolment = enrolment or paying
    if enrolment is None:
        enrolment = check_enrolled(enrolments, on=last, insurance_type=visit.insurance_type)
    check_premium(enrolment)
    return Cover(enrolment, Days(first, last, uncovered))


def _check_designated(visit: Visit, treating: Reference, *, region: str, on: dt.date) -> None:
    """Refuses a bill where the region that the institution is of has no agreement with it."""
    institution = treating.institution(visit.institution_id)
    # One elsewhere is of that region by its code, so that there it lies outside of none.
    its_region = region if visit.elsewhere is None else visit.institution_id[1:7]
    check_designated(institution, visit.institution_id, region=its_region, on=on)


def policy_on(reference: Reference, insurance_type: str, day: dt.date, *, region: str) -> AnyPolicy:
    """Returns the policy that decides a day, or raises POLICY_NOT_FOUND."""
    policy = reference.policy(insurance_type, day)
    if policy is None:
        raise RuleError(
            Reason.POLICY_NOT_FOUND,
            f"no active policy of region {region} for insurance type {insurance_type} "
            f"on {day.isoformat()}",
            region=region,
            insurance_type=insurance_type,
            date=day.isoformat(),
        )
    return policy


def items_by_day(
    lines: Sequence[ChargedLine], reference: Reference, last: dt.date
) -> Mapping[dt.date, Items]:
    """Returns the rows of the lines' items that are in force on the lines' days."""
    if are_plain(lines):
        return {last: reference.items([line.item_code for line in lines], last)}
    codes: dict[dt.date, list[str]] = {last: []}
    for line in lines:
        codes.setdefault(line.day(last), []).append(line.item_code)
    return {day: reference.items(of_day, day) for day, of_day in codes.items()}


def facts_of(visit: Visit, enrolment: Enrolment, day: dt.date) -> Facts:
    """Returns the facts that the tables of a policy are asked with."""
    return Facts(
        visit.care_type,
        enrolment.person_class,
        enrolment.entitlement_groups,
        visit.institution_level,
        full_years(visit.birth_date, day),
    )


def record_of(
    adjudication: Adjudication,
    *,
    region: str,
    settlement_id: str,
    request_id: str,
    settled_by: str,
    settle_time: dt.datetime,
    entries: tuple[Entry, ...],
    marks: Marks = NO_MARKS,
    family: tuple[FamilyPart, ...] = (),
) -> SettlementRecord:
    """Returns the record of a bill that is settled by an adjudication.

    A trial has neither ids nor entries. `family` tells who pays what of its `family_fen`.
    """
    visit, bill, split = adjudication.visit, adjudication.bill, adjudication.split
    return SettlementRecord(
        region=region,
        settlement_id=settlement_id,
        request_id=request_id,
        settled_by=settled_by,
        settle_time=settle_time,
        visit_id=visit.visit_id,
        bill_number=bill.bill_number,
        person_id=visit.person_id,
        institution_id=visit.institution_id,
        insurance_type=adjudication.insurance_type,
        service_date=bill.service_date,
        policy_version=adjudication.policy.version,
        facts=adjudication.facts,
        year_before=adjudication.year_before,
        account_used=bill.account_used,
        balance_before_fen=adjudication.purses.balance_fen + adjudication.family_fen,
        lines=split.lines,
        total_fen=split.total_fen,
        excluded_fen=split.excluded_fen,
        over_limit_fen=split.over_limit_fen,
        first_self_pay_fen=split.first_self_pay_fen,
        eligible_fen=split.eligible_fen,
        deductible_fen=split.deductible_fen,
        fund_payments=split.fund_payments,
        fund_total_fen=split.fund_total_fen,
        account_fen=split.account_fen,
        cash_fen=split.cash_fen,
        accumulations=dict(split.accumulations),
        trace_sha256=split.trace_sha256,
        entries=entries,
        particulars=adjudication.priced.particulars,
        refused_lines=adjudication.priced.refused,
        is_interim=bill.is_interim,
        benefit=adjudication.benefit,
        marks=marks,
        carried=adjudication.carried,
        family=family,
    )
