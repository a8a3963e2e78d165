"""Complaints as rows."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_common.keys.vault import Vault
from yibao_offsite.application.audit_task.rows import Place
from yibao_offsite.application.complaint import ComplaintWish
from yibao_offsite.rules.complaint import Complaint, ComplaintState, ComplaintSubject, Told
from yibao_offsite.storage import tables
from yibao_offsite.storage.audit_task.texts import Texts

_table = tables.complaints.complaint
_count = tables.complaints.complaint_count


class StoredComplaints:
    """See `application.complaint.ComplaintRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection, and what texts are sealed with."""
        self._connection = connection
        self._region = region
        self._texts = Texts(vault, region)

    def find(self, complaint_id: str) -> Complaint | None:
        """Returns a complaint, or None."""
        return self._one(self._named(complaint_id=complaint_id))

    def lock(self, complaint_id: str) -> Complaint | None:
        """Locks a complaint and returns it, or None."""
        return self._one(self._named(complaint_id=complaint_id).with_for_update())

    def of_receipt(self, receipt_number: str) -> Complaint | None:
        """Returns the complaint of a receipt, or None."""
        return self._one(self._named(receipt_number=receipt_number))

    def insert(self, complaint: Complaint) -> None:
        """Stores a new complaint."""
        row = self._values(complaint)
        insert_rows(self._connection, _table, tuple(row), [tuple(row.values())])

    def update(self, complaint: Complaint) -> None:
        """Stores what became of a complaint; what was filed stays as it was."""
        row = self._values(complaint)
        names = ("state", "task_id", "answer", "answerer", "answer_time", "version")
        changed = self._connection.execute(
            sa.update(_table)
            .where(
                _table.c.region == self._region,
                _table.c.complaint_id == complaint.complaint_id,
            )
            .values({name: row[name] for name in names})
        )
        assert changed.rowcount == 1

    def count(self, day: dt.date, party: bytes) -> int:
        """Counts one more complaint of a party on a day; returns how many there were before."""
        in_region = _count.c.region == self._region
        self._connection.execute(sa.delete(_count).where(in_region, _count.c.day < day))
        columns, row = ("region", "day", "party", "count"), (self._region, day, party, 0)
        insert_rows(self._connection, _count, columns, [row], skip_existing=True)
        of_party = (in_region, _count.c.day == day, _count.c.party == party)
        query = sa.select(_count.c.count).where(*of_party).with_for_update()
        before: int = self._connection.execute(query).scalar_one()
        self._connection.execute(sa.update(_count).where(*of_party).values(count=before + 1))
        return before

    def page(self, wish: ComplaintWish, *, after: Place | None, limit: int) -> Sequence[Complaint]:
        """Returns at most `limit` complaints."""
        query = self._named()
        if wish.state is not None:
            query = query.where(_table.c.state == int(wish.state))
        if wish.due_until is not None:
            query = query.where(_table.c.due_date <= wish.due_until)
        if wish.institution_id is not None:
            query = query.where(_table.c.institution_id == wish.institution_id)
        place = (_table.c.due_date, _table.c.complaint_id)
        if after is not None:
            reached = [
                sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
            ]
            query = query.where(sa.tuple_(*place) > sa.tuple_(*reached))
        rows = self._connection.execute(query.order_by(*place).limit(limit))
        return [self._complaint_from(row) for row in rows]

    def _named(self, **values: str) -> sa.Select[Any]:
        conditions = [_table.c[name] == value for name, value in values.items()]
        return sa.select(_table).where(_table.c.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> Complaint | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._complaint_from(row)

    def _values(self, complaint: Complaint) -> dict[str, Any]:
        told = complaint.told
        texts = {"text": told.text, "contact": told.contact, "answer": complaint.answer}
        return {
            "region": complaint.region,
            "complaint_id": complaint.complaint_id,
            "receipt_number": complaint.receipt_number,
            "subject": int(told.subject),
            "state": int(complaint.state),
            "is_anonymous": told.is_anonymous,
            "institution_id": told.institution_id or None,
            "visit_id": told.visit_id or None,
            "filer": complaint.filer,
            "secret_digest": complaint.secret_digest,
            "file_time": complaint.file_time,
            "due_date": complaint.due_date,
            "task_id": complaint.task_id or None,
            "answerer": complaint.answerer,
            "answer_time": complaint.answer_time,
            "version": complaint.version,
            **{
                name: self._texts.write(text, place=_place(complaint.complaint_id, name))
                for name, text in texts.items()
            },
        }

    def _complaint_from(self, row: sa.Row[Any]) -> Complaint:
        text, contact, answer = (
            self._texts.read(bytes(getattr(row, name)), place=_place(row.complaint_id, name))
            for name in ("text", "contact", "answer")
        )
        told = Told(
            ComplaintSubject(row.subject),
            row.is_anonymous,
            row.institution_id or "",
            row.visit_id or "",
            text,
            contact,
        )
        return Complaint(
            row.region,
            row.complaint_id,
            row.receipt_number,
            told,
            row.filer,
            bytes(row.secret_digest),
            row.file_time,
            row.due_date,
            ComplaintState(row.state),
            row.task_id or "",
            answer,
            row.answerer,
            row.answer_time,
            row.version,
        )


def _place(complaint_id: str, name: str) -> str:
    return f"complaint/{complaint_id}/{name}"
