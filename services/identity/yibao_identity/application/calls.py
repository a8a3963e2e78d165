"""Answering a call once, and putting on record the refusals that tell of somebody guessing."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.document_guess import counted

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

Subjects = tuple[str, ...]
NO_REASONS: frozenset[Reason] = frozenset()
_BOUND_TO_OWN = frozenset({Role.HOLDER, Role.BANK})


class Calls:
    """Answers calls; what is put on record of a refusal is durable before it is told.

    A holder who acts for somebody else, and a bank that acts on another's card, are always
    put on record. `about` are the ids that the caller named, and `audited` the other
    reasons that are put on record.
    """

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def answer(
        self,
        request: Request,
        decide: "Callable[[Work], bytes]",
        *,
        about: Subjects = (),
        audited: frozenset[Reason] = NO_REASONS,
    ) -> bytes:
        """Carries out a request once by its id, and keeps what a refusal counted.

        See `Transactions.once` and `application.document_guess.CountedRefusalError`.
        """
        return self.answer_counted(request, decide, about=about, audited=audited)

    def answer_counted(
        self,
        request: Request,
        decide: "Callable[[Work], bytes | RuleError]",
        *,
        about: Subjects = (),
        audited: frozenset[Reason] = NO_REASONS,
    ) -> bytes:
        """Carries out a request in which a refusal leaves a trace; see `once_counted`."""
        with self._refusals_on_record(request, about, audited):
            return self._transactions.once_counted(request, counted(decide))

    def check(
        self,
        request: Request,
        decide: "Callable[[Work], None]",
        *,
        about: Subjects = (),
        audited: frozenset[Reason] = NO_REASONS,
    ) -> None:
        """Checks something before a call that only reads, and keeps what a refusal counted."""
        with self._refusals_on_record(request, about, audited):
            refusal = self._transactions.change(request.region, counted(decide))
            if refusal is not None:
                raise refusal

    @contextlib.contextmanager
    def read(
        self,
        region: str,
        caller: Caller,
        method: str,
        *,
        about: Subjects = (),
        audited: frozenset[Reason] = NO_REASONS,
    ) -> "Iterator[Work]":
        """Gives a unit of work for a call that only reads."""
        request = Request(region, "", b"", method, caller)
        with (
            self._refusals_on_record(request, about, audited),
            self._transactions.read(region) as work,
        ):
            yield work

    @contextlib.contextmanager
    def _refusals_on_record(
        self, request: Request, about: Subjects, audited: frozenset[Reason]
    ) -> Iterator[None]:
        try:
            yield
        except RuleError as refusal:
            if refusal.reason in audited or _is_beyond_own(request, refusal):
                self._put_on_record(request, about, refusal)
            raise

    def _put_on_record(self, request: Request, about: Subjects, refusal: RuleError) -> None:
        outcome = refusal.reason.name
        entry = entry_of(request, at=self._clock(), subject_ids=about, outcome=outcome)
        self._transactions.change(request.region, lambda work: work.audit.add(entry))


def _is_beyond_own(request: Request, refusal: RuleError) -> bool:
    return refusal.reason is Reason.OUT_OF_SCOPE and request.caller.role in _BOUND_TO_OWN
