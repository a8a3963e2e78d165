"""How old what is known of persons may be, and what the metrics tell of it."""

import datetime as dt

import pytest

from yibao_common.process.metrics import Metrics
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.feed import Applied, FeedPosition, Gone
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.servicer.feed.age import FeedAges

REGION = "500100"
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class Desk:
    def __init__(self) -> None:
        self.now = NOW
        self.metrics = Metrics()
        self.ages = FeedAges([REGION], most=24 * HOUR, metrics=self.metrics, clock=lambda: self.now)

    def value(self, name: str, of: str = "feed") -> float | None:
        return self.metrics.registry.get_sample_value(f"yibao_{of}_{name}", {"region": REGION})

    def reason(self) -> Reason | None:
        try:
            self.ages.check(REGION, self.now)
        except RuleError as refusal:
            return refusal.reason
        return None


@pytest.mark.parametrize("has_read", [False, True])
def test_codes_are_refused_from_the_limit_on_and_taken_again_with_the_next_news(
    has_read: bool,
) -> None:
    desk = Desk()
    if has_read:
        desk.now += 9 * HOUR
        # A restart does not make what is stored any younger.
        desk.ages.read(REGION, FeedPosition("e", 3, 3, read_time=NOW))
    desk.now = NOW + 24 * HOUR
    assert desk.reason() is None
    desk.now += dt.timedelta(microseconds=1)
    assert desk.reason() is Reason.FEED_STALE
    assert desk.value("age_seconds") == 86_400.000001
    desk.ages.applied(REGION, Applied(FeedPosition("e", 3, 3, read_time=desk.now)))
    assert desk.reason() is None
    assert desk.value("age_seconds") == 0


def test_metrics_tell_of_lag_and_of_another_feed() -> None:
    desk = Desk()
    assert (desk.value("lag_events"), desk.value("begun_anew_total")) == (0, 0)
    position = FeedPosition("e", 3, 10, anew_until=10, read_time=NOW)
    desk.ages.applied(REGION, Applied(position, began_anew=True))
    assert (desk.value("lag_events"), desk.value("begun_anew_total")) == (7, 1)
    done = FeedPosition("e", 10, 10, read_time=NOW)
    desk.ages.applied(REGION, Applied(done, gone=Gone(2, 0)))
    assert (desk.value("lag_events"), desk.value("persons_gone_total")) == (0, 2)


def test_what_was_told_and_cannot_be_stored_is_lacking() -> None:
    desk = Desk()
    stored = FeedPosition("e", 3, 3, read_time=NOW)
    desk.ages.applied(REGION, Applied(stored))
    desk.ages.hear(REGION, 5)
    # Asked again and again, each time from what is stored.
    for _ in range(2):
        desk.ages.read(REGION, stored)
        assert desk.value("lag_events") == 2
    assert desk.ages.state(REGION).lag == 2
    # Another process stored one of them; then a restored feed ends before both.
    desk.ages.read(REGION, FeedPosition("e", 4, 4, read_time=NOW))
    assert desk.value("lag_events") == 1
    desk.ages.applied(REGION, Applied(FeedPosition("f", 2, 2, read_time=NOW)))
    assert desk.value("lag_events") == 0


def test_metrics_count_merges_whose_bills_were_not_decided() -> None:
    desk = Desk()
    assert desk.value("undecided_total", of="merges") == 0
    undecided = (UndecidedMerge("a", "b", "s"), UndecidedMerge("c", "d", ""))
    desk.ages.applied(REGION, Applied(FeedPosition("e", 3, 3), undecided=undecided))
    assert desk.value("undecided_total", of="merges") == 2


def test_what_is_stored_once_a_minute_makes_nothing_look_older() -> None:
    desk = Desk()
    desk.ages.applied(REGION, Applied(FeedPosition("e", 3, 3, read_time=NOW)))
    desk.ages.read(REGION, FeedPosition("e", 3, 3, read_time=NOW - HOUR))
    assert desk.value("age_seconds") == 0


def test_a_time_to_come_counts_as_now() -> None:
    desk = Desk()
    desk.ages.read(REGION, FeedPosition("e", 3, 3, read_time=NOW + 48 * HOUR))
    desk.now = NOW + 24 * HOUR
    assert desk.reason() is None
    desk.now += dt.timedelta(seconds=1)
    assert desk.reason() is Reason.FEED_STALE


def test_a_time_to_come_counts_as_now_once_however_often_it_is_read() -> None:
    desk = Desk()
    ahead = FeedPosition("e", 3, 3, read_time=NOW + 48 * HOUR)
    desk.ages.read(REGION, ahead)
    desk.now += 24 * HOUR
    # Before each question that identity does not answer.
    desk.ages.read(REGION, ahead)
    assert desk.value("age_seconds") == 86_400
    desk.now += dt.timedelta(seconds=1)
    desk.ages.read(REGION, ahead)
    assert desk.reason() is Reason.FEED_STALE
    # Whoever is ahead has heard of identity again.
    desk.ages.read(REGION, FeedPosition("e", 3, 3, read_time=NOW + 72 * HOUR))
    assert desk.reason() is None


def test_a_clock_that_is_set_back_makes_nothing_younger() -> None:
    desk = Desk()
    desk.now += 48 * HOUR
    desk.ages.applied(REGION, Applied(FeedPosition("e", 3, 3, read_time=desk.now)))
    desk.now = NOW
    assert desk.value("age_seconds") == 0
    desk.now += 24 * HOUR + dt.timedelta(seconds=1)
    assert desk.reason() is Reason.FEED_STALE
