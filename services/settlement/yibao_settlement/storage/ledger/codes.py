"""Which codes were used up for which settlements, for the ledger checker."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.application.settlement.settle import SETTLE_METHOD
from yibao_settlement.storage import tables
from yibao_settlement.storage.hold.booked import uses_of_codes
from yibao_settlement.storage.token.booked import uses_of_tokens


class CodeUses(NamedTuple):
    """How many codes, or tokens of codes, were used up, where that is not one for each settlement.

    `of_settlements` tells those of each by its id, `untold` by request those of which it was
    not kept yet what for, `bills` how many bills a request settled that settled several.
    """

    of_settlements: dict[str, int]
    untold: Mapping[str, int]
    bills: Mapping[str, int]


NO_CODES = CodeUses({}, {}, {})


def code_uses(connection: sa.Connection, region: str) -> CodeUses:
    """Returns how many codes were used up for settlements of the region; reads all of them."""
    settlement, used = tables.settlement.c, tables.used_code.c
    # Counted before they are joined: no index finds the codes of a settlement.
    counted = (
        sa.select(used.used_for_id, used.request_id, sa.func.count().label("uses"))
        .where(used.region == region, used.used_for_id.is_not(None))
        .group_by(used.used_for_id, used.request_id)
        .subquery()
    )
    uses = sa.func.coalesce(counted.c.uses, 0)
    of_settlements = connection.execute(
        sa.select(settlement.settlement_id, uses)
        .join_from(
            tables.settlement,
            counted,
            sa.and_(
                settlement.settlement_id == counted.c.used_for_id,
                settlement.request_id == counted.c.request_id,
            ),
            isouter=True,
        )
        .where(settlement.region == region, uses != 1)
    )
    untold = connection.execute(
        sa.select(used.request_id, sa.func.count())
        .where(used.region == region, used.used_for_id.is_(None))
        .group_by(used.request_id)
    )
    bills = connection.execute(
        sa.select(settlement.request_id, sa.func.count())
        .where(settlement.region == region)
        .group_by(settlement.request_id)
        .having(sa.func.count() > 1)
    )
    found = CodeUses(
        *({row[0]: row[1] for row in rows} for rows in (of_settlements, untold, bills))
    )
    of_all = found.of_settlements | uses_of_codes(connection, region)
    # Where none is told there was one; a token stands for a code that was used up before.
    for settlement_id, count in uses_of_tokens(connection, region).items():
        of_all[settlement_id] = of_all.get(settlement_id, 1) + count
    return found._replace(of_settlements=of_all)


def audited_without_code(
    connection: sa.Connection, region: str, settlement_ids: Sequence[str]
) -> set[str]:
    """Returns the settlements of which the audit tells that the dead showed no code."""
    told_of = select_rows(
        connection,
        tables.audit.subject,
        ("subject_id",),
        region=region,
        key="subject_id",
        among=settlement_ids,
    )
    if not told_of:
        return set()
    event, subject = tables.audit.event.c, tables.audit.subject.c
    rows = connection.execute(
        sa.select(subject.subject_id)
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(
            subject.region == region,
            subject.subject_id.in_(sorted({row[0] for row in told_of})),
            event.method == SETTLE_METHOD,
        )
    )
    return set(rows.scalars())
