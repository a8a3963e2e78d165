"""Visits as stored."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Statement, Update, execute, select_rows
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.visit.listing import VisitPlace, VisitWish
from yibao_settlement.rules.care_facts import NO_FACTS, CareFacts, Diagnosis, Operation
from yibao_settlement.rules.elsewhere.marks import NO_MARKS, CareMarks
from yibao_settlement.rules.elsewhere.terms import Elsewhere
from yibao_settlement.rules.finding import SeenVisit
from yibao_settlement.rules.visit import DischargeWay, Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.enrolment import groups_from
from yibao_settlement.storage.merge import one_person

VISIT_COLUMNS = (
    *("visit_id", "person_id", "institution_id", "provider_visit_number", "care_type"),
    *("start_date", "birth_date", "insurance_type", "person_class", "entitlement_groups"),
    *("institution_level", "register_time", "cancel_time", "cancelled_by"),
    *("end_date", "discharge_way", "transfer_from_visit_id", "stay_id"),
    *("place_region", "offsite_terms", "registration_id", "care_marks"),
    *("department", "bed", "disease_code", "diagnoses", "operations"),
)
# What is told later than a visit is registered.
_CHANGING = (
    *("cancel_time", "cancelled_by", "end_date", "discharge_way", "department", "bed"),
    *("disease_code", "diagnoses", "operations", "undischarged_person_id", "care_marks"),
)

_encode = msgspec.json.Encoder().encode
_diagnoses = msgspec.json.Decoder(tuple[Diagnosis, ...]).decode
_marks = msgspec.json.Decoder(CareMarks).decode
_operations = msgspec.json.Decoder(tuple[Operation, ...]).decode


def visit_from(row: Row) -> Visit:
    """Returns the visit in a row of VISIT_COLUMNS."""
    # By position, because one is read for every bill.
    visit_id, person_id, institution_id, number, care_type, start_date, *rest = row
    birth_date, insurance_type, person_class, groups, level, register_time, *later = rest
    cancel_time, cancelled_by, end_date, way, former_id, stay_id, *last = later
    place_region, terms, registration_id, marks, *told = last
    return Visit(
        visit_id,
        person_id,
        institution_id,
        number,
        care_type,
        start_date,
        birth_date,
        insurance_type,
        person_class,
        groups_from(groups),
        level,
        register_time,
        cancel_time,
        cancelled_by,
        _facts_from(*told) if any(told) else NO_FACTS,
        end_date,
        None if way is None else DischargeWay(way),
        former_id,
        stay_id,
        NO_MARKS if marks is None else _marks(marks),
        None if place_region is None else Elsewhere(place_region, terms or "", registration_id),
    )


def _facts_from(
    department: str | None,
    bed: str | None,
    disease_code: str | None,
    diagnoses: str | None,
    operations: str | None,
) -> CareFacts:
    return CareFacts(
        department or "",
        bed or "",
        _diagnoses(diagnoses) if diagnoses else (),
        _operations(operations) if operations else (),
        disease_code or "",
    )


def visit_row(visit: Visit) -> Row:
    """Returns a row of VISIT_COLUMNS."""
    return (
        visit.visit_id,
        visit.person_id,
        visit.institution_id,
        visit.provider_visit_number,
        visit.care_type,
        visit.start_date,
        visit.birth_date,
        visit.insurance_type,
        visit.person_class,
        ",".join(visit.entitlement_groups),
        visit.institution_level,
        visit.register_time,
        visit.cancel_time,
        visit.cancelled_by,
        visit.end_date,
        None if visit.discharge_way is None else int(visit.discharge_way),
        visit.transfer_from_visit_id,
        visit.stay_id,
        *_elsewhere_row(visit.elsewhere),
        _encode(visit.marks).decode() if visit.marks != NO_MARKS else None,
        visit.facts.department or None,
        visit.facts.bed or None,
        visit.facts.disease_code or None,
        _encode(visit.facts.diagnoses).decode() if visit.facts.diagnoses else None,
        _encode(visit.facts.operations).decode() if visit.facts.operations else None,
    )


def _elsewhere_row(elsewhere: Elsewhere | None) -> Row:
    if elsewhere is None:
        return None, None, None
    return elsewhere.place_region, elsewhere.terms, elsewhere.registration_id


def read_visits(wanted: Wanted) -> tuple[Read, ...]:
    """Reads the visits that are named, and those that stand with a number that is.

    Also those of holds that are named, the undischarged stays of persons, and what continues a
    visit.
    """
    needs = wanted.needs
    named = {*needs.visit_ids, *wanted.held_visit_ids}
    return (
        Read(wanted.select(tables.visit, VISIT_COLUMNS, "visit_id", named), _keep_visits),
        Read(
            wanted.select(
                tables.visit,
                ("institution_id", "provider_visit_number", "visit_id"),
                "provider_visit_number",
                needs.visit_numbers,
                null="cancel_time",
            ),
            _keep_numbers,
        ),
        Read(
            wanted.select(
                tables.visit, VISIT_COLUMNS, "undischarged_person_id", wanted.stay_person_ids
            ),
            _keep_visits,
        ),
        Read(
            wanted.select(
                tables.visit,
                ("transfer_from_visit_id", "visit_id"),
                "transfer_from_visit_id",
                needs.stay_visit_ids,
                null="cancel_time",
            ),
            _keep_continuing,
        ),
    )


def read_seen_visits(wanted: Wanted) -> list[Read]:
    """Reads the visits in sight, which is a look-up of the person and the day."""
    return [
        Read(
            wanted.select(
                tables.visit,
                SeenVisit._fields,
                "person_id",
                person_ids,
                null="cancel_time",
                since=("start_date", since),
            ),
            _keep_seen,
        )
        for person_ids, since in wanted.sights
    ]


def read_merged(wanted: Wanted) -> Read:
    """Reads into which of the persons of bills other records were merged: into next to none."""
    persons = {person_id for person_ids, _ in wanted.sights for person_id in person_ids}

    def keep(working_set: WorkingSet, rows: list[Row]) -> None:
        working_set.have_merged.update(survivor_id for (survivor_id,) in rows)

    return Read(wanted.select(tables.person, ("merged_into",), "merged_into", persons), keep)


def see_merged_records(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Puts the visits of all records of a person in sight of bills of any of them.

    They are told under who stands in the records' place now.
    """
    for person_ids, since in wanted.sights:
        for person_id in person_ids:
            holder_id = working_set.survivors.get(person_id, person_id)
            if holder_id == person_id and person_id not in working_set.have_merged:
                continue
            select = wanted.select(
                tables.visit,
                SeenVisit._fields,
                "person_id",
                one_person(connection, working_set.region, person_id),
                null="cancel_time",
                since=("start_date", since),
            )
            (rows,) = execute(connection, [select])
            seen = {visit.visit_id: visit for visit in map(SeenVisit._make, rows)}
            working_set.seen_visits.setdefault(holder_id, {}).update(seen)


def write_visits(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the visits that were changed, then those registered, with a freed number too."""
    region = working_set.region
    yield Update(
        tables.visit,
        ("region", "visit_id"),
        _CHANGING,
        [
            (region, visit.visit_id, *_changing_row(visit))
            for visit in working_set.changes.changed_visits.values()
        ],
    )
    yield Insert(
        tables.visit,
        ("region", *VISIT_COLUMNS, "undischarged_person_id"),
        [
            (region, *visit_row(visit), _undischarged_person_id(visit))
            for visit in working_set.changes.visits
        ],
    )


def _changing_row(visit: Visit) -> Row:
    """Returns a row of _CHANGING."""
    values = dict(zip(VISIT_COLUMNS, visit_row(visit), strict=True))
    values["undischarged_person_id"] = _undischarged_person_id(visit)
    return tuple(values[name] for name in _CHANGING)


def _undischarged_person_id(visit: Visit) -> str | None:
    return visit.person_id if visit.is_undischarged_stay else None


def _keep_visits(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.visits.update((row[0], visit_from(row)) for row in rows)


def _keep_seen(working_set: WorkingSet, rows: list[Row]) -> None:
    for row in rows:
        visit = SeenVisit._make(row)
        working_set.seen_visits.setdefault(visit.person_id, {})[visit.visit_id] = visit


def _keep_numbers(working_set: WorkingSet, rows: list[Row]) -> None:
    for institution_id, number, visit_id in rows:
        working_set.visit_numbers[institution_id, number] = visit_id


def _keep_continuing(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.continued_by.update(rows)


def find_visit(connection: sa.Connection, region: str, visit_id: str) -> Visit | None:
    """Returns a visit, or None."""
    return _one(connection, region, tables.visit.c.visit_id == visit_id)


def find_numbered(
    connection: sa.Connection, region: str, institution_id: str, provider_visit_number: str
) -> Visit | None:
    """Returns an institution's visit of a number that was not cancelled, or None."""
    visit = tables.visit.c
    return _one(
        connection,
        region,
        visit.institution_id == institution_id,
        visit.provider_visit_number == provider_visit_number,
        visit.cancel_time.is_(None),
    )


def _one(
    connection: sa.Connection, region: str, *conditions: sa.ColumnElement[bool]
) -> Visit | None:
    columns = [tables.visit.c[name] for name in VISIT_COLUMNS]
    query = sa.select(*columns).where(tables.visit.c.region == region, *conditions)
    row = connection.execute(query).one_or_none()
    return None if row is None else visit_from(tuple(row))


def undischarged_stays(connection: sa.Connection, region: str, person_id: str) -> list[Visit]:
    """Returns a person's stays whose discharge was not told, by their first days.

    Also those of records that were merged into the person's: their bills are settled on.
    """
    rows = select_rows(
        connection,
        tables.visit,
        VISIT_COLUMNS,
        region=region,
        key="undischarged_person_id",
        among=one_person(connection, region, person_id),
        order_by=("start_date", "visit_id"),
    )
    return [visit_from(row) for row in rows]


def list_visits(
    connection: sa.Connection,
    region: str,
    wish: VisitWish,
    *,
    after: VisitPlace | None,
    limit: int,
) -> list[Visit]:
    """Returns at most `limit` visits of an institution, the one registered last first."""
    visit = tables.visit.c
    conditions = [visit.region == region, visit.institution_id == wish.institution_id]
    if wish.registered_since is not None:
        conditions.append(visit.register_time >= wish.registered_since)
    if wish.registered_before is not None:
        conditions.append(visit.register_time < wish.registered_before)
    if wish.person_id is not None:
        conditions.append(visit.person_id == wish.person_id)
    if wish.care_type is not None:
        conditions.append(visit.care_type == wish.care_type)
    if wish.is_cancelled is not None:
        is_standing = visit.cancel_time.is_(None)
        conditions.append(~is_standing if wish.is_cancelled else is_standing)
    if after is not None:
        place = (visit.register_time, visit.visit_id)
        reached = [
            sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
        ]
        conditions.append(sa.tuple_(*place) < sa.tuple_(*reached))
    query = (
        sa.select(*(visit[name] for name in VISIT_COLUMNS))
        .where(*conditions)
        .order_by(visit.register_time.desc(), visit.visit_id.desc())
        .limit(limit)
    )
    return [visit_from(tuple(row)) for row in connection.execute(query)]
