"""What persons hold, as a merge finds it among their bills and passes it on with the account."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Update, execute
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.storage import tables
from yibao_settlement.storage.hold.record import ADJUSTMENT_VALUES, adjustment_values, held_by


class MergedHolds:
    """The holds of persons whose records are merged in one transaction."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._records: dict[str, SettlementRecord] = {}

    def of(self, person_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Returns what is held of some records, each with who held the account so far."""
        holds = held_by(self._connection, self._region, person_ids)
        self._records.update((hold.hold_id, hold.record) for hold in holds)
        return [(hold.hold_id, hold.holder_id) for hold in holds]

    def among(self, ids: Collection[str]) -> dict[str, SettlementRecord]:
        """Returns those of some bills that are held, by id, of records that were asked for."""
        return {each: self._records[each] for each in ids if each in self._records}

    def store(self, adjustments: Sequence[Adjustment], merged: Mapping[str, str]) -> None:
        """Stores what moved of holds, and who holds them now: `merged` tells into whom."""
        execute(
            self._connection,
            [
                Update(
                    tables.hold,
                    ("region", "hold_id"),
                    ADJUSTMENT_VALUES,
                    # Of one that moved by several merges the last one holds.
                    [
                        (self._region, hold_id, *adjustment_values(each))
                        for hold_id, each in sorted(
                            {each.settlement_id: each for each in adjustments}.items()
                        )
                    ],
                )
            ],
        )
        if merged:
            self._pass_on(merged)

    def _pass_on(self, merged: Mapping[str, str]) -> None:
        region, hold, standing = self._region, tables.hold, tables.person_standing
        for retired_id in merged:
            self._connection.execute(
                sa.update(hold)
                .where(
                    hold.c.region == region,
                    hold.c.holder_id == retired_id,
                    hold.c.end_time.is_(None),
                )
                .values(holder_id=_last(merged, retired_id))
            )
        earliest = (
            sa.select(sa.func.min(hold.c.expire_time))
            .where(
                hold.c.region == region,
                hold.c.holder_id == standing.c.person_id,
                hold.c.end_time.is_(None),
            )
            .scalar_subquery()
        )
        self._connection.execute(
            sa.update(standing)
            .where(
                standing.c.region == region,
                standing.c.person_id.in_(sorted({*merged, *merged.values()})),
            )
            .values(hold_expire_time=earliest)
        )


def _last(merged: Mapping[str, str], person_id: str) -> str:
    while person_id in merged:
        person_id = merged[person_id]
    return person_id
