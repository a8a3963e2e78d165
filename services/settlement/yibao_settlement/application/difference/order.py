"""Settling a difference: one operator proposes an order, another confirms or rejects it.

All of it runs in the batches, under the lock of the person, so that what is owed is what the
bills come to at that moment.
"""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import account_not_found
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account import check_not_merged, new_standing
from yibao_settlement.rules.difference_order import (
    DifferenceOrder,
    OrderKind,
    carry_out,
    check_checker,
    check_owed,
    check_read,
    order_entries,
    order_not_found,
    reject,
)
from yibao_settlement.rules.ledger import difference_account, fund_account

CONFIRM_METHOD = "ConfirmDifferenceOrder"
Encode = Callable[[DifferenceOrder], bytes]


def check_fund(reads: Reads, region: str, kind: OrderKind, fund_type: str | None) -> None:
    """Checks which fund is to bear a loss: one that has paid bills of the region.

    Raises RuleError FIELD_REQUIRED, or FIELD_OUT_OF_RANGE where it has not or there is no loss.
    """
    faults = []
    if kind is not OrderKind.WRITE_OFF:
        if fund_type is not None:
            fault = "a fund bears only what is written off"
            faults.append(FieldFault("fund_type", Reason.FIELD_OUT_OF_RANGE, fault))
    elif fund_type is None:
        fault = "some fund bears what is written off"
        faults.append(FieldFault("fund_type", Reason.FIELD_REQUIRED, fault))
    elif fund_account(fund_type) not in dict(reads.fund_balances(region)):
        fault = "no fund of the region that has paid anything"
        faults.append(FieldFault("fund_type", Reason.FIELD_OUT_OF_RANGE, fault))
    refuse_faults(faults)


def find_order(reads: Reads, region: str, order_id: str) -> DifferenceOrder:
    """Returns an order; raises RuleError DIFFERENCE_ORDER_NOT_FOUND."""
    order = reads.difference_order(region, order_id)
    if order is None:
        raise order_not_found(order_id)
    return order


@dataclass(frozen=True, slots=True)
class Case:
    """An order and whose difference it settles, which never changes."""

    order_id: str
    person_id: str

    def needs(self) -> Needs:
        """Returns the person with the difference and its orders."""
        return _needs(self.person_id)

    def find(self, working_set: WorkingSet) -> DifferenceOrder:
        """Returns the order as it is; raises DIFFERENCE_ORDER_NOT_FOUND."""
        order = working_set.differences.orders.get(self.order_id)
        if order is None or order.person_id != self.person_id:
            raise order_not_found(self.order_id)
        return order


@dataclass(frozen=True, slots=True)
class ProposeDifferenceOrder:
    """Proposes that some of a difference is paid out, collected or written off."""

    request: Request
    person_id: str
    kind: OrderKind
    amount_fen: int
    reason: str
    # Writes a ProposeDifferenceOrderResponse.
    encode: Encode
    # The fund that bears what is written off, see `check_fund`.
    fund_type: str | None = None

    def needs(self) -> Needs:
        """Returns the person with the difference and its orders."""
        return _needs(self.person_id)

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`.

        Raises RuleError PERSON_MERGED, ACCOUNT_NOT_FOUND, DIFFERENCE_ORDER_WAITS,
        DIFFERENCE_NOT_OPEN.
        """
        request, person_id = self.request, self.person_id
        standing = working_set.standing(person_id)
        check_not_merged(standing)
        if standing == new_standing(person_id):
            raise account_not_found(person_id)
        waiting = working_set.differences.waiting(person_id)
        if waiting is not None:
            raise RuleError(
                Reason.DIFFERENCE_ORDER_WAITS,
                "another order of the person waits for the checker",
                order_id=waiting.order_id,
            )
        owed_fen = difference_fen(working_set, person_id)
        check_owed(self.kind, self.amount_fen, difference_fen=owed_fen)
        order = DifferenceOrder(
            working_set.region,
            ids(),
            person_id,
            self.kind,
            self.amount_fen,
            self.fund_type,
            self.reason,
            request.caller.path,
            working_set.now,
        )
        response = self.encode(order)
        working_set.differences.propose(order)
        _put_on_record(request, order, working_set, reason=self.reason)
        return response


@dataclass(frozen=True, slots=True)
class ConfirmDifferenceOrder:
    """Confirms an order and posts it; `kind` and `amount_fen` are what the checker read."""

    request: Request
    case: Case
    kind: OrderKind
    amount_fen: int
    # Writes a ConfirmDifferenceOrderResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Confirms; see `Command`.

        Raises RuleError DIFFERENCE_ORDER_NOT_FOUND, DIFFERENCE_ORDER_STATE,
        SAME_MAKER_AND_CHECKER, PERSON_MERGED, DIFFERENCE_NOT_OPEN.
        """
        request, checker = self.request, self.request.caller.path
        proposed = self.case.find(working_set)
        check_checker(proposed, checker=checker)
        check_read(proposed, self.kind, self.amount_fen)
        # What is owed to who stands in the person's place is to be looked at anew.
        check_not_merged(working_set.standing(proposed.person_id))
        owed_fen = difference_fen(working_set, proposed.person_id)
        check_owed(proposed.kind, proposed.amount_fen, difference_fen=owed_fen)
        order = carry_out(proposed, checker=checker, now=working_set.now, posting_id=ids())
        response = self.encode(order)
        # Nothing below refuses: from here on the working set changes.
        assert order.posting_id is not None, order.order_id
        entries = order_entries(order, person_id=order.person_id)
        working_set.post(order.posting_id, order.posting_kind, entries, request)
        working_set.differences.change(order)
        _put_on_record(request, order, working_set, **confirmed_detail(order))
        return response


@dataclass(frozen=True, slots=True)
class RejectDifferenceOrder:
    """Rejects an order; another one may be proposed."""

    request: Request
    case: Case
    reason: str
    # Writes a RejectDifferenceOrderResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Rejects; see `Command`.

        Raises RuleError DIFFERENCE_ORDER_NOT_FOUND, DIFFERENCE_ORDER_STATE,
        SAME_MAKER_AND_CHECKER.
        """
        order = reject(
            self.case.find(working_set),
            checker=self.request.caller.path,
            now=working_set.now,
            reason=self.reason,
        )
        response = self.encode(order)
        working_set.differences.change(order)
        _put_on_record(self.request, order, working_set, maker=order.maker, reason=self.reason)
        return response


def difference_fen(working_set: WorkingSet, person_id: str) -> int:
    """Returns what is owed to a person of whom a command said so, negative where it owes.

    Records that were merged are one person. What the batch has posted so far counts.
    """
    account = difference_account("")

    def is_of_person(account_id: str) -> bool:
        owner = account_id.removeprefix(account)
        return owner != account_id and working_set.holder_of(owner) == person_id

    stored = working_set.differences.balances.items()
    posted = [entry for each in working_set.changes.postings for entry in each.entries]
    return sum([fen for account_id, fen in (*stored, *posted) if is_of_person(account_id)])


def confirmed_detail(order: DifferenceOrder) -> dict[str, str]:
    """Returns what the audit tells of an order that is carried out, as the checker asks."""
    return {
        "maker": order.maker,
        "posting": order.posting_id or "",
        "fund_type": order.fund_type or "",
        "reason": order.reason,
    }


def _needs(person_id: str) -> Needs:
    return Needs(person_ids=(person_id,), difference_person_ids=(person_id,))


def _put_on_record(
    request: Request, order: DifferenceOrder, working_set: WorkingSet, **detail: str
) -> None:
    told = {"order": order.order_id, "kind": order.kind.name, "amount_fen": str(order.amount_fen)}
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(order.person_id, order.order_id),
            detail={**told, **{name: text for name, text in detail.items() if text}},
        )
    )
