"""Policies as rows."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.values.calendar import shanghai_midnight
from yibao_settlement.application.policy import PolicyPlace, PolicyWish
from yibao_settlement.rules.policy.version import PolicyState, PolicyVersion, SettledBills
from yibao_settlement.storage import tables

_COLUMN = tables.policy.c
_NAMES = tuple(PolicyVersion.__dataclass_fields__)


class StoredPolicies:
    """See `application.policy.PolicyRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, policy_version: str) -> PolicyVersion | None:
        """Returns a policy, whatever its state, or None."""
        found = self._select(_COLUMN.policy_version == policy_version)
        return found[0] if found else None

    def active(self, insurance_type: str) -> list[PolicyVersion]:
        """Returns every active policy of an insurance type."""
        is_active = _COLUMN.state == PolicyState.ACTIVE.value
        return self._select(sa.and_(_COLUMN.insurance_type == insurance_type, is_active))

    def settled(self, policy: PolicyVersion, *, most_ids: int) -> SettledBills:
        """Returns the settlements that stand of the policy's insurance type and days."""
        settlement = tables.settlement.c
        # No bill is settled before its service date: the index by time is read from there.
        conditions = [
            settlement.region == self._region,
            settlement.settle_time >= shanghai_midnight(policy.start_date),
            settlement.insurance_type == policy.insurance_type,
            settlement.service_date >= policy.start_date,
            settlement.reversal_id.is_(None),
        ]
        if policy.end_date is not None:
            conditions.append(settlement.service_date <= policy.end_date)
        count = self._connection.execute(
            sa.select(sa.func.count()).select_from(tables.settlement).where(*conditions)
        ).scalar_one()
        named = self._connection.execute(
            sa.select(settlement.settlement_id)
            .where(*conditions)
            .order_by(settlement.settle_time, settlement.settlement_id)
            .limit(most_ids)
        ).scalars()
        return SettledBills(count, tuple(named) if count else ())

    def page(
        self, wish: PolicyWish, *, after: PolicyPlace | None, limit: int
    ) -> list[PolicyVersion]:
        """Returns at most `limit` policies, the one that begins last first."""
        conditions: list[sa.ColumnElement[bool]] = []
        if wish.insurance_type is not None:
            conditions.append(_COLUMN.insurance_type == wish.insurance_type)
        if wish.is_approved:
            conditions.append(_COLUMN.approve_time.is_not(None))
        if wish.state is not None:
            conditions.append(_COLUMN.state == wish.state.value)
        if wish.is_ended is not None:
            is_open = _last_day_from(wish.today)
            conditions.append(sa.not_(is_open) if wish.is_ended else is_open)
        if wish.day is not None:
            conditions += [_COLUMN.start_date <= wish.day, _last_day_from(wish.day)]
        place = (_COLUMN.start_date, _COLUMN.policy_version)
        if after is not None:
            reached = [
                sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
            ]
            conditions.append(sa.tuple_(*place) < sa.tuple_(*reached))
        query = self._query(sa.and_(sa.true(), *conditions))
        query = query.order_by(*(column.desc() for column in place)).limit(limit)
        return [_policy_from(row) for row in self._connection.execute(query)]

    def insert(self, draft: PolicyVersion) -> None:
        """Stores a new policy."""
        values = {name: getattr(draft, name) for name in _NAMES}
        values["state"] = draft.state.value
        self._connection.execute(
            sa.insert(tables.policy).values(region=self._region, **values),
        )

    def update(self, policy: PolicyVersion) -> None:
        """Stores state, last day, and who did what and when."""
        changed = self._connection.execute(
            sa.update(tables.policy)
            .where(_COLUMN.region == self._region, _COLUMN.policy_version == policy.policy_version)
            .values(
                state=policy.state.value,
                end_date=policy.end_date,
                maker=policy.maker,
                submit_time=policy.submit_time,
                checker=policy.checker,
                approve_time=policy.approve_time,
                withdrawer=policy.withdrawer,
                withdraw_time=policy.withdraw_time,
            )
        )
        assert changed.rowcount == 1

    def _select(self, condition: sa.ColumnElement[bool]) -> list[PolicyVersion]:
        return [_policy_from(row) for row in self._connection.execute(self._query(condition))]

    def _query(self, condition: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
        columns = [_COLUMN[name] for name in _NAMES]
        return sa.select(*columns).where(_COLUMN.region == self._region, condition)


def _last_day_from(day: dt.date) -> sa.ColumnElement[bool]:
    """Returns the condition that a policy's last day is `day` or later."""
    return sa.or_(_COLUMN.end_date.is_(None), _COLUMN.end_date >= day)


def _policy_from(row: sa.Row[*tuple[object, ...]]) -> PolicyVersion:
    return PolicyVersion(
        policy_version=row.policy_version,
        policy_id=row.policy_id,
        insurance_type=row.insurance_type,
        state=PolicyState(row.state),
        start_date=row.start_date,
        end_date=row.end_date,
        maker=row.maker,
        submit_time=row.submit_time,
        checker=row.checker,
        approve_time=row.approve_time,
        policy_file=bytes(row.policy_file),
        withdrawer=row.withdrawer or "",
        withdraw_time=row.withdraw_time,
    )
