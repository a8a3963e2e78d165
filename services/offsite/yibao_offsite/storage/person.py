"""Persons as identity told of them, as rows."""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.db.feed import StoredPosition
from yibao_common.db.rows import Insert, Row, Select, Update, execute, select_rows
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.storage import tables

_TOLD = ("birth_date", "death_date", "merged_into", "periods", "person_name_masked")
_known = tables.known_person.c
_encode = msgspec.json.Encoder().encode
_periods = msgspec.json.Decoder(tuple[Period, ...]).decode


class StoredPersons:
    """See `application.person.PersonRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._position = StoredPosition(connection, tables.person_feed_position, region)

    def is_followed(self) -> bool:
        """Tells whether the persons of the region are followed."""
        return self._position.is_kept()

    def find(self, person_id: str) -> KnownPerson | None:
        """Returns what is known of a person, or None."""
        return self.find_many([person_id]).get(person_id)

    def find_many(self, person_ids: Collection[str]) -> dict[str, KnownPerson]:
        """Returns what is known of persons by their ids; who is not known is left out."""
        columns = ("person_id", *_TOLD)
        rows = self._among(tables.known_person, columns, person_ids)
        return {row[0]: _person_from(row) for row in rows}

    def records_of(self, person_id: str) -> list[str]:
        """Returns a record and then all others that merges made the same person's."""
        found = [person_id]
        # From record to record, up and down: merges make a tree, so this ends.
        for each in found:
            found += [other for other in self._merged_with(each) if other not in found]
        return [person_id, *sorted(found[1:])]

    def with_merged(self, person_ids: Collection[str]) -> set[str]:
        """Returns which of some records others were merged into, by one statement."""
        rows = select_rows(
            self._connection,
            tables.known_person,
            ("merged_into",),
            region=self._region,
            key="merged_into",
            among=sorted(person_ids),
        )
        return {person_id for (person_id,) in rows}

    def lock(self, person_id: str) -> KnownPerson | None:
        """Locks a person's row, made where it is missing, and what is known of the person."""
        return self._lock([person_id]).get(person_id)

    def lock_known(self, person_ids: Collection[str]) -> dict[str, KnownPerson] | None:
        """Locks persons and returns who is known; None where persons are not followed."""
        region, ids = self._region, sorted(person_ids)
        position, found = execute(
            self._connection,
            [
                Select(tables.person_feed_position, ("read_time",), region, "region", (region,)),
                Select(tables.known_person, ("person_id",), region, "person_id", ids),
            ],
        )
        if not position or position[0][0] is None:
            self._lock(ids)
            return None
        return self._lock(sorted(person_id for (person_id,) in found))

    def _lock(self, ids: Sequence[str]) -> dict[str, KnownPerson]:
        """Locks the rows of persons, made where they are missing; returns who is known."""
        # In one trip: every registration waits for it. The last of them is what the feed waits
        # for who was locked by nobody before.
        *_, found = execute(
            self._connection,
            [
                Insert(
                    tables.person,
                    ("region", "person_id"),
                    [(self._region, each) for each in ids],
                    skip_existing=True,
                ),
                self._locking(tables.person, ("person_id",), ids),
                self._locking(tables.known_person, ("person_id", *_TOLD), ids),
            ],
        )
        return {row[0]: _person_from(row) for row in found}

    def lock_concerned(self, person_ids: Collection[str]) -> list[str]:
        """Locks those of the persons who have a row; returns their ids in their order."""
        rows = self._among(tables.person, ("person_id",), person_ids, for_update=True)
        return [person_id for (person_id,) in rows]

    def replace(self, persons: Sequence[KnownPerson], *, reading: int) -> None:
        """Puts what was told of persons in the place of what was known."""
        in_order = sorted(persons, key=lambda each: each.person_id)
        ids = [each.person_id for each in in_order]
        # Updated and not put anew: whoever waits for the row finds it afterwards.
        rows = self._among(tables.known_person, ("person_id",), ids, for_update=True)
        stored = {person_id for (person_id,) in rows}
        values, key = (*_TOLD, "reading"), ("region", "person_id")
        told = [(self._region, each.person_id, *_told_row(each), reading) for each in in_order]
        execute(
            self._connection,
            [
                Insert(
                    tables.known_person,
                    (*key, *values),
                    [row for row in told if row[1] not in stored],
                ),
                Update(tables.known_person, key, values, [row for row in told if row[1] in stored]),
            ],
        )

    def forget(self, *, before_reading: int) -> int:
        """Forgets who was last told of before a reading of the feed; returns how many."""
        forgotten = self._connection.execute(
            sa.delete(tables.known_person).where(
                _known.region == self._region, _known.reading < before_reading
            )
        )
        return forgotten.rowcount

    def _merged_with(self, person_id: str) -> list[str]:
        """Returns the records that one was merged into, or that were merged into it."""
        of_region = _known.region == self._region
        up = sa.select(_known.merged_into).where(
            of_region, _known.person_id == person_id, _known.merged_into.is_not(None)
        )
        down = sa.select(_known.person_id).where(of_region, _known.merged_into == person_id)
        return [each for (each,) in self._connection.execute(up.union_all(down))]

    def _locking(self, table: sa.Table, columns: tuple[str, ...], ids: Sequence[str]) -> Select:
        return Select(
            table,
            columns,
            self._region,
            "person_id",
            ids,
            order_by=("person_id",),
            for_update=True,
        )

    def _among(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        person_ids: Collection[str],
        *,
        for_update: bool = False,
    ) -> list[Row]:
        return select_rows(
            self._connection,
            table,
            columns,
            region=self._region,
            key="person_id",
            among=sorted(person_ids),
            order_by=("person_id",) if for_update else (),
            for_update=for_update,
        )


def _told_row(person: KnownPerson) -> Row:
    periods = _encode(person.periods).decode()
    own = (person.birth_date, person.death_date, person.merged_into)
    return (*own, periods, person.person_name_masked)


def _person_from(row: Row) -> KnownPerson:
    person_id, birth_date, death_date, merged_into, periods, name = row
    return KnownPerson(person_id, birth_date, death_date, merged_into, _periods(periods), name)
