"""Counters of continuous cover and of years without a claim, as annual closes set them."""

import datetime as dt
from typing import Any

import pytest
from support.refusals import reason_of

from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account_close.close import CloseRules, check_rules_of_year
from yibao_settlement.rules.account_close.counters import (
    NO_CLAIM,
    Claimed,
    CounterRules,
    Counters,
    OnClaim,
    UsedUp,
    cap_bonus_fen,
    claimed_by_all,
    counters_after,
)
from yibao_settlement.rules.enrolment import Counted, Enrolment, enrolled_facts_of

KEEP = CounterRules("390", OnClaim.KEEP, None)
RESTART = CounterRules("390", OnClaim.RESTART, None)
CLAIM = Claimed(1, {})


def period(first: str, last: str | None = None, **changes: Any) -> Enrolment:
    values: dict[str, Any] = {
        "enrolment_id": first,
        "insurance_type": "390",
        "person_class": "1410",
        "entitlement_groups": (),
        "status": 1,
        "start_date": dt.date.fromisoformat(first),
        "end_date": None if last is None else dt.date.fromisoformat(last),
        "has_employer": False,
        "is_premium_pending": False,
    }
    return Enrolment(**{**values, **changes})


def years(
    claims: list[bool], *, rules: CounterRules = KEEP, first: int = 2020
) -> list[tuple[int, int | None]]:
    """Returns what each year is begun with by closes of all before, covered since `first`."""
    covered, before, found = [period(f"{first}-01-01")], None, []
    for year, is_claim in enumerate(claims, first):
        claimed = CLAIM if is_claim else NO_CLAIM
        made = counters_after(rules, year, covered, before=before, claimed=claimed)
        assert made is not None
        found.append((made.years_insured, made.years_unclaimed))
        before = made.years_unclaimed
    return found


def test_years_one_to_seven_with_a_claim_in_the_sixth() -> None:
    """accounts.md 8, fixture 7; what years 2 to 8 begin with."""
    claims = [False] * 5 + [True, False]
    assert years(claims) == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 5), (7, 6)]
    assert years(claims, rules=RESTART)[4:] == [(5, 5), (6, 0), (7, 1)]


def test_the_bonus_of_these_years_begins_with_the_fifth_year_of_cover() -> None:
    """cap_bonus = min(limit, a·max(0, cont_years − 4) + b·zero_claim_years), as in Jiangxi."""
    begun_with = [(0, 0), *years([False] * 5 + [True])]
    bonuses = [
        cap_bonus_fen(
            Counters("390", 12 * covered, unclaimed),
            year_fen=300_000,
            unclaimed_fen=300_000,
            most_fen=2_000_000,
        )
        for covered, unclaimed in begun_with
    ]
    # Years 1 to 7: of cover 0 0 0 0 1 2 3 times, without a claim 0 1 2 3 4 5 5 times.
    assert bonuses == [each * 300_000 for each in (0, 1, 2, 3, 5)] + [2_000_000, 2_000_000]


def test_records_of_one_person_claimed_together_and_one_that_is_not_known_leaves_all_so() -> None:
    one, other = Claimed(0, {"a": 1}), Claimed(5, {"a": 2, "b": 3})
    assert claimed_by_all([one, other]) == Claimed(5, {"a": 3, "b": 3})
    assert claimed_by_all([one]) == one
    assert claimed_by_all([one, None]) is None


@pytest.mark.parametrize(
    ("window", "is_taken"),
    [
        ("390 year:2026 counter.ci", True),
        # Of the first format, whose names are of no year.
        ("fund:ci", True),
        ("390 year:2025 counter.ci", False),
        ("390 stay:2026 counter.ci", False),
        ("390 counter.ci", False),
        (f"390 year:{'9' * 5_000} x", False),
    ],
)
def test_a_window_that_tells_when_counters_restart_is_of_the_year(
    window: str, is_taken: bool
) -> None:
    rules = CloseRules("", None, CounterRules("390", OnClaim.KEEP, UsedUp(window, 1)))
    if is_taken:
        check_rules_of_year(rules, 2026)
    else:
        reason = reason_of(lambda: check_rules_of_year(rules, 2026))
        assert reason is Reason.ACCOUNT_CLOSE_FILE_INVALID


@pytest.mark.parametrize(
    ("used_fen", "expected"), [(30_000_000, 3), (30_000_001, 0), (29_999_999, 3)]
)
def test_using_the_raised_limit_forgets_the_years_without_a_claim(
    used_fen: int, expected: int
) -> None:
    rules = CounterRules("390", OnClaim.KEEP, UsedUp("390 year:2026 counter.ci", 30_000_000))
    claimed = Claimed(1, {"390 year:2026 counter.ci": used_fen})
    made = counters_after(rules, 2026, [period("2020-01-01")], before=3, claimed=claimed)
    assert made is not None
    assert made.years_unclaimed == expected


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([period("2026-01-01")], (12, 4)),
        # Not covered for the whole year: nothing is added, and a break forgets.
        ([period("2026-01-02")], (11, 0)),
        ([period("2020-01-01", "2026-06-30"), period("2026-08-01")], (5, 0)),
        # Periods without a gap are one; a suspended one is a gap.
        ([period("2024-01-01", "2025-12-31"), period("2026-01-01")], (36, 4)),
        ([period("2024-01-01", "2025-12-31", status=2), period("2026-01-01")], (12, 4)),
        # What the agency told of before counts from there on.
        ([period("2026-07-01", insured_months_before=30)], (36, 4)),
        ([period("2020-01-01", "2026-12-30")], None),
        ([period("2020-01-01", insurance_type="310")], None),
        ([], None),
    ],
)
def test_cover_is_counted_back_from_the_last_day_of_the_year(
    periods: list[Enrolment], expected: tuple[int, int] | None
) -> None:
    made = counters_after(KEEP, 2026, periods, before=3, claimed=NO_CLAIM)
    assert expected == (None if made is None else (made.months_insured, made.years_unclaimed))


def test_the_first_close_begins_with_what_the_agency_told_of_the_year() -> None:
    told = [period("2020-01-01", "2025-12-31"), period("2026-01-01", years_unclaimed=5)]
    for before, expected in ((None, 6), (2, 3)):
        made = counters_after(KEEP, 2026, told, before=before, claimed=NO_CLAIM)
        assert made is not None
        assert made.years_unclaimed == expected


def test_of_a_statement_that_could_not_be_taken_nothing_is_told() -> None:
    made = counters_after(KEEP, 2026, [period("2020-01-01")], before=3, claimed=None)
    assert made == Counters("390", 84, None)


COUNTED = (Counted(2027, 60, 4), Counted(2028, 72, 5))


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-12-31", (None, None)),
        ("2027-01-01", (60, 4)),
        ("2027-12-31", (71, 4)),
        ("2028-01-01", (72, 5)),
        ("2029-01-01", (None, None)),
    ],
)
def test_a_bill_finds_the_counters_of_its_own_year(
    on: str, expected: tuple[int | None, int | None]
) -> None:
    """A late bill of last year those that last year began with."""
    now = period("2022-01-01", counted=COUNTED)
    facts = enrolled_facts_of(now, [now], (), on=dt.date.fromisoformat(on))
    assert (facts.months_insured, facts.years_unclaimed) == expected


def test_what_the_agency_tells_goes_before_what_was_counted() -> None:
    now = period("2027-01-01", counted=COUNTED, insured_months_before=7, years_unclaimed=1)
    facts = enrolled_facts_of(now, [now], (), on=dt.date(2027, 3, 1))
    assert (facts.months_insured, facts.years_unclaimed) == (9, 1)


def test_cover_that_broke_since_the_close_is_not_counted_on() -> None:
    now = period("2027-02-01", counted=COUNTED)
    facts = enrolled_facts_of(now, [now], (), on=dt.date(2027, 3, 1))
    assert facts.months_insured is None
