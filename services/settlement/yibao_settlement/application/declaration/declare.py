"""Declaring months, and what institution and agency make of a declaration before it is paid.

As when a month is closed, it is ended first: whatever begins from then on posts in a later one.
Once every transaction that had begun before has ended, its acts are those of ever, and are summed
and compared without a lock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError, TransientError
from yibao_common.values.ids import Ids
from yibao_settlement.application.declaration.find import (
    ToldDeclaration,
    span_of_month,
    told,
)
from yibao_settlement.application.declaration.rows import ActsOf, FoundSums
from yibao_settlement.rules.day.clearing_type import care_types_of
from yibao_settlement.rules.declaration.month import (
    Declaration,
    MonthOf,
    MonthSums,
    accepted,
    check_any_acts,
    check_sums,
    check_undeclared,
    declaration_not_found,
    rejected,
    withdrawn,
)
from yibao_settlement.rules.declaration.share import PERSONS
from yibao_settlement.rules.ledger import fund_account
from yibao_settlement.rules.period.close import check_over

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

DECLARE_METHOD = "DeclareMonth"

Encode = Callable[[ToldDeclaration], bytes]
_FUND = fund_account("")


@dataclass(frozen=True, slots=True)
class DeclareMonth:
    """Declares a month with the institution's own sums; `funds` by their types."""

    request: Request
    of: MonthOf
    sums: MonthSums
    funds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WithdrawDeclaration:
    """Takes back an institution's own declaration."""

    request: Request
    declaration_id: str
    institution_id: str


@dataclass(frozen=True, slots=True)
class AcceptDeclaration:
    """Accepts a declaration."""

    request: Request
    declaration_id: str


@dataclass(frozen=True, slots=True)
class RejectDeclaration:
    """Sends a declaration back."""

    request: Request
    declaration_id: str
    reason: str


class Declarations:
    """Declares months, takes them back, accepts and rejects them. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        others_ended: Callable[[], bool],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what begins transactions and what waits for them, see `Checkpoints`."""
        self._transactions = transactions
        self._others_ended = others_ended
        self._clock = clock
        self._ids = ids

    def declare(self, command: DeclareMonth, encode: Encode) -> bytes:
        """Ends a month and declares it, once by request id; returns the answer's bytes.

        Raises:
            RuleError: PERIOD_NOT_OVER, REQUEST_ID_REUSED, DECLARATION_EXISTS, DECLARATION_EMPTY,
                DECLARATION_SUMS_DIFFER; in this order.
            TransientError: a transaction of before goes on.
        """
        region, of = command.request.region, command.of
        check_over(of.month, self._clock())
        self._transactions.change(region, lambda work: work.periods.end_month(of.month))
        # Also where another one ended it: that one may still wait.
        if not self._others_ended():
            raise TransientError("what may post in the month goes on")
        acts = ActsOf(
            of.institution_id,
            span_of_month(of.month),
            of.insurance_type,
            care_types_of(of.clearing_type),
        )
        with self._transactions.read(region) as work:
            found = work.declarations.sums(acts)
        return self._transactions.once(
            command.request, lambda work: encode(self._declare(work, command, acts, found))
        )

    def withdraw(self, command: WithdrawDeclaration, encode: Encode) -> bytes:
        """Takes a declaration back once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DECLARATION_STATE.
        """
        request = command.request

        def decide(work: "Work", found: Declaration) -> Declaration:
            if found.institution_id != command.institution_id:
                raise declaration_not_found(command.declaration_id)
            return withdrawn(found, by=request.caller.path, now=self._clock())

        return self._change(request, command.declaration_id, decide, encode)

    def accept(self, command: AcceptDeclaration, encode: Encode) -> bytes:
        """Accepts a declaration once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DECLARATION_STATE.
        """
        request = command.request
        return self._change(
            request,
            command.declaration_id,
            lambda work, found: accepted(found, by=request.caller.path, now=self._clock()),
            encode,
        )

    def reject(self, command: RejectDeclaration, encode: Encode) -> bytes:
        """Sends a declaration back once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DECLARATION_STATE,
        DEDUCTION_WAITS.
        """
        request = command.request
        return self._change(
            request,
            command.declaration_id,
            lambda work, found: rejected(
                found,
                by=request.caller.path,
                reason=command.reason,
                is_deducted=bool(work.declaration_orders.deductions([found.declaration_id])),
                now=self._clock(),
            ),
            encode,
        )

    def _declare(
        self, work: "Work", command: DeclareMonth, acts: ActsOf, found: FoundSums
    ) -> ToldDeclaration:
        request, of = command.request, command.of
        # One after the other in a region: two of the same types must not both find none.
        work.periods.lock()
        check_undeclared(work.declarations.standing(of))
        check_any_acts(of, found.sums)
        funds = {
            account_id.removeprefix(_FUND): fen
            for account_id, fen in found.payers.items()
            if account_id.startswith(_FUND)
        }
        check_sums(command.sums, command.funds, found.sums, funds)
        if sum(funds.values()) != found.sums.fund_total_fen:
            raise InvariantError(f"funds post {funds} for {found.sums}")
        declaration = Declaration(
            request.region,
            self._ids(),
            *of,
            *found.sums,
            request.caller.path,
            self._clock(),
        )
        payers = {**found.payers, PERSONS: found.sums.account_fen}
        owed = {account_id: fen for account_id, fen in payers.items() if fen}
        kept = work.declarations.insert(declaration, owed, acts)
        if kept != found.sums:
            raise InvariantError(f"{kept} are kept of {found.sums}")
        self._put_on_record(work, request, declaration)
        return told(work, declaration)

    def _change(
        self,
        request: Request,
        declaration_id: str,
        decide: Callable[["Work", Declaration], Declaration],
        encode: Encode,
    ) -> bytes:
        def change(work: "Work") -> bytes:
            found = work.declarations.lock([declaration_id]).get(declaration_id)
            if found is None:
                raise declaration_not_found(declaration_id)
            changed = decide(work, found)
            work.declarations.update(changed, are_acts_free=changed.end_time is not None)
            self._put_on_record(work, request, changed)
            return encode(told(work, changed))

        return self._transactions.once(request, change)

    def _put_on_record(self, work: "Work", request: Request, declaration: Declaration) -> None:
        detail = {
            "declaration": declaration.declaration_id,
            "institution": declaration.institution_id,
            "month": str(declaration.month),
            "types": f"{declaration.insurance_type}/{declaration.clearing_type}",
            "acts": str(declaration.act_count),
            "fund_total_fen": str(declaration.fund_total_fen),
            "account_fen": str(declaration.account_fen),
        }
        subjects = (declaration.declaration_id,)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail))
