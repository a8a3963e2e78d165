"""Bringing relatives' money into a receiver's account for a bill, and back.

It comes in by the transaction that settles or holds the bill, before the bill takes it, so that
every act on the bill finds one account that paid; what comes back to that account for relatives
goes on to them by the same transaction. Their standings are locked with the receiver's.
"""

from collections.abc import Sequence

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.family import FamilyPart, family_entries, family_fen
from yibao_settlement.rules.ledger import PostingKind


def give(record: SettlementRecord, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    """Brings in what relatives pay of a bill, among this year's money of its person."""
    if not record.family:
        return
    working_set.carry_over(record.person_id, request, ids)
    _move(record, record.family, record.person_id, request, working_set, ids)


def give_back(
    record: SettlementRecord,
    parts: Sequence[FamilyPart],
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    receiver_id: str,
    is_carried: bool = False,
) -> None:
    """Brings parts of a bill back to who gave them, out of the account of who holds it by now.

    They are among this year's money there, or `is_carried` among that of earlier years. What a
    giver gave in a year that is over goes to the purse of earlier years.
    """
    if not parts:
        return
    back = [
        part._replace(amount_fen=-part.amount_fen, carried_fen=-part.carried_fen) for part in parts
    ]
    if shanghai_day(record.settle_time).year < working_set.account_year:
        back = [part._replace(carried_fen=part.amount_fen) for part in back]
    _move(record, back, receiver_id, request, working_set, ids, is_carried=is_carried)


def _move(
    record: SettlementRecord,
    parts: Sequence[FamilyPart],
    receiver_id: str,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    is_carried: bool = False,
) -> None:
    holders = [working_set.holder_of(part.giver_id) for part in parts]
    for holder_id in sorted({*holders}):
        working_set.carry_over(holder_id, request, ids)
    posting_id = ids()
    entries = family_entries(
        [
            (holder_id, part.amount_fen, part.carried_fen)
            for holder_id, part in zip(holders, parts, strict=True)
        ],
        receiver_id=receiver_id,
        is_receiver_carried=is_carried,
    )
    working_set.post(posting_id, PostingKind.FAMILY, entries, request)
    total_fen = family_fen(parts)
    _change(working_set, receiver_id, total_fen, total_fen if is_carried else 0)
    for holder_id, part in zip(holders, parts, strict=True):
        _change(working_set, holder_id, -part.amount_fen, -part.carried_fen)
        working_set.family.note(
            FamilyPayment(
                posting_id,
                part.giver_id,
                receiver_id,
                record.place,
                holder_id,
                record.institution_id,
                part.link_id,
                part.relation,
                part.amount_fen,
                part.carried_fen,
                shanghai_day(record.settle_time).year,
                working_set.now,
            ),
            account_year=working_set.account_year,
        )


def _change(working_set: WorkingSet, person_id: str, fen: int, carried_fen: int) -> None:
    working_set.change_person(person_id, balance_change_fen=fen)
    if carried_fen:
        working_set.move_carried(person_id, carried_fen)
