"""What a batch reads under its locks: look-ups, and where their rows go."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet


class Wanted(NamedTuple):
    """What is read for a batch of one region, once it is known whom it concerns.

    `person_ids` are the persons whose standings are locked; `holders` those of them whose
    codes register visits, by subject; `stay_person_ids` those whose undischarged stays decide;
    `sights` are persons whose visits are looked at, with the day from which on;
    `held_visit_ids` visits of which holds are named.
    """

    region: str
    needs: Needs
    request_ids: Collection[str]
    person_ids: Collection[str]
    holders: Mapping[str, str]
    stay_person_ids: Collection[str]
    sights: Sequence[tuple[Collection[str], dt.date]] = ()
    held_visit_ids: Collection[str] = ()

    def select(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        key: str,
        among: Iterable[str],
        *,
        null: str | None = None,
        since: tuple[str, dt.date] | None = None,
    ) -> Select:
        """Returns a look-up in the region of the rows whose `key` is among those given."""
        return Select(table, columns, self.region, key, tuple(among), null, since=since)


class Read(NamedTuple):
    """A look-up, and what keeps its rows in the working set."""

    select: Select
    keep: Callable[[WorkingSet, list[Row]], None]
