"""What the ledger checker compares, read from one snapshot of the live database."""

import sqlalchemy as sa

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from


def regions(connection: sa.Connection) -> list[str]:
    """Returns every region of which anything is booked or enrolled."""
    found: set[str] = set()
    booked = (tables.entry, tables.posting, tables.settlement, tables.settlement_lines)
    for table in (*booked, tables.person_standing, tables.person):
        found.update(connection.execute(sa.select(table.c.region).distinct()).scalars())
    return sorted(found)


def unbalanced_postings(connection: sa.Connection, region: str) -> list[tuple[str, int]]:
    """Returns postings whose entries do not sum to zero, with their sums in fen."""
    entry = tables.entry.c
    total = sa.func.sum(entry.amount_fen)
    rows = connection.execute(
        sa.select(entry.posting_id, total)
        .where(entry.region == region)
        .group_by(entry.posting_id)
        .having(total != 0)
    )
    return [(row[0], int(row[1])) for row in rows]


def account_sums(connection: sa.Connection, region: str) -> dict[str, int]:
    """Returns every account with the sum of all its entries in fen."""
    entry = tables.entry.c
    rows = connection.execute(
        sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
        .where(entry.region == region)
        .group_by(entry.account_id)
    )
    return {row[0]: int(row[1]) for row in rows}


def wrong_checkpoints(connection: sa.Connection, region: str) -> list[tuple[str, int, int]]:
    """Returns checkpoints that differ from their entries: account, kept, summed, in fen."""
    entry, checkpoint = tables.entry.c, tables.account_checkpoint.c
    total = sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)
    rows = connection.execute(
        sa.select(checkpoint.account_id, checkpoint.balance_fen, total)
        .join_from(
            tables.account_checkpoint,
            tables.entry,
            sa.and_(
                entry.region == checkpoint.region,
                entry.account_id == checkpoint.account_id,
                entry.posting_id <= checkpoint.through_posting_id,
            ),
            isouter=True,
        )
        .where(checkpoint.region == region)
        .group_by(checkpoint.account_id, checkpoint.balance_fen)
        .having(checkpoint.balance_fen != total)
    )
    return [(row[0], int(row[1]), int(row[2])) for row in rows]


def orphan_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of settlements, reversals and adjustments that no settlement knows."""
    entry, settlement, adjustment = tables.entry.c, tables.settlement.c, tables.adjustment.c
    found: list[str] = []
    for kind, column in (
        (PostingKind.SETTLEMENT, settlement.settlement_id),
        (PostingKind.REVERSAL, settlement.reversal_id),
        (PostingKind.ADJUSTMENT, adjustment.posting_id),
        (PostingKind.REFUND, tables.refund.c.refund_id),
    ):
        rows = connection.execute(
            sa.select(entry.posting_id)
            .distinct()
            .join_from(
                tables.entry,
                column.table,
                sa.and_(entry.region == column.table.c.region, entry.posting_id == column),
                isouter=True,
            )
            .where(entry.region == region, entry.kind == int(kind), column.is_(None))
        )
        found += rows.scalars()
    return found


def empty_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings without entries: what owes nothing is not posted."""
    entry, posting = tables.entry.c, tables.posting.c
    rows = connection.execute(
        sa.select(posting.posting_id)
        .join_from(
            tables.posting,
            tables.entry,
            sa.and_(posting.region == entry.region, posting.posting_id == entry.posting_id),
            isouter=True,
        )
        .where(posting.region == region, entry.posting_id.is_(None))
    )
    return list(rows.scalars())


def lost_lines(connection: sa.Connection, region: str) -> list[str]:
    """Returns the settlement ids of lines whose settlement there is not."""
    lines, settlement = tables.settlement_lines.c, tables.settlement.c
    rows = connection.execute(
        sa.select(lines.settlement_id)
        .distinct()
        .join_from(
            tables.settlement_lines,
            tables.settlement,
            sa.and_(
                lines.region == settlement.region,
                lines.settlement_id == settlement.settlement_id,
            ),
            isouter=True,
        )
        .where(lines.region == region, settlement.settlement_id.is_(None))
    )
    return list(rows.scalars())


def aimless_codes(connection: sa.Connection, region: str) -> list[str]:
    """Returns codes used up for neither a visit nor a settlement of their request."""
    used, visit, settlement = tables.used_code.c, tables.visit.c, tables.settlement.c
    rows = connection.execute(
        sa.select(used.code_id)
        .join_from(
            tables.used_code,
            tables.visit,
            sa.and_(used.region == visit.region, used.used_for_id == visit.visit_id),
            isouter=True,
        )
        .join(
            tables.settlement,
            sa.and_(
                used.region == settlement.region,
                used.used_for_id == settlement.settlement_id,
                used.request_id == settlement.request_id,
            ),
            isouter=True,
        )
        .where(
            used.region == region,
            used.used_for_id.is_not(None),
            visit.visit_id.is_(None),
            settlement.settlement_id.is_(None),
        )
    )
    return list(rows.scalars())


def odd_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of no known kind, and credits not of one account from one source."""
    entry = tables.entry.c

    def entries(condition: sa.ColumnElement[bool]) -> sa.Function[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    from_source = sa.and_(entry.account_id.like("source:%"), entry.amount_fen < 0)
    to_person = sa.and_(_is_purse(entry.account_id), entry.amount_fen > 0)
    is_credit = sa.and_(
        entries(entry.kind == int(PostingKind.CREDIT)) == sa.func.count(),
        entries(from_source) == 1,
        entries(to_person) == 1,
        sa.func.count() == 2,
    )
    others = [int(kind) for kind in PostingKind if kind is not PostingKind.CREDIT]
    rows = connection.execute(
        sa.select(entry.posting_id)
        .where(entry.region == region, entry.kind.not_in(others))
        .group_by(entry.posting_id)
        .having(sa.not_(is_credit))
    )
    return list(rows.scalars())


def _is_purse(account_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.or_(account_id.like("person:%"), account_id.like("carried:%"))


def unmoved_persons(connection: sa.Connection, region: str) -> list[str]:
    """Returns persons who were merged, and whose account was taken over by nobody."""
    person, standing = tables.person.c, tables.person_standing.c
    rows = connection.execute(
        sa.select(person.person_id)
        .join_from(
            tables.person,
            tables.person_standing,
            sa.and_(person.region == standing.region, person.person_id == standing.person_id),
            isouter=True,
        )
        .where(
            person.region == region,
            person.merged_into.is_not(None),
            standing.merged_into.is_(None),
        )
    )
    return list(rows.scalars())


def merged_persons(connection: sa.Connection, region: str) -> dict[str, str]:
    """Returns, for persons whose account was taken over, who took it over."""
    standing = tables.person_standing.c
    rows = connection.execute(
        sa.select(standing.person_id, standing.merged_into).where(
            standing.region == region, standing.merged_into.is_not(None)
        )
    )
    return {row.person_id: row.merged_into for row in rows}


def postings_of_kind(
    connection: sa.Connection, region: str, kind: PostingKind
) -> dict[str, dict[str, int]]:
    """Returns the amounts by account of every posting of a kind."""
    entry = tables.entry.c
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(entry.posting_id, entry.account_id, entry.amount_fen).where(
            entry.region == region, entry.kind == int(kind)
        )
    ):
        found.setdefault(row.posting_id, {})[row.account_id] = row.amount_fen
    return found


def standings(
    connection: sa.Connection, region: str
) -> tuple[dict[str, Purses], dict[tuple[str, int], dict[str, int] | None]]:
    """Returns what the persons' accounts hold and the accumulators of their years.

    Those of a year are None where they cannot be read.
    """
    balances: dict[str, Purses] = {}
    years: dict[tuple[str, int], dict[str, int] | None] = {}
    standing, closed = tables.person_standing.c, tables.closed_year.c
    for row in connection.execute(
        sa.select(
            *(standing.person_id, standing.balance_fen, standing.carried_fen),
            *(standing.benefit_year, standing.accumulators),
        ).where(standing.region == region)
    ):
        current_fen = row.balance_fen - row.carried_fen
        balances[row.person_id] = Purses(current_fen, row.carried_fen)
        if row.benefit_year:
            years[row.person_id, row.benefit_year] = _accumulators(row.accumulators)
    for year in connection.execute(
        sa.select(closed.person_id, closed.benefit_year, closed.accumulators).where(
            closed.region == region
        )
    ):
        years[year.person_id, year.benefit_year] = _accumulators(year.accumulators)
    return balances, years


def windows(connection: sa.Connection, region: str) -> dict[str, dict[str, int] | None]:
    """Returns what windows smaller than a year hold, by scope; None where it cannot be read."""
    window = tables.benefit_window.c
    rows = connection.execute(
        sa.select(window.scope, window.amounts).where(window.region == region)
    )
    return {row.scope: _accumulators(row.amounts) for row in rows}


def _accumulators(stored: str) -> dict[str, int] | None:
    try:
        return amounts_from(stored)
    except InvariantError:
        return None
