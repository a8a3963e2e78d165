"""What is read of registrations: one, its history, lists, and what is due."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_offsite.application.registration.orders import is_own
from yibao_offsite.application.registration.rows import (
    RegistrationPlace,
    RegistrationWish,
    TaskPlace,
)
from yibao_offsite.rules.registration.kinds import TaskKind
from yibao_offsite.rules.registration.registration import (
    Registration,
    Step,
    registration_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class RegistrationReading:
    """Reads registrations. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def find(
        self, region: str, registration_id: str, *, institution_id: str | None
    ) -> Registration:
        """Returns a registration; to an institution those alone that it applied for.

        Raises:
            RuleError: REGISTRATION_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            return _found(work, registration_id, institution_id)

    def history(
        self, region: str, registration_id: str, *, institution_id: str | None
    ) -> Sequence[Step]:
        """Returns what was done to a registration, in order; see `find`."""
        with self._transactions.read(region) as work:
            _found(work, registration_id, institution_id)
            return work.registrations.steps(registration_id)

    def page(
        self, region: str, wish: RegistrationWish, *, before: RegistrationPlace | None, limit: int
    ) -> Sequence[Registration]:
        """Returns at most `limit` registrations; see `RegistrationRows.page` for their order."""
        with self._transactions.read(region) as work:
            return work.registrations.page(wish, before=before, limit=limit)

    def tasks(
        self,
        region: str,
        due_date: dt.date | None,
        kind: TaskKind | None,
        *,
        after: TaskPlace | None,
        limit: int,
    ) -> Sequence[Registration]:
        """Returns at most `limit` registrations with a task due by a day, today if None."""
        today = shanghai_day(self._clock())
        kinds = tuple(TaskKind) if kind is None else (kind,)
        with self._transactions.read(region) as work:
            return work.registrations.tasks(
                due_date or today, kinds, today=today, after=after, limit=limit
            )


def _found(work: "Work", registration_id: str, institution_id: str | None) -> Registration:
    found = work.registrations.find(registration_id)
    if found is None or not is_own(found, institution_id):
        raise registration_not_found(registration_id)
    return found
