"""What the ledger checker compares, read from one snapshot of the live database."""

import re
from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.entries import ACCOUNTS_OF_PERSONS
from yibao_settlement.storage.token.booked import resolutions

_ROWS_AT_ONCE = 1_000
_OF_PERSONS = tuple(account("") for account in ACCOUNTS_OF_PERSONS)
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def regions(connection: sa.Connection) -> list[str]:
    """Returns every region of which anything is booked or enrolled."""
    booked = (tables.entry, tables.posting, tables.settlement, tables.settlement_lines)
    return sorted(
        {
            region
            for table in (*booked, tables.person_standing, tables.person)
            for region in _regions_of(connection, table)
        }
    )


def regions_of_mappings(connection: sa.Connection) -> list[str]:
    """Returns every region whose institutions have own codes."""
    return sorted(_regions_of(connection, tables.code_mapping))


def _regions_of(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """Yields the regions of a table, each found by its index: a table has few, and many rows."""
    region = ""
    while True:
        query = sa.select(sa.func.min(table.c.region)).where(table.c.region > region)
        found = connection.execute(query).scalar_one()
        if found is None:
            return
        region = found
        yield region


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


def count_accounts(connection: sa.Connection, region: str) -> int:
    """Returns how many accounts have entries."""
    entry = tables.entry.c
    query = sa.select(sa.func.count(sa.distinct(entry.account_id))).where(entry.region == region)
    return int(connection.execute(query).scalar_one())


def accounts_of_nobody(connection: sa.Connection, region: str) -> list[str]:
    """Returns whose accounts have entries, where no account of theirs is kept."""
    entry, standing = tables.entry.c, tables.person_standing.c
    known = sa.select(sa.cast(standing.person_id, sa.Text)).where(standing.region == region)
    found: set[str] = set()
    for prefix in _OF_PERSONS:
        # PostgreSQL and SQLite count characters from 1.
        owner = sa.cast(sa.func.substr(entry.account_id, len(prefix) + 1), sa.Text)
        # A range reads the primary key in order. ';' follows ':'.
        query = sa.select(owner).where(
            entry.region == region,
            entry.account_id >= prefix,
            entry.account_id < prefix.replace(":", ";"),
        )
        found.update(connection.execute(query.except_(known)).scalars())
    return sorted(found)


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
    """Returns postings of settlements and of what became of them that none of these knows."""
    entry, settlement = tables.entry.c, tables.settlement.c
    found: list[str] = []
    for kind, column in (
        (PostingKind.SETTLEMENT, settlement.settlement_id),
        (PostingKind.REVERSAL, settlement.reversal_id),
        (PostingKind.ADJUSTMENT, tables.adjustment.c.posting_id),
        (PostingKind.REFUND, tables.refund.c.refund_id),
        (PostingKind.MOVE, tables.due_move.c.posting_id),
    ):
        posted = sa.select(entry.posting_id).where(entry.region == region, entry.kind == int(kind))
        # Both are sorted once: where no index has the column, a join would read it again and
        # again.
        known = sa.select(column).where(column.table.c.region == region, column.is_not(None))
        found += connection.execute(posted.except_(known)).scalars()
    return found


def empty_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings without entries: what owes nothing is not posted."""
    entry, posting = tables.entry.c, tables.posting.c
    known = sa.select(posting.posting_id).where(posting.region == region)
    posted = sa.select(entry.posting_id).where(entry.region == region)
    return list(connection.execute(known.except_(posted)).scalars())


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


def lost_moves(connection: sa.Connection, region: str) -> list[str]:
    """Returns of which settlements something was moved into accounts, and there is none."""
    move, settlement = tables.due_move.c, tables.settlement.c
    rows = connection.execute(
        sa.select(move.settlement_id)
        .distinct()
        .join_from(
            tables.due_move,
            tables.settlement,
            sa.and_(
                move.region == settlement.region, move.settlement_id == settlement.settlement_id
            ),
            isouter=True,
        )
        .where(move.region == region, settlement.settlement_id.is_(None))
    )
    return list(rows.scalars())


def aimless_codes(connection: sa.Connection, region: str) -> list[str]:
    """Returns codes used up for neither a visit nor a settlement or hold of their request.

    Nor were they resolved, as the audit tells.
    """
    used, visit, settlement = tables.used_code.c, tables.visit.c, tables.settlement.c
    hold, told = tables.hold.c, resolutions(region)
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
        .join(
            tables.hold,
            sa.and_(
                used.region == hold.region,
                used.used_for_id == hold.hold_id,
                used.request_id == hold.request_id,
            ),
            isouter=True,
        )
        .join(told, used.used_for_id == told.c.told_id, isouter=True)
        .where(
            used.region == region,
            told.c.told_id.is_(None),
            used.used_for_id.is_not(None),
            visit.visit_id.is_(None),
            settlement.settlement_id.is_(None),
            hold.hold_id.is_(None),
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


def stray_windows(connection: sa.Connection, region: str) -> list[str]:
    """Returns scopes of windows that are neither of a stay nor of a month of a person."""
    window = tables.benefit_window.c
    found: list[str] = []
    after = ""
    while True:
        query = sa.select(window.scope).where(window.region == region, window.scope > after)
        query = query.order_by(window.scope).limit(_ROWS_AT_ONCE)
        scopes = list(connection.execute(query).scalars())
        if not scopes:
            return found
        owners = {scope: scope.partition("/")[0] for scope in scopes}
        stays = {owner for scope, owner in owners.items() if "/" not in scope}
        known = _known(connection, region, tables.visit, "visit_id", stays)
        persons = set(owners.values()) - stays
        known |= _known(connection, region, tables.person_standing, "person_id", persons)
        found += [scope for scope in scopes if owners[scope] not in known]
        after = scopes[-1]


def _known(
    connection: sa.Connection, region: str, table: sa.Table, key: str, ids: set[str]
) -> set[str]:
    """Returns which of some ids a table has; what is no id it has not."""
    among = sorted(each for each in ids if _ID.fullmatch(each))
    rows = select_rows(connection, table, (key,), region=region, key=key, among=among)
    return {row[0] for row in rows}
