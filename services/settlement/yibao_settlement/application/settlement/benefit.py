"""A bill as the engine of `yibao-policy/2` decides it, and what is made of its answer."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import full_years
from yibao_settlement.application.settlement.history import History
from yibao_settlement.application.settlement.lines import engine_lines, item_groups_of, split_lines
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import BenefitTerms, OtherPayment
from yibao_settlement.rules import bill as charged
from yibao_settlement.rules.account import Accumulators, Purses
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import (
    NO_BALANCES,
    Balances,
    Bill,
    BillLine,
    CoverPeriod,
    Given,
)
from yibao_settlement.rules.benefit.classify import LineParts
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.keeping import changes_of, memory_of, places_asked, windows_of
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.plan import classify_plan
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Payment, Split
from yibao_settlement.rules.benefit.steps import Bearer, GivenStep
from yibao_settlement.rules.benefit.trace import trace_sha256
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.elsewhere.terms import LOCAL
from yibao_settlement.rules.enrolment import (
    ENROLMENT_NORMAL,
    Enrolment,
    RegisteredDisease,
    enrolled_facts_of,
    paying_on,
)
from yibao_settlement.rules.policy import split as policy_split
from yibao_settlement.rules.policy.split import FundPayment, OwnCost, PricedLine, SplitLine
from yibao_settlement.rules.pricing import Priced
from yibao_settlement.rules.visit import Visit, is_pharmacy

# What is asked of institutions that are coded as pharmacies, and of all others.
PHARMACY, HOSPITAL = "pharmacy", "hospital"


class Person(NamedTuple):
    """Whose bill it is: every period that stands, the one that decides, registered diseases."""

    enrolments: Sequence[Enrolment]
    enrolment: Enrolment
    diseases: Sequence[RegisteredDisease] = ()
    balances: Balances = NO_BALANCES

    def on(self, visit: Visit, day: dt.date) -> "Person":
        """Returns the person with the period of a day, where there is one."""
        found = paying_on(self.enrolments, day, insurance_type=visit.insurance_type)
        return self if found is None else self._replace(enrolment=found)


class BenefitOutcome(NamedTuple):
    """What a bill costs whom, in the values that every settlement is recorded with.

    `year_before` is what the windows held that it opened, `accumulations` what it adds to
    them, by instance and name; `terms` are what else it was decided on.
    """

    split: Split
    terms: BenefitTerms
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
    year_before: dict[str, int]
    accumulations: tuple[tuple[str, int], ...]
    trace_sha256: bytes


def decide(
    policy: BenefitPolicy,
    bill: charged.Bill,
    visit: Visit,
    priced: Priced,
    *,
    person: Person,
    history: History,
) -> BenefitOutcome:
    """Returns what a bill costs whom.

    Raises RuleError as `rules.benefit.adjudicate`.
    """
    day, visits = bill.service_date, history.visits()
    places = places_asked(policy, visits, day, person_id=history.person_id)
    memory = memory_of(policy, visits, history.kept(places))
    stay_id = memory.visits[visit.visit_id].stay_id
    admission_date = memory.visits[stay_id].admission_date
    facts = facts_of(visit, person, day)
    if policy.windows.facts_of_admission:
        facts = facts_of(visit, person.on(visit, admission_date), admission_date)
    cover = None
    if priced.particulars and _is_outside_cover(priced.particulars):
        cover = _cover(person.enrolments)
    terms = BenefitTerms(
        facts=facts,
        stay_id=stay_id,
        admission_date=admission_date,
        given=bill.given,
        item_groups=item_groups_of(priced.lines),
        elsewhere=visit.elsewhere,
    )
    return _outcome(
        policy,
        _bill(
            terms,
            day,
            engine_lines(priced.lines, priced.particulars, terms.item_groups, cover=cover),
            cover=cover,
            balances=person.balances if bill.account_used else None,
        ),
        memory,
        terms,
        priced.lines,
    )


def decide_again(policy: BenefitPolicy, record: SettlementRecord) -> BenefitOutcome:
    """Returns what a settled bill costs whom, by what was recorded of it.

    Raises RuleError or InvariantError where such a bill was never settled.
    """
    return _again(policy, record, record.year_before, balances_of(record), is_told=True)


def cost_again(
    policy: BenefitPolicy, record: SettlementRecord, before: Accumulators, balances: Balances
) -> BenefitOutcome:
    """Returns what a settled bill costs whom after what windows and purses held `before` it.

    It has neither its lines nor a digest, a third of the time: bills are decided again by
    the hundred. Raises as `decide_again`.
    """
    return _again(policy, record, before, balances, is_told=False)


def _again(
    policy: BenefitPolicy,
    record: SettlementRecord,
    before: Accumulators,
    balances: Balances,
    *,
    is_told: bool,
) -> BenefitOutcome:
    terms = record.benefit
    assert terms is not None, "it was settled by another format"
    lines = engine_lines(record.lines, record.particulars, terms.item_groups)
    used = balances if record.account_used else None
    bill = _bill(terms, record.service_date, lines, cover=None, balances=used)
    memory = Memory(windows_of([before], insurance_type=policy.insurance_type))
    if terms.other_payments or terms.arrears:
        terms = terms._replace(other_payments=(), arrears=())
    if not lines:
        return _of_nothing(policy, bill, terms, record.lines, is_told=is_told)
    return _outcome(policy, bill, memory, terms, record.lines, is_told=is_told)


def _of_nothing(
    policy: BenefitPolicy,
    bill: Bill,
    terms: BenefitTerms,
    lines: Sequence[PricedLine | SplitLine],
    *,
    is_told: bool,
) -> BenefitOutcome:
    """Returns what a bill costs of which all was returned: nothing, and it counts nothing.

    So it opens no window, and no payer owes by it what earlier bills left open; what others had
    paid of it is theirs again.
    """
    bill = bill._replace(given=())
    found = _outcome(policy, bill, NOTHING_YET, terms, lines, is_told=is_told)
    return found._replace(year_before={}, accumulations=())


def purses_of(record: SettlementRecord) -> Purses:
    """Returns what the own purses held before a settlement."""
    carried_fen = record.carried.before_fen
    return Purses(record.balance_before_fen - record.family_fen - carried_fen, carried_fen)


def balances_of(record: SettlementRecord) -> Balances:
    """Returns what the purses held before a settlement, with what relatives put in for it."""
    return Balances(*purses_of(record), record.family_fen)


def terms_of(record: SettlementRecord, visit: Visit) -> BenefitTerms:
    """Returns what a settled bill would be decided on; of one by the first format what it knew."""
    if record.benefit is not None:
        return record.benefit
    facts = record.facts
    known = Facts(
        care_type=facts.care_type,
        disease=visit.facts.disease_code or None,
        institution=record.institution_id,
        institution_level=facts.institution_level,
        institution_kind=kind_of(record.institution_id),
        offsite=offsite_of(visit),
        person_class=facts.person_class,
        entitlement_groups=frozenset(facts.entitlement_groups),
        age=facts.age,
    )
    return BenefitTerms(known, visit.stay, visit.start_date, (), elsewhere=visit.elsewhere)


def kind_of(institution_id: str) -> str:
    """Returns the kind of an institution, which its code says."""
    return PHARMACY if is_pharmacy(institution_id) else HOSPITAL


def offsite_of(visit: Visit) -> str:
    """Returns the terms of a visit's care elsewhere, as policies name them."""
    return LOCAL if visit.elsewhere is None else visit.elsewhere.terms


def facts_of(visit: Visit, person: Person, day: dt.date) -> Facts:
    """Returns the facts that the tables of a policy are asked with, the person's of `day`."""
    enrolment = person.enrolment
    enrolled = enrolled_facts_of(enrolment, person.enrolments, person.diseases, on=day)
    return Facts(
        care_type=visit.care_type,
        disease=visit.facts.disease_code or None,
        institution=visit.institution_id,
        institution_level=visit.institution_level,
        institution_kind=kind_of(visit.institution_id),
        offsite=offsite_of(visit),
        person_class=enrolment.person_class,
        tier=enrolled.tier,
        entitlement_groups=frozenset(enrolment.entitlement_groups),
        diseases=enrolled.diseases,
        age=full_years(visit.birth_date, day),
        months_insured=enrolled.months_insured,
        months_owing=enrolled.months_owing,
        years_unclaimed=enrolled.years_unclaimed,
    )


def common_facts(facts: Facts) -> policy_split.Facts:
    """Returns the facts that bills of either format are decided on.

    A settlement's own are those of the visit and of an enrolment, which say them all.
    """
    return policy_split.Facts(
        facts.care_type or "",
        facts.person_class or "",
        tuple(sorted(facts.entitlement_groups)),
        facts.institution_level or "",
        facts.age or 0,
    )


def _cover(enrolments: Iterable[Enrolment]) -> tuple[CoverPeriod, ...]:
    return tuple(
        CoverPeriod(each.start_date, each.end_date)
        for each in enrolments
        if each.status == ENROLMENT_NORMAL
    )


def _is_outside_cover(particulars: Iterable[LineParticulars | None]) -> bool:
    return any(own is not None and own.own_cost == OwnCost.OUTSIDE_COVER for own in particulars)


def classify(
    policy: BenefitPolicy, facts: Facts, priced: Priced, *, day: dt.date
) -> tuple[LineParts, ...]:
    """Returns how a policy splits lines that are of no bill yet.

    Raises RuleError FACT_MISSING, POLICY_NO_MATCHING_ROW.
    """
    groups = item_groups_of(priced.lines)
    lines = engine_lines(priced.lines, priced.particulars, groups)
    return tuple(classify_plan(policy, facts).split(lines, day=day, cover=None))


def _bill(
    terms: BenefitTerms,
    day: dt.date,
    lines: tuple[BillLine, ...],
    *,
    cover: tuple[CoverPeriod, ...] | None,
    balances: Balances | None,
) -> Bill:
    """Returns the bill as one of the visit that began the stay: its windows are the stay's.

    Which lines lie outside the visit was found when they were priced. Without balances the
    account is not used.
    """
    return Bill(
        visit_id=terms.stay_id,
        date=day,
        lines=lines,
        facts=terms.facts,
        admission_date=terms.admission_date,
        cover=cover,
        given=terms.given,
        account_used=balances is not None,
        balances=NO_BALANCES if balances is None else balances,
    )


def _outcome(
    policy: BenefitPolicy,
    bill: Bill,
    memory: Memory,
    terms: BenefitTerms,
    lines: Sequence[PricedLine | SplitLine],
    *,
    is_told: bool = True,
) -> BenefitOutcome:
    split = adjudicate(policy, bill, memory)
    before, accumulations = changes_of(
        memory.windows, split.change.windows, insurance_type=policy.insurance_type
    )
    payments, sums = split.payments(), split.sums
    fund_payments = tuple(
        [
            FundPayment(each.payer, each.step_id, each.base_fen, each.amount_fen)
            for each in payments
            if isinstance(each.payer, str) and each.payer
        ]
    )
    if len(fund_payments) < len(payments):
        terms = terms._replace(other_payments=_other_payments(policy, bill.given, payments))
    if sums.arrears_fen:
        arrears = [(each.step_id, each.arrears_fen) for each in payments if each.arrears_fen]
        terms = terms._replace(arrears=tuple(arrears))
    return BenefitOutcome(
        split=split,
        terms=terms,
        lines=split_lines(split, lines) if is_told else (),
        total_fen=sums.total_fen,
        excluded_fen=sums.excluded_fen,
        over_limit_fen=sums.over_limit_fen,
        first_self_pay_fen=sums.first_self_pay_fen,
        eligible_fen=sums.eligible_fen,
        deductible_fen=sums.deductible_fen,
        fund_payments=fund_payments,
        fund_total_fen=sum([each.amount_fen for each in fund_payments]),
        account_fen=sums.account_fen,
        cash_fen=sums.cash_fen,
        year_before=before,
        accumulations=tuple(accumulations.items()),
        trace_sha256=trace_sha256(split) if is_told else b"",
    )


def _other_payments(
    policy: BenefitPolicy, given: Iterable[Given], payments: Iterable[Payment]
) -> tuple[OtherPayment, ...]:
    """Returns what others than funds pay: bearers, and who has paid already, by fund type."""
    left: dict[str, int] = {}
    for fund_type, fen in given:
        left[fund_type] = left.get(fund_type, 0) + fen
    steps = {step.id: step for step in policy.steps if isinstance(step, GivenStep)}
    found: list[OtherPayment] = []
    for each in payments:
        if isinstance(each.payer, Bearer):
            found.append(
                OtherPayment(each.step_id, each.payer.value, each.base_fen, each.amount_fen)
            )
        elif not each.payer:
            rest = each.amount_fen
            for fund_type in steps[each.step_id].fund_types:
                part = min(left.get(fund_type, 0), rest)
                if part:
                    found.append(OtherPayment(each.step_id, fund_type, part, part))
                    left[fund_type] -= part
                    rest -= part
    return tuple(found)
