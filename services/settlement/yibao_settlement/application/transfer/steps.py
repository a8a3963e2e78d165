"""The steps of a transfer: requested, recorded out, paid, and booked in where it comes to.

All of it runs in the batches, under the lock of the person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credit.book import (
    AskedCredit,
    Credited,
    meet_receivables,
    take_credit,
    take_out,
)
from yibao_settlement.application.credit.order import payable_fen
from yibao_settlement.application.credit.state import AccountClosing
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.credit.credit import TRANSFER, CreditKey
from yibao_settlement.rules.enrolment import check_alive, not_enrolled_here
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.transfer import (
    Direction,
    Transfer,
    TransferState,
    check_checker,
    check_not_retired,
    check_other_region,
    check_step,
    incoming_key,
    nothing_to_move,
    paid_entries,
    transfer_not_found,
    transfer_state,
    transferred_entries,
)

Encode = Callable[[Transfer], bytes]


@dataclass(frozen=True, slots=True)
class RequestTransfer:
    """Requests that an account is moved to another region."""

    request: Request
    person_id: str
    other_region: str
    transfer_number: str
    reason: str
    encode: Encode

    def needs(self) -> Needs:
        """Returns the person and the number."""
        return Needs(
            person_ids=(self.person_id,),
            account_person_ids=(self.person_id,),
            transfer_numbers=(self.transfer_number,),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Requests it; see `Command`.

        Raises RuleError FIELD_OUT_OF_RANGE for a move to the region itself, PERSON_MERGED,
        PERSON_DECEASED, TRANSFER_STATE where the number is used, the person is retired or the
        account holds nothing to move.
        """
        check_other_region(working_set.region, self.other_region)
        person_id = self.person_id
        check_not_merged(working_set.standing(person_id))
        check_alive(working_set.death_dates.get(person_id))
        known = working_set.transfers.numbered(
            Direction.OUT, self.other_region, self.transfer_number
        )
        if known is not None:
            raise transfer_state(known)
        check_not_retired(person_id, working_set.enrolments.get(person_id, ()))
        if not payable_fen(working_set, person_id):
            raise nothing_to_move(0)
        transfer = Transfer(
            working_set.region,
            ids(),
            Direction.OUT,
            person_id,
            self.other_region,
            self.transfer_number,
            TransferState.REQUESTED,
            self.reason,
            self.request.caller.path,
            working_set.now,
        )
        response = self.encode(transfer)
        working_set.transfers.add(transfer)
        _put_on_record(transfer, self.request, working_set)
        return response


class TransferCase(NamedTuple):
    """A transfer and whose account it moves, which never change."""

    transfer_id: str
    person_id: str
    transfer_number: str

    def needs(self) -> Needs:
        """Returns the person and the transfer."""
        return Needs(
            person_ids=(self.person_id,),
            account_person_ids=(self.person_id,),
            transfer_numbers=(self.transfer_number,),
        )

    def find(self, working_set: WorkingSet) -> Transfer:
        """Returns the transfer as it is; raises TRANSFER_NOT_FOUND."""
        transfer = working_set.transfers.by_id.get(self.transfer_id)
        if transfer is None:
            raise transfer_not_found(self.transfer_id)
        return transfer


@dataclass(frozen=True, slots=True)
class RecordTransferOut:
    """Takes all out of the account and closes it; `amount_fen` is what the checker read."""

    request: Request
    case: TransferCase
    amount_fen: int
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Records it out; see `Command`.

        Raises RuleError TRANSFER_NOT_FOUND, TRANSFER_STATE, SAME_MAKER_AND_CHECKER, PERSON_MERGED,
        PERSON_DECEASED.
        """
        transfer, request = self.case.find(working_set), self.request
        person_id, checker = transfer.person_id, request.caller.path
        check_step(transfer, TransferState.REQUESTED)
        check_checker(transfer, checker=checker)
        check_not_merged(working_set.standing(person_id))
        check_alive(working_set.death_dates.get(person_id))
        check_not_retired(person_id, working_set.enrolments.get(person_id, ()))
        payable = payable_fen(working_set, person_id)
        if payable != self.amount_fen or not payable:
            raise nothing_to_move(payable)
        meet_receivables(person_id, request, working_set, ids, carried_first=True)
        posting_id = ids()
        taken = take_out(person_id, payable, request, working_set, ids, carried_first=True)
        entries = transferred_entries(taken, person_id=person_id, transfer_id=transfer.transfer_id)
        working_set.post(posting_id, PostingKind.TRANSFERRED_OUT, entries, request)
        working_set.credits.close(AccountClosing(person_id, transfer.transfer_id, working_set.now))
        done = transfer._replace(
            state=TransferState.RECORD_OUT,
            amount_fen=payable,
            checker=checker,
            record_time=working_set.now,
            posting_id=posting_id,
        )
        return _keep(done, request, working_set, self.encode)


@dataclass(frozen=True, slots=True)
class PayTransfer:
    """Tells that the bank paid the other region; `amount_fen` is what was paid."""

    request: Request
    case: TransferCase
    amount_fen: int
    payment_reference: str
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Books it; see `Command`. Raises RuleError TRANSFER_NOT_FOUND, TRANSFER_STATE."""
        transfer = self.case.find(working_set)
        check_step(transfer, TransferState.RECORD_OUT, amount_fen=self.amount_fen)
        posting_id = ids()
        entries = paid_entries(self.amount_fen, transfer_id=transfer.transfer_id)
        working_set.post(posting_id, PostingKind.TRANSFER_PAID, entries, self.request)
        done = transfer._replace(
            state=TransferState.MONEY_OUT,
            payment_reference=self.payment_reference,
            pay_time=working_set.now,
            payment_posting_id=posting_id,
        )
        return _keep(done, self.request, working_set, self.encode)


@dataclass(frozen=True, slots=True)
class CloseTransfer:
    """Tells that the other region booked it in, or that nothing comes of a request."""

    request: Request
    case: TransferCase
    is_cancelled: bool
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Notes it; see `Command`. Raises RuleError TRANSFER_NOT_FOUND, TRANSFER_STATE."""
        transfer = self.case.find(working_set)
        is_cancelled = self.is_cancelled
        due = TransferState.REQUESTED if is_cancelled else TransferState.MONEY_OUT
        check_step(transfer, due)
        state = TransferState.CANCELLED if is_cancelled else TransferState.IN
        done = transfer._replace(state=state, close_time=working_set.now)
        return _keep(done, self.request, working_set, self.encode)


@dataclass(frozen=True, slots=True)
class ReceiveTransfer:
    """Books in what another region sent, once by its number; a closed account opens with it."""

    request: Request
    person_id: str
    other_region: str
    transfer_number: str
    amount_fen: int
    second_above_fen: int | None
    encode: Callable[[Transfer, Credited], bytes]

    @property
    def key(self) -> CreditKey:
        """By what it takes effect once."""
        business_key = incoming_key(self.other_region, self.transfer_number)
        return CreditKey(self.person_id, "", TRANSFER, business_key)

    def needs(self) -> Needs:
        """Returns the person and the number."""
        return Needs(
            person_ids=(self.person_id,),
            account_person_ids=(self.person_id,),
            credit_keys=(self.key,),
            transfer_numbers=(self.transfer_number,),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Books it in; see `Command`.

        Raises RuleError FIELD_OUT_OF_RANGE as `RequestTransfer`, PERSON_MERGED,
        PERSON_NOT_ENROLLED, CREDIT_KEY_USED, TRANSFER_STATE where the number came for somebody
        else, ACCOUNT_CLOSED of somebody who died.
        """
        check_other_region(working_set.region, self.other_region)
        person_id = self.person_id
        check_not_merged(working_set.standing(person_id))
        if person_id not in working_set.enrolments:
            raise not_enrolled_here()
        known = working_set.transfers.numbered(
            Direction.IN, self.other_region, self.transfer_number
        )
        if known is not None and working_set.holder_of(known.person_id) != person_id:
            raise transfer_state(known)
        asked = AskedCredit(self.key, self.amount_fen, False, self.second_above_fen)
        credited = take_credit(asked, self.request, working_set, ids)
        if known is not None and credited.is_repeated:
            return self.encode(known, credited)
        transfer = Transfer(
            working_set.region,
            ids() if known is None else known.transfer_id,
            Direction.IN,
            person_id,
            self.other_region,
            self.transfer_number,
            TransferState.IN,
            "",
            self.request.caller.path,
            working_set.now,
            self.amount_fen,
            close_time=working_set.now,
            credit_id=credited.credit.credit_id,
        )
        response = self.encode(transfer, credited)
        if known is None:
            working_set.transfers.add(transfer)
        else:
            # What came before was rejected, or taken back.
            working_set.transfers.change(transfer)
        _put_on_record(transfer, self.request, working_set)
        return response


def _keep(transfer: Transfer, request: Request, working_set: WorkingSet, encode: Encode) -> bytes:
    response = encode(transfer)
    working_set.transfers.change(transfer)
    _put_on_record(transfer, request, working_set)
    return response


def _put_on_record(transfer: Transfer, request: Request, working_set: WorkingSet) -> None:
    detail = {
        "transfer": transfer.transfer_id,
        "number": transfer.transfer_number,
        "other_region": transfer.other_region,
        "state": transfer.state.name,
        "amount_fen": str(transfer.amount_fen or 0),
    }
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(transfer.person_id, transfer.transfer_id),
            detail=detail,
        )
    )
