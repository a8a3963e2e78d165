"""Links between relatives: asked for, agreed to and ended, each once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.application.relatives import ConfirmLink, EncodeLink, EndLink, RequestLink
from yibao_identity.rules.person import person_not_found
from yibao_identity.rules.relative import (
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    check_limit,
    check_relation,
    confirm,
    end,
    link_exists,
    link_not_found,
)
from yibao_identity.storage import tables
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.holders import require_holder
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import live_person, lock_persons

_MOST_LISTED = 200
_STANDING = (LinkState.REQUESTED.value, LinkState.CONFIRMED.value)

Condition = sa.ColumnElement[bool]


class RelativeStore(PersonCalls):
    """Links of a database; see `application.relatives.Relatives`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Clock,
        ids: Ids,
        show_code_most: int,
        share_account_most: int,
    ) -> None:
        """Takes how many links of each purpose a person may have."""
        super().__init__(database, vault, clock=clock, ids=ids)
        self._limits: Mapping[LinkPurpose, int] = {
            LinkPurpose.SHOW_CODE: show_code_most,
            LinkPurpose.SHARE_ACCOUNT: share_account_most,
        }

    def request(self, command: RequestLink, encode: EncodeLink) -> bytes:
        """Stores what is asked for, once by request id, and returns the answer's bytes."""
        person_id, relative_id = command.person_id, command.relative_id

        def work(connection: sa.Connection) -> bytes:
            request = command.request
            region, caller = request.region, request.caller
            require_holder(connection, region, caller, person_id)
            check_relation(
                command.purpose, command.relation, person_id=person_id, relative_id=relative_id
            )
            locked = lock_persons(connection, region, [person_id, relative_id])
            live_person(locked[person_id])
            live_person(locked[relative_id])
            standing = _standing_links(connection, region, person_id, command.purpose)
            for each in standing:
                if each.relative_id == relative_id:
                    raise link_exists(each.link_id)
            check_limit(len(standing), command.purpose, limits=self._limits)
            link = RelativeLink(
                region,
                self._ids(),
                person_id,
                relative_id,
                command.purpose,
                command.relation,
                LinkState.REQUESTED,
                self._clock(),
            )
            values = dataclasses.asdict(link) | {
                "purpose": link.purpose.value,
                "relation": link.relation.value,
                "state": link.state.value,
                "requested_by": caller.path,
                "confirmed_by": "",
                "ended_by": "",
            }
            connection.execute(sa.insert(tables.relative_link).values(**values))
            self._record_link(connection, request, link)
            return encode(link)

        return self._answer(command.request, work)

    def confirm(self, command: ConfirmLink, encode: EncodeLink) -> bytes:
        """Puts a link in force once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            region, caller = request.region, request.caller
            require_holder(connection, region, caller, command.relative_id)
            link = _lock_link(connection, region, command.link_id)
            if command.relative_id != link.relative_id:
                raise link_not_found(command.link_id)
            confirmed = confirm(link, now=now)
            others = [
                each
                for each in _standing_links(connection, region, link.person_id, link.purpose)
                if each.state is LinkState.CONFIRMED
            ]
            # Again, because the limit may have been lowered since it was asked for.
            check_limit(len(others), link.purpose, limits=self._limits)
            _store_state(connection, confirmed, confirm_time=now, confirmed_by=caller.path)
            self._note_payer(connection, request, link, now)
            self._record_link(connection, request, confirmed)
            return encode(confirmed)

        return self._answer(command.request, work)

    def end(self, command: EndLink, encode: EncodeLink) -> bytes:
        """Ends a link once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            region, caller = request.region, request.caller
            require_holder(connection, region, caller, command.person_id)
            link = _lock_link(connection, region, command.link_id)
            if command.person_id not in (link.person_id, link.relative_id):
                raise link_not_found(command.link_id)
            ended = end(link, now=now)
            _store_state(connection, ended, end_time=now, ended_by=caller.path)
            if link.state is LinkState.CONFIRMED:
                self._note_payer(connection, request, link, now)
            self._record_link(connection, request, ended)
            return encode(ended)

        return self._answer(command.request, work)

    def list(self, region: str, person_id: str, caller: Caller) -> Sequence[RelativeLink]:
        """Returns the links of a person, on either side: standing ones first, then newest."""
        try:
            return self._list(region, person_id, caller)
        except RuleError as refusal:
            asked = Request(region, "", b"", "ListRelativeLinks", caller)
            self._record_foreign_holder(asked, refusal)
            raise

    def _list(self, region: str, person_id: str, caller: Caller) -> Sequence[RelativeLink]:
        table, person = tables.relative_link, tables.person.c
        with self._database.read() as connection:
            require_holder(connection, region, caller, person_id)
            known = sa.select(person.person_id).where(
                person.region == region, person.person_id == person_id
            )
            if connection.execute(known).one_or_none() is None:
                raise person_not_found(person_id)
            # So that links that ended push none off the list that stands.
            is_ended = sa.case((table.c.state.in_(_STANDING), 0), else_=1)
            query = (
                sa.select(table)
                .where(table.c.region == region, _takes_part(person_id))
                .order_by(is_ended, table.c.request_time.desc(), table.c.link_id.desc())
                .limit(_MOST_LISTED)
            )
            return [_link_from(row) for row in connection.execute(query)]

    def _note_payer(
        self, connection: sa.Connection, request: Request, link: RelativeLink, now: dt.datetime
    ) -> None:
        """Tells settlement whose accounts may pay; who shows whose code it need not know."""
        if link.purpose is LinkPurpose.SHARE_ACCOUNT:
            caller = request.caller.path
            note_change(connection, link.region, [link.person_id], now=now, caller=caller)

    def _record_link(self, connection: sa.Connection, request: Request, link: RelativeLink) -> None:
        self._record(
            connection,
            request,
            [link.person_id, link.relative_id],
            link_id=link.link_id,
            purpose=link.purpose.name,
            state=link.state.name,
        )


def end_links_of(
    connection: sa.Connection, region: str, person_id: str, *, now: dt.datetime, caller: str
) -> set[str]:
    """Ends every link of a person whose row is locked.

    Returns who may no longer let the account of another pay: the caller tells settlement.
    """
    table = tables.relative_link
    is_standing = table.c.state.in_(_STANDING)
    query = sa.select(table).where(table.c.region == region, _takes_part(person_id), is_standing)
    beneficiaries = set()
    # In the order in which those who issue relatives' codes lock links.
    for row in connection.execute(query.order_by(table.c.link_id)).all():
        link = _link_from(row)
        _store_state(connection, end(link, now=now), end_time=now, ended_by=caller)
        if link.purpose is LinkPurpose.SHARE_ACCOUNT and link.state is LinkState.CONFIRMED:
            beneficiaries.add(link.person_id)
    return beneficiaries


def _lock_link(connection: sa.Connection, region: str, link_id: str) -> RelativeLink:
    """Locks both persons of a link, then the link.

    Raises:
        RuleError: RELATIVE_LINK_NOT_FOUND.
    """
    table = tables.relative_link
    query = sa.select(table).where(table.c.region == region, table.c.link_id == link_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise link_not_found(link_id)
    # Whom it is about never changes, and persons are locked before links.
    lock_persons(connection, region, [row.person_id, row.relative_id])
    return _link_from(connection.execute(query.with_for_update()).one())


def _store_state(connection: sa.Connection, link: RelativeLink, **values: object) -> None:
    table = tables.relative_link
    connection.execute(
        sa.update(table)
        .where(table.c.region == link.region, table.c.link_id == link.link_id)
        .values(state=link.state.value, **values)
    )


def _standing_links(
    connection: sa.Connection, region: str, person_id: str, purpose: LinkPurpose
) -> list[RelativeLink]:
    """Returns the links that a person asked for and that did not end; the person is locked."""
    table = tables.relative_link
    query = sa.select(table).where(
        table.c.region == region,
        table.c.person_id == person_id,
        table.c.purpose == purpose.value,
        table.c.state.in_(_STANDING),
    )
    return [_link_from(row) for row in connection.execute(query)]


def _takes_part(person_id: str) -> Condition:
    table = tables.relative_link.c
    return sa.or_(table.person_id == person_id, table.relative_id == person_id)


def _link_from(row: sa.Row[Any]) -> RelativeLink:
    return RelativeLink(
        row.region,
        row.link_id,
        row.person_id,
        row.relative_id,
        LinkPurpose(row.purpose),
        Relation(row.relation),
        LinkState(row.state),
        row.request_time,
        row.confirm_time,
        row.end_time,
    )
