"""Several registrations of one person: a place has one for a day, and who may have several."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from support.registrations import (
    DAY,
    LONG,
    SAMPLE,
    TODAY,
    application,
    registered,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import Places
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Category,
    Origin,
)
from yibao_offsite.rules.registration.places import check_places
from yibao_offsite.rules.registration.registration import Registration
from yibao_offsite.rules.registration.states import State

_ALWAYS = dict.fromkeys(Category, Places.ALWAYS)


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        (dt.date(2026, 12, 1), None, False),
        (dt.date(2026, 11, 30), None, True),
        (dt.date(2026, 10, 1), dt.date(2026, 10, 31), False),
        (dt.date(2026, 10, 1), dt.date(2026, 11, 1), True),
        (dt.date(2026, 10, 1), None, True),
        (dt.date(2026, 11, 10), dt.date(2026, 11, 20), True),
    ],
)
def test_two_registrations_of_a_place_do_not_share_a_day(
    start: dt.date, end: dt.date | None, overlaps: bool
) -> None:
    known = _of_days(dt.date(2026, 11, 1), dt.date(2026, 11, 30), registration_id="known")
    new = _of_days(start, end)
    for one, other in ((new, known), (known, new)):
        if overlaps:
            with pytest.raises(RuleError) as caught:
                check_places(one, [other], several=_ALWAYS)
            assert caught.value.reason is Reason.REGISTRATION_EXISTS
            assert caught.value.metadata == {"registration_id": other.registration_id}
        else:
            check_places(one, [other], several=_ALWAYS)


def test_what_is_over_and_what_is_of_other_places_does_not_count() -> None:
    new = registered(application())
    over = TODAY - DAY
    closed = [
        dataclasses.replace(new, registration_id=state.name, state=state, ended_date=over)
        for state in State
        if not state.is_open
    ]
    # Where the last day of what was cancelled is today, another one may begin today.
    closed += [dataclasses.replace(closed[0], state=State.CANCELLED, ended_date=TODAY)]
    elsewhere = dataclasses.replace(
        new, registration_id="x", application=application(treatment_region="110000")
    )
    deemed = dataclasses.replace(new, registration_id="y", origin=Origin.DEEMED)
    check_places(new, [*closed, elsewhere, deemed], several=_ALWAYS)


@pytest.mark.parametrize(("days", "is_taken"), [(9, False), (10, True)])
def test_what_ended_early_keeps_its_days_to_come(days: int, is_taken: bool) -> None:
    """Its person's enrolment will end, or what was to take its place was cancelled since."""
    asked = application(Category.RETIRED_RESETTLED, basis=Basis.COMMITMENT, expected_end_date=LONG)
    ended = dataclasses.replace(
        registered(asked), state=State.ENDED, ended_date=TODAY + 9 * DAY, registration_id="ended"
    )
    for region, reason in (
        (ended.treatment_region, Reason.REGISTRATION_EXISTS),
        ("110000", Reason.SEVERAL_PLACES_NEED_PROOF),
    ):
        new = registered(
            dataclasses.replace(
                asked,
                treatment_region=region,
                start_date=TODAY + days * DAY,
                expected_end_date=LONG + 30 * DAY,
            )
        )
        if is_taken:
            check_places(new, [ended], several=SAMPLE.several_places)
            continue
        with pytest.raises(RuleError) as caught:
            check_places(new, [ended], several=SAMPLE.several_places)
        assert caught.value.reason is reason
        assert caught.value.metadata == {"registration_id": "ended"}


def test_what_ended_before_its_first_day_keeps_no_day() -> None:
    """What took its place begins no later, or its person's enrolment ends before."""
    asked = application(start_date=TODAY + 20 * DAY)
    ended = dataclasses.replace(
        registered(asked), state=State.ENDED, ended_date=asked.start_date - DAY
    )
    check_places(registered(application()), [ended], several=SAMPLE.several_places)


@pytest.mark.parametrize("state", [each for each in State if each.is_open])
def test_what_waits_for_a_decision_counts_as_what_is_in_force(state: State) -> None:
    new = registered(application(treatment_region="310000"))
    other = dataclasses.replace(
        new, registration_id="x", state=state, application=application(treatment_region="310100")
    )
    # A municipality is one place under all its codes.
    with pytest.raises(RuleError, match="REGISTRATION_EXISTS"):
        check_places(new, [other], several=_ALWAYS)


@pytest.mark.parametrize(
    ("new", "known", "several", "is_taken"),
    [
        (Basis.PROOF, Basis.PROOF, Places.WITH_PROOF, True),
        (Basis.COMMITMENT, Basis.PROOF, Places.WITH_PROOF, False),
        (Basis.PROOF, Basis.COMMITMENT, Places.WITH_PROOF, False),
        (Basis.PROOF, Basis.PROOF, Places.NEVER, False),
        (Basis.COMMITMENT, Basis.COMMITMENT, Places.ALWAYS, True),
    ],
)
def test_who_lives_elsewhere_is_registered_at_several_places_by_proof_alone(
    new: Basis, known: Basis, several: Places, is_taken: bool
) -> None:
    # Rule O-02 with the Jiangsu procedure, article 11.
    category = Category.LONG_TERM_RESIDENT
    one = registered(application(category, basis=new, expected_end_date=LONG))
    asked = application(category, basis=known, expected_end_date=LONG, treatment_region="320500")
    other = dataclasses.replace(registered(asked), registration_id="known")
    if is_taken:
        check_places(one, [other], several=dict.fromkeys(Category, several))
        return
    with pytest.raises(RuleError) as caught:
        check_places(one, [other], several=dict.fromkeys(Category, several))
    assert caught.value.reason is Reason.SEVERAL_PLACES_NEED_PROOF
    assert caught.value.metadata == {"registration_id": "known"}


@pytest.mark.parametrize("temporary", list(Places))
@pytest.mark.parametrize("long_term", list(Places))
@pytest.mark.parametrize("basis", [Basis.PROOF, Basis.COMMITMENT])
def test_it_is_all_one_which_of_two_places_was_applied_for_first(
    temporary: Places, long_term: Places, basis: Basis
) -> None:
    several = {**dict.fromkeys(Category, long_term), Category.OTHER_TEMPORARY: temporary}
    category = Category.LONG_TERM_RESIDENT
    visited = registered(application(treatment_region="320500"))
    lived_in = dataclasses.replace(
        registered(application(category, basis=basis, expected_end_date=LONG)),
        registration_id="known",
    )
    is_barred = temporary is Places.NEVER or (
        temporary is Places.WITH_PROOF and basis is Basis.COMMITMENT
    )
    for one, other in ((visited, lived_in), (lived_in, visited)):
        if not is_barred:
            check_places(one, [other], several=several)
            continue
        with pytest.raises(RuleError, match="SEVERAL_PLACES_NEED_PROOF"):
            check_places(one, [other], several=several)


def _of_days(start: dt.date, end: dt.date | None, **fields: Any) -> Registration:
    made = registered(application())
    asked = dataclasses.replace(made.application, start_date=start)
    return dataclasses.replace(made, application=asked, end_date=end, **fields)
