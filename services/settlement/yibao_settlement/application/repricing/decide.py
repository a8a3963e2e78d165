"""What becomes of a person's bills on the terms that their days have by now."""

from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.repricing.scope import StayBills
from yibao_settlement.application.repricing.terms import Asked, Insured, terms_by_now
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.moved import each_moved, sums_of
from yibao_settlement.application.settlement.naming import begun_fold
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import EffectiveTerms, TermsSet
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.policy.split import undivided
from yibao_settlement.rules.repricing import Repricing, Sums


class Repriced(NamedTuple):
    """Bills on other terms, and what becomes of these and of later ones."""

    given: tuple[SettlementRecord, ...]
    folded: Folded

    @property
    def sums(self) -> Sums:
        """What it moves."""
        return Sums(*sums_of(each_moved(self.folded.moved)))

    @property
    def is_unchanged(self) -> bool:
        """Whether the bills were on these terms already."""
        return not self.given and self.folded.is_nothing


def repriced(working_set: WorkingSet, repricing: Repricing, bills: StayBills) -> Repriced | None:
    """Returns what a repricing makes of the bills of a person's stays; nothing is booked.

    None where the stays have other bills by now than were named: they are to be read anew.

    Raises RuleError as `terms_by_now`, READJUDICATION_FAILED.
    """
    records = [
        working_set.settlements[each]
        for each in bills.settlement_ids
        if each in working_set.settlements
    ]
    if len(records) < len(bills.settlement_ids) or any(each.reversal for each in records):
        return None
    records.sort(key=lambda each: each.place)
    later = working_set.later_bills(records[0])
    named = set(bills.settlement_ids)
    if any(
        bills.has_stay_of(each)
        for each in later
        if each.settlement_id not in named and not each.is_held
    ):
        return None
    given = {
        each.settlement_id: each
        for record in records
        if (each := _given(record, working_set, repricing)) is not None
    }
    if not given:
        return Repriced((), Folded({}))
    fold = begun_fold(records[0], working_set)
    fold.decide(_in_order(records[0], later, given))
    return Repriced(tuple(given.values()), fold.result())


def _in_order(
    first: SettlementRecord,
    later: Sequence[SettlementRecord],
    given: dict[str, SettlementRecord],
) -> list[SettlementRecord]:
    return [given.get(each.settlement_id, each) for each in (first, *later)]


def _given(
    record: SettlementRecord, working_set: WorkingSet, repricing: Repricing
) -> SettlementRecord | None:
    """Returns a settlement on other terms, None where it is on them."""
    visit = working_set.held(working_set.visits[record.visit_id])
    holder_id = working_set.holder_of(record.person_id)
    policy = working_set.policy_of(record.in_effect)
    if policy is None:
        raise RuleError(
            Reason.READJUDICATION_FAILED,
            f"the policy of settlement {record.settlement_id} is not stored",
            settlement_id=record.settlement_id,
        )
    insured = Insured(
        working_set.enrolments.get(holder_id, ()), working_set.diseases.get(holder_id, ())
    )
    asked = Asked(repricing.terms, repricing.liability)
    terms = terms_by_now(record, visit, insured, working_set.reference, asked, policy_before=policy)
    if terms == _terms_of(record):
        return None
    number = 1 if record.newest_terms is None else record.newest_terms.number + 1
    return record._replace(
        newest_terms=TermsSet(
            record.settlement_id,
            number,
            working_set.now,
            Cause.REPRICE,
            repricing.repricing_id,
            terms,
        )
    )


def _terms_of(record: SettlementRecord) -> EffectiveTerms:
    """Returns on which terms a settlement is decided so far."""
    now = record.in_effect
    benefit = now.benefit
    if benefit is not None:
        benefit = benefit._replace(other_payments=(), arrears=())
    lines = tuple(map(undivided, now.lines))
    return EffectiveTerms(now.policy_version, now.facts, benefit, lines, now.particulars)
