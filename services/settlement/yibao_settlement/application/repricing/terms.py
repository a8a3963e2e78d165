"""The terms that the days of a settled bill have by now: policy, lines and facts."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.adjudicate import check_nothing_given, policy_on
from yibao_settlement.application.settlement.adjudicate import facts_of as plain_facts_of
from yibao_settlement.application.settlement.benefit import Person, common_facts, facts_of, terms_of
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.revaluing import Revalued, can_revalue, revalue
from yibao_settlement.application.settlement.terms import BenefitTerms, EffectiveTerms
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.bill import NOTHING_PARTICULAR, LineParticulars
from yibao_settlement.rules.enrolment import (
    Enrolment,
    RegisteredDisease,
    check_premium,
    paying_on,
)
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.split import Facts, OwnCost, SplitLine, undivided
from yibao_settlement.rules.repricing import Liability, RepricedTerm
from yibao_settlement.rules.third_party import as_third_partys, is_third_partys
from yibao_settlement.rules.visit import Visit


class Insured(NamedTuple):
    """Every period of a person that stands, and registered diseases."""

    enrolments: Sequence[Enrolment]
    diseases: Sequence[RegisteredDisease]


class Asked(NamedTuple):
    """What of a bill's terms is asked for anew; the rest stays as it decides the bill by now."""

    terms: Collection[RepricedTerm]
    liability: Liability


def terms_by_now(
    record: SettlementRecord,
    visit: Visit,
    insured: Insured,
    reference: Reference,
    asked: Asked,
    *,
    policy_before: AnyPolicy,
) -> EffectiveTerms:
    """Returns on which terms a settled bill is decided, where those asked for are of now.

    `policy_before` is the one that decides it so far. A person without cover on a day bears
    what was charged then, and keeps facts otherwise.

    Raises RuleError POLICY_NOT_FOUND, CATALOGUE_ITEM_UNKNOWN where an item has no row of its
    day, PRICES_NOT_KEPT where lines are of before prices were kept and have to be valued,
    PREMIUM_NOT_RECEIVED, GIVEN_UNKNOWN.
    """
    now, day = record.in_effect, record.service_date
    policy = policy_before
    if RepricedTerm.POLICY in asked.terms:
        policy = policy_on(reference, record.insurance_type, day, region=record.region)
    facts, benefit = _facts(now, visit, insured, policy, asked)
    lines = _Lines(record, insured, reference, asked, level=facts.institution_level)
    if benefit is not None and (now.benefit is None or RepricedTerm.CATALOGUE in asked.terms):
        benefit = benefit._replace(item_groups=lines.valued().item_groups)
    return EffectiveTerms(policy.version, facts, benefit, lines.lines(), lines.particulars())


def _facts(
    now: SettlementRecord, visit: Visit, insured: Insured, policy: AnyPolicy, asked: Asked
) -> tuple[Facts, BenefitTerms | None]:
    """Returns the facts that either format asks, and those of the second where it decides."""
    day = now.service_date
    by_windows = isinstance(policy, BenefitPolicy)
    if isinstance(policy, BenefitPolicy) and policy.windows.facts_of_admission:
        day = visit.start_date if now.benefit is None else now.benefit.admission_date
    enrolment = None
    # What bills by the first format never said is what the periods say by now.
    is_unsaid = by_windows and now.benefit is None
    if RepricedTerm.ENROLMENT in asked.terms or is_unsaid:
        enrolment = paying_on(insured.enrolments, day, insurance_type=now.insurance_type)
    if not by_windows:
        check_nothing_given(() if now.benefit is None else now.benefit.given)
        if enrolment is None:
            return now.facts, None
        return plain_facts_of(visit, enrolment, day), None
    terms = terms_of(now, visit)._replace(other_payments=(), arrears=())
    if enrolment is not None:
        person = Person(insured.enrolments, enrolment, insured.diseases)
        # On which terms care elsewhere is paid was found when it was settled.
        told = facts_of(visit, person, day)._replace(offsite=terms.facts.offsite)
        if RepricedTerm.ENROLMENT not in asked.terms:
            # Those that the bill said stay.
            told = told._replace(
                **{name: value for name, value in terms.facts._asdict().items() if value}
            )
        terms = terms._replace(facts=told)
    return common_facts(terms.facts), terms


class _Lines:
    """The lines of a bill, with what the catalogue and the cover of their days say by now."""

    def __init__(
        self,
        settled: SettlementRecord,
        insured: Insured,
        reference: Reference,
        asked: Asked,
        *,
        level: str,
    ) -> None:
        self._settled = settled
        self._now = settled.in_effect
        self._reference = reference
        self._asked = asked
        self._level = level
        self._uncovered = self._days_uncovered(insured)
        self._valued: Revalued | None = None

    def _days_uncovered(self, insured: Insured) -> set[dt.date] | None:
        """Returns the charge days without cover by now, None where those of before stay."""
        now, is_asked = self._now, RepricedTerm.ENROLMENT in self._asked.terms
        if not is_asked and not self._is_freed:
            return None
        days = {self._day(own) for own in now.particulars or [None]}
        uncovered = set()
        for day in sorted(days):
            found = paying_on(insured.enrolments, day, insurance_type=now.insurance_type)
            if found is None:
                uncovered.add(day)
            elif is_asked:
                check_premium(found)
        return uncovered

    @property
    def _is_freed(self) -> bool:
        """Whether nobody is liable for a bill that was corrected while a third party was.

        It was never settled without, so that all of it is valued as a bill of today.
        """
        if self._asked.liability is not Liability.NOBODY_ELSE:
            return False
        both = (self._settled, self._now)
        return all(is_third_partys(each.particulars, len(each.lines)) for each in both)

    def _day(self, own: LineParticulars | None) -> dt.date:
        day = self._now.service_date
        return day if own is None else own.charge_date or day

    def valued(self) -> Revalued:
        """Returns the bill as the catalogue values it by now."""
        if self._valued is None:
            now = self._now
            if not can_revalue(now):
                raise _prices_not_kept(now)
            found = revalue(
                now,
                self._reference,
                day=now.service_date,
                institution_level=self._level,
                uncovered=self._uncovered,
            )
            lost = found.record.refused_lines[len(now.refused_lines) :]
            if lost:
                raise RuleError(
                    Reason.CATALOGUE_ITEM_UNKNOWN,
                    f"settlement {now.settlement_id}: {lost[0].message}",
                    item_code=lost[0].item_code,
                )
            self._valued = found
        return self._valued

    def lines(self) -> tuple[SplitLine, ...]:
        """Returns the lines, not divided."""
        if RepricedTerm.CATALOGUE in self._asked.terms:
            return self.valued().record.lines
        lines = tuple(map(undivided, self._now.lines))
        own = self._own()
        if self._uncovered is None or not any(map(self._is_cover_moved, own)):
            return lines
        # What was own cost in full was never split: it is valued as a line of today.
        return tuple(
            [
                new if self._is_cover_moved(told) else line
                for line, told, new in zip(lines, own, self.valued().record.lines, strict=True)
            ]
        )

    def particulars(self) -> tuple[LineParticulars | None, ...]:
        """Returns what is particular to each line."""
        own = self._covered()
        count, before = len(self._now.lines), self._now.particulars
        liability = self._asked.liability
        if liability is Liability.THIRD_PARTY:
            return as_third_partys(own, count)
        if is_third_partys(before, count):
            if liability is Liability.AS_BEFORE:
                return as_third_partys(own, count)
            return _own_cost_of(own, self._settled.particulars, count)
        return own

    def _covered(self) -> tuple[LineParticulars | None, ...]:
        """Returns what is particular to each line by catalogue and cover."""
        if RepricedTerm.CATALOGUE in self._asked.terms:
            return self.valued().record.particulars
        if self._uncovered is None:
            return self._now.particulars
        before = self._own()
        if not any(map(self._is_cover_moved, before)):
            return self._now.particulars
        valued = self.valued().record.particulars or (None,) * len(before)
        return _told(
            [
                new if self._is_cover_moved(own) else own
                for own, new in zip(before, valued, strict=True)
            ]
        )

    def _own(self) -> Sequence[LineParticulars | None]:
        """Returns what is particular to each line so far."""
        return self._now.particulars or (None,) * len(self._now.lines)

    def _is_cover_moved(self, own: LineParticulars | None) -> bool:
        own_cost = OwnCost.NONE if own is None else own.own_cost
        if own_cost == OwnCost.THIRD_PARTY and self._asked.liability is Liability.NOBODY_ELSE:
            return True
        was = own_cost == OwnCost.OUTSIDE_COVER
        return was != (self._day(own) in (self._uncovered or ()))


def _with_own_cost(
    own: LineParticulars | None, valued: LineParticulars | None
) -> LineParticulars | None:
    """Returns a line's particulars with why it is own cost by now, if it is."""
    own_cost = int(OwnCost.NONE) if valued is None else valued.own_cost
    told = (own or NOTHING_PARTICULAR)._replace(own_cost=own_cost)
    return None if told == NOTHING_PARTICULAR else told


def _own_cost_of(
    particulars: Sequence[LineParticulars | None],
    settled: Sequence[LineParticulars | None],
    count: int,
) -> tuple[LineParticulars | None, ...]:
    """Returns particulars of lines for which nobody else is liable, own cost as first settled."""
    first = settled or [None] * count
    return _told(
        [
            _with_own_cost(own, was)
            if own is not None and own.own_cost == OwnCost.THIRD_PARTY
            else own
            for own, was in zip(particulars or [None] * count, first, strict=True)
        ]
    )


def _told(own: Sequence[LineParticulars | None]) -> tuple[LineParticulars | None, ...]:
    """Returns particulars as they are recorded: none where no line has some."""
    return tuple(own) if any(own) else ()


def _prices_not_kept(record: SettlementRecord) -> RuleError:
    return RuleError(
        Reason.PRICES_NOT_KEPT,
        f"lines of settlement {record.settlement_id} are of before prices were kept",
        settlement_id=record.settlement_id,
    )
