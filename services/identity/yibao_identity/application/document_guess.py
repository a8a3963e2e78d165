"""Documents compared with a person's and wrong ones counted, in one transaction.

A wrong document is refused with `CountedRefusalError`, which `application.calls` lets the
transaction answer: the count is durable before the refusal is told.
"""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.holder import check_shown_document
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.document_guess import (
    DocumentGuesses,
    after_wrong_document,
    check_may_show_document,
    tries_left,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

ResultT = TypeVar("ResultT")


class CountedRefusalError(RuleError):
    """A refusal with a trace that has to stay; raised before anything else was written."""

    def __init__(self, refusal: RuleError) -> None:
        """Takes what is refused."""
        super().__init__(refusal.reason, refusal.message)
        self.metadata = refusal.metadata


class DocumentGuessRows(Protocol):
    """Wrong documents that were shown for persons; to write them, the person has to be locked."""

    def find(self, person_id: str) -> DocumentGuesses | None:
        """Returns the wrong documents of a person in a row, or None."""
        ...

    def store(self, person_id: str, guesses: DocumentGuesses) -> None:
        """Stores them."""
        ...

    def forget(self, person_id: str) -> None:
        """Begins anew after the right one."""
        ...


def check_counted_document(
    work: "Work", document: ShownDocument | None, person_id: str, *, now: dt.datetime
) -> None:
    """Refuses where the document is not that of a person, who is locked, and counts it.

    To be called before anything is written.

    Raises:
        RuleError: ID_REQUIRED, ID_CHECK_LOCKED.
        CountedRefusalError: ID_MISMATCH.
    """
    known = work.document_guesses.find(person_id)
    if document is not None:
        check_may_show_document(known, now=now)
    try:
        check_shown_document(work.holders, document, person_id)
    except RuleError as refusal:
        if refusal.reason is not Reason.ID_MISMATCH:
            raise
        guesses = after_wrong_document(known, now=now)
        work.document_guesses.store(person_id, guesses)
        raise CountedRefusalError(
            RuleError(Reason.ID_MISMATCH, refusal.message, tries_left=tries_left(guesses))
        ) from None
    if known is not None:
        work.document_guesses.forget(person_id)


def counted(
    decide: "Callable[[Work], ResultT]",
) -> "Callable[[Work], ResultT | RuleError]":
    """Returns `decide` with a counted refusal as what it returns, so that its trace is kept."""

    def outcome(work: "Work") -> ResultT | RuleError:
        try:
            return decide(work)
        except CountedRefusalError as refusal:
            return refusal

    return outcome
