"""Codes that were resolved, and what their tokens were used for, as the ledger checker reads."""

import sqlalchemy as sa

from yibao_settlement.application.resolution import RESOLVE_METHOD
from yibao_settlement.storage import tables


def resolutions(region: str) -> sa.Subquery:
    """Returns what the audit tells of, that is resolved, with the persons whose codes they were.

    It is by the ids of both in one column, `told_id`.
    """
    event, subject = tables.audit.event.c, tables.audit.subject.c
    return (
        sa.select(subject.subject_id.label("told_id"))
        .distinct()
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(subject.region == region, event.method == RESOLVE_METHOD)
        .subquery()
    )


def uses_of_tokens(connection: sa.Connection, region: str) -> dict[str, int]:
    """Returns how many tokens were used for each settlement and hold, by the request of it."""
    use, settlement, hold = tables.token_use.c, tables.settlement.c, tables.hold.c
    rows = connection.execute(
        sa.select(sa.func.coalesce(hold.settlement_id, settlement.settlement_id), sa.func.count())
        .join_from(
            tables.token_use,
            tables.settlement,
            sa.and_(
                use.region == settlement.region,
                use.used_for_id == settlement.settlement_id,
                use.request_id == settlement.request_id,
            ),
            isouter=True,
        )
        .join(
            tables.hold,
            sa.and_(
                use.region == hold.region,
                use.used_for_id == hold.hold_id,
                use.request_id == hold.request_id,
            ),
            isouter=True,
        )
        .where(use.region == region)
        .group_by(sa.func.coalesce(hold.settlement_id, settlement.settlement_id))
    )
    return {settlement_id: count for settlement_id, count in rows if settlement_id is not None}


def odd_uses(connection: sa.Connection, region: str) -> list[str]:
    """Returns resolutions whose tokens were used without a code behind, or for nothing there is.

    The code was used up by the same institution, for that very resolution.
    """
    use, used = tables.token_use.c, tables.used_code.c
    visit, settlement, hold = tables.visit.c, tables.settlement.c, tables.hold.c
    rows = connection.execute(
        sa.select(use.resolution_id)
        .join_from(
            tables.token_use,
            tables.used_code,
            sa.and_(
                use.region == used.region,
                use.resolution_id == used.used_for_id,
                use.institution_id == used.institution_id,
            ),
            isouter=True,
        )
        .join(
            tables.visit,
            sa.and_(
                use.region == visit.region,
                use.used_for_id == visit.visit_id,
                use.institution_id == visit.institution_id,
            ),
            isouter=True,
        )
        .join(
            tables.settlement,
            sa.and_(
                use.region == settlement.region,
                use.used_for_id == settlement.settlement_id,
                use.request_id == settlement.request_id,
                use.institution_id == settlement.institution_id,
            ),
            isouter=True,
        )
        .join(
            tables.hold,
            sa.and_(
                use.region == hold.region,
                use.used_for_id == hold.hold_id,
                use.request_id == hold.request_id,
                use.institution_id == hold.institution_id,
            ),
            isouter=True,
        )
        .where(
            use.region == region,
            sa.or_(
                used.code_id.is_(None),
                sa.and_(
                    visit.visit_id.is_(None),
                    settlement.settlement_id.is_(None),
                    hold.hold_id.is_(None),
                ),
            ),
        )
    )
    return list(rows.scalars())


def unaudited_uses(connection: sa.Connection, region: str) -> list[str]:
    """Returns resolutions whose tokens were used, and of which the audit does not tell."""
    use, told = tables.token_use.c, resolutions(region)
    rows = connection.execute(
        sa.select(use.resolution_id)
        .join_from(tables.token_use, told, use.resolution_id == told.c.told_id, isouter=True)
        .where(use.region == region, told.c.told_id.is_(None))
    )
    return list(rows.scalars())
