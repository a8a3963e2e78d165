"""What operators do with repricings: one proposes, another one confirms or withdraws.

Simulating and carrying out is done behind them, person by person (`person`).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    Progress,
    RepricedPerson,
    RepricedTerm,
    Repricing,
    Scope,
    check_confirmable,
    confirm,
    nothing_to_reprice,
    repricing_not_found,
    withdraw,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

MOST_BILLS = 100_000


class RepricingRows(Protocol):
    """Repricings of a region, as one transaction finds and writes them."""

    def lock(self, repricing_id: str) -> Repricing | None:
        """Returns a repricing, locked until the transaction ends, or None."""
        ...

    def find(self, repricing_id: str) -> Repricing | None:
        """Returns a repricing, or None."""
        ...

    def page(self, *, before: str | None, limit: int) -> list[Repricing]:
        """Returns at most `limit` repricings, the one proposed last first."""
        ...

    def persons_of(self, scope: Scope, *, most_bills: int) -> tuple[list[str], int]:
        """Returns who the bills that stand are of, and how many bills these are."""
        ...

    def insert(self, repricing: Repricing, person_ids: Collection[str]) -> None:
        """Stores a new repricing and whom it concerns."""
        ...

    def update(self, repricing: Repricing) -> None:
        """Stores that a repricing was confirmed or withdrawn, when and by whom."""
        ...

    def progress(self, repricing_id: str) -> Progress:
        """Returns how far a repricing came."""
        ...

    def persons(
        self,
        repricing_id: str,
        states: Collection[PersonState],
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        """Returns at most `limit` persons of a repricing in one of some states, by their ids."""
        ...


class ToldRepricing(NamedTuple):
    """A repricing, and how far it came."""

    repricing: Repricing
    progress: Progress


Encode = Callable[[ToldRepricing], bytes]


@dataclass(frozen=True, slots=True)
class RepriceSettlements:
    """Proposes that bills get the terms of their days by now."""

    request: Request
    scope: Scope
    terms: tuple[RepricedTerm, ...]
    liability: Liability
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmRepricing:
    """Confirms a repricing; the amounts, in fen, are what the checker read."""

    request: Request
    repricing_id: str
    fund_change_fen: int
    difference_fen: int


class Repricings:
    """What callers ask of repricings. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def propose(self, command: RepriceSettlements, encode: Encode) -> bytes:
        """Stores a repricing once by request id and returns the answer's bytes.

        Raises RuleError NOTHING_TO_REPRICE, FIELD_OUT_OF_RANGE where over MOST_BILLS are meant,
        REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._propose(work, command))
        )

    def confirm(self, command: ConfirmRepricing, encode: Encode) -> bytes:
        """Confirms a repricing once by request id and returns the answer's bytes.

        Raises RuleError REPRICING_NOT_FOUND, REPRICING_STATE, SAME_MAKER_AND_CHECKER,
        REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._confirm(work, command))
        )

    def withdraw(self, request: Request, repricing_id: str, encode: Encode) -> bytes:
        """Withdraws a repricing once by request id and returns the answer's bytes.

        Raises RuleError REPRICING_NOT_FOUND, REPRICING_STATE, REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            request, lambda work: encode(self._withdraw(work, request, repricing_id))
        )

    def find(self, region: str, repricing_id: str) -> ToldRepricing:
        """Returns a repricing and how far it came; raises RuleError REPRICING_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.repricings.find(repricing_id)
            if found is None:
                raise repricing_not_found(repricing_id)
            return ToldRepricing(found, work.repricings.progress(repricing_id))

    def page(self, region: str, *, before: str | None, limit: int) -> list[ToldRepricing]:
        """Returns at most `limit` repricings, the one proposed last first."""
        with self._transactions.read(region) as work:
            found = work.repricings.page(before=before, limit=limit)
            return [
                ToldRepricing(each, work.repricings.progress(each.repricing_id)) for each in found
            ]

    def persons(
        self,
        region: str,
        repricing_id: str,
        states: Collection[PersonState],
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        """Returns at most `limit` persons of a repricing, of any state where none is told.

        Raises RuleError REPRICING_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            if work.repricings.find(repricing_id) is None:
                raise repricing_not_found(repricing_id)
            among = states or list(PersonState)
            return work.repricings.persons(repricing_id, among, after=after, limit=limit)

    def _propose(self, work: "Work", command: RepriceSettlements) -> ToldRepricing:
        person_ids, bill_count = work.repricings.persons_of(
            command.scope, most_bills=MOST_BILLS + 1
        )
        if not person_ids:
            raise nothing_to_reprice()
        if bill_count > MOST_BILLS:
            message = f"over {MOST_BILLS} bills are settled of these days: choose fewer days"
            refuse_faults([FieldFault("period.end_date", Reason.FIELD_OUT_OF_RANGE, message)])
        repricing = Repricing(
            command.request.region,
            self._ids(),
            command.scope,
            tuple(sorted(command.terms)),
            command.liability,
            command.reason,
            command.request.caller.path,
            self._clock(),
        )
        work.repricings.insert(repricing, person_ids)
        progress = work.repricings.progress(repricing.repricing_id)
        told = ToldRepricing(repricing, progress)
        self._record(work, command.request, told, reason=command.reason)
        return told

    def _confirm(self, work: "Work", command: ConfirmRepricing) -> ToldRepricing:
        request = command.request
        repricing = self._locked(work, command.repricing_id)
        checker = request.caller.path
        progress = work.repricings.progress(repricing.repricing_id)
        check_confirmable(
            repricing,
            progress,
            checker=checker,
            fund_change_fen=command.fund_change_fen,
            difference_fen=command.difference_fen,
        )
        confirmed = confirm(
            repricing, checker=checker, request_id=request.request_id, now=self._clock()
        )
        work.repricings.update(confirmed)
        told = ToldRepricing(confirmed, progress)
        self._record(work, request, told, maker=repricing.maker, reason=repricing.reason)
        return told

    def _withdraw(self, work: "Work", request: Request, repricing_id: str) -> ToldRepricing:
        repricing = self._locked(work, repricing_id)
        withdrawn = withdraw(repricing, withdrawer=request.caller.path, now=self._clock())
        work.repricings.update(withdrawn)
        told = ToldRepricing(withdrawn, work.repricings.progress(repricing_id))
        self._record(work, request, told, maker=repricing.maker)
        return told

    def _locked(self, work: "Work", repricing_id: str) -> Repricing:
        repricing = work.repricings.lock(repricing_id)
        if repricing is None:
            raise repricing_not_found(repricing_id)
        return repricing

    def _record(self, work: "Work", request: Request, told: ToldRepricing, **more: str) -> None:
        repricing, sums = told
        detail = {
            "repricing": repricing.repricing_id,
            "persons": str(sum(sums.persons.values())),
            "fund_change_fen": str(sums.sums.fund_change_fen),
            "difference_fen": str(sums.sums.difference_fen),
            **more,
        }
        work.audit.add(
            entry_of(
                request, at=self._clock(), subject_ids=(repricing.repricing_id,), detail=detail
            )
        )
