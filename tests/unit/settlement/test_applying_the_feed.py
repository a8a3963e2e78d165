"""What application decides of the feed and of merged accounts, without a database."""

import dataclasses
import datetime as dt
import itertools

import pytest
from support.memory.settlement.work import REGION, MemoryWork
from support.settlement_parts import tell

from yibao_common.values.ids import new_id
from yibao_settlement.application.feed import EnrolmentChange, Feed, InsuredPerson
from yibao_settlement.application.merge.account import PersonAccount
from yibao_settlement.application.merge.move import Merges
from yibao_settlement.application.merge.rows import Moved
from yibao_settlement.rules.ledger import Entry, PostingKind

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)


class Desk:
    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.kept = MemoryWork()
        self.feed = Feed(self.kept, clock=lambda: NOW, ids=lambda: f"posting {next(numbers)}")

    def holds(self, person_id: str, balance_fen: int, **years: int) -> None:
        """Gives a person an account, and a year's deductible by year: `y2026=5`."""
        used = {int(year[1:]): {"deductible": value} for year, value in years.items()}
        account = PersonAccount(person_id, balance_fen, used, None, account_year=NOW.year)
        self.kept.merges.accounts[person_id] = account


def change(sequence: int, person_id: str, merged_into: str | None = None) -> EnrolmentChange:
    person = InsuredPerson(person_id, dt.date(1950, 1, 1), merged_into, (), (), ())
    return EnrolmentChange(sequence, person)


def test_changes_are_applied_once_and_the_position_moves_last() -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a"), change(2, "b")])
    tell(desk.feed, REGION, [change(1, "a"), change(2, "b")])
    tell(desk.feed, REGION, [change(2, "b"), change(3, "a")])
    assert desk.feed.position(REGION).sequence == 3
    assert {each: told.sequence for each, told in desk.kept.feed.persons.items()} == {
        "a": 3,
        "b": 2,
    }
    once = ["lock position", "replace", "move position"]
    assert desk.kept.feed.done == [*once, "lock position", "move position", *once]


@pytest.mark.parametrize("sequences", [(2,), (1, 3), (2, 1), (1, 1)])
def test_a_gap_is_a_broken_assumption(sequences: tuple[int, ...]) -> None:
    desk = Desk()
    with pytest.raises(AssertionError):
        tell(desk.feed, REGION, [change(each, "a") for each in sequences])
    assert (desk.feed.position(REGION).sequence, desk.kept.feed.persons) == (0, {})


def test_the_account_of_a_merged_person_moves_by_a_posting_that_names_the_change() -> None:
    desk = Desk()
    desk.holds("old", 700, y2025=5)
    desk.holds("new", 40, y2026=3)
    tell(desk.feed, REGION, [change(1, "new"), change(2, "old", "new")])
    accounts = desk.kept.merges.accounts
    assert accounts["old"] == PersonAccount("old", 0, {}, "new")
    assert (accounts["new"].balance_fen, accounts["new"].merged_into) == (740, None)
    (posting,) = desk.kept.merges.postings
    assert (posting.posting_id, posting.feed_sequence, posting.post_time) == ("posting 1", 2, NOW)
    assert posting.entries == (Entry("person:old", -700), Entry("person:new", 700))
    # The position is locked before the standings and moved after all.
    done = ["lock position", "replace", "lock new old", "bills of new", "store accounts"]
    assert desk.kept.feed.done == [*done, "move position"]


def test_who_is_merged_again_is_moved_to_the_last_of_the_chain() -> None:
    desk = Desk()
    for person_id in "abc":
        desk.holds(person_id, 10)
    tell(desk.feed, REGION, [change(1, "b", "c"), change(2, "a", "b"), change(3, "c")])
    balances = {each: held.balance_fen for each, held in desk.kept.merges.accounts.items()}
    assert balances == {"a": 0, "b": 0, "c": 30}
    assert [posting.feed_sequence for posting in desk.kept.merges.postings] == [2, 1]


def test_postings_of_a_merge_stand_above_what_is_folded() -> None:
    desk = Desk()
    desk.feed = Feed(desk.kept, clock=lambda: NOW, ids=new_id)
    fence = desk.kept.merges.fence = f"0fffffff{new_id()[8:]}"
    desk.holds("old", 700)
    tell(desk.feed, REGION, [change(1, "old", "new")])
    (posting,) = desk.kept.merges.postings
    assert posting.posting_id > fence


def test_bills_are_asked_for_only_where_both_have_some() -> None:
    desk = Desk()
    for person_id, newest in (("a", "01"), ("b", None)):
        account = PersonAccount(person_id, 0, {}, None, newest_settlement_id=newest)
        desk.kept.merges.accounts[person_id] = account
    # Of bills that were taken over before the newest one was kept.
    desk.holds("c", 0, y2026=5)
    tell(desk.feed, REGION, [change(1, "b", "a")])
    assert "bills of a" not in desk.kept.feed.done
    tell(desk.feed, REGION, [change(2, "a", "c")])
    assert desk.kept.feed.done.count("bills of c") == 1


def test_a_transaction_carries_out_ten_merges_and_leaves_the_rest() -> None:
    desk = Desk()
    told = [change(number, f"old {number}", "new") for number in range(1, 13)]
    told.append(change(13, "new"))
    applied = tell(desk.feed, REGION, told)
    assert (desk.feed.position(REGION).sequence, applied.is_current) == (10, False)
    applied = tell(desk.feed, REGION, told)
    assert (desk.feed.position(REGION).sequence, applied.is_current) == (13, True)
    merged = [each for each, held in desk.kept.merges.accounts.items() if held.merged_into]
    assert sorted(merged) == sorted(f"old {number}" for number in range(1, 13))


def in_this_year(account: PersonAccount) -> PersonAccount:
    return dataclasses.replace(account, account_year=NOW.year)


def moved_of(retired: PersonAccount, survivor: PersonAccount) -> Moved:
    accounts = {"old": retired, "new": survivor}
    merges = Merges(MemoryWork().merges, accounts, now=NOW, ids=lambda: "posting")
    return merges.move({"old": "new"}, sequences={"old": 1})


def moved_to_new(retired: PersonAccount, survivor: PersonAccount) -> PersonAccount:
    moved = moved_of(retired, survivor)
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
    after = moved_to_new(in_this_year(retired), in_this_year(survivor))
    assert after.balance_fen == 5 + balance_fen
    assert after.years == {2025: {"deductible": 7}, 2026: {"deductible": 5, "fund.390100": 9}}


@pytest.mark.parametrize(
    ("of_retired", "of_survivor", "later"),
    [("02", "01", "02"), ("01", "02", "02"), (None, "01", "01"), ("01", None, "01"), (None,) * 3],
)
def test_the_next_bill_stands_behind_those_of_both(
    of_retired: str | None, of_survivor: str | None, later: str | None
) -> None:
    retired = PersonAccount("old", 0, {}, None, newest_settlement_id=of_retired)
    survivor = PersonAccount("new", 5, {}, None, newest_settlement_id=of_survivor)
    after = moved_to_new(in_this_year(retired), in_this_year(survivor))
    assert after.newest_settlement_id == later


def test_an_account_that_moved_before_is_left_as_it_is() -> None:
    retired = PersonAccount("old", 0, {}, "new")
    survivor = PersonAccount("new", 5, {}, None)
    moved = moved_of(retired, survivor)
    assert (moved.accounts, moved.postings) == ((), ())


# --- Another feed.


def position_of(desk: Desk) -> tuple[str, int, int, int | None]:
    position = desk.feed.position(REGION)
    return position.epoch, position.sequence, position.reading, position.anew_until


def test_the_first_reading_is_not_told_as_another_feed() -> None:
    desk = Desk()
    applied = tell(desk.feed, REGION, [change(1, "a")], head_sequence=2)
    assert (applied.began_anew, applied.is_current) == (False, False)
    assert position_of(desk) == ("one", 1, 1, 2)
    assert tell(desk.feed, REGION, [change(2, "b")]).is_current
    assert desk.kept.feed.gone == set()


@pytest.mark.parametrize(("epoch", "starts_anew"), [("two", False), ("two", True), ("one", True)])
def test_another_feed_is_read_from_its_beginning(epoch: str, starts_anew: bool) -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a"), change(2, "b")])
    begun = tell(
        desk.feed,
        REGION,
        () if starts_anew else [change(3, "c")],
        epoch=epoch,
        head_sequence=3,
        starts_anew=starts_anew,
    )
    assert begun.began_anew
    # What came with it followed a number of the former feed.
    assert position_of(desk) == (epoch, 0, 2, 3)
    assert desk.kept.feed.persons.keys() == {"a", "b"}
    told = [change(1, "b"), change(2, "c"), change(3, "d")]
    done = tell(desk.feed, REGION, told, epoch=epoch, head_sequence=4)
    assert desk.kept.feed.gone == {"a"}
    assert (done.gone is not None, done.is_current) == (True, False)
    assert position_of(desk) == (epoch, 3, 2, None)


def test_a_feed_without_changes_leaves_nobody() -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a")])
    done = tell(desk.feed, REGION, (), epoch="two", head_sequence=0, starts_anew=True)
    assert (done.began_anew, done.is_current, desk.kept.feed.gone) == (True, True, {"a"})


def test_an_answer_to_where_the_feed_is_no_longer_begins_nothing() -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a")])
    asked = desk.feed.position(REGION)
    tell(desk.feed, REGION, (), epoch="two", head_sequence=2, starts_anew=True)
    tell(desk.feed, REGION, [change(1, "b")], epoch="two", head_sequence=2)
    before = desk.feed.position(REGION)
    # Two processes asked at once; and one was answered before the database was restored.
    late = tell(desk.feed, REGION, (), asked=asked, epoch="two", head_sequence=2, starts_anew=True)
    former = tell(desk.feed, REGION, [change(2, "x")], asked=asked, epoch="one")
    assert (late.began_anew, former.began_anew) == (False, False)
    assert desk.feed.position(REGION) == before
    assert "x" not in desk.kept.feed.persons


def test_an_end_that_does_not_come_is_a_broken_assumption() -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a")])
    with pytest.raises(AssertionError):
        tell(desk.feed, REGION, (), head_sequence=2)


def test_when_everything_was_known_is_when_it_was_asked_for() -> None:
    desk = Desk()
    tell(desk.feed, REGION, [change(1, "a")], ask_time=NOW, head_sequence=2)
    assert desk.feed.position(REGION).read_time is None
    tell(desk.feed, REGION, [change(2, "a")], ask_time=NOW)
    assert desk.feed.position(REGION).read_time == NOW
    later = NOW + dt.timedelta(seconds=59)
    told = tell(desk.feed, REGION, (), ask_time=later)
    assert (told.position.read_time, desk.feed.position(REGION).read_time) == (later, NOW)
    tell(desk.feed, REGION, (), ask_time=NOW + dt.timedelta(seconds=60))
    assert desk.feed.position(REGION).read_time == NOW + dt.timedelta(seconds=60)


def test_each_purse_goes_to_its_like_and_what_is_left_of_a_year_is_carried_over_first() -> None:
    retired = PersonAccount("old", 70, {}, None, carried_fen=20, account_year=NOW.year - 1)
    survivor = PersonAccount("new", 9, {}, None, carried_fen=2, account_year=NOW.year)
    moved = moved_of(retired, survivor)
    (after,) = [account for account in moved.accounts if account.person_id == "new"]
    assert (after.balance_fen, after.carried_fen, after.account_year) == (79, 72, NOW.year)
    assert [(posting.kind, posting.entries) for posting in moved.postings] == [
        (PostingKind.CARRY_OVER, (Entry("person:old", -50), Entry("carried:old", 50))),
        (PostingKind.MERGE, (Entry("carried:old", -70), Entry("carried:new", 70))),
    ]
