"""What a bill would cost whom, now: the calculation of a settlement without its effects."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.charge.taking import Taking
from yibao_settlement.application.elsewhere.explain import ElsewhereExplained, explain_elsewhere
from yibao_settlement.application.elsewhere.visit import on_terms
from yibao_settlement.application.family.offers import offers_of
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.mapping.lines import taking_with_items
from yibao_settlement.application.reading import Reads, TrialInputs
from yibao_settlement.application.settlement.adjudicate import adjudicate_bill, record_of
from yibao_settlement.application.settlement.explain import TraceNode, explained
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.visit.find import visit_not_found
from yibao_settlement.rules.account import (
    Purses,
    Standing,
    check_not_merged,
    new_standing,
    purses_in,
)
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.duplicate import check_not_repeated, marks_of
from yibao_settlement.rules.elsewhere.hold import check_not_audited
from yibao_settlement.rules.elsewhere.marks import check_nobody_liable
from yibao_settlement.rules.family import drawn, offered_fen
from yibao_settlement.rules.hold import unreserved
from yibao_settlement.rules.mapping import unmapped_codes
from yibao_settlement.rules.stay import check_bill
from yibao_settlement.rules.visit import Visit, check_not_cancelled


class HoldsRunOutError(Exception):
    """Holds of the person ran out and nobody noted it yet: they have to end first."""

    def __init__(self, person_id: str) -> None:
        """Takes whose they are."""
        super().__init__("holds ran out")
        self.person_id = person_id


@dataclass(frozen=True, slots=True)
class Trial:
    """What a bill would cost: a record without ids and entries, and every step.

    `holds` are those of the person, which count.
    """

    record: SettlementRecord
    trace: tuple[TraceNode, ...]
    holds: Sequence[Hold] = ()
    elsewhere: ElsewhereExplained | None = None


def trial(
    reads: Reads,
    region: str,
    bill: Bill,
    *,
    institution_id: str,
    now: dt.datetime,
    is_discharge_required: bool = False,
    carried_first: bool = False,
    with_run_out: bool = False,
) -> Trial:
    """Returns what a bill of a visit of the institution would cost whom; stores nothing.

    Holds that ran out count only `with_run_out`: those that cannot leave. Raises
    HoldsRunOutError where there are others, RuleError VISIT_NOT_FOUND, VISIT_CANCELLED, what
    `rules.stay.check_bill` refuses, AUDIT_HOLD, THIRD_PARTY_LIABLE, PERSON_MERGED, what
    `application.elsewhere.visit.on_terms` refuses, and as `adjudicate_bill`.
    """
    inputs = reads.trial_inputs(
        region,
        bill.visit_id,
        # A bill of a later day is refused, and must not ask for the windows of millennia.
        day=min(bill.service_date, shanghai_day(now)),
        item_codes={line.item_code for line in bill.lines},
        with_charges=bill.needs_charges,
        own_codes=unmapped_codes(bill.lines),
    )
    if inputs is None or inputs.visit.institution_id != institution_id:
        raise visit_not_found(bill.visit_id)
    if inputs.holds and not with_run_out:
        _check_run_out(inputs, reads.now())
    _check_visit(inputs, bill, is_discharge_required=is_discharge_required)
    standing = inputs.standing or new_standing(inputs.visit.person_id)
    check_not_merged(standing)
    visit = _on_terms(inputs, region, bill.service_date)
    taking = _taking(bill, inputs)
    marks = marks_of(taking.bill.lines, bill.service_date)
    check_not_repeated(marks, inputs.standing_bills, told_apart=taking.told_apart)
    givers = inputs.givers if taking.bill.family_used else ()
    offers = offers_of(givers, on=shanghai_day(now))
    adjudication = adjudicate_bill(
        taking.bill,
        visit,
        region=region,
        enrolments=inputs.enrolments,
        diseases=inputs.diseases,
        death_date=inputs.death_date,
        history=inputs.history,
        purses=_purses(standing, inputs.holds, now),
        reference=inputs.reference,
        treating=inputs.treating,
        now=now,
        settled_lines=taking.settled,
        carried_first=carried_first,
        family_fen=offered_fen(offers),
    )
    record = record_of(
        adjudication,
        region=region,
        settlement_id="",
        request_id="",
        settled_by="",
        settle_time=now,
        entries=(),
        family=drawn(offers, adjudication.family_fen, carried_first=carried_first),
    )
    decided = (adjudication.policy, adjudication.split)
    elsewhere = explain_elsewhere(record, *decided, can_still=True)
    return Trial(record, explained(*decided), inputs.holds, elsewhere)


def _check_visit(inputs: TrialInputs, bill: Bill, *, is_discharge_required: bool) -> None:
    """Refuses a bill of a visit that takes none, or not this one."""
    check_not_cancelled(inputs.visit)
    check_not_audited(inputs.audit_holds)
    check_nobody_liable(inputs.visit.marks, bill.visit_id)
    check_bill(
        inputs.visit,
        inputs.standing_bills,
        is_interim=bill.is_interim,
        is_discharge_required=is_discharge_required,
    )


def _on_terms(inputs: TrialInputs, region: str, last: dt.date) -> Visit:
    """Returns the visit with the terms that care elsewhere has on the day of the bill."""
    visit = inputs.visit
    if visit.elsewhere is None:
        return visit
    return on_terms(
        visit,
        visit.elsewhere.place_region,
        inputs.known_care,
        inputs.diseases,
        home=inputs.reference,
        home_region=region,
        last=last,
    )


def _taking(bill: Bill, inputs: TrialInputs) -> Taking:
    charges = {each.line.line_id: each for each in inputs.charges}
    return taking_with_items(bill, inputs.visit, charges, inputs.mappings, inputs.reference)


def _check_run_out(inputs: TrialInputs, now: dt.datetime) -> None:
    """Refuses where a hold has ended by the clock that ends it, which is not the process's."""
    if any(each.has_run_out(now) for each in inputs.holds):
        raise HoldsRunOutError(inputs.visit.person_id)


def _purses(standing: Standing, holds: Sequence[Hold], now: dt.datetime) -> Purses:
    """Returns what the account may pay: what it has, less what holds reserve."""
    year = shanghai_day(now).year
    return unreserved(purses_in(standing, year), [each.reserved for each in holds], year=year)
