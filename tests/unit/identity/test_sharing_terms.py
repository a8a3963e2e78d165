"""On which terms a relative lets the own account pay."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.relative import (
    NO_TERMS,
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    SharingTerms,
    check_terms,
    confirm,
)

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("first", "last", "is_allowed"),
    [
        (None, None, True),
        (None, TODAY, True),
        (None, TODAY - DAY, False),
        (TODAY + DAY, TODAY + DAY, True),
        (TODAY + DAY, TODAY, False),
        (TODAY - DAY, TODAY, True),
    ],
)
def test_a_link_ends_no_earlier_than_it_begins_and_not_before_today(
    first: dt.date | None, last: dt.date | None, is_allowed: bool
) -> None:
    terms = SharingTerms(first, last)
    if is_allowed:
        check_terms(LinkPurpose.SHARE_ACCOUNT, terms, today=TODAY)
        return
    with pytest.raises(RuleError) as caught:
        check_terms(LinkPurpose.SHARE_ACCOUNT, terms, today=TODAY)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE


def test_a_link_that_shows_a_code_has_no_terms() -> None:
    check_terms(LinkPurpose.SHOW_CODE, NO_TERMS, today=TODAY)
    with pytest.raises(RuleError):
        check_terms(LinkPurpose.SHOW_CODE, SharingTerms(year_limit_fen=1), today=TODAY)


def test_a_link_is_in_force_on_the_terms_that_were_agreed_to() -> None:
    share, asked = LinkPurpose.SHARE_ACCOUNT, LinkState.REQUESTED
    link = RelativeLink("500100", "l", "p", "q", share, Relation.SIBLING, asked, NOW)
    terms = SharingTerms(TODAY, TODAY + DAY, 500, 9_000, "S1")
    confirmed = confirm(link, now=NOW, terms=terms)
    told = {name: getattr(confirmed, name) for name in dataclasses.asdict(terms)}
    assert told == dataclasses.asdict(terms)
    assert confirmed.state is LinkState.CONFIRMED
