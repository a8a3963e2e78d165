"""Repairing a person's bills: one operator proposes, another one confirms.

Both run in the batches, under the lock of the person, so that what would move is what moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.repair.mend import Mended, mended
from yibao_settlement.application.settlement.adjusting import Because, book_folded
from yibao_settlement.application.settlement.moved import Moved
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.repair import (
    Repair,
    carry_out,
    check_checker,
    nothing_to_repair,
    repair_not_found,
    repair_state,
    withdraw,
)

CONFIRM_METHOD = "ConfirmRepair"
WITHDRAW_METHOD = "WithdrawRepair"


class ToldRepair(NamedTuple):
    """A repair, with each bill that comes to cost somebody else by it."""

    repair: Repair
    moved: tuple[Moved, ...]


Encode = Callable[[ToldRepair], bytes]


def find_repair(reads: Reads, region: str, repair_id: str) -> Repair:
    """Returns a repair; raises RuleError REPAIR_NOT_FOUND."""
    repair = reads.repair(region, repair_id)
    if repair is None:
        raise repair_not_found(repair_id)
    return repair


def first_bill(reads: Reads, region: str, person_id: str) -> str:
    """Returns the first settlement of a person that stands; raises NOTHING_TO_REPAIR."""
    found = reads.first_settlement_id(region, person_id)
    if found is None:
        raise nothing_to_repair(person_id)
    return found


@dataclass(frozen=True, slots=True)
class ProposeRepair:
    """Proposes that a person's bills are decided again, and tells what that would move."""

    request: Request
    person_id: str
    # See `first_bill`.
    first_settlement_id: str
    reason: str
    # Writes a ProposeRepairResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the person with all bills."""
        return _needs(self.person_id, self.first_settlement_id)

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`.

        Raises RuleError PERSON_MERGED, NOTHING_TO_REPAIR, READJUDICATION_FAILED.
        """
        check_not_merged(working_set.standing(self.person_id))
        found = mended(working_set, self.person_id, self.first_settlement_id)
        repair = Repair(
            working_set.region,
            ids(),
            self.person_id,
            self.first_settlement_id,
            *found.sums,
            self.reason,
            self.request.caller.path,
            working_set.now,
        )
        response = self.encode(ToldRepair(repair, found.moved))
        working_set.repairs.propose(repair)
        _put_on_record(self.request, repair, working_set, reason=self.reason)
        return response


@dataclass(frozen=True, slots=True)
class ConfirmRepair:
    """Confirms a repair and books it; the amounts are what the checker read."""

    request: Request
    # As it was proposed, which never changes; its state may have.
    proposed: Repair
    fund_change_fen: int
    difference_fen: int
    # Writes a ConfirmRepairResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the repair, and its person with all bills."""
        needs = _needs(self.proposed.person_id, self.proposed.first_settlement_id)
        return needs._replace(repair_ids=(self.proposed.repair_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Confirms; see `Command`.

        Raises RuleError REPAIR_NOT_FOUND, REPAIR_STATE, SAME_MAKER_AND_CHECKER, PERSON_MERGED,
        NOTHING_TO_REPAIR, READJUDICATION_FAILED.
        """
        request, checker = self.request, self.request.caller.path
        proposed = working_set.repairs.known.get(self.proposed.repair_id)
        if proposed is None:
            raise repair_not_found(self.proposed.repair_id)
        check_checker(proposed, checker=checker)
        check_not_merged(working_set.standing(proposed.person_id))
        found = mended(working_set, proposed.person_id, proposed.first_settlement_id)
        read = (self.fund_change_fen, self.difference_fen)
        if found.sums != proposed.sums or read != (
            proposed.fund_change_fen,
            proposed.difference_fen,
        ):
            raise repair_state(proposed, "the repair comes to other amounts than were read")
        repair = carry_out(proposed, checker=checker, now=working_set.now)
        response = self.encode(ToldRepair(repair, found.moved))
        # Nothing below refuses: from here on the working set changes.
        _book(found, repair, request, working_set, ids)
        _put_on_record(request, repair, working_set, maker=repair.maker, reason=repair.reason)
        return response


@dataclass(frozen=True, slots=True)
class WithdrawRepair:
    """Withdraws a repair; it moves nothing."""

    request: Request
    # As it was proposed, which never changes; its state may have.
    proposed: Repair
    # Writes a WithdrawRepairResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the repair, and its person, under whose lock it is confirmed."""
        proposed = self.proposed
        return Needs(person_ids=(proposed.person_id,), repair_ids=(proposed.repair_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Withdraws; see `Command`. Raises RuleError REPAIR_NOT_FOUND, REPAIR_STATE."""
        request = self.request
        proposed = working_set.repairs.known.get(self.proposed.repair_id)
        if proposed is None:
            raise repair_not_found(self.proposed.repair_id)
        repair = withdraw(proposed, withdrawer=request.caller.path, now=working_set.now)
        response = self.encode(ToldRepair(repair, ()))
        working_set.repairs.change(repair)
        _put_on_record(request, repair, working_set, maker=repair.maker, reason=repair.reason)
        return response


def _book(
    found: Mended, repair: Repair, request: Request, working_set: WorkingSet, ids: Ids
) -> None:
    working_set.keep(repair.person_id, found.folded.changes)
    because = Because(Cause.REPAIR, repair.repair_id)
    book_folded(found.folded, because, request, working_set, ids)
    working_set.repairs.change(repair)


def _needs(person_id: str, first_settlement_id: str) -> Needs:
    ids = (first_settlement_id,)
    return Needs(settlement_ids=ids, leaving_settlement_ids=ids, person_ids=(person_id,))


def _put_on_record(
    request: Request, repair: Repair, working_set: WorkingSet, **detail: str
) -> None:
    told = {
        "repair": repair.repair_id,
        "bills": str(repair.bill_count),
        "fund_change_fen": str(repair.fund_change_fen),
        "difference_fen": str(repair.difference_fen),
    }
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(repair.person_id, repair.repair_id),
            detail={**told, **detail},
        )
    )
