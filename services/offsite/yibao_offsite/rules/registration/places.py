"""Several registrations of one person: one a place and day, and where several places may be."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import Places
from yibao_offsite.rules.registration.kinds import Basis, Category, Origin
from yibao_offsite.rules.registration.place import covering_region
from yibao_offsite.rules.registration.registration import Registration


def check_places(
    registration: Registration,
    others: Iterable[Registration],
    *,
    several: Mapping[Category, Places],
) -> None:
    """Checks a new registration against the person's others that cover days, or may come to.

    `others` are registrations of the same person. One place has one for a day. Persons who
    live elsewhere are registered at several places at once by proof, and never by commitment
    (苏医保发〔2022〕75号, article 11), where the region's rules do not say otherwise. Of two
    categories the rules of both hold, so it is all one which was applied for first.

    Raises:
        RuleError: REGISTRATION_EXISTS, SEVERAL_PLACES_NEED_PROOF, naming the other one.
    """
    overlapping = list(_overlapping(registration, others))
    place = covering_region(registration.treatment_region)
    for other in overlapping:
        if covering_region(other.treatment_region) == place:
            raise RuleError(
                Reason.REGISTRATION_EXISTS,
                f"registration {other.registration_id} covers the region on some of these days",
                registration_id=other.registration_id,
            )
    for other in overlapping:
        is_barred = _is_barred(registration, other, several)
        if is_barred or _is_barred(other, registration, several):
            raise RuleError(
                Reason.SEVERAL_PLACES_NEED_PROOF,
                f"registration {other.registration_id} covers another region on these days",
                registration_id=other.registration_id,
            )


def check_no_change_waits(registration: Registration, others: Iterable[Registration]) -> None:
    """Checks that nothing else is to take a registration's place already.

    Raises:
        RuleError: REGISTRATION_EXISTS, naming the one that is decided about.
    """
    for other in others:
        replaces = other.replaces_registration_id == registration.registration_id
        if replaces and other.state.is_open:
            raise RuleError(
                Reason.REGISTRATION_EXISTS,
                f"registration {other.registration_id} is to take its place",
                registration_id=other.registration_id,
            )


def _is_barred(
    registration: Registration, other: Registration, several: Mapping[Category, Places]
) -> bool:
    """Tells whether the rules of a registration's category bar who lives at another's place."""
    asked = several[registration.category]
    if asked is Places.ALWAYS or not other.category.is_long_term:
        return False
    if asked is Places.NEVER:
        return True
    # One from before regions had rules has no basis, and is taken for proven.
    bases = (registration.application.basis, other.application.basis)
    return Basis.COMMITMENT in bases


def _overlapping(
    registration: Registration, others: Iterable[Registration]
) -> Iterator[Registration]:
    for other in others:
        assert other.person_id == registration.person_id
        # An emergency stands beside whatever else there is: it is of one visit.
        if other.origin is Origin.DEEMED or not other.state.takes_its_place:
            continue
        if other.registration_id == registration.replaces_registration_id:
            continue
        # One that ended before its first day covers none: its last day is before that.
        first = max(registration.start_date, other.start_date)
        if first <= min(registration.last_date or dt.date.max, other.last_date or dt.date.max):
            yield other
