"""Booking that settled bills cost somebody else by now."""

import datetime as dt
from typing import NamedTuple

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.record import Adjustment, Effective, SettlementRecord
from yibao_settlement.rules.account import NO_PURSES, Purses
from yibao_settlement.rules.difference import Cause, Columns, adjustment_entries
from yibao_settlement.rules.ledger import Entry, PostingKind


class Because(NamedTuple):
    """Why bills are decided again: the kind of cause, and the id of what did it."""

    cause: Cause
    cause_id: str


def book_folded(
    folded: Folded, because: Because, request: Request, working_set: WorkingSet, ids: Ids
) -> None:
    """Books what became of bills whose counter's column stays; their windows are kept apart.

    What moved of a held bill is kept with the hold, and posted when it is confirmed.
    """
    for record, effective in folded.revised:
        if record.is_held:
            hold = working_set.holds.by_id[record.settlement_id]
            moved = moved_of(record, effective, because, now_time=working_set.now)
            working_set.holds.put(hold.moved(moved))
        else:
            adjust(record, record, effective, because, request, working_set, ids)


def adjust(
    before: SettlementRecord,
    now: SettlementRecord,
    effective: Effective,
    because: Because,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    taken: Purses = NO_PURSES,
) -> SettlementRecord:
    """Books that a settlement has another effective column, and returns it with it.

    `now` is the settlement with the counter's column that it has by now, `before` as it was.
    `taken` is what was moved of it and is taken out of the account again: the entries are
    posted here, the account itself changes by `put_into_purses`.
    """
    adjustment, entries = adjustment_of(
        before,
        now,
        effective,
        because,
        holder_id=working_set.holder_of(before.person_id),
        now_time=working_set.now,
        ids=ids,
        taken=taken,
    )
    if adjustment.posting_id is not None:
        working_set.post(
            adjustment.posting_id,
            PostingKind.ADJUSTMENT,
            entries,
            request,
            changed_time=before.settle_time,
        )
    if adjustment.posting_id is not None and taken.balance_fen:
        working_set.differences.moves.append(
            DueMove(
                before.settlement_id,
                adjustment.posting_id,
                working_set.now,
                -taken.balance_fen,
                -taken.carried_fen,
            )
        )
    working_set.changes.adjustments.append(adjustment)
    moved_fen = before.moved_fen - taken.balance_fen
    adjusted = now._replace(adjustment=adjustment, moved_fen=moved_fen)
    working_set.settlements[before.settlement_id] = adjusted
    return adjusted


def moved_of(
    held: SettlementRecord, effective: Effective, because: Because, *, now_time: dt.datetime
) -> Adjustment:
    """Returns that a held bill has another effective column, which nothing posts yet."""
    return Adjustment(held.settlement_id, 2, now_time, *because, None, effective)


def adjustment_of(
    before: SettlementRecord,
    now: SettlementRecord,
    effective: Effective,
    because: Because,
    *,
    holder_id: str,
    now_time: dt.datetime,
    ids: Ids,
    taken: Purses = NO_PURSES,
) -> tuple[Adjustment, tuple[Entry, ...]]:
    """Returns that a settlement has another effective column, with what that posts.

    `holder_id` is whose difference and purse it concerns; nothing is posted where no money moves.
    """
    moved_fen = before.moved_fen - taken.balance_fen
    columns = before.columns
    counter = columns.counter if now is before else now.counter.borne
    entries = adjustment_entries(
        columns,
        Columns(counter, effective.borne, moved_fen),
        person_id=holder_id,
        taken=taken,
    )
    adjustment = Adjustment(
        before.settlement_id,
        before.revision + 1,
        now_time,
        because.cause,
        because.cause_id,
        ids() if entries else None,
        effective,
    )
    return adjustment, entries
