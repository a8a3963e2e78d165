"""Entries of status lists as rows, and what becomes of them when settlement is told something."""

import datetime as dt
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, Update, execute, insert_missing_rows, select_rows
from yibao_offsite.rules.attestation import Entry
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.storage import tables

_table = tables.attestation_entry
_KEY = ("region", "list_number", "status_index")
_FACTS = (
    *("list_number", "status_index", "registration_id", "stated_digest"),
    *("last_expire_time", "withdraw_date"),
)
_CARE = (
    *("registration_id", "person_id", "category", "treatment_region", "terms", "benefits"),
    *("start_date", "end_date", "is_void", "origin", "version"),
)
_benefits = msgspec.json.Decoder(tuple[int, ...]).decode


class StoredAttestations:
    """See `application.attestation.AttestationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def told(self, registration_id: str) -> RegisteredCare | None:
        """Returns what settlement was told of a registration last, or None."""
        rows = select_rows(
            self._connection,
            tables.told_registration,
            _CARE,
            region=self._region,
            key="registration_id",
            among=[registration_id],
        )
        return _care_from(rows[0]) if rows else None

    def entries(self, registration_id: str) -> list[Entry]:
        """Returns all entries that a registration ever had."""
        return _entries_of(self._connection, self._region, [registration_id])

    def newest_list(self) -> int:
        """Returns the number of the list that entries were taken from last, or 0."""
        query = sa.select(sa.func.max(_table.c.list_number)).where(_table.c.region == self._region)
        return self._connection.execute(query).scalar_one() or 0

    def take(self, entry: Entry, *, now: dt.datetime) -> bool:
        """Stores an entry; tells False where its place is taken."""
        row = (
            *(self._region, entry.list_number, entry.status_index, entry.registration_id),
            *(entry.stated_digest, entry.last_expire_time, entry.withdraw_date, now),
        )
        columns = ("region", *_FACTS, "take_time")
        return insert_missing_rows(self._connection, _table, columns, [row]) == 1

    def extend(self, entry: Entry) -> None:
        """Stores until when attestations of a stored entry are valid."""
        row = (*_key_of(self._region, entry), entry.last_expire_time)
        execute(self._connection, [Update(_table, _KEY, ("last_expire_time",), [row])])

    def set_entries(self, number: int, *, today: dt.date, now: dt.datetime) -> frozenset[int]:
        """Returns the entries of a list that are set and that a valid attestation may name."""
        query = sa.select(_table.c.status_index).where(
            _table.c.region == self._region,
            _table.c.list_number == number,
            _table.c.withdraw_date <= today,
            _table.c.last_expire_time > now,
        )
        return frozenset(self._connection.execute(query).scalars())


def withdraw_told(
    connection: sa.Connection, region: str, registrations: Sequence[RegisteredCare]
) -> None:
    """Takes back what attestations state otherwise than settlement is told from now on.

    Whoever tells it holds the lock of the person, without whom no entry is taken.
    """
    # Nothing attests yet what is new.
    told = {each.registration_id: each for each in registrations if each.version > 1}
    if not told:
        return
    found = _entries_of(connection, region, list(told))
    changed = [
        (*_key_of(region, each), standing.withdraw_date)
        for each in found
        if (standing := each.withdrawn_by(told[each.registration_id])) != each
    ]
    execute(connection, [Update(_table, _KEY, ("withdraw_date",), changed)])


def _entries_of(
    connection: sa.Connection, region: str, registration_ids: Sequence[str]
) -> list[Entry]:
    rows = select_rows(
        connection,
        _table,
        _FACTS,
        region=region,
        key="registration_id",
        among=registration_ids,
        order_by=("list_number", "status_index"),
    )
    return [Entry(*row) for row in rows]


def _key_of(region: str, entry: Entry) -> Row:
    return (region, entry.list_number, entry.status_index)


def _care_from(row: Row) -> RegisteredCare:
    care = dict(zip(_CARE, row, strict=True))
    return RegisteredCare(**{**care, "benefits": _benefits(care["benefits"])})
