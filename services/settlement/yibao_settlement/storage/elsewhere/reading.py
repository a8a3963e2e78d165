"""What a batch and a trial read of care elsewhere; of bills at home it is the holds alone."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.state import DeemedRegistration
from yibao_settlement.rules.elsewhere.registered import (
    AuditHold,
    Benefit,
    KnownCare,
    RegisteredCare,
)
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.found import Found
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.elsewhere.tables import (
    audit_hold,
    deemed_registration,
    offsite_feed_position,
    registered_care,
)
from yibao_settlement.storage.reference import ReferenceCache

_REGISTERED = (
    *("registration_id", "person_id", "category", "treatment_region", "terms", "benefits"),
    *("start_date", "end_date", "is_void", "origin", "version"),
)
_HOLD = AuditHold._fields
# It was told by an attestation, and not by the feed.
_ATTESTED = 0

_encode = msgspec.json.Encoder().encode
_benefits = msgspec.json.Decoder(tuple[int, ...]).decode


def registered_from(row: Row) -> RegisteredCare:
    """Returns the registration in a row of its columns."""
    told = RegisteredCare._make(row)
    opened = [Benefit(each) for each in _benefits(row[5]) if each in _KNOWN]
    return told._replace(benefits=tuple(opened), is_void=bool(told.is_void))


_KNOWN = frozenset(Benefit)


def read_audit_holds(wanted: Wanted) -> Read:
    """Reads the holds of the visits that are named, of nearly all of which there are none."""

    def keep(working_set: WorkingSet, rows: list[Row]) -> None:
        for hold in map(AuditHold._make, rows):
            if not hold.is_lifted:
                working_set.elsewhere.audit_holds.setdefault(hold.visit_id, []).append(hold)

    visit_ids = {*wanted.needs.visit_ids, *wanted.held_visit_ids}
    return Read(wanted.select(audit_hold, _HOLD, "visit_id", visit_ids), keep)


class CareAsked(NamedTuple):
    """What is asked of care elsewhere: regions that treat, whose registrations, which visits."""

    regions: frozenset[str]
    person_ids: frozenset[str]
    visit_ids: frozenset[str]

    def selects(self, region: str) -> list[Select]:
        """Returns the look-ups: an epoch for each region, and what `_select_known` looks up.

        There are none where nobody is treated elsewhere.
        """
        if not (self.regions or self.visit_ids):
            return []
        epochs = [
            Select(tables.reference_epoch, ("epoch",), each, "region", (each,))
            for each in sorted(self.regions)
        ]
        return [*epochs, *_select_known(region, sorted(self.person_ids), sorted(self.visit_ids))]

    def has(self, other: "CareAsked") -> bool:
        """Tells whether all that `other` asks is asked."""
        return all(ours >= theirs for ours, theirs in zip(self, other, strict=True))


def care_expected(wanted: Wanted, found: Found, cache: ReferenceCache) -> CareAsked:
    """Returns what is likely to be asked, by the codes of the institutions that are named.

    It can be too much, where the region has an agreement with one of them, and too little, where
    a stay that no request names is elsewhere; see `read_elsewhere`.
    """
    treating = {*wanted.needs.treating_institution_ids, *found.institutions_elsewhere.values()}
    places = [cache.served.place_of(each) for each in treating]
    regions = frozenset([each for each in places if each is not None and each != wanted.region])
    visit_ids = frozenset(found.institutions_elsewhere)
    return CareAsked(regions, frozenset(found.person_ids), visit_ids)


def read_elsewhere(
    connection: sa.Connection,
    working_set: WorkingSet,
    wanted: Wanted,
    cache: ReferenceCache,
    expected: tuple[CareAsked, Sequence[list[Row]]],
) -> None:
    """Keeps where persons are treated elsewhere, and their registrations.

    `expected` is what was read along with the rest; what it lacks has a trip of its own. The epoch
    of each other region is read under the persons' locks, as the own one is.
    """
    # An agency names no institution: that of a visit elsewhere treats.
    treating = {
        *wanted.needs.treating_institution_ids,
        *(each.institution_id for each in working_set.visits.values() if each.elsewhere),
    }
    today = shanghai_day(working_set.now)
    places = {
        institution_id: place
        for institution_id in treating
        if (place := working_set.reference.place_of(institution_id, today=today)) is not None
        and place != working_set.region
    }
    visits = [each for each in working_set.visits.values() if each.elsewhere is not None]
    visitors = {each.person_id for each in visits}
    if not (places or visitors):
        return
    person_ids = visitors | set(wanted.holders.values())
    person_ids |= {working_set.holder_of(each) for each in visitors}
    needed = CareAsked(
        frozenset(places.values()),
        frozenset(person_ids),
        frozenset(each.visit_id for each in visits),
    )
    asked, rows = expected
    if not asked.has(needed):
        asked, rows = needed, execute(connection, needed.selects(working_set.region))
    *epochs, places_read, registered, deemed = rows
    references = {
        region: cache.view(connection, region, (), epoch=found[0][0] if found else 0)
        for region, found in zip(sorted(asked.regions), epochs, strict=True)
    }
    state = working_set.elsewhere
    state.places = {each: (place, references[place]) for each, place in places.items()}
    for row in registered:
        each = registered_from(row)
        state.registered.setdefault(each.person_id, []).append(each)
    state.deemed_ids = _told_of(deemed)
    state.news_time = _read_time(places_read)


def _select_known(
    region: str, person_ids: Collection[str], visit_ids: Collection[str]
) -> tuple[Select, Select, Select]:
    """Returns the look-ups of the news, of the registrations of persons, and of emergencies."""
    deemed = ("visit_id", "registration_id")
    return (
        # First: what the feed tells between the look-ups makes nothing that is older look new.
        Select(offsite_feed_position, ("read_time",), region, "region", (region,)),
        Select(registered_care, _REGISTERED, region, "person_id", tuple(person_ids)),
        Select(deemed_registration, deemed, region, "visit_id", tuple(visit_ids)),
    )


def _told_of(deemed: Iterable[Row]) -> dict[str, str]:
    """Returns the emergencies that offsite was told of, by visit."""
    return {visit_id: registration_id for visit_id, registration_id in deemed if registration_id}


def _read_time(places_read: list[Row]) -> dt.datetime | None:
    return places_read[0][0] if places_read else None


def find_known(
    connection: sa.Connection,
    region: str,
    visit_id: str,
    person_ids: Collection[str],
    now: Callable[[], dt.datetime],
) -> KnownCare:
    """Returns what is known for a visit of a person, under all records that were merged."""
    selects = _select_known(region, sorted(person_ids), (visit_id,))
    places_read, registered, deemed = execute(connection, selects)
    return KnownCare.as_of(
        now(),
        [registered_from(row) for row in registered],
        _told_of(deemed).get(visit_id),
        _read_time(places_read),
    )


def find_audit_holds(connection: sa.Connection, region: str, visit_id: str) -> list[AuditHold]:
    """Returns the holds of a visit that stand."""
    select = Select(audit_hold, _HOLD, region, "visit_id", (visit_id,))
    (rows,) = execute(connection, [select])
    return [hold for hold in map(AuditHold._make, rows) if not hold.is_lifted]


def write_elsewhere(working_set: WorkingSet) -> Iterable[Statement]:
    """Writes emergencies that count as registered, and what attestations told of first."""
    state, region = working_set.elsewhere, working_set.region
    if state.deemed:
        yield Insert(
            deemed_registration,
            ("region", *DeemedRegistration._fields),
            [(region, *each) for each in state.deemed],
            skip_existing=True,
        )
    if state.attested:
        yield _attested(region, state.attested)


def _attested(region: str, told: Collection[RegisteredCare]) -> Statement:
    """Inserts what attestations told first: never over what the feed told meanwhile."""
    keys = ("region", "person_id", "registration_id")
    values = tuple(name for name in _REGISTERED if name not in keys)
    rows = [
        (
            *(region, each.person_id, each.registration_id),
            *(each.category, each.treatment_region, each.terms),
            _encode([int(benefit) for benefit in each.benefits]).decode(),
            *(each.start_date, each.end_date, each.is_void, each.origin, each.version),
            _ATTESTED,
        )
        for each in told
    ]
    return Insert(registered_care, (*keys, *values, "reading"), rows, skip_existing=True)
