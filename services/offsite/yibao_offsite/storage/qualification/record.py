"""Qualifications as rows."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_offsite.application.qualification.rows import Wanted
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    EventKind,
    HandedPaper,
    Qualification,
    QualificationEvent,
    QualificationState,
)
from yibao_offsite.storage import tables

_TABLES = tables.chronic
_COLUMN = _TABLES.qualification.c
_LISTS = ("treating_institution_ids", "missing_paper_codes")
_COLUMNS = tuple(each.name for each in _TABLES.qualification.columns if each.name != "region")
_CHANGING = (
    *("missing_paper_codes", "state", "end_date", "last_maker", "checker", "decide_time"),
    *("explanation", "carry_state", "carry_problem", "disease_registration_id"),
)
_encode = msgspec.json.Encoder().encode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


class StoredQualifications:
    """Finds, locks and writes qualifications, their papers and events."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, qualification_id: str) -> Qualification | None:
        """Returns a qualification, or None."""
        return self._one(self._query().where(_COLUMN.qualification_id == qualification_id))

    def lock(self, qualification_id: str) -> Qualification | None:
        """Locks a qualification and returns it, or None."""
        named = self._query().where(_COLUMN.qualification_id == qualification_id)
        return self._one(named.with_for_update())

    def of_persons(self, person_ids: Collection[str]) -> list[Qualification]:
        """Returns every qualification of some records."""
        return self._many(self._query().where(_COLUMN.person_id.in_(person_ids)))

    def page(self, wanted: Wanted, *, after: str | None, limit: int) -> list[Qualification]:
        """Returns at most `limit` qualifications, the one applied for first at the head."""
        query = self._query().where(*_conditions(wanted))
        if after is not None:
            query = query.where(_COLUMN.qualification_id > after)
        return self._many(query.limit(limit))

    def insert(self, qualification: Qualification) -> None:
        """Stores a new qualification with its papers."""
        values = {name: _value(qualification, name) for name in _COLUMNS}
        statement = sa.insert(_TABLES.qualification).values(region=self._region, **values)
        self._connection.execute(statement)
        self.add_papers(
            qualification.qualification_id,
            qualification.papers,
            at=qualification.apply_time,
            by=qualification.maker,
        )

    def update(self, qualification: Qualification) -> None:
        """Stores what a locked qualification became."""
        changed = self._connection.execute(
            sa.update(_TABLES.qualification)
            .where(
                _COLUMN.region == self._region,
                _COLUMN.qualification_id == qualification.qualification_id,
            )
            .values({name: _value(qualification, name) for name in _CHANGING})
        )
        assert changed.rowcount == 1

    def add_papers(
        self, qualification_id: str, papers: Sequence[HandedPaper], *, at: dt.datetime, by: str
    ) -> None:
        """Adds papers that were handed in."""
        first = self._next_sequence(_TABLES.paper, qualification_id)
        columns = ("region", "qualification_id", "sequence", "paper_code", "sha256")
        rows = [
            (self._region, qualification_id, number, each.paper_code, each.sha256, at, by)
            for number, each in enumerate(papers, first)
        ]
        names = (*columns, "hand_in_time", "handed_in_by")
        insert_rows(self._connection, _TABLES.paper, names, rows)

    def add_event(self, qualification_id: str, event: QualificationEvent) -> None:
        """Adds what happened."""
        self._connection.execute(
            sa.insert(_TABLES.event).values(
                region=self._region,
                qualification_id=qualification_id,
                sequence=self._next_sequence(_TABLES.event, qualification_id),
                kind=int(event.kind),
                event_time=event.event_time,
                actor=event.actor,
                explanation=event.explanation,
            )
        )

    def events(self, qualification_id: str) -> list[QualificationEvent]:
        """Returns what happened, the first thing first."""
        event = _TABLES.event.c
        query = (
            sa.select(event.kind, event.event_time, event.actor, event.explanation)
            .where(event.region == self._region, event.qualification_id == qualification_id)
            .order_by(event.sequence)
        )
        return [_event_from(tuple(row)) for row in self._connection.execute(query)]

    def count_refused(self) -> int:
        """Counts the qualifications that identity refused."""
        query = sa.select(sa.func.count()).where(
            _COLUMN.region == self._region, _COLUMN.carry_state == int(CarryState.REFUSED)
        )
        return self._connection.execute(query).scalar_one()

    def _query(self) -> sa.Select[Any]:
        query = sa.select(*(_COLUMN[name] for name in _COLUMNS))
        return query.where(_COLUMN.region == self._region).order_by(_COLUMN.qualification_id)

    def _one(self, query: sa.Select[Any]) -> Qualification | None:
        found = self._many(query)
        return found[0] if found else None

    def _many(self, query: sa.Select[Any]) -> list[Qualification]:
        rows = [dict(row) for row in self._connection.execute(query).mappings()]
        papers = self._papers([row["qualification_id"] for row in rows])
        return [
            _qualification_from(self._region, row, papers[row["qualification_id"]]) for row in rows
        ]

    def _papers(self, qualification_ids: list[str]) -> dict[str, dict[str, HandedPaper]]:
        found: dict[str, dict[str, HandedPaper]] = {each: {} for each in qualification_ids}
        rows = select_rows(
            self._connection,
            _TABLES.paper,
            ("qualification_id", "sequence", "paper_code", "sha256"),
            region=self._region,
            key="qualification_id",
            among=qualification_ids,
            order_by=("qualification_id", "sequence"),
        )
        for qualification_id, _, paper_code, sha256 in rows:
            found[qualification_id][paper_code] = HandedPaper(paper_code, sha256)
        return found

    def _next_sequence(self, table: sa.Table, qualification_id: str) -> int:
        """Returns the next number; whoever adds has locked the qualification, or it is new."""
        query = sa.select(sa.func.coalesce(sa.func.max(table.c.sequence), 0)).where(
            table.c.region == self._region, table.c.qualification_id == qualification_id
        )
        return int(self._connection.execute(query).scalar_one()) + 1


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.person_ids:
        found.append(_COLUMN.person_id.in_(wanted.person_ids))
    if wanted.disease_code:
        found.append(_COLUMN.disease_code == wanted.disease_code)
    if wanted.institution_id:
        found.append(_COLUMN.institution_id == wanted.institution_id)
    if wanted.state is not None:
        found.append(_COLUMN.state == int(wanted.state))
    if wanted.carry_state is not None:
        found.append(_COLUMN.carry_state == int(wanted.carry_state))
    if wanted.first_end_date is not None:
        found.append(_COLUMN.end_date >= wanted.first_end_date)
    if wanted.latest_end_date is not None:
        found.append(_COLUMN.end_date <= wanted.latest_end_date)
    return found


def _value(qualification: Qualification, name: str) -> Any:
    value = getattr(qualification, name)
    if name in _LISTS:
        return _encode(value).decode()
    if name == "renewed_qualification_id":
        return value or None
    return int(value) if isinstance(value, QualificationState | CarryState) else value


def _qualification_from(
    region: str, row: dict[str, Any], papers: dict[str, HandedPaper]
) -> Qualification:
    told: dict[str, Any] = {name: _texts(row.pop(name)) for name in _LISTS}
    return Qualification(
        region=region,
        papers=tuple(papers.values()),
        state=QualificationState(row.pop("state")),
        carry_state=CarryState(row.pop("carry_state")),
        renewed_qualification_id=row.pop("renewed_qualification_id") or "",
        **told,
        **row,
    )


def _event_from(row: Row) -> QualificationEvent:
    kind, *told = row
    return QualificationEvent(EventKind(kind), *told)
