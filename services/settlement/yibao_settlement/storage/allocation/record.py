"""Allocations as rows: rules, contributions, runs and what became of persons."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_settlement.application.allocation.rows import StateSum
from yibao_settlement.application.checkpoint import BEFORE_ALL
from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    Allocation,
    StoredCreditPolicy,
)
from yibao_settlement.rules.enrolment import ENROLMENT_NORMAL
from yibao_settlement.rules.period.month import first_day, next_month
from yibao_settlement.storage import tables
from yibao_settlement.storage.allocation.batch import PERSON_COLUMNS

_POLICY = tables.accounts.credit_policy
_ALLOCATION = tables.accounts.allocation
_PERSON = tables.accounts.allocated_person
_DAY = dt.timedelta(days=1)


class StoredAllocations:
    """See `application.allocation.rows.AllocationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self) -> None:
        """Locks the region's fence, which is made where it is missing."""
        fence = tables.posting_fence
        row = (self._region, BEFORE_ALL, 0)
        columns = ("region", "posting_id", "ended_month")
        insert_rows(self._connection, fence, columns, [row], skip_existing=True)
        query = sa.select(fence.c.ended_month).where(fence.c.region == self._region)
        self._connection.execute(query.with_for_update())

    def policy(self, policy_version: str) -> StoredCreditPolicy | None:
        """Returns rules, or None."""
        found = self._policies(_POLICY.c.policy_version == policy_version)
        return found[0] if found else None

    def policies(self, *, after: str | None, limit: int) -> list[StoredCreditPolicy]:
        """Returns at most `limit` rules, by their versions."""
        behind = _POLICY.c.policy_version > (after or "")
        return self._policies(behind, limit=limit)

    def approved(self, insurance_type: str) -> list[StoredCreditPolicy]:
        """Returns the rules of an insurance type that are approved."""
        is_of_type = _POLICY.c.insurance_type == insurance_type
        return self._policies(sa.and_(is_of_type, _POLICY.c.approve_time.is_not(None)))

    def insert_policy(self, policy: StoredCreditPolicy) -> None:
        """Stores rules that are new."""
        self._connection.execute(sa.insert(_POLICY).values(**policy._asdict()))

    def approve_policy(self, policy: StoredCreditPolicy) -> None:
        """Stores who approved rules, and when."""
        self._connection.execute(
            sa.update(_POLICY)
            .where(
                _POLICY.c.region == self._region,
                _POLICY.c.policy_version == policy.policy_version,
            )
            .values(checker=policy.checker, approve_time=policy.approve_time)
        )

    def unknown_persons(self, person_ids: Collection[str]) -> list[str]:
        """Returns which of some persons the region knows nothing of, sorted."""
        rows = select_rows(
            *(self._connection, tables.person, ("person_id",)),
            region=self._region,
            key="person_id",
            among=sorted(person_ids),
        )
        return sorted(set(person_ids) - {row[0] for row in rows})

    def bases(self, insurance_type: str, month: int, person_ids: Collection[str]) -> dict[str, int]:
        """Returns what contributions of a month were paid of, by person, in fen."""
        table = tables.accounts.contribution.c
        rows = self._connection.execute(
            sa.select(table.person_id, table.base_fen).where(
                table.region == self._region,
                table.person_id.in_(sorted(person_ids)),
                table.insurance_type == insurance_type,
                table.month == month,
            )
        )
        return {row.person_id: row.base_fen for row in rows}

    def put_bases(
        self, insurance_type: str, month: int, bases: Mapping[str, int], *, now: dt.datetime
    ) -> None:
        """Stores what contributions were paid of, in the place of what was told before."""
        table = tables.accounts.contribution
        columns = ("region", "person_id", "insurance_type", "month", "base_fen", "import_time")
        rows: list[Row] = [
            (self._region, person_id, insurance_type, month, base_fen, now)
            for person_id, base_fen in sorted(bases.items())
        ]
        if not rows:
            return
        insert_rows(self._connection, table, columns, rows, skip_existing=True)
        self._connection.execute(
            sa.update(table)
            .where(
                table.c.region == self._region,
                table.c.person_id == sa.bindparam("at_person"),
                table.c.insurance_type == insurance_type,
                table.c.month == month,
            )
            .values(base_fen=sa.bindparam("told_fen"), import_time=now),
            [{"at_person": each, "told_fen": fen} for each, fen in sorted(bases.items())],
        )

    def running(self) -> list[Allocation]:
        """Returns the allocations that go on, the one begun first at the head."""
        return self._allocations(
            _ALLOCATION.c.finish_time.is_(None), order=_ALLOCATION.c.allocation_id
        )

    def find(self, allocation_id: str) -> Allocation | None:
        """Returns an allocation, or None."""
        column = _ALLOCATION.c.allocation_id
        found = self._allocations(column == allocation_id, order=column)
        return found[0] if found else None

    def page(self, *, before: str | None, limit: int) -> list[Allocation]:
        """Returns at most `limit` allocations, the one begun last first."""
        column = _ALLOCATION.c.allocation_id
        is_before = sa.true() if before is None else column < before
        return self._allocations(is_before, order=column.desc(), limit=limit)

    def insert(self, allocation: Allocation) -> None:
        """Stores an allocation that begins."""
        self._connection.execute(sa.insert(_ALLOCATION).values(**allocation._asdict()))

    def finish(self, allocation: Allocation, now: dt.datetime) -> None:
        """Stores that everybody was looked at; nothing where that is stored."""
        self._connection.execute(
            sa.update(_ALLOCATION)
            .where(
                _ALLOCATION.c.region == self._region,
                _ALLOCATION.c.allocation_id == allocation.allocation_id,
                _ALLOCATION.c.finish_time.is_(None),
            )
            .values(finish_time=now)
        )

    def reached(self, allocation_id: str) -> str | None:
        """Returns the last person, by id, whom an allocation looked at; None before the first."""
        query = (
            sa.select(_PERSON.c.person_id)
            .where(self._is_of(allocation_id))
            .order_by(_PERSON.c.person_id.desc())
            .limit(1)
        )
        found: str | None = self._connection.execute(query).scalar_one_or_none()
        return found

    def members(self, allocation: Allocation, *, after: str | None, limit: int) -> list[str]:
        """Returns at most `limit` persons insured on some day of the month, by their ids."""
        person_id = tables.enrolment.c.person_id
        query = sa.select(person_id).distinct().where(self._is_member(allocation, after))
        return list(self._connection.execute(query.order_by(person_id).limit(limit)).scalars())

    def count_members(self, allocation: Allocation, *, after: str | None) -> int:
        """Returns how many of them stand behind a person."""
        person_id = tables.enrolment.c.person_id
        query = sa.select(sa.func.count(sa.distinct(person_id)))
        query = query.where(self._is_member(allocation, after))
        return int(self._connection.execute(query).scalar_one())

    def sums(self, allocation_id: str) -> list[StateSum]:
        """Returns how many persons are in which state, by state."""
        rows = self._connection.execute(
            sa.select(
                _PERSON.c.state,
                sa.func.count(),
                sa.func.coalesce(sa.func.sum(_PERSON.c.amount_fen), 0),
            )
            .where(self._is_of(allocation_id))
            .group_by(_PERSON.c.state)
            .order_by(_PERSON.c.state)
        )
        return [StateSum(AllocatedState(state), count, int(fen)) for state, count, fen in rows]

    def persons(
        self,
        allocation_id: str,
        states: Sequence[AllocatedState],
        *,
        after: str | None,
        limit: int,
    ) -> list[AllocatedPerson]:
        """Returns at most `limit` persons of an allocation in some states, by their ids."""
        query = (
            sa.select(*(_PERSON.c[name] for name in PERSON_COLUMNS))
            .where(self._is_of(allocation_id), _PERSON.c.state.in_([int(each) for each in states]))
            .order_by(_PERSON.c.person_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(_PERSON.c.person_id > after)
        rows = [AllocatedPerson(*row) for row in self._connection.execute(query)]
        return [each._replace(state=AllocatedState(each.state)) for each in rows]

    def _is_of(self, allocation_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(_PERSON.c.region == self._region, _PERSON.c.allocation_id == allocation_id)

    def _is_member(self, allocation: Allocation, after: str | None) -> sa.ColumnElement[bool]:
        enrolment = tables.enrolment.c
        first = first_day(allocation.month)
        last = first_day(next_month(allocation.month)) - _DAY
        return sa.and_(
            enrolment.region == self._region,
            sa.true() if after is None else enrolment.person_id > after,
            enrolment.insurance_type == allocation.insurance_type,
            enrolment.status == ENROLMENT_NORMAL,
            enrolment.start_date <= last,
            sa.or_(enrolment.end_date.is_(None), enrolment.end_date >= first),
        )

    def _policies(
        self, condition: sa.ColumnElement[bool], *, limit: int | None = None
    ) -> list[StoredCreditPolicy]:
        columns = [_POLICY.c[name] for name in StoredCreditPolicy._fields]
        query = (
            sa.select(*columns)
            .where(_POLICY.c.region == self._region, condition)
            .order_by(_POLICY.c.policy_version)
            .limit(limit)
        )
        rows = [StoredCreditPolicy(*row) for row in self._connection.execute(query)]
        return [each._replace(policy_file=bytes(each.policy_file)) for each in rows]

    def _allocations(
        self,
        condition: sa.ColumnElement[bool],
        *,
        order: sa.ColumnElement[str],
        limit: int | None = None,
    ) -> list[Allocation]:
        columns = [_ALLOCATION.c[name] for name in Allocation._fields]
        query = (
            sa.select(*columns)
            .where(_ALLOCATION.c.region == self._region, condition)
            .order_by(order)
            .limit(limit)
        )
        return [Allocation(*row) for row in self._connection.execute(query)]
