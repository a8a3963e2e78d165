"""The accounts of relatives who agreed to pay, as a trial of a bill reads them: no lock."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.family.offers import GiverAccount
from yibao_settlement.rules.family import Giver
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import STANDING_COLUMNS, standing_from
from yibao_settlement.storage.family.record import paid_by
from yibao_settlement.storage.hold.record import held_by


def giver_accounts(
    connection: sa.Connection, region: str, person_id: str, givers: Sequence[Giver], year: int
) -> list[GiverAccount]:
    """Returns the accounts of those of some givers who live and have one, in their order.

    With what they paid of a person's bills of a year.
    """
    ids = tuple(sorted({each.giver_id for each in givers}))
    standings, lives = execute(
        connection,
        [
            Select(tables.person_standing, STANDING_COLUMNS, region, "person_id", ids),
            Select(tables.person, ("person_id", "death_date"), region, "person_id", ids),
        ],
    )
    known = {row[0]: standing_from(row) for row in standings}
    dead = {each for each, death_date in lives if death_date is not None}
    paid = paid_by(connection, region, [person_id], year)
    holders = [each for each, standing in known.items() if standing.hold_expire_time is not None]
    holds = held_by(connection, region, holders) if holders else []
    return [
        GiverAccount(
            giver,
            known[giver.giver_id],
            [each.reserved for each in holds if each.holder_id == giver.giver_id],
            paid.get((person_id, giver.giver_id), {}),
        )
        for giver in givers
        if giver.giver_id in known and giver.giver_id not in dead
    ]
