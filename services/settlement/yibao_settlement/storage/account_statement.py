"""What moved a personal account, by the entries of the ledger."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.account_statement import AccountIds, MovedBill, Movement
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.family.moved import moved_by_relatives
from yibao_settlement.storage.settlement.cause import find_causes

_BILL = ("settlement_id", "settle_time", "institution_id", "bill_number")


def account_movements(
    connection: sa.Connection, region: str, person_id: str, ids: AccountIds
) -> list[Movement]:
    """Returns all that was booked of a personal account, in no order."""
    current, carried = ids.current_year, ids.carried
    columns = ("account_id", "posting_id", "kind", "amount_fen")
    (rows,) = execute(
        connection, [Select(tables.entry, columns, region, "account_id", (carried, current))]
    )
    kinds: dict[str, PostingKind] = {}
    amounts: dict[str, dict[str, int]] = defaultdict(dict)
    for account_id, posting_id, kind, amount_fen in rows:
        kinds[posting_id] = PostingKind(kind)
        amounts[posting_id][account_id] = amount_fen
    bills = _bills(connection, region, person_id, kinds)
    times = _times(connection, region, kinds, bills)
    given = moved_by_relatives(connection, region, person_id, _of(kinds, PostingKind.FAMILY))
    bills |= {each: (times[each], bill) for each, (bill, _) in given.items()}
    sources = _sources(connection, region, ids.sources, _of(kinds, PostingKind.CREDIT))
    return [
        Movement(
            posting_id,
            kind,
            times[posting_id],
            Purses(amounts[posting_id].get(current, 0), amounts[posting_id].get(carried, 0)),
            sources.get(posting_id, ""),
            None if posting_id not in bills else bills[posting_id][1],
            given[posting_id][1] if posting_id in given else (),
        )
        for posting_id, kind in kinds.items()
    ]


def _of(kinds: Mapping[str, PostingKind], *wanted: PostingKind) -> tuple[str, ...]:
    return tuple(sorted(posting_id for posting_id, kind in kinds.items() if kind in wanted))


def _bills(
    connection: sa.Connection, region: str, person_id: str, kinds: Mapping[str, PostingKind]
) -> dict[str, tuple[dt.datetime, MovedBill]]:
    """Returns the settlement that a posting is of, with when it was settled, by posting."""
    settlement_ids = {each: each for each in _of(kinds, PostingKind.SETTLEMENT)}
    causes = _of(kinds, PostingKind.REVERSAL, PostingKind.REFUND)
    if causes:
        settlement_ids |= find_causes(connection, region, person_id, causes)
    settlement_ids |= _adjusted(connection, region, _of(kinds, PostingKind.ADJUSTMENT))
    among = tuple(sorted(set(settlement_ids.values())))
    (rows,) = execute(
        connection, [Select(tables.settlement, _BILL, region, "settlement_id", among)]
    )
    names = _names(connection, region, {institution_id for _, _, institution_id, _ in rows})
    found = {
        settlement_id: (
            settle_time,
            MovedBill(settlement_id, institution_id, names.get(institution_id, ""), bill_number),
        )
        for settlement_id, settle_time, institution_id, bill_number in rows
    }
    return {
        posting_id: found[settlement_id]
        for posting_id, settlement_id in settlement_ids.items()
        if settlement_id in found
    }


def _adjusted(connection: sa.Connection, region: str, among: tuple[str, ...]) -> dict[str, str]:
    columns = ("posting_id", "settlement_id")
    (rows,) = execute(connection, [Select(tables.adjustment, columns, region, "posting_id", among)])
    return dict(rows)


def _names(
    connection: sa.Connection, region: str, institution_ids: Collection[str]
) -> dict[str, str]:
    columns = ("institution_id", "institution_name")
    among = tuple(sorted(institution_ids))
    (rows,) = execute(
        connection, [Select(tables.institution, columns, region, "institution_id", among)]
    )
    return dict(rows)


def _times(
    connection: sa.Connection,
    region: str,
    kinds: Mapping[str, PostingKind],
    bills: Mapping[str, tuple[dt.datetime, MovedBill]],
) -> dict[str, dt.datetime]:
    """Returns when each posting was made: of a settlement its own row tells it.

    Raises InvariantError where nothing does.
    """
    times = {each: bills[each][0] for each in _of(kinds, PostingKind.SETTLEMENT) if each in bills}
    others = tuple(sorted(kinds.keys() - times.keys()))
    columns = ("posting_id", "post_time")
    (rows,) = execute(connection, [Select(tables.posting, columns, region, "posting_id", others)])
    times |= dict(rows)
    if times.keys() != kinds.keys():
        raise InvariantError("of a posting nothing tells when it was made")
    return times


def _sources(
    connection: sa.Connection, region: str, sources: Mapping[str, str], among: tuple[str, ...]
) -> dict[str, str]:
    """Returns where credits came from: what their other entry says."""
    if not among:
        return {}
    entry = tables.entry.c
    rows = connection.execute(
        sa.select(entry.posting_id, entry.account_id).where(
            entry.region == region,
            entry.account_id.in_(sources),
            entry.posting_id.in_(among),
        )
    )
    return {posting_id: sources[account_id] for posting_id, account_id in rows}
