"""Every row of categories, papers and validity, as the sample region's file states it."""

import datetime as dt
from typing import NamedTuple

import pytest
from support.registrations import (
    APP,
    CLERK,
    DAY,
    HOSPITAL,
    LONG,
    NATIONAL,
    SAMPLE,
    TODAY,
    application,
    referral,
    registered,
    shown,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.kinds import (
    CHANNELS_OF,
    Basis,
    Category,
    Channel,
    Origin,
    TaskKind,
    Terms,
)
from yibao_offsite.rules.registration.papers import check_papers
from yibao_offsite.rules.registration.states import State

FORM = ("identity_certificate", "registration_form")
# Half a year and a year from 2 November 2026, and the day after half a year.
HALF_YEAR, YEAR, AFTER_HALF = dt.date(2027, 5, 2), dt.date(2027, 11, 2), dt.date(2027, 5, 3)


class Row(NamedTuple):
    """What the table says of a category on a basis."""

    category: Category
    basis: Basis
    papers: tuple[str, ...]
    end_date: dt.date | None
    change_allowed_date: dt.date
    terms: Terms


RETIRED, RESIDENT = Category.RETIRED_RESETTLED, Category.LONG_TERM_RESIDENT
POSTED, REFERRAL = Category.POSTED_WORKER, Category.REFERRAL
OTHER, EMERGENCY, MATERNITY = Category.OTHER_TEMPORARY, Category.EMERGENCY, Category.MATERNITY
LETTER = (*FORM, "commitment_letter")
ROWS = (
    Row(RETIRED, Basis.PROOF, (*FORM, "household_move_proof"), None, TODAY, Terms.LONG_TERM),
    Row(RETIRED, Basis.COMMITMENT, LETTER, None, AFTER_HALF, Terms.LONG_TERM),
    Row(RESIDENT, Basis.PROOF, (*FORM, "residence_permit"), None, TODAY, Terms.LONG_TERM),
    Row(RESIDENT, Basis.PROOF, (*FORM, "lease"), None, TODAY, Terms.LONG_TERM),
    Row(RESIDENT, Basis.COMMITMENT, LETTER, YEAR, AFTER_HALF, Terms.LONG_TERM),
    Row(POSTED, Basis.PROOF, (*FORM, "posting_letter"), None, TODAY, Terms.LONG_TERM),
    Row(POSTED, Basis.PROOF, (*FORM, "employment_contract"), None, TODAY, Terms.LONG_TERM),
    Row(POSTED, Basis.COMMITMENT, LETTER, None, AFTER_HALF, Terms.LONG_TERM),
    Row(REFERRAL, Basis.PROOF, (*FORM, "referral_proof"), HALF_YEAR, TODAY, Terms.REFERRAL),
    Row(OTHER, Basis.NONE, FORM, HALF_YEAR, TODAY, Terms.TEMPORARY),
    Row(EMERGENCY, Basis.NONE, (), TODAY, TODAY, Terms.EMERGENCY),
    Row(EMERGENCY, Basis.PROOF, ("diagnosis_proof",), TODAY, TODAY, Terms.EMERGENCY),
    Row(MATERNITY, Basis.NONE, FORM, TODAY, TODAY, Terms.TEMPORARY),
)


def test_every_category_and_basis_of_the_sample_has_a_row() -> None:
    stated = {(each.category, basis) for each in SAMPLE.categories.values() for basis in each.bases}
    assert stated == {(row.category, row.basis) for row in ROWS}
    assert set(SAMPLE.categories) == set(Category) == set(NATIONAL.categories)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.category.name} {row.basis.name}")
def test_a_category_lasts_as_the_table_says(row: Row) -> None:
    # Rules O-01 and O-02.
    needs_stay = row.category.is_long_term
    asked = application(
        row.category, basis=row.basis, expected_end_date=LONG if needs_stay else None
    )
    made = registered(asked, rules=SAMPLE)
    # A fixed year by commitment can only be lengthened by what is expected.
    expected = row.end_date if row.end_date is None or not needs_stay else max(row.end_date, LONG)
    assert (made.end_date, made.terms) == (expected, row.terms)
    assert made.change_allowed_date == row.change_allowed_date


def test_by_commitment_a_resident_has_one_year() -> None:
    asked = application(RESIDENT, basis=Basis.COMMITMENT, expected_end_date=HALF_YEAR + DAY)
    assert registered(asked, rules=SAMPLE).end_date == YEAR


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.category.name} {row.basis.name}")
def test_each_paper_is_asked_for_and_all_that_are_missing_are_told_at_once(row: Row) -> None:
    # Rules O-01 and O-02: the papers of 22号, article 8.
    asked = SAMPLE.categories[row.category].bases[row.basis].papers
    _check(asked, row.papers)
    for left_out in row.papers:
        missing = _missing(asked, tuple(each for each in row.papers if each != left_out))
        assert [left_out in each.split("|") for each in missing] == [True]
    assert len(_missing(asked, ())) == len(row.papers) if row.papers else True


@pytest.mark.parametrize(
    ("category", "days_late", "is_taken"),
    [
        (EMERGENCY, 10, True),
        (EMERGENCY, 11, False),
        (MATERNITY, 0, True),
        (MATERNITY, 1, False),
        (OTHER, 1, False),
    ],
)
def test_an_emergency_is_reported_within_ten_days_of_admission(
    category: Category, days_late: int, is_taken: bool
) -> None:
    asked = application(category, start_date=TODAY - days_late * DAY)
    if is_taken:
        assert registered(asked, rules=SAMPLE).state is State.ACTIVE
        return
    with pytest.raises(RuleError, match="REGISTER_IN_ADVANCE"):
        registered(asked, rules=SAMPLE)


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("channel", list(Channel))
def test_a_category_is_taken_by_its_channels_alone(category: Category, channel: Channel) -> None:
    stated = SAMPLE.categories[category]
    by = {
        Origin.AGENCY: CLERK,
        Origin.SELF_SERVICE: APP,
        Origin.INSTITUTION: HOSPITAL,
    }[next(origin for origin, own in CHANNELS_OF.items() if channel in own)]
    asked = application(
        category,
        channel=channel,
        expected_end_date=LONG,
        referral=referral() if category is REFERRAL else None,
    )
    if channel not in stated.channels:
        with pytest.raises(RuleError) as caught:
            registered(asked, by=by, rules=SAMPLE)
        assert caught.value.reason is Reason.REGISTRATION_CHANNEL_CLOSED
        assert caught.value.metadata["application_channel"] == channel.name
        return
    made = registered(asked, by=by, rules=SAMPLE)
    waits = channel in stated.second_operator or stated.needs_pre_evaluation
    assert made.state is (State.SUBMITTED if waits else State.ACTIVE)
    assert made.origin is by.origin


@pytest.mark.parametrize(
    ("channel", "kind", "days"),
    [(Channel.APP, TaskKind.CHECK, 30), (Channel.POST, TaskKind.DECISION, 1)],
)
def test_what_is_accepted_at_once_is_checked_and_the_rest_decided_by_a_day(
    channel: Channel, kind: TaskKind, days: int
) -> None:
    by = APP if channel is Channel.APP else CLERK
    made = registered(
        application(RETIRED, channel=channel, expected_end_date=LONG), by=by, rules=SAMPLE
    )
    assert made.task is not None
    assert (made.task.kind, made.task.due_date) == (kind, TODAY + days * DAY)


@pytest.mark.parametrize("rules", [SAMPLE, NATIONAL], ids=["sample", "national"])
def test_an_emergency_that_an_app_has_granted_at_once_is_looked_at(rules: RegionRules) -> None:
    made = registered(application(Category.EMERGENCY, channel=Channel.APP), by=APP, rules=rules)
    assert made.state is State.ACTIVE
    assert made.task is not None
    assert made.task.kind is TaskKind.CHECK


def test_a_hospital_that_may_not_refer_is_refused() -> None:
    # Rule O-01: 2501 of a hospital that the region lets refer.
    asked = application(REFERRAL, channel=Channel.HOSPITAL, referral=referral())
    assert registered(asked, by=HOSPITAL, rules=SAMPLE).state is State.SUBMITTED
    # The national rules name no hospital.
    with pytest.raises(RuleError, match="REFERRAL_NOT_ENTITLED"):
        registered(asked, by=HOSPITAL, rules=NATIONAL)


@pytest.mark.parametrize("rules", [SAMPLE, NATIONAL], ids=["sample", "national"])
def test_a_basis_that_a_region_does_not_take_is_refused(rules: RegionRules) -> None:
    with pytest.raises(RuleError) as caught:
        registered(application(OTHER, basis=Basis.COMMITMENT), rules=rules)
    assert caught.value.reason is Reason.REGISTRATION_BASIS_NOT_ACCEPTED
    assert caught.value.metadata == {"basis": "COMMITMENT", "accepted": "NONE"}


def _check(asked: tuple[tuple[str, ...], ...], kinds: tuple[str, ...]) -> None:
    check_papers(asked, shown(*kinds), {}, person_id="person", may_show=True)


def _missing(asked: tuple[tuple[str, ...], ...], kinds: tuple[str, ...]) -> list[str]:
    if not asked:
        return []
    with pytest.raises(RuleError) as caught:
        _check(asked, kinds)
    assert caught.value.reason is Reason.MATERIAL_MISSING
    return caught.value.metadata["missing"].split(",")
