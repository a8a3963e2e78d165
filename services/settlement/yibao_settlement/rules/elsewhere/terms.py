"""On which terms care elsewhere is paid: what decides, in which order, and what is refused."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import CareKind, care_type_of
from yibao_settlement.rules.elsewhere.cover import (
    CategoryAsOf,
    Days,
    counting,
    covering,
    expired,
)
from yibao_settlement.rules.elsewhere.feed import check_offsite_age
from yibao_settlement.rules.elsewhere.marks import CareMarks
from yibao_settlement.rules.elsewhere.registered import Benefit, KnownCare, RegisteredCare

LOCAL, LONG_TERM, EMERGENCY = "local", "long_term", "emergency"
TEMPORARY, UNREGISTERED = "temporary", "unregistered"
_AS_AT_HOME = (LOCAL, LONG_TERM)
# A purchase or a chronic disease is no emergency, whatever is marked.
_OF_EMERGENCIES = (Benefit.INPATIENT, Benefit.OUTPATIENT)
# How to register, as the refusal tells.
_HOW = "RegistrationService.CreateRegistration before the bill is settled"


class ElsewhereTerms(NamedTuple):
    """What a region says of care elsewhere of its persons.

    `opened` is what it pays elsewhere without a registration that opens it: stays always, and
    emergencies of outpatients. `is_unregistered_reduced`: who has no registration is paid on
    the terms `unregistered`, and not refused. `is_account_open`: accounts of long-term persons
    pay what outpatients and pharmacies charge elsewhere (O-04). `is_revoked_emergency_paid`: a
    mark of an emergency counts also where offsite revoked what it has on record of it. News of
    registrations may be as old as `max_news_age` before nobody counts as unregistered; None
    where they are not followed.
    """

    is_unregistered_reduced: bool = False
    opened: frozenset[Benefit] = frozenset()
    category_as_of: CategoryAsOf = CategoryAsOf.BY_CATEGORY
    is_account_open: bool = False
    is_revoked_emergency_paid: bool = False
    max_news_age: dt.timedelta | None = None


NO_TERMS = ElsewhereTerms()


class Elsewhere(NamedTuple):
    """Where care is taken, and on which terms; the order of its values is that of the store.

    `category`, `start_date` and `end_date` are of the registration that decides; without one
    they are 0 and None, as they are in a visit that is read.
    """

    place_region: str
    terms: str
    registration_id: str | None = None
    category: int = 0
    start_date: dt.date | None = None
    end_date: dt.date | None = None

    @property
    def is_as_at_home(self) -> bool:
        """Whether the terms are those of home."""
        return self.terms in _AS_AT_HOME

    @property
    def is_deemed(self) -> bool:
        """Whether an emergency counts as registered without a registration."""
        return self.terms == EMERGENCY and self.registration_id is None


class Care(NamedTuple):
    """The care that terms are asked for."""

    place_region: str
    care_type: str
    marks: CareMarks
    days: Days


def benefit_of(care_type: str, *, is_pharmacy: bool = False) -> Benefit:
    """Returns which benefit care is, as regions open them elsewhere."""
    found = care_type_of(care_type)
    if found.is_stay:
        return Benefit.INPATIENT
    if found.kind is CareKind.CHRONIC:
        return Benefit.CHRONIC
    if is_pharmacy or found.kind is CareKind.PHARMACY:
        return Benefit.PHARMACY
    return Benefit.OUTPATIENT


def elsewhere_of(
    care: Care,
    known: KnownCare,
    terms: ElsewhereTerms,
    *,
    benefit: Benefit,
    home_region: str,
) -> Elsewhere:
    """Returns on which terms care elsewhere is paid.

    A long-term registration comes first: whoever lives there is at home there, also in an
    emergency. Then the hospital's mark of an emergency, which counts as registered (2022
    procedure, art. 34), then any other registration, then what the region says of those who
    have none. The mark itself decides, and not what offsite has on record of it, until that is
    revoked.

    Raises RuleError OFFSITE_BENEFIT_NOT_OPEN, OFFSITE_FEED_STALE, OFFSITE_REGISTRATION_EXPIRED,
    OFFSITE_NOT_REGISTERED.
    """
    registered = known.registered
    found = covering(registered, place_region=care.place_region, days=care.days)
    opening = [each for each in found if benefit in each.benefits]
    at_home = [each for each in opening if each.terms in _AS_AT_HOME]
    is_emergency = (
        care.marks.is_emergency
        and benefit in _OF_EMERGENCIES
        and not is_refused_emergency(known, terms)
    )
    candidates = opening
    if is_emergency:
        candidates = at_home or [each for each in opening if each.terms == EMERGENCY]
    decides = counting(candidates, days=care.days, category_as_of=terms.category_as_of)
    if decides is not None or is_emergency:
        return _by(care, decides)
    if found:
        raise _not_open(care, benefit, home_region)
    check_offsite_age(known.news_age, most=terms.max_news_age, region=home_region)
    if not terms.is_unregistered_reduced:
        raise _not_registered(care, registered, benefit, home_region)
    if benefit is not Benefit.INPATIENT and benefit not in terms.opened:
        raise _not_open(care, benefit, home_region)
    return Elsewhere(care.place_region, UNREGISTERED)


def is_refused_emergency(known: KnownCare, terms: ElsewhereTerms) -> bool:
    """Tells whether a visit is paid as no emergency, whatever its mark says."""
    return known.is_emergency_revoked and not terms.is_revoked_emergency_paid


def check_not_void(decided: Elsewhere, known: KnownCare, terms: ElsewhereTerms) -> None:
    """Raises OFFSITE_NOT_REGISTERED where what decided was found void since.

    It is a registration, or of an emergency that counted as registered what offsite had on record.
    """
    void_id = decided.registration_id
    if decided.is_deemed and is_refused_emergency(known, terms):
        void_id = known.deemed_id
    for each in known.registered:
        if each.is_void and each.registration_id == void_id:
            raise RuleError(
                Reason.OFFSITE_NOT_REGISTERED,
                f"registration {each.registration_id} for care in region {decided.place_region} "
                "was found void: release what is held, and correct to no more than was paid",
                treatment_region=decided.place_region,
            )


def _by(care: Care, found: RegisteredCare | None) -> Elsewhere:
    if found is None:
        return Elsewhere(care.place_region, EMERGENCY)
    return Elsewhere(
        care.place_region,
        found.terms,
        found.registration_id,
        found.category,
        found.start_date,
        found.end_date,
    )


def may_account_pay(elsewhere: Elsewhere, benefit: Benefit, terms: ElsewhereTerms) -> bool:
    """Tells whether the personal account pays of a bill elsewhere (O-04).

    Of a stay it does, as at home.
    """
    if benefit is Benefit.INPATIENT:
        return True
    return terms.is_account_open and elsewhere.is_as_at_home


def _not_open(care: Care, benefit: Benefit, home_region: str) -> RuleError:
    return RuleError(
        Reason.OFFSITE_BENEFIT_NOT_OPEN,
        f"region {home_region} has not opened {benefit.name.lower()} care in region "
        f"{care.place_region}: pay first and claim at home",
        benefit=benefit.name,
        region=home_region,
        treatment_region=care.place_region,
    )


def _not_registered(
    care: Care, registered: Sequence[RegisteredCare], benefit: Benefit, home_region: str
) -> RuleError:
    place_region = care.place_region
    former = expired(registered, place_region=place_region, days=care.days)
    if former is not None:
        assert former.end_date is not None
        return RuleError(
            Reason.OFFSITE_REGISTRATION_EXPIRED,
            f"the registration for care in region {place_region} ended on "
            f"{former.end_date.isoformat()}; register anew with region {home_region}: {_HOW}",
            registration_id=former.registration_id,
            end_date=former.end_date.isoformat(),
            region=home_region,
            treatment_region=place_region,
            benefit=benefit.name,
            register_by=_HOW,
        )
    return RuleError(
        Reason.OFFSITE_NOT_REGISTERED,
        f"no registration for care in region {place_region} is known; register with region "
        f"{home_region}: {_HOW}",
        region=home_region,
        treatment_region=place_region,
        benefit=benefit.name,
        register_by=_HOW,
    )
