"""What puts a bill under review (T-12, T-14, T-31): likely duplicates, counts, approvals."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.bill import Approval, LineParticulars
from yibao_settlement.rules.care_type import CARE_TYPES, CareKind, is_stay
from yibao_settlement.rules.duplicate import Marks, contain_each_other
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.rules.review import Finding, ReviewKind
from yibao_settlement.rules.stay import StandingBill, end_of
from yibao_settlement.rules.visit import Visit

# The 20th outpatient visit of a calendar month is settled, the 21st goes to review.
_VISITS_A_MONTH = 20
# Stays that began so long before one are looked at for shared days.
_STAYS_SEEN = dt.timedelta(days=366)
_MOST_TOLD = 50
_OFF_CATALOGUE = "03"
# The first letters of drugs' national codes: western, patent, herbal, prepared in hospital.
_DRUGS = ("X", "Z", "T", "J")


class SeenVisit(NamedTuple):
    """Another visit of the person, as far as it is looked at; see `Visit`."""

    visit_id: str
    person_id: str
    institution_id: str
    care_type: str
    start_date: dt.date
    end_date: dt.date | None
    stay_id: str | None


# Visits with the bills of theirs that stand.
Others = Sequence[tuple[SeenVisit, Collection[StandingBill]]]


class RetiredCadres(NamedTuple):
    """Who counts as a retired cadre (离休): the codes of persons and insurance are regional."""

    person_classes: frozenset[str] = frozenset({"13"})
    insurance_types: frozenset[str] = frozenset({"340"})

    def have(self, person_class: str, insurance_type: str) -> bool:
        """Tells whether a person of that class and insurance type is one."""
        return person_class in self.person_classes or insurance_type in self.insurance_types


RETIRED_CADRES = RetiredCadres()


class NewBill(NamedTuple):
    """A bill as it is settled: what a review looks at; amounts in fen."""

    visit: Visit
    service_date: dt.date
    total_fen: int
    marks: Marks
    lines: Sequence[SplitLine]
    particulars: Sequence[LineParticulars | None]
    # Settlements of the visit whose lines have other ids.
    told_apart: Collection[str]


def seen_since(care_type: str, start_date: dt.date) -> dt.date:
    """Returns from which first day on other visits of the person are looked at."""
    return start_date - _STAYS_SEEN if is_stay(care_type) else start_date.replace(day=1)


def findings_of(
    bill: NewBill,
    own: Collection[StandingBill],
    others: Others,
    *,
    is_retired_cadre: bool,
) -> tuple[Finding, ...]:
    """Returns what puts a bill under review, mostly nothing.

    `own` are the bills of its visit that stand, `others` the person's other visits in sight
    with those of theirs.
    """
    found: list[Finding] = []
    if own or others:
        found += _duplicates(bill, own, others)
    if others:
        found += _overlaps(bill, own, others)
        found += _counts(bill, own, others)
    if is_retired_cadre:
        found += _unapproved(bill)
    return tuple(found)


def _duplicates(
    bill: NewBill,
    own: Collection[StandingBill],
    others: Others,
) -> Iterator[Finding]:
    if bill.told_apart:
        own = [each for each in own if each.settlement_id not in bill.told_apart]
    # Of the own visit too: lines that are cut otherwise have other marks.
    same = _same_as(bill, own)
    for visit, bills in others:
        if visit.institution_id == bill.visit.institution_id:
            same += _same_as(bill, bills)
    if same:
        yield Finding(ReviewKind.SAME_BILL, tuple(same[:_MOST_TOLD]))
    again = [
        each.settlement_id
        for each in own
        if each.line_marks and contain_each_other(each.line_marks, bill.marks.lines)
    ]
    if again:
        yield Finding(ReviewKind.LINES_AGAIN, tuple(again[:_MOST_TOLD]))


def _same_as(bill: NewBill, others: Collection[StandingBill]) -> list[str]:
    """Returns the settlements of the day, sum and items of a bill."""
    day, total_fen, items = bill.service_date, bill.total_fen, bill.marks.items
    return [
        each.settlement_id
        for each in others
        if each.total_fen == total_fen and each.service_date == day and each.item_set_mark == items
    ]


def _overlaps(
    bill: NewBill,
    own: Collection[StandingBill],
    others: Others,
) -> Iterator[Finding]:
    visit = bill.visit
    if not is_stay(visit.care_type):
        return
    end = end_of(visit, own) or bill.service_date
    shared: list[str] = []
    for other, bills in others:
        if not bills or not is_stay(other.care_type) or other.stay_id == visit.stay:
            continue
        other_end = other.end_date or max(each.service_date for each in bills)
        # The day on which one ends and the other begins is no overlap.
        if visit.start_date < other_end and other.start_date < end:
            shared += [each.settlement_id for each in bills]
    if shared:
        yield Finding(ReviewKind.STAYS_OVERLAP, tuple(shared[:_MOST_TOLD]))


def _counts(
    bill: NewBill,
    own: Collection[StandingBill],
    others: Others,
) -> Iterator[Finding]:
    # Further bills of a visit count nothing more.
    if own or not _is_outpatient(bill.visit.care_type):
        return
    month = bill.visit.start_date.replace(day=1)
    count = 1 + sum(
        bool(bills) and _is_outpatient(visit.care_type) and visit.start_date.replace(day=1) == month
        for visit, bills in others
    )
    if count > _VISITS_A_MONTH:
        yield Finding(ReviewKind.VISIT_COUNT, visit_count=count)


def _is_outpatient(care_type: str) -> bool:
    known = CARE_TYPES.get(care_type)
    return known is not None and not known.is_stay and known.kind is not CareKind.PHARMACY


def _unapproved(bill: NewBill) -> Iterator[Finding]:
    own = bill.particulars or [None] * len(bill.lines)
    numbers = [
        line.line_number
        for line, particulars in zip(bill.lines, own, strict=True)
        if line.catalogue_class == _OFF_CATALOGUE and line.item_code.startswith(_DRUGS)
        if particulars is None or particulars.approval != Approval.APPROVED
    ]
    if numbers:
        yield Finding(ReviewKind.UNAPPROVED_DRUG, line_numbers=tuple(numbers[:_MOST_TOLD]))
