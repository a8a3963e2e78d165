"""Settlements with what belongs to them, read from one snapshot for the ledger checker."""

import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.application.settlement.terms import TermsSet
from yibao_settlement.rules.ledger import PostingKind, payable_account
from yibao_settlement.rules.repricing import Repricing
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.move import select_moves, with_moved
from yibao_settlement.storage.ledger.codes import CodeUses, audited_without_code
from yibao_settlement.storage.ledger.corrected import CorrectedBill, corrected_bills
from yibao_settlement.storage.ledger.entries import EntryReader, OwnEntry, Posted
from yibao_settlement.storage.refund.record import each_left, select_refunds
from yibao_settlement.storage.repricing.record import find_repricings
from yibao_settlement.storage.repricing.terms import select_terms, terms_from
from yibao_settlement.storage.settlement.adjustment import adjustment_from, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class BookedSettlement:
    """A settlement with its postings, amounts in fen.

    `record` is None where what is stored cannot be read. `benefit_year` is that of its
    column. `visit` is None where there is none. `posted` and `taken_back` map accounts to
    what the settlement and its reversal posted there: of accounts that neither of them names,
    only the person's are looked at. `code_uses` counts the codes used up for it.
    `untold_uses` counts those used up by its request of which it was not kept yet what
    for, and `bills_of_request` the bills that the request settled: more than one where its
    id came again after the answer was no longer kept. `is_audited_without_code` where the
    audit tells that nobody could show one, because the person died.
    """

    settlement_id: str
    record: SettlementRecord | None
    benefit_year: int
    visit: Visit | None
    posted: Mapping[str, int]
    # As each refund left it, with what that posted.
    refunded: Sequence[tuple[SettlementRecord, Mapping[str, int]]]
    # Its adjustments in their order, each with what it posted.
    adjusted: Sequence[tuple[Adjustment, Mapping[str, int]]]
    # What was moved of it into the account, and taken out again, with what that posted there.
    moved: Sequence[tuple[DueMove, Mapping[str, int]]]
    # Those that adjustments name as their causes and that there are: reversals, refunds,
    # repairs, holds, repricings, and persons whose records were merged into another one.
    causes: Collection[str]
    taken_back: Mapping[str, int]
    code_uses: int
    untold_uses: int
    bills_of_request: int
    is_audited_without_code: bool
    # What it corrected, as that stands; None where nothing.
    corrected: CorrectedBill | None
    # Other terms than those it was settled on, in their order, and the repricings among what
    # they name as their causes.
    terms: Sequence[TermsSet]
    repricings: Mapping[str, Repricing]


def booked_settlements(
    connection: sa.Connection,
    region: str,
    visits: Mapping[str, Visit],
    *,
    lost: Collection[str],
    codes: CodeUses,
    entries: EntryReader,
    own: Sequence[OwnEntry],
) -> Iterator[BookedSettlement]:
    """Yields the settlements of some visits, and those of no visit that are `lost`, by id.

    `own` are the entries of the persons' own accounts.
    """
    rows = [*_of_visits(connection, region, list(visits)), *_lost(connection, region, lost)]
    rows.sort(key=_KEY_OF)
    posted: Posted = {}
    for entry in own:
        posted.setdefault(entry.posting_id, {})[entry.account_id] = entry.amount_fen
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[at : at + _ROWS_AT_ONCE]
        yield from _with_belongings(connection, region, some, visits, codes, entries, posted)


def _of_visits(connection: sa.Connection, region: str, visit_ids: Sequence[str]) -> Iterator[Row]:
    select = Select(tables.settlement, SETTLEMENT_COLUMNS, region, "visit_id", visit_ids)
    # Those that stand are found by one index, those that were reversed by another.
    standing, reversed_ones = execute(
        connection, [replace(select, null="reversal_id"), replace(select, filled="reversal_id")]
    )
    yield from standing
    yield from reversed_ones


def _lost(connection: sa.Connection, region: str, settlement_ids: Collection[str]) -> Sequence[Row]:
    return select_rows(
        connection,
        tables.settlement,
        SETTLEMENT_COLUMNS,
        region=region,
        key="settlement_id",
        among=sorted(settlement_ids),
    )


class _Key(NamedTuple):
    """What of a settlement's row tells where the rest of it is."""

    settlement_id: str
    request_id: str
    visit_id: str
    benefit_year: int
    reversal_id: str | None


_KEY_OF = operator.itemgetter(*map(SETTLEMENT_COLUMNS.index, _Key._fields))


class _Stored(NamedTuple):
    """A settlement's key with what was read of it: as settled, and as each refund left it.

    `settled` is None where some of it cannot be read. `posting_ids` are those of its own
    posting, its reversal, its refunds and its adjustments, empty where nothing was posted.
    """

    key: _Key
    settled: SettlementRecord | None
    left: Sequence[SettlementRecord]
    adjustments: Sequence[Adjustment]
    terms: Sequence[TermsSet]
    posting_ids: Sequence[str]

    @property
    def record(self) -> SettlementRecord | None:
        """The settlement as it stands, or stood last."""
        record = self.left[-1] if self.left else self.settled
        if record is None or not self.terms:
            return record
        return record._replace(newest_terms=self.terms[-1])


def _with_belongings(
    connection: sa.Connection,
    region: str,
    rows: Sequence[Row],
    visits: Mapping[str, Visit],
    codes: CodeUses,
    entries: EntryReader,
    own: Posted,
) -> Iterator[BookedSettlement]:
    keys = [_Key._make(_KEY_OF(row)) for row in rows]
    settlement_ids = [key.settlement_id for key in keys]
    lines, moved, returned, into_accounts, given = execute(
        connection,
        [
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", settlement_ids),
            select_adjustments(region, settlement_ids),
            select_refunds(region, settlement_ids),
            select_moves(region, settlement_ids),
            select_terms(region, settlement_ids),
        ],
    )
    moves = _by_settlement(sorted(into_accounts, key=lambda row: row[:2]), 0)
    further, refunds = _by_settlement(lines, 0), _by_settlement(returned, 1)
    adjusted = _by_settlement(sorted(moved, key=lambda row: row[:2]), 0)
    terms = _by_settlement(sorted(given, key=lambda row: row[:2]), 0)
    repricings = find_repricings(connection, region, sorted({row[4] for row in given}))
    without_code = audited_without_code(connection, region, settlement_ids)
    corrected = corrected_bills(connection, region, settlement_ids)
    cause_ids = sorted({row[4] for row in moved})
    causes = _causes(connection, region, cause_ids) | _merged(connection, region, cause_ids)
    stored = [
        _stored(
            key,
            row,
            further.get(key.settlement_id, []),
            refunds.get(key.settlement_id, []),
            adjusted.get(key.settlement_id, []),
            terms.get(key.settlement_id, []),
        )
        for key, row in zip(keys, rows, strict=True)
    ]
    posted = entries.of_accounts(_wanted(stored, own))
    blind = [each for one in stored if one.record is None for each in one.posting_ids if each]
    posted |= entries.of_postings(blind)
    found = _Belongings(moves, causes, repricings, without_code, corrected, posted)
    for each in stored:
        yield _booked(each, found, visits.get(each.key.visit_id), codes, own)


class _Belongings(NamedTuple):
    """What was read of some settlements beside their own rows."""

    moves: Mapping[str, list[Row]]
    causes: Collection[str]
    repricings: Mapping[str, Repricing]
    without_code: Collection[str]
    corrected: Mapping[str, CorrectedBill]
    posted: Posted


def _booked(
    stored: _Stored, found: _Belongings, visit: Visit | None, codes: CodeUses, own: Posted
) -> BookedSettlement:
    """Returns a settlement with what belongs to it."""
    key, moves = stored.key, found.moves.get(stored.key.settlement_id, [])
    amounts = [
        {**own.get(posting_id, {}), **found.posted.get(posting_id, {})}
        for posting_id in stored.posting_ids
    ]
    last_refund = 2 + len(stored.left)
    return BookedSettlement(
        key.settlement_id,
        with_moved(stored.record, moves),
        key.benefit_year,
        visit,
        amounts[0],
        list(zip(stored.left, amounts[2:last_refund], strict=False)),
        list(zip(stored.adjustments, amounts[last_refund:], strict=False)),
        [(DueMove._make(move), own.get(move[1], {})) for move in moves],
        found.causes,
        amounts[1],
        codes.of_settlements.get(key.settlement_id, 1),
        codes.untold.get(key.request_id, 0),
        codes.bills.get(key.request_id, 1),
        key.settlement_id in found.without_code,
        found.corrected.get(key.settlement_id),
        stored.terms,
        found.repricings,
    )


def _by_settlement(rows: Iterable[Row], at: int) -> dict[str, list[Row]]:
    """Returns rows by the settlement that stands in them `at` a place, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[at], []).append(row)
    return found


def _stored(
    key: _Key,
    row: Row,
    lines: Sequence[Row],
    refunds: Sequence[Row],
    adjusted: Sequence[Row],
    given: Sequence[Row],
) -> _Stored:
    adjustments, terms = _adjustments(adjusted), _terms(given)
    settled = None if terms is None else _record(key, row, lines, adjustments)
    left = _each_left(settled, refunds)
    ids = [key.settlement_id, key.reversal_id or ""]
    if settled is None or left is None:
        # Whatever it was: all its postings are read.
        ids += [each[0] for each in refunds] + [each[5] or "" for each in adjusted]
        return _Stored(key, None, (), (), (), ids)
    ids += [each.refunds[-1].refund_id for each in left]
    ids += [each.posting_id or "" for each in adjustments or ()]
    return _Stored(key, settled, left, adjustments or (), terms or (), ids)


def _wanted(stored: Sequence[_Stored], own: Posted) -> dict[str, set[str]]:
    """Returns the postings to be read of each account, but those of the persons' own."""
    known = {account_id for entries in own.values() for account_id in entries}
    wanted: dict[str, set[str]] = {}
    for each in stored:
        if each.settled is None:
            continue
        # Whatever the record tells of its own entries.
        named = {payable_account(each.settled.institution_id)}
        for record in (each.settled, *each.left):
            named.update([entry.account_id for entry in record.entries])
            named.update(record.counter.borne.payers)
        for adjustment in each.adjustments:
            named.update(adjustment.effective.borne.payers)
        ids = [posting_id for posting_id in each.posting_ids if posting_id]
        for account_id in named - known:
            wanted.setdefault(account_id, set()).update(ids)
    return wanted


def _record(
    key: _Key, row: Row, lines: Sequence[Row], adjustments: Sequence[Adjustment] | None
) -> SettlementRecord | None:
    if adjustments is None:
        return None
    try:
        record = record_from(row, lines_from(lines).get(key.settlement_id, ()))
        return record._replace(adjustment=adjustments[-1] if adjustments else None)
    except InvariantError:
        return None


def _each_left(
    settled: SettlementRecord | None, rows: Sequence[Row]
) -> list[SettlementRecord] | None:
    """Returns a settlement as each refund left it, None where that cannot be read."""
    if settled is None:
        return None
    try:
        return each_left(settled, rows)
    except InvariantError:
        return None


def _adjustments(rows: Sequence[Row]) -> list[Adjustment] | None:
    """Returns what moved of a settlement, None where some cannot be read."""
    try:
        return [adjustment_from(row) for row in rows]
    except InvariantError:
        return None


def _terms(rows: Sequence[Row]) -> list[TermsSet] | None:
    """Returns the terms that a settlement got, None where some cannot be read."""
    try:
        return [terms_from(row) for row in rows]
    except InvariantError:
        return None


def _causes(connection: sa.Connection, region: str, ids: Sequence[str]) -> set[str]:
    """Returns which ids are those of reversals, refunds, repairs, holds and repricings."""
    if not ids:
        return set()
    settlement, posting, refund = tables.settlement.c, tables.posting.c, tables.refund.c
    kinds = (int(PostingKind.REVERSAL), int(PostingKind.REFUND))
    rows = connection.execute(
        sa.select(posting.posting_id).where(
            posting.region == region, posting.posting_id.in_(ids), posting.kind.in_(kinds)
        )
    ).scalars()
    found = set(rows)
    # Where nobody owed anything, nothing is posted.
    columns = (settlement.reversal_id, refund.refund_id, tables.repair.c.repair_id)
    for column in (*columns, tables.hold.c.hold_id, tables.repricing.c.repricing_id):
        if left := set(ids) - found:
            query = sa.select(column).where(
                column.table.c.region == region, column.in_(sorted(left))
            )
            found.update(connection.execute(query).scalars())
    return found


def _merged(connection: sa.Connection, region: str, ids: Sequence[str]) -> set[str]:
    """Returns which ids are those of persons whose account was taken over."""
    if not ids:
        return set()
    standing = tables.person_standing.c
    rows = connection.execute(
        sa.select(standing.person_id).where(
            standing.region == region,
            standing.person_id.in_(ids),
            standing.merged_into.is_not(None),
        )
    )
    return set(rows.scalars())
