"""What is told of registrations takes whose place, and how old it may be."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.feed import (
    ATTESTED,
    Known,
    check_offsite_age,
    takes_place,
)
from yibao_settlement.rules.elsewhere.registered import KnownCare

HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "version", "is_taken"),
    [
        (None, 1, True),
        # Of the same reading of the feed.
        (Known("a", 2, 3), 2, False),
        (Known("a", 2, 3), 3, True),
        (Known("a", 2, 3), 4, True),
        # An attestation showed a newer one.
        (Known("a", ATTESTED, 3), 2, False),
        (Known("a", ATTESTED, 3), 3, True),
        # The feed before was of a database that is no more.
        (Known("a", 1, 3), 2, True),
    ],
)
def test_an_older_version_never_takes_the_place_of_a_newer_one_of_the_same_feed(
    known: Known | None, version: int, is_taken: bool
) -> None:
    assert takes_place(known, version=version, reading=2, is_anew=False) is is_taken


@pytest.mark.parametrize(
    ("known", "is_taken"), [(Known("a", 2, 3), False), (Known("a", ATTESTED, 3), True)]
)
def test_what_a_restored_offsite_tells_takes_the_place_of_what_it_attested_before(
    known: Known, is_taken: bool
) -> None:
    assert takes_place(known, version=2, reading=2, is_anew=True) is is_taken


def test_news_that_never_came_are_too_old_and_a_clock_ahead_makes_none_older() -> None:
    now = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
    ages = [
        KnownCare.as_of(now, (), None, news_time).news_age
        for news_time in (None, now - HOUR, now + HOUR)
    ]
    assert ages == [None, HOUR, dt.timedelta()]
    with pytest.raises(RuleError) as caught:
        check_offsite_age(None, most=HOUR, region="999019")
    assert caught.value.reason is Reason.OFFSITE_FEED_STALE
    assert caught.value.metadata == {"region": "999019"}
    # Where nothing is followed nothing can be old.
    check_offsite_age(None, most=None, region="999019")
    check_offsite_age(1_000 * HOUR, most=None, region="999019")


def test_news_may_be_as_old_as_is_said_and_no_older() -> None:
    check_offsite_age(24 * HOUR, most=24 * HOUR, region="999019")
    with pytest.raises(RuleError) as caught:
        check_offsite_age(24 * HOUR + dt.timedelta.resolution, most=24 * HOUR, region="999019")
    assert caught.value.reason is Reason.OFFSITE_FEED_STALE
    assert caught.value.metadata == {"region": "999019", "age_hours": "24"}
