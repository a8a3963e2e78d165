"""Rules of a region as rows; what they say is read from their files once a version."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_offsite.application.region_rules import RulesPlace
from yibao_offsite.files.region_rules import known_rules
from yibao_offsite.rules.region_rules import RegionRules, StoredRules
from yibao_offsite.storage import tables

_COLUMN = tables.region_rules.c
_TOLD = (
    _COLUMN.region,
    _COLUMN.rules_version,
    _COLUMN.effective_date,
    _COLUMN.contents,
    _COLUMN.maker,
    _COLUMN.submit_time,
    _COLUMN.checker,
    _COLUMN.approve_time,
)


class StoredRegionRules:
    """See `application.region_rules.RegionRulesRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def in_force(self, day: dt.date) -> RegionRules | None:
        """Returns what the rules in force on a day say, as known now, or None."""
        found = self.find_in_force(day, known_time=None)
        return None if found is None else known_rules(found.contents)

    def find_in_force(self, day: dt.date, *, known_time: dt.datetime | None) -> StoredRules | None:
        """Returns the rules in force on a day, as known at a time, or None."""
        at = _COLUMN.approve_time
        query = (
            sa.select(*_TOLD)
            .where(
                _COLUMN.region == self._region,
                _COLUMN.effective_date <= day,
                at.is_not(None) if known_time is None else at <= known_time,
            )
            .order_by(_COLUMN.effective_date.desc(), _COLUMN.approve_time.desc())
            .limit(1)
        )
        return self._one(query)

    def find(self, rules_version: str) -> StoredRules | None:
        """Returns rules, whatever their state, or None."""
        return self._one(self._named(rules_version))

    def lock(self, rules_version: str) -> StoredRules | None:
        """Locks rules until the transaction ends and returns them, or None."""
        return self._one(self._named(rules_version).with_for_update())

    def page(self, *, after: RulesPlace | None, limit: int) -> list[StoredRules]:
        """Returns at most `limit` rules, those that begin last first."""
        place = (_COLUMN.effective_date, _COLUMN.rules_version)
        query = sa.select(*_TOLD).where(_COLUMN.region == self._region)
        if after is not None:
            reached = [
                sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
            ]
            query = query.where(sa.tuple_(*place) < sa.tuple_(*reached))
        query = query.order_by(*(column.desc() for column in place)).limit(limit)
        return [StoredRules(*row) for row in self._connection.execute(query)]

    def insert(self, rules: StoredRules) -> None:
        """Stores a draft."""
        columns = tuple(column.name for column in _TOLD)
        row = tuple(getattr(rules, name) for name in columns)
        insert_rows(self._connection, tables.region_rules, columns, [row])

    def last_approve_time(self) -> dt.datetime | None:
        """Returns when rules of the region were approved last, None before the first."""
        query = sa.select(sa.func.max(_COLUMN.approve_time)).where(_COLUMN.region == self._region)
        last: dt.datetime | None = self._connection.execute(query).scalar_one()
        return last

    def approve(self, rules: StoredRules) -> None:
        """Stores who approved rules that were locked, and when."""
        changed = self._connection.execute(
            sa.update(tables.region_rules)
            .where(
                _COLUMN.region == self._region,
                _COLUMN.rules_version == rules.rules_version,
                _COLUMN.approve_time.is_(None),
            )
            .values(checker=rules.checker, approve_time=rules.approve_time)
        )
        assert changed.rowcount == 1, rules.rules_version

    def _named(self, rules_version: str) -> sa.Select[Any]:
        return sa.select(*_TOLD).where(
            _COLUMN.region == self._region, _COLUMN.rules_version == rules_version
        )

    def _one(self, query: sa.Select[Any]) -> StoredRules | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else StoredRules(*row)
