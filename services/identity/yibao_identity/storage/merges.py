"""Merges of duplicates: proposed, decided and carried out, each once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.certificate import close_certificates_of
from yibao_identity.application.merges import DecideMerge, EncodeMerge, ProposeMerge
from yibao_identity.application.misuse import check_none_suspended
from yibao_identity.rules.enrolment import inherited
from yibao_identity.rules.merge import (
    Merge,
    MergeState,
    check_differ,
    decide,
    merge_not_found,
    merge_state,
)
from yibao_identity.storage import tables
from yibao_identity.storage.enrolments import (
    add_enrolment,
    replace_enrolments,
    standing_enrolments,
)
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import live_person, lock_persons
from yibao_identity.storage.relatives import end_links_of
from yibao_identity.storage.work import unit_of_work

Condition = sa.ColumnElement[bool]


class CloseOfPerson(Protocol):
    """Closes the credentials of one kind of a person whose row is locked."""

    def __call__(
        self,
        connection: sa.Connection,
        region: str,
        person_id: str,
        *,
        now: dt.datetime,
        caller: str,
    ) -> object:
        """Closes what stands; leaves feed and audit to the merge."""
        ...


class MergeStore(PersonCalls):
    """Merges of a database; see `application.merges.Merges`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Clock,
        ids: Ids,
        closers: Sequence[CloseOfPerson],
    ) -> None:
        """Takes what closes the cards of a duplicate; its e-certificates are closed then."""
        super().__init__(database, vault, clock=clock, ids=ids)
        self._closers = tuple(closers)

    def propose(self, command: ProposeMerge, encode: EncodeMerge) -> bytes:
        """Stores a proposal once by request id and returns the answer's bytes."""
        retired, surviving = command.retired_person_id, command.surviving_person_id

        def work(connection: sa.Connection) -> bytes:
            request = command.request
            check_differ(retired_person_id=retired, surviving_person_id=surviving)
            locked = lock_persons(connection, request.region, [retired, surviving])
            live_person(locked[retired])
            live_person(locked[surviving])
            waiting = _waiting_merge(connection, request.region, retired, surviving)
            if waiting is not None:
                raise merge_state(waiting)
            merge = Merge(
                request.region,
                self._ids(),
                retired,
                surviving,
                command.explanation,
                MergeState.PROPOSED,
                request.caller.path,
                self._clock(),
            )
            values = dataclasses.asdict(merge) | {"state": merge.state.value}
            connection.execute(sa.insert(tables.person_merge).values(**values))
            self._record(
                connection,
                request,
                [retired, surviving],
                merge_id=merge.merge_id,
                explanation=command.explanation,
            )
            return encode(merge)

        return self._answer(command.request, work)

    def decide(self, command: DecideMerge, encode: EncodeMerge) -> bytes:
        """Decides a proposal once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            region, table = request.region, tables.person_merge
            is_asked = table.c.merge_id == command.merge_id
            # Whom it is about never changes, and persons are locked before merges.
            known = _read_one(connection, region, is_asked)
            if known is None:
                raise merge_not_found(command.merge_id)
            retired, surviving = known.retired_person_id, known.surviving_person_id
            locked = lock_persons(connection, region, [retired, surviving])
            known = _read_one(connection, region, is_asked, for_update=True)
            assert known is not None, "a merge is never deleted"
            merge = decide(
                known,
                is_approved=command.is_approved,
                checker=request.caller.path,
                note=command.note,
                now=now,
            )
            if merge.state is MergeState.APPROVED:
                live_person(locked[retired])
                live_person(locked[surviving])
                work = unit_of_work(self._vault).open(connection, region)
                check_none_suspended(work, retired)
            connection.execute(
                sa.update(table)
                .where(table.c.region == region, is_asked)
                .values(
                    state=merge.state.value,
                    checker=merge.checker,
                    decide_time=merge.decide_time,
                    decision_note=merge.decision_note,
                )
            )
            detail = {
                "merge_id": merge.merge_id,
                "state": merge.state.name,
                "maker": merge.maker,
                "checker": merge.checker,
            }
            if merge.state is MergeState.APPROVED:
                self._carry_out(connection, merge, now)
            self._record(connection, request, [retired, surviving], **detail)
            return encode(merge)

        return self._answer(command.request, work)

    def find(self, region: str, merge_id: str) -> Merge | None:
        """Returns a merge, or None."""
        with self._database.read() as connection:
            return _read_one(connection, region, tables.person_merge.c.merge_id == merge_id)

    def page(
        self, region: str, *, state: MergeState | None, before_merge_id: str, limit: int
    ) -> Sequence[Merge]:
        """Returns at most `limit` merges, the newest first, after the page before."""
        table = tables.person_merge
        conditions: list[Condition] = [table.c.region == region]
        if state is not None:
            conditions.append(table.c.state == state.value)
        with self._database.read() as connection:
            if before_merge_id:
                last = _read_one(connection, region, table.c.merge_id == before_merge_id)
                if last is None:
                    raise merge_not_found(before_merge_id)
                conditions.append(_is_before(last))
            query = (
                sa.select(table)
                .where(*conditions)
                .order_by(table.c.propose_time.desc(), table.c.merge_id.desc())
                .limit(limit)
            )
            return [_merge_from(row) for row in connection.execute(query)]

    def _carry_out(self, connection: sa.Connection, merge: Merge, now: dt.datetime) -> None:
        """Ends the duplicate, and gives the other record the cover that it lacks."""
        region, retired, surviving = (
            merge.region,
            merge.retired_person_id,
            merge.surviving_person_id,
        )
        caller = merge.checker
        connection.execute(
            sa.update(tables.person)
            .where(tables.person.c.region == region, tables.person.c.person_id == retired)
            .values(merged_into=surviving)
        )
        for close in self._closers:
            close(connection, region, retired, now=now, caller=caller)
        work = unit_of_work(self._vault).open(connection, region)
        close_certificates_of(work, retired, at=now, caller=caller)
        # Every command about a link locks both of its persons, so holding the duplicate's
        # row is enough to end all that it takes part in.
        beneficiaries = end_links_of(connection, region, retired, now=now, caller=caller)
        standing = standing_enrolments(connection, region, [retired, surviving])
        replaced = [each.enrolment_id for each in standing[retired]]
        replace_enrolments(connection, region, replaced, now=now)
        for period in inherited(standing[surviving], standing[retired]):
            recorded = dataclasses.replace(
                period, enrolment_id=self._ids(), record_time=now, recorded_by=caller
            )
            explanation = f"merge {merge.merge_id}"
            add_enrolment(connection, region, surviving, recorded, explanation=explanation)
        changed = {retired, surviving} | beneficiaries
        note_change(connection, region, changed, now=now, caller=caller)


def _waiting_merge(connection: sa.Connection, region: str, *person_ids: str) -> Merge | None:
    """Returns a proposal that waits and that one of the persons, who are locked, is in."""
    table = tables.person_merge.c
    takes_part = sa.or_(
        table.retired_person_id.in_(person_ids), table.surviving_person_id.in_(person_ids)
    )
    is_waiting = table.state == MergeState.PROPOSED.value
    return _read_one(connection, region, sa.and_(takes_part, is_waiting))


def _is_before(last: Merge) -> Condition:
    table = tables.person_merge.c
    return sa.or_(
        table.propose_time < last.propose_time,
        sa.and_(table.propose_time == last.propose_time, table.merge_id < last.merge_id),
    )


def _read_one(
    connection: sa.Connection, region: str, condition: Condition, *, for_update: bool = False
) -> Merge | None:
    table = tables.person_merge
    query = sa.select(table).where(table.c.region == region, condition).limit(1)
    query = query.order_by(table.c.propose_time)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else _merge_from(row)


def _merge_from(row: sa.Row[Any]) -> Merge:
    values = dict(row._mapping)
    return Merge(**values | {"state": MergeState(row.state)})
