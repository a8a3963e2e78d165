"""Links between relatives as rows."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_identity.rules.relative import (
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    SharingTerms,
)
from yibao_identity.storage import tables

COLUMNS = tuple(field.name for field in dataclasses.fields(RelativeLink))

_STANDING = (LinkState.REQUESTED.value, LinkState.CONFIRMED.value)

_link = tables.relative_link.c


class StoredRelatives:
    """See `application.relative.RelativeRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, link_id: str) -> RelativeLink | None:
        """Returns a link, or None."""
        row = self._connection.execute(self._selected(_link.link_id == link_id)).one_or_none()
        return None if row is None else link_from(row)

    def lock(self, link_id: str) -> RelativeLink:
        """Locks a link that exists and returns it."""
        query = self._selected(_link.link_id == link_id).with_for_update()
        return link_from(self._connection.execute(query).one())

    def lock_among(self, link_ids: Sequence[str]) -> dict[str, RelativeLink]:
        """Locks those that exist, in the order of their ids, and returns them by these."""
        rows = select_rows(
            self._connection,
            tables.relative_link,
            COLUMNS,
            region=self._region,
            key="link_id",
            among=link_ids,
            for_update=True,
        )
        return {link.link_id: link for link in map(link_from, rows)}

    def asked_by(self, person_id: str, purpose: LinkPurpose) -> list[RelativeLink]:
        """Returns the links for a purpose that a person asked for and that stand."""
        query = self._selected(
            _link.person_id == person_id,
            _link.purpose == purpose.value,
            _link.state.in_(_STANDING),
        )
        return self._all(query)

    def standing(self, person_id: str) -> list[RelativeLink]:
        """Returns the links that stand and that a person takes part in, by their ids."""
        query = self._selected(_takes_part(person_id), _link.state.in_(_STANDING))
        return self._all(query.order_by(_link.link_id))

    def of_person(self, person_id: str, *, most: int) -> list[RelativeLink]:
        """Returns at most so many links of a person: standing ones first, then the newest."""
        is_ended = sa.case((_link.state.in_(_STANDING), 0), else_=1)
        query = (
            self._selected(_takes_part(person_id))
            .order_by(is_ended, _link.request_time.desc(), _link.link_id.desc())
            .limit(most)
        )
        return self._all(query)

    def insert(self, link: RelativeLink, *, requested_by: str) -> None:
        """Stores a new link."""
        values = dataclasses.asdict(link) | {
            "purpose": link.purpose.value,
            "relation": link.relation.value,
            "state": link.state.value,
            "requested_by": requested_by,
            "confirmed_by": "",
            "ended_by": "",
        }
        self._connection.execute(sa.insert(tables.relative_link).values(**values))

    def confirm(self, link: RelativeLink, *, confirmed_by: str) -> None:
        """Stores that a link is in force now."""
        terms = {
            field.name: getattr(link, field.name) for field in dataclasses.fields(SharingTerms)
        }
        self._change(link, confirm_time=link.confirm_time, confirmed_by=confirmed_by, **terms)

    def end(self, link: RelativeLink, *, ended_by: str) -> None:
        """Stores that a link has ended."""
        self._change(link, end_time=link.end_time, ended_by=ended_by)

    def _change(self, link: RelativeLink, **values: object) -> None:
        changed = self._connection.execute(
            sa.update(tables.relative_link)
            .where(_link.region == self._region, _link.link_id == link.link_id)
            .values(state=link.state.value, **values)
        )
        assert changed.rowcount == 1

    def _selected(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        columns = (_link[name] for name in COLUMNS)
        return sa.select(*columns).where(_link.region == self._region, *conditions)

    def _all(self, query: sa.Select[Any]) -> list[RelativeLink]:
        return [link_from(row) for row in self._connection.execute(query)]


def link_from(row: Sequence[Any]) -> RelativeLink:
    """Returns the link in a row of COLUMNS."""
    region, link_id, person_id, relative_id, purpose, relation, state, *times = row
    return RelativeLink(
        region,
        link_id,
        person_id,
        relative_id,
        LinkPurpose(purpose),
        Relation(relation),
        LinkState(state),
        *times,
    )


def _takes_part(person_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(_link.person_id == person_id, _link.relative_id == person_id)
