"""Who may be treated where, and which code a counter must see."""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_facts import NO_FACTS, CareFacts
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.credential import Credential, CredentialKind
from yibao_settlement.rules.elsewhere.marks import NO_MARKS, CareMarks
from yibao_settlement.rules.elsewhere.place import check_place
from yibao_settlement.rules.elsewhere.terms import Elsewhere

# How long after its first day a visit may still be registered. A visit fixes the facts of
# today for its bills, so it cannot reach back into years with ceilings of their own.
REGISTER_WITHIN = dt.timedelta(days=31)

_INPATIENT_PREFIX = "2"
_PHARMACY_PREFIX = "P"
_AUDIENCE_REGISTER = "01101"
_AUDIENCE_ADMISSION = "01103"
_AUDIENCE_SETTLE = "01301"
_AUDIENCE_PHARMACY = "02121"


@dataclass(frozen=True, slots=True)
class Institution:
    """A designated institution; its agreement holds on both its first and last day."""

    institution_id: str
    institution_name: str
    institution_level: str
    ecert_supported: bool
    start_date: dt.date
    end_date: dt.date | None

    def is_designated_on(self, day: dt.date) -> bool:
        """Tells whether its agreement holds on a day."""
        return self.start_date <= day and (self.end_date is None or day <= self.end_date)


class DischargeWay(enum.IntEnum):
    """How a person left (离院方式, dscg_way), by its national number."""

    ORDERED = 1
    TO_HOSPITAL = 2
    TO_COMMUNITY = 3
    AGAINST_ORDER = 4
    DIED = 5
    OTHER = 9


class Visit(NamedTuple):
    """A registered visit with the facts of its person and institution on its first day.

    A bill is decided by the enrolment on its own service date; of the enrolment here, only
    the insurance type counts: it is preferred where several cover that day. `cancel_time`
    is None while it stands; `cancelled_by` is the path of who cancelled it, None too for
    visits of before it was kept. `facts` are what the institution told of it last.
    `end_date` and `discharge_way` are None until discharge; a stay that ended with a bill
    which was taken back later may have an end alone. `stay_id` is the first visit of
    a chain of transfers, mostly the visit itself; None for visits of before it was kept.
    `elsewhere` is None where the region has an agreement with the institution itself.
    """

    visit_id: str
    person_id: str
    institution_id: str
    provider_visit_number: str
    care_type: str
    start_date: dt.date
    birth_date: dt.date
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    institution_level: str
    register_time: dt.datetime
    cancel_time: dt.datetime | None = None
    cancelled_by: str | None = None
    facts: CareFacts = NO_FACTS
    end_date: dt.date | None = None
    discharge_way: DischargeWay | None = None
    transfer_from_visit_id: str | None = None
    stay_id: str | None = None
    marks: CareMarks = NO_MARKS
    elsewhere: Elsewhere | None = None

    @property
    def stay(self) -> str:
        """The stay that its bills belong to, by the visit that began it."""
        return self.stay_id or self.visit_id

    @property
    def is_discharge_told(self) -> bool:
        """Whether the end of a stay was told; one that a reversal left ended has no way."""
        return self.end_date is not None and self.discharge_way is not None

    @property
    def is_undischarged_stay(self) -> bool:
        """Whether it is a stay whose discharge was not told; none of before is told of."""
        return (
            self.stay_id is not None
            and self.end_date is None
            and self.cancel_time is None
            and is_stay(self.care_type)
        )


def is_pharmacy(institution_id: str) -> bool:
    """Tells whether an institution is a pharmacy, which its code says."""
    return institution_id.startswith(_PHARMACY_PREFIX)


def registration_audience(care_type: str) -> str:
    """Returns the business type of the code that registers a visit of `care_type`."""
    return _AUDIENCE_ADMISSION if care_type.startswith(_INPATIENT_PREFIX) else _AUDIENCE_REGISTER


def settlement_audience(institution_id: str) -> str:
    """Returns the business type of the code that settles a bill at an institution."""
    return _AUDIENCE_PHARMACY if is_pharmacy(institution_id) else _AUDIENCE_SETTLE


def audiences_taken(institution_id: str) -> tuple[str, ...]:
    """Returns the business types of the codes that an institution's calls take."""
    return _AUDIENCE_REGISTER, _AUDIENCE_ADMISSION, settlement_audience(institution_id)


def check_designated(
    institution: Institution | None, institution_id: str, *, region: str, on: dt.date
) -> Institution:
    """Returns the institution, or raises where `region` has no agreement with it.

    OFFSITE_PLACE_EXCLUDED (O-12), INSTITUTION_NOT_DESIGNATED (T-03, T-05), or
    OFFSITE_NOT_REGISTERED where it lies in another region by its code: benefits there need a
    registration (I-30).
    """
    if institution is None:
        check_place(institution_id)
    if institution is None and institution_id[1:7] != region:
        raise RuleError(
            Reason.OFFSITE_NOT_REGISTERED,
            f"institution {institution_id} lies outside region {region} and no registration "
            "for care elsewhere is known",
            institution_id=institution_id,
            region=region,
        )
    if institution is None or not institution.is_designated_on(on):
        raise RuleError(
            Reason.INSTITUTION_NOT_DESIGNATED,
            f"institution {institution_id} has no agreement on {on.isoformat()}",
            institution_id=institution_id,
            date=on.isoformat(),
        )
    return institution


def check_takes(institution: Institution, credential: Credential) -> None:
    """Raises INSTITUTION_NO_ECERT for an e-certificate where cards only are taken (I-11)."""
    if not institution.ecert_supported and credential.kind == CredentialKind.ECERT:
        raise RuleError(
            Reason.INSTITUTION_NO_ECERT,
            f"institution {institution.institution_id} takes no e-certificate; use the card",
            institution_id=institution.institution_id,
        )


def check_first_use(
    institution: Institution | None,
    institution_id: str,
    visit: Visit | None,
    *,
    ended: dt.date | None,
    person_id: str,
    region: str,
    on: dt.date,
) -> None:
    """Refuses the first use of a card where nothing proves that its holder is there.

    `visit` is that of the hospital's number which stands, or None; `ended` is the last day
    of its stay, None where it has not ended or it is none.

    Raises:
        RuleError: OFFSITE_NOT_REGISTERED, INSTITUTION_NOT_DESIGNATED (I-26);
            REGISTRATION_REQUIRED in a hospital (I-25).
    """
    check_designated(institution, institution_id, region=region, on=on)
    if is_pharmacy(institution_id):
        return
    if visit is None or visit.person_id != person_id or visit.cancel_time is not None:
        raise RuleError(
            Reason.REGISTRATION_REQUIRED,
            "the hospital has registered no visit of the card's holder by this number",
        )
    # A stay lasts until its end. Other care has none: it is taken for present as long as a
    # visit could be registered anew for its first day, since that would prove no less.
    if ended is None:
        is_over = not is_stay(visit.care_type) and on - visit.start_date > REGISTER_WITHIN
    else:
        is_over = on > ended
    if is_over:
        raise RuleError(
            Reason.REGISTRATION_REQUIRED, "the visit of the card's holder by this number is over"
        )


def check_not_cancelled(visit: Visit) -> None:
    """Raises VISIT_CANCELLED."""
    if visit.cancel_time is not None:
        raise RuleError(
            Reason.VISIT_CANCELLED,
            f"visit {visit.visit_id} was cancelled",
            visit_id=visit.visit_id,
        )


def check_start_date(start_date: dt.date, *, today: dt.date) -> None:
    """Raises VISIT_DATE_INVALID after `today` or more than 31 days before it."""
    if not today - REGISTER_WITHIN <= start_date <= today:
        raise RuleError(
            Reason.VISIT_DATE_INVALID,
            f"a visit that began on {start_date.isoformat()} cannot be registered on "
            f"{today.isoformat()}; at most {REGISTER_WITHIN.days} days may lie between",
            start_date=start_date.isoformat(),
        )


def check_service_date(service_date: dt.date, *, visit: Visit, today: dt.date) -> None:
    """Raises SERVICE_DATE_INVALID before the visit's first day or after `today`.

    After discharge, also for any day but that of it.
    """
    if visit.end_date not in (None, service_date):
        assert visit.end_date is not None
        raise RuleError(
            Reason.SERVICE_DATE_INVALID,
            f"service date {service_date.isoformat()} is not the day of discharge, "
            f"{visit.end_date.isoformat()}",
            service_date=service_date.isoformat(),
            visit_end_date=visit.end_date.isoformat(),
        )
    if not visit.start_date <= service_date <= today:
        raise RuleError(
            Reason.SERVICE_DATE_INVALID,
            f"service date {service_date.isoformat()} is not between the visit's first day "
            f"{visit.start_date.isoformat()} and today",
            service_date=service_date.isoformat(),
            visit_start_date=visit.start_date.isoformat(),
        )


def check_known(institution: Institution | None, institution_id: str) -> Institution:
    """Returns an institution; raises INSTITUTION_NOT_DESIGNATED where the region has none."""
    if institution is None:
        raise RuleError(
            Reason.INSTITUTION_NOT_DESIGNATED,
            f"institution {institution_id} has no agreement",
            institution_id=institution_id,
        )
    return institution
