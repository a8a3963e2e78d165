"""What application decides of closing accounts, without a database."""

import datetime as dt

import pytest
from support.account_closes import RULES
from support.memory.settlement.account_close import MemoryAccountCloses
from support.memory.settlement.work import REGION, MemoryWork, request
from support.refusals import reason_of

from yibao_common.values.errors import InvariantError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account_close.close import (
    AccountCloses,
    ConfirmAccountClose,
    ProposeAccountClose,
    ToldClose,
)
from yibao_settlement.application.account_close.page import held_in
from yibao_settlement.application.account_close.rows import PurseEntry
from yibao_settlement.application.account_close.run import AccountClosing
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.ledger_check.account_close import earned_by_days
from yibao_settlement.rules.account import Standing, new_standing
from yibao_settlement.rules.account_close.close import AccountClose, AccountCounts
from yibao_settlement.rules.account_close.interest import Change, Held, InterestRules, earned
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.year.close import Taking, YearClose, YearCounts, YearState

JANUARY = dt.datetime(2027, 1, 5, 4, tzinfo=dt.UTC)
NEW_YEAR = dt.date(2026, 1, 1)


class Clerk:
    """An agency that closes accounts of 2026."""

    def __init__(self, work: MemoryWork) -> None:
        self.work = work
        assert isinstance(work.work.account_closes, MemoryAccountCloses)
        self.rows = work.work.account_closes
        self.made: list[ToldClose] = []
        asked = {"read_rules": read_rules, "clock": lambda: JANUARY, "ids": new_id}
        self.closes = AccountCloses(work, **asked)  # type: ignore[arg-type]
        self.closing = AccountClosing(work, **asked)  # type: ignore[arg-type]

    def _encode(self, told: ToldClose) -> bytes:
        self.made.append(told)
        return b"made"

    def take_statements(self, *, is_walked: bool = True) -> None:
        """Has the year closed, and its statements taken or not."""
        year = YearClose(
            *(REGION, new_id(), 2026, YearCounts(), "maker", JANUARY),
            *(YearState.CLOSED, "checker", JANUARY),
        )
        self.work.years.rows = {year.close_id: year}
        self.work.years.takings = {year.close_id: Taking(is_walked=is_walked)}

    def propose(self, year: int = 2026) -> AccountClose:
        asked = request("ProposeAccountClose", new_id())
        self.closes.propose(ProposeAccountClose(asked, year, RULES.encode()), self._encode)
        return self.made[-1].close

    def confirm(
        self, close: AccountClose, *, operator: str = "checker", **read: int
    ) -> AccountClose:
        asked = request("ConfirmAccountClose", new_id(), operator=operator)
        counts = AccountCounts(**{**close.counts._asdict(), **read})
        command = ConfirmAccountClose(asked, close.close_id, close.rules_version, counts)
        self.closes.confirm(command, self._encode)
        return self.made[-1].close

    def hold(self, person_id: str, fen: int) -> None:
        """Has a person hold money since long ago."""
        standing = new_standing(person_id)
        self.rows.standings[person_id] = standing._replace(
            balance_fen=fen, carried_fen=fen, account_year=2026
        )
        self.rows.held_fen += fen


@pytest.fixture
def clerk() -> Clerk:
    return Clerk(MemoryWork())


def test_refusals_come_in_their_order(clerk: Clerk) -> None:
    assert reason_of(clerk.propose) is Reason.YEAR_NOT_TAKEN
    clerk.take_statements(is_walked=False)
    assert reason_of(clerk.propose) is Reason.YEAR_NOT_TAKEN
    clerk.take_statements()
    close = clerk.propose()
    assert reason_of(lambda: clerk.confirm(close, operator="maker", person_count=9)) is (
        Reason.SAME_MAKER_AND_CHECKER
    )
    assert reason_of(lambda: clerk.confirm(close, person_count=9)) is Reason.ACCOUNT_CLOSE_STATE
    before = clerk.work.epoch
    clerk.confirm(close)
    # Bills have to ask for counters from now on.
    assert clerk.work.epoch == before + 1
    assert reason_of(lambda: clerk.confirm(close, operator="maker")) is Reason.ACCOUNTS_CLOSED
    unknown = close._replace(close_id=new_id())
    assert reason_of(lambda: clerk.confirm(unknown)) is Reason.ACCOUNT_CLOSE_NOT_FOUND
    assert reason_of(lambda: clerk.closes.find(REGION, 2025)) is Reason.ACCOUNT_CLOSE_NOT_FOUND


def test_a_merge_between_the_look_and_the_lock_has_the_page_begun_anew(clerk: Clerk) -> None:
    first, second = sorted(new_id() for _ in range(2))
    clerk.hold(first, 0)
    clerk.hold(second, 0)
    clerk.take_statements()
    close = clerk.confirm(clerk.propose())
    clerk.rows.standings[first] = clerk.rows.standings[first]._replace(merged_into=second)
    clerk.rows.taken_over = lambda person_ids: {}  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        clerk.closing.next_page(close)
    assert clerk.rows.done == {}


def test_everybody_is_locked_at_once_who_an_account_of_the_page_belongs_to(clerk: Clerk) -> None:
    first, second = sorted(new_id() for _ in range(2))
    clerk.hold(first, 0)
    clerk.hold(second, 100_000)
    clerk.rows.standings[first] = clerk.rows.standings[first]._replace(merged_into=second)
    clerk.take_statements()
    close = clerk.confirm(clerk.propose())
    assert clerk.closing.next_page(close, limit=1).passed == 1
    assert clerk.rows.locked == [{first, second}]
    assert clerk.closing.next_page(close, limit=1).passed == 1
    assert clerk.closing.next_page(close, limit=1).passed == 0
    assert clerk.closing.next_page(close, limit=1).is_finished
    last = clerk.work.work.audit.entries[-1]
    assert last.method == "FinishAccountClose"
    assert (last.detail["persons"], last.detail["interest_fen"]) == ("2", "1100")


def held(standing: Standing, *entries: PurseEntry) -> tuple[int, list[Change]]:
    found = held_in(standing, entries, interest(), 2026)
    return found.opening_fen, list(found.changes)


def interest() -> InterestRules:
    found = read_rules(RULES.encode()).interest
    assert found is not None
    return found


def moved(
    posting_id: str,
    kind: PostingKind,
    day: str | None,
    amount_fen: int,
    *,
    is_carried: bool = False,
) -> PurseEntry:
    time = None if day is None else dt.datetime.fromisoformat(f"{day}T04:00:00+00:00")
    return PurseEntry(posting_id, kind, is_carried, amount_fen, time)


def standing(balance_fen: int, carried_fen: int) -> Standing:
    return new_standing("p")._replace(balance_fen=balance_fen, carried_fen=carried_fen)


CREDIT, CARRY, BILL = PostingKind.CREDIT, PostingKind.CARRY_OVER, PostingKind.SETTLEMENT


def test_what_the_year_before_left_is_of_earlier_years_from_its_first_day_on() -> None:
    """The ledger says so with the first movement, of June."""
    found = held(
        standing(900, 700),
        moved("1", CARRY, "2026-06-01", 700, is_carried=True),
        moved("1", CARRY, "2026-06-01", -700),
        moved("2", CREDIT, "2026-06-01", 200),
    )
    assert found == (700, [Change(dt.date(2026, 6, 1), 200, 0)])


def test_an_account_that_did_not_move_in_the_year_is_of_earlier_years_all_the_same() -> None:
    assert held(standing(700, 0)) == (700, [])
    later = (
        moved("1", CARRY, "2027-01-03", -700),
        moved("1", CARRY, "2027-01-03", 700, is_carried=True),
    )
    assert held(standing(700, 700), *later) == (700, [])


def test_another_carry_over_of_the_year_is_a_movement_of_its_day() -> None:
    """What a bill of the year before gave back, once the rest had been carried over."""
    day = dt.date(2026, 3, 1)
    found = held(
        standing(1_000, 1_000),
        moved("1", CARRY, "2026-02-01", -700),
        moved("1", CARRY, "2026-02-01", 700, is_carried=True),
        moved("2", PostingKind.REVERSAL, "2026-03-01", 300),
        moved("3", CARRY, "2026-03-01", -300),
        moved("3", CARRY, "2026-03-01", 300, is_carried=True),
    )
    assert found == (700, [Change(day, 300, 0), Change(day, -300, 0), Change(day, 0, 300)])


def test_where_nothing_carried_over_what_a_year_does_not_cover_comes_of_earlier_years() -> None:
    """As of the year of an upgrade, whose ledger told no purses yet: 700 of before, 200 came."""
    first, second = dt.date(2026, 2, 1), dt.date(2026, 3, 1)
    spent = moved("2", BILL, "2026-03-01", -500)
    found = held(standing(400, 0), moved("1", CREDIT, "2026-02-01", 200), spent)
    assert found == (700, [Change(first, 200, 0), Change(second, -200, -300)])
    by_days = earned_by_days(
        interest(),
        [moved("0", CREDIT, "2025-05-01", 700), moved("1", CREDIT, "2026-02-01", 200), spent],
        2026,
    )
    assert by_days == earned(interest(), Held(*found), 2026)
    assert (by_days.current_year_fen, by_days.carried_fen) == (0, 400)


def test_entries_of_years_before_are_passed_over() -> None:
    """Those without a month are always read."""
    assert held(standing(700, 700), moved("1", CREDIT, "2025-05-01", 700)) == (700, [])


def test_interest_of_the_year_before_counts_from_new_year_on() -> None:
    found = held(
        standing(705, 705), moved("1", PostingKind.INTEREST, "2026-01-20", 5, is_carried=True)
    )
    assert found == (700, [Change(NEW_YEAR, 0, 5)])


@pytest.mark.parametrize(
    ("account", "entries"),
    [
        # It holds less than came since the year began.
        (standing(100, 0), [moved("1", CREDIT, "2026-02-01", 101)]),
        (standing(100, 100), [moved("1", CREDIT, "2026-02-01", 100)]),
        (standing(100, 0), [moved("1", CREDIT, None, 100)]),
    ],
)
def test_an_account_that_does_not_fit_its_entries_is_refused(
    account: Standing, entries: list[PurseEntry]
) -> None:
    with pytest.raises(InvariantError):
        held(account, *entries)
