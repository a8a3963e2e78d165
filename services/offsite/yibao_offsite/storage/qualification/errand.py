"""What identity is to be told of qualifications, as rows."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_offsite.application.qualification.rows import Errand
from yibao_offsite.rules.qualification.qualification import CarryState
from yibao_offsite.storage import tables

_errand = tables.chronic.errand.c
_COLUMNS = ("qualification_id", "errand_id", "wait_time", "attempts", "next_try_time")
_qualification = tables.chronic.qualification.c
_epoch = tables.chronic.identity_epoch.c
# No identity's epoch: whichever is met next, everything is compared with it.
_NO_EPOCH = "restored"


class StoredErrands:
    """Finds and writes errands, and the epoch of the identity that was told."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def put_errand(self, errand: Errand) -> None:
        """Stores an errand in the place of the former one of its qualification."""
        self._delete(errand.qualification_id)
        row = (self._region, *(getattr(errand, name) for name in _COLUMNS))
        insert_rows(self._connection, tables.chronic.errand, ("region", *_COLUMNS), [row])

    def errand(self, qualification_id: str) -> Errand | None:
        """Returns the errand of a qualification, or None."""
        named = self._query().where(_errand.qualification_id == qualification_id)
        row = self._connection.execute(named).one_or_none()
        return None if row is None else Errand(*row)

    def remove_errand(self, errand: Errand) -> None:
        """Removes an errand."""
        self._delete(errand.qualification_id)

    def due_errands(self, now: dt.datetime, *, most_wait: dt.timedelta, limit: int) -> list[Errand]:
        """Returns at most `limit` errands that are to be tried, the longest due first.

        One that is to be tried further ahead than anything waits was given while a clock was
        ahead: it is tried too.
        """
        at = _errand.next_try_time
        query = (
            self._query()
            .where(sa.or_(at <= now, at > now + most_wait))
            .order_by(_errand.next_try_time, _errand.qualification_id)
            .limit(limit)
        )
        return [Errand(*row) for row in self._connection.execute(query)]

    def count_errands(self, *, waiting_since: dt.datetime) -> int:
        """Counts the errands that wait since an instant or longer."""
        query = sa.select(sa.func.count()).where(
            _errand.region == self._region, _errand.wait_time <= waiting_since
        )
        return self._connection.execute(query).scalar_one()

    def compare_all(self, errand_id: str, now: dt.datetime) -> int:
        """Has every qualification told again that identity has or refused."""
        table, here = tables.chronic.qualification, _qualification.region == self._region
        told = _qualification.carry_state.in_([int(CarryState.CARRIED), int(CarryState.REFUSED)])
        # Updated first: whoever carries one of them meanwhile waits for this transaction.
        changed = self._connection.execute(
            sa.update(table)
            .where(here, told)
            .values(carry_state=int(CarryState.WAITING), carry_problem="")
        )
        instant, errand = _errand.wait_time.type, tables.chronic.errand
        waiting = sa.select(
            _qualification.region,
            _qualification.qualification_id,
            sa.literal(errand_id, _errand.errand_id.type),
            sa.literal(now, instant),
            sa.literal(0),
            sa.literal(now, instant),
        ).where(
            here,
            _qualification.carry_state == int(CarryState.WAITING),
            ~sa.exists().where(
                _errand.region == _qualification.region,
                _errand.qualification_id == _qualification.qualification_id,
            ),
        )
        self._connection.execute(sa.insert(errand).from_select(["region", *_COLUMNS], waiting))
        return changed.rowcount

    def identity_epoch(self) -> str:
        """Returns the epoch of the identity that was told; empty before the first."""
        query = sa.select(_epoch.epoch).where(_epoch.region == self._region)
        return self._connection.execute(query).scalar_one_or_none() or ""

    def put_identity_epoch(self, epoch: str) -> None:
        """Stores the epoch of the identity that is told from now on."""
        table = tables.chronic.identity_epoch
        row = (self._region, epoch)
        insert_rows(self._connection, table, ("region", "epoch"), [row], skip_existing=True)
        self._connection.execute(
            sa.update(table).where(_epoch.region == self._region).values(epoch=epoch)
        )

    def _query(self) -> sa.Select[str, str, dt.datetime, int, dt.datetime]:
        query = sa.select(*(_errand[name] for name in _COLUMNS))
        return query.where(_errand.region == self._region)

    def _delete(self, qualification_id: str) -> None:
        self._connection.execute(
            sa.delete(tables.chronic.errand).where(
                _errand.region == self._region, _errand.qualification_id == qualification_id
            )
        )


def compare_anew(connection: sa.Connection) -> None:
    """Has the qualifications of every region compared with identity, as it is met next.

    After a restore of offsite: what is stored of who was told what is of before it.
    """
    connection.execute(sa.update(tables.chronic.identity_epoch).values(epoch=_NO_EPOCH))
