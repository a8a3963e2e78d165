"""Periods of cover: added, changed, merged; never two of a type on one day."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.enrolment import (
    Enrolment,
    EnrolmentChangePlan,
    EnrolmentStatus,
    EnrolmentTerms,
    add,
    inherited,
    new_period,
    unrecorded,
)
from yibao_identity.rules.enrolment import change as change_of

DAY = dt.timedelta(days=1)
FIRST = dt.date(2026, 1, 1)
BIRTH = dt.date(1990, 3, 7)
NORMAL = EnrolmentTerms("11", (), EnrolmentStatus.NORMAL, "E1")
change = functools.partial(change_of, birth_date=BIRTH, today=FIRST)
RETIRED = EnrolmentTerms("12", ("2305", "2101", "2305"), EnrolmentStatus.NORMAL, "")


def day(number: int) -> dt.date:
    """Returns day 0, 1, 2, … of 2026."""
    return FIRST + number * DAY


def period(
    id: str, start: int, end: int | None, *, insurance_type: str = "310", person_class: str = "11"
) -> Enrolment:
    return Enrolment(
        insurance_type,
        person_class,
        (),
        EnrolmentStatus.NORMAL,
        day(start),
        None if end is None else day(end),
        enrolment_id=id,
        record_time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        recorded_by="agency/500100/wang",
    )


def days(plan: EnrolmentChangePlan | Sequence[Enrolment]) -> list[tuple[int, int | None]]:
    """Returns the first and last day of each new period."""
    new = plan.new if isinstance(plan, EnrolmentChangePlan) else plan
    return [
        ((each.start_date - FIRST).days, None if each.end_date is None else _number(each.end_date))
        for each in new
    ]


def _number(date: dt.date) -> int:
    return (date - FIRST).days


# --- A new period.


@pytest.mark.parametrize(
    ("start", "end", "faulty"),
    [
        (BIRTH, BIRTH, []),
        (BIRTH - DAY, None, ["start_date"]),
        (BIRTH + DAY, BIRTH, ["end_date"]),
        (BIRTH - DAY, BIRTH - 2 * DAY, ["start_date", "end_date"]),
    ],
)
def test_cover_lies_after_birth_and_ends_after_it_begins(
    start: dt.date, end: dt.date | None, faulty: list[str]
) -> None:
    def make() -> Enrolment:
        return new_period(
            "390", RETIRED, start_date=start, end_date=end, birth_date=BIRTH, today=FIRST
        )

    if not faulty:
        made = make()
        assert (made.start_date, made.end_date) == (start, end)
        assert made.entitlement_groups == ("2101", "2305")
        return
    with pytest.raises(RuleError) as caught:
        make()
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == faulty


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        (0, 9, None),
        (0, 10, "a"),
        (20, 20, "a"),
        (21, 29, None),
        (21, 30, "b"),
        (9, 10, "a"),
        (0, None, "a"),
        (21, None, "b"),
        (400, None, "b"),
    ],
)
def test_periods_of_one_type_never_share_a_day(
    start: int, end: int | None, overlaps: str | None
) -> None:
    standing = [period("a", 10, 20), period("b", 30, None)]
    new = unrecorded(period("", start, end))
    if overlaps is None:
        assert add(standing, new) == EnrolmentChangePlan((), (new,))
        return
    with pytest.raises(RuleError) as caught:
        add(standing, new)
    assert caught.value.reason is Reason.ENROLMENT_OVERLAP
    assert caught.value.metadata == {"enrolment_id": overlaps}


def test_another_type_may_cover_the_same_days() -> None:
    new = unrecorded(period("", 10, 20, insurance_type="510"))
    assert add([period("a", 10, 20)], new).new == (new,)


# --- A change from a day on.


@pytest.mark.parametrize(
    ("effective", "end", "becomes"),
    [
        (10, 20, [(10, 20)]),
        (10, None, [(10, None)]),
        (11, 20, [(10, 10), (11, 20)]),
        (15, 17, [(10, 14), (15, 17)]),
        (20, 20, [(10, 19), (20, 20)]),
        (15, None, [(10, 14), (15, None)]),
        (15, 40, [(10, 14), (15, 40)]),
    ],
)
def test_a_change_takes_effect_from_its_day_on_also_in_the_past(
    effective: int, end: int | None, becomes: list[tuple[int, int | None]]
) -> None:
    """T-15: a change of status or employer may be known late, and counts from its day."""
    former = period("a", 10, 20)
    plan = change(
        [former],
        "a",
        RETIRED,
        effective_date=day(effective),
        end_date=None if end is None else day(end),
    )
    assert plan.replaced_ids == ("a",)
    assert days(plan) == becomes
    *before, changed = plan.new
    assert (changed.person_class, changed.employer_code) == ("12", "")
    assert changed.entitlement_groups == ("2101", "2305")
    for each in before:
        assert each == dataclasses.replace(unrecorded(former), end_date=day(effective - 1))
    assert {each.enrolment_id for each in plan.new} == {""}


@pytest.mark.parametrize(
    ("effective", "end", "faulty"),
    [
        (9, None, ["effective_date"]),
        (21, None, ["effective_date"]),
        (15, 14, ["end_date"]),
        (21, 20, ["effective_date", "end_date"]),
    ],
)
def test_a_change_begins_within_its_period(
    effective: int, end: int | None, faulty: list[str]
) -> None:
    with pytest.raises(RuleError) as caught:
        change(
            [period("a", 10, 20)],
            "a",
            NORMAL,
            effective_date=day(effective),
            end_date=None if end is None else day(end),
        )
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == faulty


@pytest.mark.parametrize(("end", "overlaps"), [(29, False), (30, True), (None, True)])
def test_a_change_does_not_reach_into_the_next_period(end: int | None, overlaps: bool) -> None:
    standing = [period("a", 10, 20), period("b", 30, 40)]
    end_date = None if end is None else day(end)
    if not overlaps:
        plan = change(standing, "a", NORMAL, effective_date=day(15), end_date=end_date)
        assert days(plan) == [(10, 14), (15, 29)]
        return
    with pytest.raises(RuleError) as caught:
        change(standing, "a", NORMAL, effective_date=day(15), end_date=end_date)
    assert caught.value.metadata == {"enrolment_id": "b"}


def test_a_period_that_does_not_stand_is_not_changed() -> None:
    with pytest.raises(RuleError) as caught:
        change([period("a", 10, 20)], "b", NORMAL, effective_date=day(15), end_date=None)
    assert caught.value.reason is Reason.ENROLMENT_NOT_FOUND
    assert caught.value.metadata == {"enrolment_id": "b"}


def test_a_premium_that_is_pending_stays_so_in_both_parts() -> None:
    """T-16: a change of groups does not release what the premium has to."""
    former = dataclasses.replace(period("a", 0, None), is_premium_required=True)
    plan = change([former], "a", NORMAL, effective_date=day(5), end_date=None)
    assert [each.is_premium_pending for each in plan.new] == [True, True]
    paid = dataclasses.replace(
        former, premium_receive_date=day(3), payment_reference="P1", record_time=None
    )
    plan = change([paid], "a", NORMAL, effective_date=day(5), end_date=None)
    assert [each.is_premium_pending for each in plan.new] == [False, False]
    assert {each.payment_reference for each in plan.new} == {"P1"}


# --- What a survivor inherits.


@pytest.mark.parametrize(
    ("surviving", "retired", "parts"),
    [
        ([], [(10, 20)], [(10, 20)]),
        ([(10, 20)], [(10, 20)], []),
        ([(0, 30)], [(10, 20)], []),
        ([(0, None)], [(10, None)], []),
        ([(12, 15)], [(10, 20)], [(10, 11), (16, 20)]),
        ([(10, 15)], [(10, 20)], [(16, 20)]),
        ([(15, 20)], [(10, 20)], [(10, 14)]),
        ([(15, None)], [(10, None)], [(10, 14)]),
        ([(12, 13), (15, 16)], [(10, None)], [(10, 11), (14, 14), (17, None)]),
        ([(0, 9), (21, 30)], [(10, 20)], [(10, 20)]),
        ([(0, 5)], [(3, 4), (10, None)], [(10, None)]),
    ],
)
def test_a_survivor_inherits_the_days_it_lacks(
    surviving: list[tuple[int, int | None]],
    retired: list[tuple[int, int | None]],
    parts: list[tuple[int, int | None]],
) -> None:
    """I-28: of two records of one person, no day of cover is lost and none is doubled."""
    own = [period(f"s{index}", *each) for index, each in enumerate(surviving)]
    theirs = [period(f"r{index}", *each) for index, each in enumerate(retired)]
    assert days(inherited(own, theirs)) == parts


def test_months_before_a_period_are_said_of_its_first_day_alone() -> None:
    theirs = dataclasses.replace(
        period("r", 10, 30), insured_months_before=12, months_owing=1, tier="2"
    )
    parts = inherited([period("s", 15, 20)], [theirs])
    assert [(each.insured_months_before, each.months_owing, each.tier) for each in parts] == [
        (12, 1, "2"),
        (None, 1, "2"),
    ]


def test_a_change_says_tier_and_months_anew() -> None:
    former = dataclasses.replace(
        period("a", 0, None), insured_months_before=12, months_owing=1, tier="2"
    )
    terms = dataclasses.replace(NORMAL, tier="3", insured_months_before=15, months_owing=0)
    told = [
        (each.tier, each.insured_months_before, each.months_owing)
        for each in change([former], "a", terms, effective_date=day(90), end_date=None).new
    ]
    assert told == [("2", 12, 1), ("3", 15, 0)]
    (left_out,) = change([former], "a", NORMAL, effective_date=day(0), end_date=None).new
    assert (left_out.tier, left_out.insured_months_before, left_out.months_owing) == (
        "",
        None,
        None,
    )


def test_cover_of_another_type_is_inherited_whole() -> None:
    other = period("r", 10, 20, insurance_type="390", person_class="15")
    (part,) = inherited([period("s", 0, None)], [other])
    assert part == unrecorded(other)


# --- Any run of changes.

spans = st.tuples(st.integers(0, 40), st.integers(-3, 15) | st.none())
terms = st.sampled_from([str(number) for number in range(11, 20)])
steps = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["310", "390"]), spans, terms, st.integers(0, 9)),
    max_size=12,
)


HORIZON = 80


def planned(
    standing: list[Enrolment],
    former: Enrolment | None,
    insurance_type: str,
    wanted: EnrolmentTerms,
    *,
    start: dt.date,
    end: dt.date | None,
) -> EnrolmentChangePlan | None:
    """Returns the plan to change `former`, or to add a period; None where it is refused."""
    try:
        if former is not None:
            id = former.enrolment_id
            return change(standing, id, wanted, effective_date=start, end_date=end)
        new = new_period(
            insurance_type, wanted, start_date=start, end_date=end, birth_date=BIRTH, today=FIRST
        )
        return add(standing, new)
    except RuleError as refusal:
        if refusal.reason in {Reason.ENROLMENT_OVERLAP, Reason.FIELD_OUT_OF_RANGE}:
            return None
        raise


def answers(standing: list[Enrolment]) -> dict[tuple[str, int], list[str]]:
    """Returns what each day is told, by insurance type and day."""
    found: dict[tuple[str, int], list[str]] = {}
    for each in standing:
        for number in range(HORIZON):
            if each.start_date <= day(number) <= each.last_day:
                found.setdefault((each.insurance_type, number), []).append(each.person_class)
    return found


@given(steps)
def test_after_any_run_of_changes_each_day_has_one_answer(
    run: list[tuple[bool, str, tuple[int, int | None], str, int]],
) -> None:
    """Compares the periods with a record of what each day was given last (T-15, I-28)."""
    standing: list[Enrolment] = []
    expected: dict[tuple[str, int], str] = {}
    for step, (adds, insurance_type, (start, length), person_class, chosen) in enumerate(run):
        end = None if length is None else start + length
        former = None if adds or not standing else standing[chosen % len(standing)]
        plan = planned(
            standing,
            former,
            insurance_type,
            EnrolmentTerms(person_class, (), EnrolmentStatus.NORMAL, ""),
            start=day(start),
            end=None if end is None else day(end),
        )
        if plan is None:
            continue
        if former is not None:
            insurance_type = former.insurance_type
            for number in range(start, HORIZON):
                if day(number) <= former.last_day:
                    expected.pop((insurance_type, number), None)
        for number in range(start, HORIZON if end is None else min(end + 1, HORIZON)):
            expected[insurance_type, number] = person_class
        standing = [each for each in standing if each.enrolment_id not in plan.replaced_ids]
        standing += [
            dataclasses.replace(each, enrolment_id=f"{step}-{index}")
            for index, each in enumerate(plan.new)
        ]
    assert answers(standing) == {key: [person_class] for key, person_class in expected.items()}


runs = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 12) | st.none()), max_size=6)


def disjoint(prefix: str, spans: list[tuple[int, int | None]]) -> list[Enrolment]:
    """Returns those of the spans that follow each other, as periods."""
    found: list[Enrolment] = []
    for number, (start, length) in enumerate(sorted(spans, key=lambda each: each[0])):
        if found and day(start) <= found[-1].last_day:
            continue
        found.append(period(f"{prefix}{number}", start, None if length is None else start + length))
    return found


@given(runs, runs)
def test_after_any_merge_each_day_that_either_was_covered_is_covered_once(
    own: list[tuple[int, int | None]], other: list[tuple[int, int | None]]
) -> None:
    surviving, retired = disjoint("s", own), disjoint("r", other)
    merged = [*surviving, *inherited(surviving, retired)]
    for number in range(80):
        at = day(number)
        covered = [each for each in merged if each.start_date <= at <= each.last_day]
        either = any(each.start_date <= at <= each.last_day for each in (*surviving, *retired))
        assert len(covered) == int(either)


@pytest.mark.parametrize(
    ("field", "most"),
    [("insured_months_before", 430), ("months_owing", 430), ("years_unclaimed", 36)],
)
def test_no_months_and_years_are_told_that_nobody_of_the_age_can_have(
    field: str, most: int
) -> None:
    """More of them raise what is paid, so a digit too many is asked about."""
    standing = [period("a", 0, None)]

    def of(told: int) -> EnrolmentTerms:
        fields: dict[str, Any] = {field: told}
        return dataclasses.replace(NORMAL, **fields)

    def made(told: int) -> tuple[Enrolment, ...]:
        terms = of(told)
        (changed,) = change(standing, "a", terms, effective_date=FIRST, end_date=None).new
        new = new_period(
            *("310", terms),
            start_date=FIRST,
            end_date=None,
            birth_date=BIRTH,
            today=FIRST,
            terms_at="terms.",
        )
        return changed, new

    assert {getattr(each, field) for each in made(most)} == {most}
    with pytest.raises(RuleError) as refused:
        made(most + 1)
    (fault,) = refused.value.faults
    assert (fault.field, fault.reason) == (f"terms.{field}", Reason.FIELD_OUT_OF_RANGE)
    with pytest.raises(RuleError) as refused:
        new_period(
            "310", of(most + 1), start_date=FIRST, end_date=None, birth_date=BIRTH, today=FIRST
        )
    assert [each.field for each in refused.value.faults] == [field]
