"""Stored policies: draft by a maker, active by a checker, never altered."""

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.db.answers import answer_once
from yibao_common.db.database import Database
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.ports import EncodePolicy, RequestKey
from yibao_settlement.application.records import StoredPolicy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy import Policy
from yibao_settlement.storage import tables
from yibao_settlement.storage.reference import POLICY_ACTIVE, POLICY_DRAFT, raise_epoch

_COLUMNS = tuple(StoredPolicy.__dataclass_fields__)


class PolicyStore:
    """Reads and changes stored policies, each request once."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        """Takes the database."""
        self._database = database
        self._clock = clock

    def load(self, policy_file: bytes) -> Policy:
        """Returns the policy in a file. Raises RuleError POLICY_FILE_INVALID."""
        return load_policy(policy_file, name="policy_file")

    def find(self, region: str, policy_version: str) -> StoredPolicy:
        """Returns the stored policy. Raises RuleError POLICY_VERSION_UNKNOWN."""
        with self._database.read() as connection:
            return find_policy(connection, region, policy_version)

    def submit(
        self, key: RequestKey, policy_file: bytes, *, maker: str, encode: EncodePolicy
    ) -> bytes:
        """Stores a draft and returns the answer that `encode` makes of it."""
        policy = self.load(policy_file)

        def work(connection: sa.Connection) -> bytes:
            now = self._clock()
            return encode(submit_policy(connection, policy, policy_file, maker=maker, now=now))

        return self._once(key, work)

    def approve(
        self, key: RequestKey, policy_version: str, *, checker: str, encode: EncodePolicy
    ) -> bytes:
        """Puts a draft in force and returns the answer that `encode` makes of it."""

        def work(connection: sa.Connection) -> bytes:
            now = self._clock()
            return encode(
                approve_policy(connection, key.region, policy_version, checker=checker, now=now)
            )

        return self._once(key, work)

    def _once(self, key: RequestKey, work: Callable[[sa.Connection], bytes]) -> bytes:
        return answer_once(
            self._database,
            tables.answer,
            region=key.region,
            request_id=key.request_id,
            digest=key.digest,
            method=key.method,
            clock=self._clock,
            work=work,
        )


def find_policy(connection: sa.Connection, region: str, policy_version: str) -> StoredPolicy:
    """Returns the stored policy. Raises RuleError POLICY_VERSION_UNKNOWN."""
    table = tables.policy
    row = connection.execute(
        sa.select(*[table.c[name] for name in _COLUMNS]).where(
            table.c.region == region, table.c.policy_version == policy_version
        )
    ).one_or_none()
    if row is None:
        raise RuleError(
            Reason.POLICY_VERSION_UNKNOWN,
            f"no policy {policy_version} in region {region}",
            policy_version=policy_version,
        )
    return StoredPolicy(*row)


def submit_policy(
    connection: sa.Connection, policy: Policy, policy_file: bytes, *, maker: str, now: dt.datetime
) -> StoredPolicy:
    """Stores a draft and returns it; contents submitted before are returned as they are."""
    try:
        return find_policy(connection, policy.region, policy.version)
    except RuleError:
        pass  # new
    connection.execute(
        sa.insert(tables.policy).values(
            region=policy.region,
            policy_version=policy.version,
            policy_id=policy.policy_id,
            insurance_type=policy.insurance_type,
            state=POLICY_DRAFT,
            start_date=policy.start_date,
            end_date=policy.end_date,
            policy_file=policy_file,
            maker=maker,
            submit_time=now,
            checker="",
            approve_time=None,
        )
    )
    return find_policy(connection, policy.region, policy.version)


def approve_policy(
    connection: sa.Connection, region: str, policy_version: str, *, checker: str, now: dt.datetime
) -> StoredPolicy:
    """Puts a draft in force and returns it.

    An open-ended active policy that began earlier ends the day before. Raises RuleError
    POLICY_VERSION_UNKNOWN, POLICY_STATE, SAME_MAKER_AND_CHECKER, POLICY_OVERLAP.
    """
    # First, because it locks the region: two approvals at once would not see each other.
    raise_epoch(connection, region)
    draft = find_policy(connection, region, policy_version)
    if draft.state != POLICY_DRAFT:
        raise RuleError(Reason.POLICY_STATE, "the policy is no draft", state=draft.state)
    if draft.maker == checker:
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "the operator who submitted may not approve")
    _make_room(connection, region, draft)
    connection.execute(
        sa.update(tables.policy)
        .where(tables.policy.c.region == region, tables.policy.c.policy_version == policy_version)
        .values(state=POLICY_ACTIVE, checker=checker, approve_time=now)
    )
    return find_policy(connection, region, policy_version)


def _make_room(connection: sa.Connection, region: str, draft: StoredPolicy) -> None:
    table = tables.policy
    active = connection.execute(
        sa.select(table.c.policy_version, table.c.start_date, table.c.end_date).where(
            table.c.region == region,
            table.c.insurance_type == draft.insurance_type,
            table.c.state == POLICY_ACTIVE,
        )
    ).all()
    for other in active:
        if other.end_date is None and other.start_date < draft.start_date:
            connection.execute(
                sa.update(table)
                .where(table.c.region == region, table.c.policy_version == other.policy_version)
                .values(end_date=draft.start_date - dt.timedelta(days=1))
            )
        elif _overlap(other.start_date, other.end_date, draft):
            raise RuleError(
                Reason.POLICY_OVERLAP,
                f"policy {other.policy_version} decides some of the same days",
                policy_version=other.policy_version,
            )


def _overlap(start: dt.date, end: dt.date | None, draft: StoredPolicy) -> bool:
    last = dt.date.max
    return start <= (draft.end_date or last) and draft.start_date <= (end or last)
