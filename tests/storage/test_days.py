"""A day's acts come to what the counters booked, act by act and in sums, at one snapshot."""

import datetime as dt
import itertools
import random

import pytest
from support.benefit_world import admit, benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases, in_turns
from support.day_books import Booked, DayBooks, merged
from support.outcomes import resolve
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY

from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import TOLD_AFTER
from yibao_settlement.application.day.compared import ComparedPart, DayOutcome
from yibao_settlement.rules.day.act import DayActKind, DayAmounts, DayLine
from yibao_settlement.rules.day.compare import DayDifferenceKind, DaySide
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.restating import OwnDebts

DAY = dt.timedelta(days=1)
YESTERDAY, TOMORROW = TODAY - DAY, TODAY + DAY
MIDNIGHT = shanghai_midnight(TOMORROW)
LAST_MOMENT = MIDNIGHT - dt.timedelta(milliseconds=1)
TERMINAL = f"terminal/{HOSPITAL}/T2"
HOSPITALS = (HOSPITAL, OTHER_HOSPITAL)
KINDS = tuple(DayActKind)

Sums = tuple[tuple[int, ...], DayAmounts, dict[str, int]]


@pytest.fixture
def books(databases: Databases) -> DayBooks:
    return DayBooks(benefit_world(databases))


def outpatient(books: DayBooks, *fen: int, institution: str = HOSPITAL, person: str = "") -> str:
    """Settles a bill of a visit of its own, of today."""
    world = books.world
    person = person or world.enrol()[0]
    day = shanghai_day(world.clock.now)
    visit = world.register(person, care_type="11", start_date=day, institution_id=institution)
    bill = stay_bill(world, visit, day, *fen)
    return books.settle(visit, person, bill, institution_id=institution)


def folded(acts: list[Booked]) -> Sums:
    """Returns what acts come to: how many of each kind, their amounts, and each fund's."""
    counts = tuple(sum(each.line.kind is kind for each in acts) for kind in KINDS)
    cost = DayAmounts()
    for each in acts:
        cost = cost.plus(each.line.amounts)
    return counts, cost, merged(*(each.funds for each in acts))


def assert_balanced(books: DayBooks, *days: dt.date) -> None:
    """Checks days of both hospitals: what they booked is what they are told."""
    for day in days:
        for institution_id in HOSPITALS:
            own = [
                each
                for each in books.booked
                if (each.institution_id, each.day) == (institution_id, day)
            ]
            told = books.totals(day, institution_id)
            total = told.total
            assert (total.counts, total.amounts, merged(total.funds)) == folded(own)
            assert sum(total.funds.values()) == total.amounts.fund_total_fen
            types = {each.insurance_type for each in own}
            assert {each.insurance_type for each in told.sums} == types
            lines = books.lines(day, institution_id)
            compared = books.compare(day, lines, institution_id)
            assert compared.differences == []
            expected = DaySide(len(own), total.amounts)
            assert (compared.insurer, compared.institution) == (expected, expected)
    assert_books_are_right(books.world)


def kinds_of(part: ComparedPart) -> list[DayDifferenceKind]:
    return [each.difference.kind for each in part.differences]


def test_the_days_of_a_stay_come_to_what_was_shown_and_taken(books: DayBooks) -> None:
    world = books.world
    (person,) = world.enrol()
    world.run(world.credit_command(person, 150_000))
    world.clock.now = shanghai_midnight(YESTERDAY) + dt.timedelta(hours=9)
    stay = admit(world, person, YESTERDAY)
    interim = stay_bill(world, stay, YESTERDAY, 900_000, is_interim=True, account_used=True)
    first = books.settle(stay, person, interim)
    world.clock.now = shanghai_midnight(TODAY) + dt.timedelta(hours=9)
    world.run(world.discharge_command(stay))
    books.settle(stay, person, stay_bill(world, stay, TODAY, 400_000, 300_001))
    other = outpatient(books, 200_000, 50_000)
    books.refund(other, AskedReturn(line_number=2))
    books.correct(other, ("A1", 150_000))
    kept = outpatient(books, 70_000, institution=OTHER_HOSPITAL)
    # The last act of the day, and the first of the next one.
    world.clock.now = LAST_MOMENT
    late = outpatient(books, 30_000)
    world.clock.now = MIDNIGHT
    early = outpatient(books, 40_000)
    # The day after, the agency takes back what was settled, also what others settled.
    world.clock.now = MIDNIGHT + dt.timedelta(hours=10)
    books.reverse(first, caller=AGENCY)
    books.reverse(kept, caller=AGENCY)
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    assert_balanced(books, YESTERDAY, TODAY, TOMORROW)
    told = {each.clearing_type: each for each in books.totals(TODAY).sums}
    assert set(told) == {"11", "21"}
    assert told["21"].counts == (1, 0, 0, 0)
    assert told["11"].counts == (2, 0, 1, 1)
    on_days = {each.line.settlement_id: each.day for each in books.booked}
    assert (on_days[late], on_days[early]) == (TODAY, TOMORROW)


class Day:
    """Hospitals and the agency, who settle, return, correct and reverse as chance has it."""

    def __init__(self, books: DayBooks, seed: int) -> None:
        self._books = books
        self._chance = random.Random(seed)
        self._persons = books.world.enrol(4)
        # How many lines are left of what stands.
        self._standing: dict[str, int] = {}
        self.restated = 0

    def act(self) -> None:
        kind = self._chance.random()
        settlement_id = self._chance.choice(sorted(self._standing)) if self._standing else ""
        if not settlement_id or kind < 0.5:
            fen = [self._chance.randrange(1, 400_000) for _ in range(self._chance.randrange(1, 4))]
            institution, person = self._chance.choice(HOSPITALS), self._chance.choice(self._persons)
            made = outpatient(self._books, *fen, institution=institution, person=person)
            self._standing[made] = len(fen)
            return
        by: dict[str, object]
        by = {"caller": AGENCY} if self._chance.random() < 0.2 else {"own_debts": OwnDebts.RESTATE}
        before = len(self._books.booked)
        try:
            self._take_back(kind, settlement_id, by)
        except RuleError as refusal:
            if refusal.reason is not Reason.AMOUNTS_NOT_CONFIRMED:
                raise
            # The person pays what is asked for bills that are restated.
            asked = int(refusal.metadata["restated_cash_fen"])
            self._take_back(kind, settlement_id, {**by, "restated_cash_fen": asked})
        restated = self._books.booked[before + 1 :]
        self.restated += len(restated)
        for each in restated:
            new = self._books.world.queries.settlement(REGION, each.line.settlement_id)
            assert new is not None
            assert new.correction is not None
            left = self._standing.pop(new.correction.corrected_id)
            self._standing[new.settlement_id] = left

    def _take_back(self, kind: float, settlement_id: str, by: dict[str, object]) -> None:
        left = self._standing[settlement_id]
        if kind < 0.7 and left:
            self._books.refund(settlement_id, AskedReturn(line_number=left), **by)
            self._standing[settlement_id] -= 1
        elif kind < 0.85:
            fen = 1 + int(kind * 10**9) % 400_000
            made = self._books.correct(settlement_id, ("A1", fen), **by)
            del self._standing[settlement_id]
            self._standing[made] = 1
        else:
            self._books.reverse(settlement_id, **by)
            del self._standing[settlement_id]


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(6)), indirect=["databases"])
def test_random_days_come_to_what_was_booked(databases: Databases, seed: int) -> None:
    """Of bills settled, returned, corrected and reversed, some of which restate others."""
    books = DayBooks(benefit_world(databases))
    world = books.world
    chance = random.Random(seed)
    world.clock.now = shanghai_midnight(TODAY) + dt.timedelta(hours=8)
    day = Day(books, seed)
    for _ in range(70):
        world.clock.now += dt.timedelta(seconds=chance.randrange(1, 3_000))
        day.act()
    world.clock.now += TOLD_AFTER + DAY
    days = sorted({each.day for each in books.booked})
    assert len(days) > 1
    assert {each.line.kind for each in books.booked} == set(KINDS)
    assert day.restated
    assert_balanced(books, *days)


def test_k2_what_the_insurer_has_not_is_told_with_the_outcome_of_its_request(
    books: DayBooks,
) -> None:
    world = books.world
    outpatient(books, 1_000)
    outpatient(books, 2_500)
    (person,) = world.enrol()
    refused = world.settle_command(new_id(), person)
    lost = DayLine(
        refused.request.request_id,
        DayActKind.SETTLED,
        "",
        "B15",
        DayAmounts(1_500, 0, 0, 1_500),
    )
    lines = sorted([*books.lines(TODAY), lost], key=lambda line: line.request_id)
    world.clock.now += TOLD_AFTER
    world.clock.now += dt.timedelta(seconds=1)
    found = books.compare(TODAY, lines)
    (missing,) = found.differences
    assert missing.difference.kind is DayDifferenceKind.MISSING_AT_INSURER
    assert (missing.difference.line, missing.difference.act) == (lost, None)
    assert (missing.outcome, missing.outcome_time) == (DayOutcome.NOT_BOOKED, None)
    assert (found.insurer.act_count, found.insurer.amounts.total_fen) == (2, 3_500)
    assert (found.institution.act_count, found.institution.amounts.total_fen) == (3, 5_000)
    # Once it was asked for, it is fenced: but not as of the snapshot of before.
    resolve(world, refused)
    fenced_time = world.clock.now
    assert books.compare(TODAY, lines, snapshot_time=found.snapshot_time) == found
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    (missing,) = books.compare(TODAY, lines).differences
    assert (missing.outcome, missing.outcome_time) == (DayOutcome.FENCED, fenced_time)


def test_what_was_booked_on_another_day_or_is_no_act_is_told_so(books: DayBooks) -> None:
    world = books.world
    outpatient(books, 1_000)
    gone = outpatient(books, 2_000)
    (person,) = world.enrol()
    register = world.visit_command(person, care_type="11", start_date=TODAY)
    world.run(register)
    other = world.visit_command(
        *world.enrol(), care_type="11", start_date=TODAY, institution_id=OTHER_HOSPITAL
    )
    world.run(other)
    lines = books.lines(TODAY)
    world.clock.now = MIDNIGHT + dt.timedelta(hours=1)
    books.reverse(gone)
    reverse_time = world.clock.now
    for command in (register, other):
        line = lines[0]._replace(request_id=command.request.request_id, settlement_id="")
        lines.append(line)
    lines.sort(key=lambda line: line.request_id)
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    found = books.compare(TOMORROW, lines).differences
    told = {
        each.difference.request_id: (each.outcome, each.outcome_time, each.outcome_method)
        for each in found
        if each.difference.kind is DayDifferenceKind.MISSING_AT_INSURER
    }
    settled = {each.line.settlement_id: each.line.request_id for each in books.booked[:2]}
    (kept,) = set(settled) - {gone}
    times = books.known[kept].settle_time.ToDatetime(tzinfo=dt.UTC)
    assert told[settled[kept]] == (DayOutcome.OTHER_DAY, times, "SettleBill")
    assert told[settled[gone]] == (DayOutcome.REVERSED, reverse_time, "SettleBill")
    assert told[register.request.request_id][0] is DayOutcome.NO_ACT
    assert told[register.request.request_id][2] == "RegisterVisit"
    # What became of another hospital's request is not told.
    assert told[other.request.request_id] == (DayOutcome.NOT_BOOKED, None, "")


def test_k3_what_another_terminal_reversed_is_told_with_who_and_when(books: DayBooks) -> None:
    world = books.world
    settlement_id = outpatient(books, 5_000)
    lines = books.lines(TODAY)
    world.clock.now += dt.timedelta(minutes=5)
    request_id = books.reverse(settlement_id, caller=TERMINAL)
    when = world.clock.now
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    (missing,) = books.compare(TODAY, lines).differences
    difference, act = missing.difference, missing.difference.act
    assert difference.kind is DayDifferenceKind.MISSING_AT_INSTITUTION
    assert act is not None
    assert (act.request_id, act.kind, act.settlement_id) == (
        request_id,
        DayActKind.REVERSED,
        settlement_id,
    )
    assert (act.acted_by, act.act_time) == (TERMINAL, when)
    assert act.amounts.total_fen == -5_000
    assert books.compare(TODAY, books.lines(TODAY)).differences == []


def test_k5_a_settlement_that_stands_twice_is_reported_and_summed_once(books: DayBooks) -> None:
    outpatient(books, 5_000)
    outpatient(books, 7_000)
    once = books.lines(TODAY)
    # Also under the id of another request.
    copied = once[1]._replace(request_id=new_id())
    for twice in ([once[0], *once], sorted([*once, copied], key=lambda line: line.request_id)):
        books.world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
        found = books.compare(TODAY, twice)
        (difference,) = [each.difference for each in found.differences]
        assert difference.kind is DayDifferenceKind.DUPLICATE
        assert difference.act is not None
        assert difference.act.amounts == (difference.line or twice[0]).amounts
        assert found.institution == found.insurer
        assert found.insurer.amounts.total_fen == 12_000


def test_k6_while_bills_are_settled_a_snapshot_stays_what_it_was(books: DayBooks) -> None:
    world = books.world
    first = outpatient(books, 5_000)
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    told = books.totals(TODAY)
    before = books.compare(TODAY, [], snapshot_time=told.snapshot_time)
    assert kinds_of(before) == [DayDifferenceKind.MISSING_AT_INSTITUTION]
    outpatient(books, 6_000)
    books.reverse(first)
    for _ in range(2):
        world.clock.now += dt.timedelta(hours=1)
        assert books.totals(TODAY, snapshot_time=told.snapshot_time) == told
        assert books.compare(TODAY, [], snapshot_time=told.snapshot_time) == before
    assert books.totals(TODAY).total.counts == (2, 1, 0, 0)
    assert len(books.compare(TODAY, []).differences) == 3


def test_what_may_still_be_written_is_not_told(books: DayBooks) -> None:
    world = books.world
    outpatient(books, 5_000)
    done = world.clock.now
    for seconds, count in ((0, 0), (60, 0), (61, 1)):
        world.clock.now = done + dt.timedelta(seconds=seconds)
        assert sum(books.totals(TODAY).total.counts) == count
    with pytest.raises(RuleError) as caught:
        books.totals(TODAY, snapshot_time=world.clock.now)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE


def test_what_differs_of_an_act_is_told_on_both_sides(books: DayBooks) -> None:
    outpatient(books, 5_000)
    outpatient(books, 6_000)
    amount, state = books.lines(TODAY)
    wrong = amount._replace(amounts=amount.amounts._replace(cash_fen=1))
    other = state._replace(settlement_id=new_id(), kind=DayActKind.REFUNDED)
    books.world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    found = books.compare(TODAY, [wrong, other])
    assert kinds_of(found) == [DayDifferenceKind.AMOUNT, DayDifferenceKind.STATE]
    told = [each.difference for each in found.differences]
    assert [each.line for each in told] == [wrong, other]
    assert [each.act.amounts for each in told if each.act] == [amount.amounts, state.amounts]


def test_parts_come_to_the_whole(books: DayBooks) -> None:
    for fen in range(1_000, 1_009):
        outpatient(books, fen)
    world = books.world
    world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    lines = books.lines(TODAY)
    lines[4:6] = []
    snapshot = books.totals(TODAY).snapshot_time
    whole = books.compare(TODAY, lines, snapshot_time=snapshot)
    ids = ["", *(line.request_id for line in lines[2::3]), ""]
    parts = []
    for after, until in itertools.pairwise(ids):
        own = [
            line
            for line in lines
            if line.request_id > after and (not until or line.request_id <= until)
        ]
        parts.append(books.compare(TODAY, own, after=after, until=until, snapshot_time=snapshot))
    assert [each for part in parts for each in part.differences] == whole.differences
    assert kinds_of(whole) == 2 * [DayDifferenceKind.MISSING_AT_INSTITUTION]
    for side in ("insurer", "institution"):
        sides = [getattr(part, side) for part in parts]
        count = sum(each.act_count for each in sides)
        total_fen = sum(each.amounts.total_fen for each in sides)
        whole_side = getattr(whole, side)
        assert (count, total_fen) == (whole_side.act_count, whole_side.amounts.total_fen)


def test_of_other_institutions_nothing_is_told(books: DayBooks) -> None:
    outpatient(books, 5_000, institution=OTHER_HOSPITAL)
    books.world.clock.now += TOLD_AFTER + dt.timedelta(seconds=1)
    assert books.compare(TODAY, []).differences == []
    assert books.totals(TODAY).sums == []
    # Not even to who names its settlement and request.
    (line,) = books.lines(TODAY, OTHER_HOSPITAL)
    (found,) = books.compare(TODAY, [line]).differences
    assert (found.difference.kind, found.difference.act, found.outcome) == (
        DayDifferenceKind.MISSING_AT_INSURER,
        None,
        DayOutcome.NOT_BOOKED,
    )
