"""What application decides of the feed and of merged accounts, without a database."""

import datetime as dt
import itertools

import pytest
from support.memory.settlement.work import REGION, MemoryWork

from yibao_settlement.application.feed import EnrolmentChange, Feed, InsuredPerson
from yibao_settlement.application.merge import PersonAccount, move_accounts
from yibao_settlement.rules.ledger import Entry

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)


class Desk:
    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.kept = MemoryWork()
        self.feed = Feed(self.kept, clock=lambda: NOW, ids=lambda: f"posting {next(numbers)}")

    def holds(self, person_id: str, balance_fen: int, **years: int) -> None:
        """Gives a person an account, and a year's deductible by year: `y2026=5`."""
        used = {int(year[1:]): {"deductible": value} for year, value in years.items()}
        account = PersonAccount(person_id, balance_fen, used, None)
        self.kept.merges.accounts[person_id] = account


def change(sequence: int, person_id: str, merged_into: str | None = None) -> EnrolmentChange:
    person = InsuredPerson(person_id, dt.date(1950, 1, 1), merged_into, (), (), ())
    return EnrolmentChange(sequence, person)


def test_changes_are_applied_once_and_the_position_moves_last() -> None:
    desk = Desk()
    desk.feed.apply(REGION, [change(1, "a"), change(2, "b")])
    desk.feed.apply(REGION, [change(1, "a"), change(2, "b")])
    desk.feed.apply(REGION, [change(2, "b"), change(3, "a")])
    assert desk.feed.position(REGION) == 3
    assert {each: told.sequence for each, told in desk.kept.feed.persons.items()} == {
        "a": 3,
        "b": 2,
    }
    once = ["lock position", "replace", "move position"]
    assert desk.kept.feed.done == [*once, "lock position", *once]


@pytest.mark.parametrize("sequences", [(2,), (1, 3), (2, 1), (1, 1)])
def test_a_gap_is_a_broken_assumption(sequences: tuple[int, ...]) -> None:
    desk = Desk()
    with pytest.raises(AssertionError):
        desk.feed.apply(REGION, [change(each, "a") for each in sequences])
    assert (desk.feed.position(REGION), desk.kept.feed.persons) == (0, {})


def test_the_account_of_a_merged_person_moves_by_a_posting_that_names_the_change() -> None:
    desk = Desk()
    desk.holds("old", 700, y2025=5)
    desk.holds("new", 40, y2026=3)
    desk.feed.apply(REGION, [change(1, "new"), change(2, "old", "new")])
    accounts = desk.kept.merges.accounts
    assert accounts["old"] == PersonAccount("old", 0, {}, "new")
    assert (accounts["new"].balance_fen, accounts["new"].merged_into) == (740, None)
    (posting,) = desk.kept.merges.postings
    assert (posting.posting_id, posting.feed_sequence, posting.post_time) == ("posting 1", 2, NOW)
    assert posting.entries == (Entry("person:old", -700), Entry("person:new", 700))
    # The position is locked before the standings and moved after all.
    locks = ["lock position", "replace", "lock new old", "store accounts", "move position"]
    assert desk.kept.feed.done == locks


def test_who_is_merged_again_is_moved_to_the_last_of_the_chain() -> None:
    desk = Desk()
    for person_id in "abc":
        desk.holds(person_id, 10)
    desk.feed.apply(REGION, [change(1, "b", "c"), change(2, "a", "b"), change(3, "c")])
    balances = {each: held.balance_fen for each, held in desk.kept.merges.accounts.items()}
    assert balances == {"a": 0, "b": 0, "c": 30}
    assert [posting.feed_sequence for posting in desk.kept.merges.postings] == [2, 1]


def moved_to_new(retired: PersonAccount, survivor: PersonAccount) -> PersonAccount:
    moved = move_accounts(
        {"old": retired, "new": survivor},
        {"old": "new"},
        sequences={"old": 1},
        now=NOW,
        ids=lambda: "posting",
    )
    after = {account.person_id: account for account in moved.accounts}
    assert after["old"] == PersonAccount("old", 0, {}, "new")
    assert len(moved.postings) == (retired.balance_fen > 0)
    return after["new"]


@pytest.mark.parametrize("balance_fen", [0, 1])
def test_what_both_used_up_of_a_year_adds_up(balance_fen: int) -> None:
    retired = PersonAccount(
        "old", balance_fen, {2025: {"deductible": 7}, 2026: {"deductible": 2}}, None
    )
    survivor = PersonAccount("new", 5, {2026: {"deductible": 3, "fund.390100": 9}}, None)
    after = moved_to_new(retired, survivor)
    assert after.balance_fen == 5 + balance_fen
    assert after.years == {2025: {"deductible": 7}, 2026: {"deductible": 5, "fund.390100": 9}}


def test_an_account_that_moved_before_is_left_as_it_is() -> None:
    retired = PersonAccount("old", 0, {}, "new")
    survivor = PersonAccount("new", 5, {}, None)
    moved = move_accounts(
        {"old": retired, "new": survivor},
        {"old": "new"},
        sequences={"old": 1},
        now=NOW,
        ids=lambda: "posting",
    )
    assert (moved.accounts, moved.postings) == ((), ())
