"""Reversing a settlement in full: entries of the opposite sign, never a change."""

import dataclasses

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.commands import ReverseSettlement
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.records import Reversal, SettlementRow
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.ledger import (
    PostingKind,
    merge_entries,
    opposite,
    settlement_entries,
)


def reverse(
    command: ReverseSettlement, working_set: WorkingSet, ids: Ids, encoder: Encoder
) -> bytes:
    """Reverses a settlement and returns the bytes of its answer.

    Raises RuleError SETTLEMENT_NOT_FOUND or SETTLEMENT_REVERSED; the working set is then
    as it was.
    """
    row = working_set.settlements.get(command.settlement_id)
    if row is None or command.institution_id not in (None, row.institution_id):
        raise settlement_not_found(command.settlement_id)
    if row.reversal_id is not None:
        raise RuleError(
            Reason.SETTLEMENT_REVERSED,
            f"settlement {row.settlement_id} is reversed already",
            reversal_id=row.reversal_id,
        )
    # What a merged person paid goes back to the account that took theirs over.
    holder_id = working_set.survivors.get(row.person_id, row.person_id)
    standing = working_set.standing(holder_id)
    reversal = Reversal(
        ids(),
        row,
        opposite(
            settlement_entries(
                row.fund_amounts,
                person_id=row.person_id,
                account_fen=row.account_fen,
                institution_id=row.institution_id,
            )
        ),
        working_set.now,
        command.reason,
        command.actor,
        standing.balance_fen + row.account_fen,
    )
    response = encoder.reversed(reversal, working_set.settle_responses[row.request_id])
    # Nothing below refuses: from here on the working set changes.
    _book(reversal, row, working_set, holder_id=holder_id)
    if holder_id != row.person_id and row.account_fen:
        moved = merge_entries(
            retired_id=row.person_id, survivor_id=holder_id, amount_fen=row.account_fen
        )
        working_set.post(ids(), PostingKind.MERGE, moved)
    return response


def _book(
    reversal: Reversal, row: SettlementRow, working_set: WorkingSet, *, holder_id: str
) -> None:
    working_set.change_person(
        holder_id,
        balance_change_fen=row.account_fen,
        benefit_year=row.benefit_year,
        accumulations=[(name, -value) for name, value in row.accumulations.items()],
    )
    working_set.post(reversal.reversal_id, PostingKind.REVERSAL, reversal.entries)
    working_set.changes.reversals.append(reversal)
    working_set.settled_bills.pop((row.visit_id, row.bill_number), None)
    working_set.settlements[row.settlement_id] = dataclasses.replace(
        row, reversal_id=reversal.reversal_id
    )


def settlement_not_found(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that the caller cannot see."""
    return RuleError(
        Reason.SETTLEMENT_NOT_FOUND,
        f"no settlement {settlement_id}",
        settlement_id=settlement_id,
    )
