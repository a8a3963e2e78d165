"""The feed of a region: which registrations and holds changed, in one line without gaps.

What stands of each is kept as it was told last, and read when the feed is read: so a reader
that reads it anew is never told of something that was over.
"""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.commands.feed import FeedHead
from yibao_common.db import feed
from yibao_common.db.feed import StoredHead
from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute, select_rows
from yibao_common.values.ids import new_id
from yibao_offsite.application.feed import FeedEntry
from yibao_offsite.rules.feed import AuditHold, RegisteredCare
from yibao_offsite.storage import tables

_change = tables.feed_change.c
_CARE = (
    *("person_id", "category", "treatment_region", "terms", "benefits"),
    *("start_date", "end_date", "is_void", "origin", "version"),
)
_HOLD = ("person_id", "visit_id", "task_id", "is_lifted", "attestation", "version")
# Tables of what was told last, their keys and the rest.
_TOLD_CARE = (tables.told_registration, "registration_id", _CARE)
_TOLD_HOLD = (tables.told_hold, "hold_id", _HOLD)
_encode = msgspec.json.Encoder().encode
_benefits = msgspec.json.Decoder(tuple[int, ...]).decode


class StoredFeed:
    """See `application.feed.FeedRows`; the connection has to read one snapshot."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._head = StoredHead(connection, tables.feed_head, region)

    def head(self) -> FeedHead | None:
        """Returns the end of the feed, or None where the region has none yet."""
        return self._head.find()

    def begin(self) -> None:
        """Begins the feed of the region, unless there is one."""
        self._head.begin()

    def mark(self, sequence: int) -> str:
        """Returns what tells the change of this number from any other one; empty for none."""
        query = sa.select(_change.mark).where(
            _change.region == self._region, _change.sequence == sequence
        )
        return self._connection.execute(query).scalar_one_or_none() or ""

    def after(self, sequence: int, *, limit: int) -> list[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        query = (
            sa.select(_change.sequence, _change.registration_id, _change.hold_id)
            .where(_change.region == self._region, _change.sequence > sequence)
            .order_by(_change.sequence)
            .limit(limit)
        )
        return [FeedEntry(*row) for row in self._connection.execute(query)]

    def registrations(self, registration_ids: Collection[str]) -> dict[str, RegisteredCare]:
        """Returns what was told last of registrations, by their ids."""
        table, key = tables.told_registration, "registration_id"
        rows = self._of(table, key, _CARE, registration_ids)
        return {row[0]: _care_from(row) for row in rows}

    def holds(self, hold_ids: Collection[str]) -> dict[str, AuditHold]:
        """Returns what was told last of holds, by their ids."""
        rows = self._of(tables.told_hold, "hold_id", _HOLD, hold_ids)
        return {row[0]: _hold_from(row) for row in rows}

    def _of(
        self, table: sa.Table, key: str, columns: tuple[str, ...], among: Collection[str]
    ) -> list[Row]:
        return select_rows(
            self._connection,
            table,
            (key, *columns),
            region=self._region,
            key=key,
            among=among,
        )


def renew_epochs(connection: sa.Connection) -> list[str]:
    """Gives the feed of every region a new epoch, so that settlement reads it anew.

    Returns the regions, sorted.
    """
    return feed.renew_epochs(connection, tables.feed_head)


def tell(
    connection: sa.Connection,
    region: str,
    registrations: Sequence[RegisteredCare],
    holds: Sequence[AuditHold],
) -> list[Statement]:
    """Returns what tells settlement of registrations and holds, of which none is there twice.

    Call it once in a transaction, after everything else but the audit was written: the end of
    the feed is locked when it returns.
    """
    if not registrations and not holds:
        return []
    subjects = [
        *((each.registration_id, None) for each in registrations),
        *((None, each.hold_id) for each in holds),
    ]
    last = StoredHead(connection, tables.feed_head, region).take_sequences(len(subjects))
    changes = [
        (region, sequence, *subject, new_id().replace("-", ""))
        for sequence, subject in enumerate(subjects, start=last - len(subjects) + 1)
    ]
    columns = ("region", "sequence", "registration_id", "hold_id", "mark")
    care = [(region, each.registration_id, *_care_row(each)) for each in registrations]
    held = [(region, each.hold_id, *_hold_row(each)) for each in holds]
    # What is new was never told.
    before = (
        [each.registration_id for each in registrations if each.version > 1],
        [each.hold_id for each in holds if each.version > 1],
    )
    told = execute(
        connection,
        [
            Select(table, (key,), region, key, ids)
            for (table, key, _), ids in zip((_TOLD_CARE, _TOLD_HOLD), before, strict=True)
        ],
    )
    return [
        Insert(tables.feed_change, columns, changes),
        *_replacing(_TOLD_CARE, care, told[0]),
        *_replacing(_TOLD_HOLD, held, told[1]),
    ]


def _replacing(
    kept: tuple[sa.Table, str, tuple[str, ...]], rows: Sequence[Row], told: Sequence[Row]
) -> list[Statement]:
    """Returns what stores rows by their key, the second value, of which some were told before.

    The head's lock keeps others from them.
    """
    (table, key, values), stored = kept, {row[0] for row in told}
    return [
        Insert(table, ("region", key, *values), [row for row in rows if row[1] not in stored]),
        Update(table, ("region", key), values, [row for row in rows if row[1] in stored]),
    ]


def _care_row(told: RegisteredCare) -> Row:
    return (
        *(told.person_id, told.category, told.treatment_region, told.terms),
        *(_encode(told.benefits).decode(), told.start_date, told.end_date),
        *(told.is_void, told.origin, told.version),
    )


def _hold_row(told: AuditHold) -> Row:
    own = (told.person_id, told.visit_id, told.task_id, told.is_lifted)
    return (*own, told.attestation, told.version)


def _care_from(row: Row) -> RegisteredCare:
    registration_id, person_id, category, place, terms, benefits, *rest = row
    return RegisteredCare(
        registration_id, person_id, category, place, terms, _benefits(benefits), *rest
    )


def _hold_from(row: Row) -> AuditHold:
    hold_id, person_id, visit_id, task_id, is_lifted, attestation, version = row
    return AuditHold(hold_id, person_id, visit_id, task_id, is_lifted, bytes(attestation), version)
