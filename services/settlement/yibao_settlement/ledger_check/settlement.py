"""What the ledger checker examines of one settlement.

Each fault is the number of the invariant that is broken, and what is wrong. A fault of the
record may keep one part from being examined; the parts are examined one by one.
"""

import functools
from collections.abc import Callable, Collection, Iterator

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.money import line_amount_fen
from yibao_settlement.application.settlement.benefit import (
    BenefitOutcome,
    common_facts,
    purses_of,
)
from yibao_settlement.application.settlement.explain import AnySplit, settled_again
from yibao_settlement.application.settlement.record import SettlementRecord, owed_entries
from yibao_settlement.application.settlement.remainder import refund_entries
from yibao_settlement.ledger_check.difference import move_faults, taken_by
from yibao_settlement.ledger_check.refund import refund_faults
from yibao_settlement.ledger_check.terms import terms_faults
from yibao_settlement.rules.account import NO_PURSES, taken_of_carried
from yibao_settlement.rules.difference import Columns, adjustment_entries
from yibao_settlement.rules.ledger import Entry, opposite
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage.ledger.booked import BookedSettlement
from yibao_settlement.storage.ledger.corrected import CorrectedBill

# Sums of a bill that its lines have to come to.
_SUMS = ("total_fen", "excluded_fen", "over_limit_fen", "first_self_pay_fen", "eligible_fen")


def settlement_faults(
    booked: BookedSettlement,
    record: SettlementRecord,
    policy: AnyPolicy | None,
    *,
    survivors: Collection[str] = (),
    proven: dict[str, AnySplit] | None = None,
) -> Iterator[tuple[int, str]]:
    """Yields what is wrong with a settlement; `policy` is that of its version, if stored.

    `survivors` are those who took the place of the visit's person, one after the other. Into
    `proven` goes, by its id, the calculation of a settlement that comes out as it is recorded,
    as the last refund left it.
    """
    if booked.code_uses > 1:
        yield 7, f"{booked.code_uses} codes were used up for it"
    elif booked.code_uses or booked.is_audited_without_code:
        pass
    elif booked.corrected is not None:
        # No code is needed for what the account had paid anyway.
        if record.as_settled.account_fen > booked.corrected.account_fen:
            yield 7, f"pays more of the account than {booked.corrected.settlement_id}, by no code"
    elif booked.untold_uses < booked.bills_of_request:
        # Of before it was kept what for: there may be more, because the id of a request could
        # come again with another code once its answer was no longer kept.
        uses = f"{booked.untold_uses} codes used up for {booked.bills_of_request} bills"
        yield 7, f"its request has {uses}"
    for number, faults in (
        (5, lambda: _entry_faults(booked, record)),
        (5, lambda: _adjusting_faults(booked, record, survivors)),
        (11, lambda: move_faults(booked.moved, owners=_owners(booked, record, survivors))),
        (4, lambda: _of_each(_sum_faults, record, booked)),
        (4, lambda: _of_each(_price_faults, record, booked)),
        (4, lambda: _party_faults(record, booked, survivors)),
        (4, lambda: _correction_faults(record, booked.corrected)),
        (20, lambda: terms_faults(booked, record)),
        (4, lambda: refund_faults(record.as_settled, [left for left, _ in booked.refunded])),
    ):
        for detail in _told(faults):
            yield number, detail
    if policy is None:
        yield 8, f"policy {record.policy_version} is not stored"
        return
    if record.insurance_type != policy.insurance_type:
        yield 4, f"is of type {record.insurance_type}, its policy of {policy.insurance_type}"
    splits: dict[str, AnySplit] = {} if proven is None else proven
    for detail in _told(
        lambda: _of_each(lambda each: _calculation_faults(each, policy, splits), record, booked)
    ):
        yield 8, detail


def quote_faults(record: SettlementRecord, policy: AnyPolicy | None) -> Iterator[tuple[int, str]]:
    """Yields what is wrong with a held bill, of which nothing is posted; see above."""
    for faults in (_sum_faults, _price_faults):
        for detail in _told(functools.partial(faults, record)):
            yield 4, detail
    if policy is None:
        yield 8, f"policy {record.policy_version} is not stored"
        return
    for detail in _told(lambda: _calculation_faults(record, policy, {})):
        yield 8, detail


def _told(faults: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yields faults, and as one more what an altered record made impossible to examine."""
    try:
        yield from faults()
    except (InvariantError, ArithmeticError, ValueError) as error:
        yield f"cannot be examined: {error}"


def _of_each(
    faults: Callable[[SettlementRecord], Iterator[str]],
    record: SettlementRecord,
    booked: BookedSettlement,
) -> Iterator[str]:
    """Yields what is wrong with a settlement as it was settled and as each refund left it."""
    earlier = [record.as_settled, *(left for left, _ in booked.refunded)][:-1]
    # What moved since is of the last one.
    for each in (*(each._replace(adjustment=None, reversal=None) for each in earlier), record):
        yield from faults(each)


def _entry_faults(booked: BookedSettlement, record: SettlementRecord) -> Iterator[str]:
    owed = _amounts(_entries_owed(record.as_settled))
    if booked.posted != owed:
        yield f"posted {dict(booked.posted)}, owes {owed}"
    before = record.as_settled
    for left, posted in booked.refunded:
        number, returned = left.refunds[-1].number, _amounts(refund_entries(before, left))
        if posted != returned:
            yield f"refund {number} posted {dict(posted)}, not {returned}"
        if number != len(left.refunds):
            yield f"has refund {number}, and none of {len(left.refunds)}"
        before = left
    mirrored: dict[str, int] = {}
    if record.reversal is not None:
        mirrored = _amounts(opposite(_entries_owed(record)))
    if booked.taken_back != mirrored:
        yield f"took back {dict(booked.taken_back)}, not {mirrored}"


def _adjusting_faults(
    booked: BookedSettlement, record: SettlementRecord, survivors: Collection[str]
) -> Iterator[str]:
    """Yields what its adjustments posted other than what they say moved, one by one."""
    if not booked.adjusted:
        return
    owners, taken = _owners(booked, record, survivors), taken_by(booked.moved)
    counters = {left.refunds[-1].refund_id: left.counter.borne for left, _ in booked.refunded}
    counter = before = record.as_settled.counter.borne
    for revision, (adjustment, posted) in enumerate(booked.adjusted, 2):
        if adjustment.revision != revision:
            yield f"has adjustment {adjustment.revision}, and none of {revision}"
        if adjustment.cause_id not in booked.causes:
            yield f"adjustment {adjustment.revision} names no cause"
        after, told = adjustment.effective, counters.get(adjustment.cause_id, counter)
        back = taken.get(adjustment.posting_id or "", NO_PURSES)
        owed = [
            _amounts(
                adjustment_entries(
                    Columns(counter, before, back.balance_fen),
                    Columns(told, after.borne),
                    person_id=owner,
                    taken=back,
                )
            )
            for owner in sorted(owners)
        ]
        if posted not in owed:
            yield f"adjustment {adjustment.revision} posted {dict(posted)}, not {owed[0]}"
        counter, before = told, after.borne


def _owners(
    booked: BookedSettlement, record: SettlementRecord, survivors: Collection[str]
) -> set[str]:
    """Returns whose account a settlement was or is of: a merge changes that."""
    owners = {record.person_id, *survivors}
    if booked.visit is not None:
        owners.add(booked.visit.person_id)
    return owners


def _amounts(entries: tuple[Entry, ...]) -> dict[str, int]:
    return {entry.account_id: entry.amount_fen for entry in entries}


def _entries_owed(record: SettlementRecord) -> tuple[Entry, ...]:
    return owed_entries(
        record.fund_payments,
        record.benefit,
        person_id=record.person_id,
        account_fen=record.account_fen,
        institution_id=record.institution_id,
        carried_fen=record.carried.paid_fen,
    )


def _sum_faults(record: SettlementRecord) -> Iterator[str]:
    """Yields what does not add up in a stored settlement."""
    amounts = [
        (
            line.amount_fen,
            line.excluded_fen,
            line.over_limit_fen,
            line.first_self_pay_fen,
            line.eligible_fen,
        )
        for line in record.lines
    ]
    lines = [sum(column) for column in zip(*amounts, strict=True)] or [0] * len(_SUMS)
    bill = [getattr(record, name) for name in _SUMS]
    if lines != bill:
        for name, lines_fen, bill_fen in zip(_SUMS, lines, bill, strict=True):
            if lines_fen != bill_fen:
                yield f"lines have {lines_fen} fen of {name}, the bill {bill_fen}"
    if sum(bill[1:]) != record.total_fen:
        yield "excluded, over limit, first self-pay and eligible do not sum to the total"
    if sum([payment.amount_fen for payment in record.fund_payments]) != record.fund_total_fen:
        yield "what the funds pay does not sum"
    others_fen = 0 if record.benefit is None else record.benefit.other_total_fen
    if record.fund_total_fen + others_fen + record.personal_total_fen != record.total_fen:
        yield "the funds, other payers and the person do not bear the total"
    purses, paid_fen = purses_of(record), record.carried.paid_fen
    own_fen = record.account_fen - record.family_fen
    # By a policy that says nothing of purses, either may pay first: the region says which.
    ways = {taken_of_carried(purses, own_fen, carried_first=is_first) for is_first in (False, True)}
    if record.benefit is None and paid_fen not in ways:
        yield f"the account pays {paid_fen} fen of earlier years' money, not one of {ways}"


def _price_faults(record: SettlementRecord) -> Iterator[str]:
    for line in record.lines:
        # Settlements of before prices were kept have none.
        if line.unit_price and line.amount_fen != line_amount_fen(line.unit_price, line.quantity):
            charged = f"{line.unit_price} x {line.quantity}"
            yield f"line {line.line_number} is {charged}, and has {line.amount_fen} fen"


def _party_faults(
    record: SettlementRecord, booked: BookedSettlement, survivors: Collection[str]
) -> Iterator[str]:
    """Yields whom and what a stored settlement concerns other than the rest of it says."""
    if booked.benefit_year != record.benefit_year:
        yield f"it counts for {booked.benefit_year}, its service date is {record.service_date}"
    visit, facts = booked.visit, record.facts
    if visit is None:
        yield f"there is no visit {record.visit_id}"
    else:
        of_person = record.person_id == visit.person_id or record.person_id in survivors
        if not of_person or visit.institution_id != record.institution_id:
            yield f"its visit is of {visit.person_id} at {visit.institution_id}"
        of_visit = (visit.care_type, visit.institution_level)
        if (facts.care_type, facts.institution_level) != of_visit:
            yield f"its visit is of care type and level {of_visit}"
        if visit.cancel_time is not None and record.reversal is None:
            yield "it stands, and its visit was cancelled"
    if record.entries != _entries_owed(record):
        yield f"its record tells entries {record.entries}, not {_entries_owed(record)}"


def _correction_faults(record: SettlementRecord, corrected: CorrectedBill | None) -> Iterator[str]:
    """Yields what a settlement that corrects another one has not of it."""
    if corrected is None:
        return
    if not corrected.is_reversed:
        yield f"corrects {corrected.settlement_id}, which stands"
    own = (record.place, record.visit_id, record.bill_number)
    if own != (corrected.place, corrected.visit_id, corrected.bill_number):
        yield f"corrects {corrected.settlement_id}, and is not in its place"


def _calculation_faults(
    record: SettlementRecord, policy: AnyPolicy, proven: dict[str, AnySplit]
) -> Iterator[str]:
    proven.pop(record.settlement_id, None)
    try:
        split = settled_again(record, policy)
    except RuleError as error:
        yield error.message
        return
    yield from _adjustment_faults(record)
    faults = [
        f"keeps {kept} {name}, not {derived}"
        for name, kept, derived in (
            ("as used up of the year", record.accumulations, dict(split.accumulations)),
            ("as paid by the funds", record.fund_payments, split.fund_payments),
            ("as the deductible", record.deductible_fen, split.deductible_fen),
            ("as lines", record.lines, split.lines),
            *_benefit_pairs(record, split),
        )
        if kept != derived
    ]
    if not faults:
        proven[record.settlement_id] = split
    yield from faults


def _benefit_pairs(
    record: SettlementRecord, split: AnySplit
) -> Iterator[tuple[str, object, object]]:
    """Yields what is kept of a settlement by a policy of the second format, and derived."""
    if record.benefit is not None and isinstance(split, BenefitOutcome):
        yield "as facts", record.facts, common_facts(record.benefit.facts)
        yield "as terms", record.benefit, split.terms
        yield "as found of the windows", record.year_before, split.year_before
        carried_fen = split.split.paid_by_purse.carried_fen
        yield "as paid of earlier years' money", record.carried.paid_fen, carried_fen


def _adjustment_faults(record: SettlementRecord) -> Iterator[str]:
    """Yields what is wrong with what moved of a settlement that was reversed since."""
    if record.reversal is not None and record.effective != record.counter:
        yield "is reversed, and its effective amounts are not those that were taken back"
