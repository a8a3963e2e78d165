"""Enrolment periods as rows: what stands, and what is history."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows, select_rows, update_rows
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.storage import tables

_COLUMNS = (
    "person_id",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "status",
    "start_date",
    "end_date",
    "employer_code",
    "is_premium_required",
    "premium_receive_date",
    "enrolment_id",
    "record_time",
    "recorded_by",
    "replace_time",
    "payment_reference",
    "tier",
    "insured_months_before",
    "months_owing",
    "years_unclaimed",
)

_enrolment = tables.enrolment.c


class StoredEnrolments:
    """See `application.enrolment.EnrolmentRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def standing(self, person_ids: Collection[str]) -> Mapping[str, list[Enrolment]]:
        """Returns the periods that stand of each of `person_ids` (none twice), in any order."""
        found: dict[str, list[Enrolment]] = {person_id: [] for person_id in person_ids}
        rows = select_rows(
            self._connection,
            tables.enrolment,
            _COLUMNS,
            region=self._region,
            key="person_id",
            among=person_ids,
            null="replace_time",
        )
        for person_id, *values in rows:
            found[person_id].append(_enrolment_from(values))
        return found

    def history(self, person_id: str) -> list[Enrolment]:
        """Returns every period that was ever recorded, in the order of recording."""
        query = (
            sa.select(*(_enrolment[name] for name in _COLUMNS))
            .where(_enrolment.region == self._region, _enrolment.person_id == person_id)
            .order_by(_enrolment.record_time, _enrolment.start_date, _enrolment.enrolment_id)
        )
        return [_enrolment_from(row[1:]) for row in self._connection.execute(query)]

    def insert(self, person_id: str, enrolment: Enrolment, *, explanation: str) -> None:
        """Stores a new period, which has its id, time and recorder."""
        assert enrolment.enrolment_id
        assert enrolment.record_time is not None
        values = (
            person_id,
            enrolment.insurance_type,
            enrolment.person_class,
            ",".join(enrolment.entitlement_groups),
            enrolment.status.value,
            enrolment.start_date,
            enrolment.end_date,
            enrolment.employer_code,
            enrolment.is_premium_required,
            enrolment.premium_receive_date,
            enrolment.enrolment_id,
            enrolment.record_time,
            enrolment.recorded_by,
            None,
            enrolment.payment_reference,
            enrolment.tier,
            enrolment.insured_months_before,
            enrolment.months_owing,
            enrolment.years_unclaimed,
        )
        columns = ("region", *_COLUMNS, "explanation")
        row = (self._region, *values, explanation)
        insert_rows(self._connection, tables.enrolment, columns, [row])

    def replace(self, enrolment_ids: Sequence[str], *, at: dt.datetime) -> None:
        """Notes that periods no longer stand; they stay as history."""
        update_rows(
            self._connection,
            tables.enrolment,
            keys=("region", "enrolment_id"),
            values=("replace_time",),
            rows=[(self._region, enrolment_id, at) for enrolment_id in enrolment_ids],
        )

    def set_premium(
        self, enrolment_id: str, *, receive_date: dt.date, payment_reference: str
    ) -> None:
        """Notes when the premium of a period was received."""
        changed = self._connection.execute(
            sa.update(tables.enrolment)
            .where(_enrolment.region == self._region, _enrolment.enrolment_id == enrolment_id)
            .values(premium_receive_date=receive_date, payment_reference=payment_reference)
        )
        assert changed.rowcount == 1


def _enrolment_from(values: Sequence[Any]) -> Enrolment:
    insurance_type, person_class, groups, status, *rest = values
    return Enrolment(
        insurance_type,
        person_class,
        tuple(groups.split(",")) if groups else (),
        EnrolmentStatus(status),
        *rest,
    )
