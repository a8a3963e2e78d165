"""Deciding a case: one operator proposes, another confirms or sends it back.

All of it runs in the batches, under the lock of the person: what an institution reverses
meanwhile comes before or after.
"""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.reversing import (
    book_reversal,
    reversal_detail,
    reversal_of,
)
from yibao_settlement.rules.review import (
    Decision,
    Review,
    ReviewAct,
    check_checker,
    check_proposed,
    confirm,
    propose,
    reject,
    review_not_found,
)

CONFIRM_METHOD = "ConfirmDecision"
Encode = Callable[[Review], bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A case and its settlement, which never changes."""

    review_id: str
    settlement_id: str

    def needs(self) -> Needs:
        """Returns the settlement with its case, and the stays that its person is in by now."""
        settlement_ids = (self.settlement_id,)
        return Needs(
            settlement_ids=settlement_ids,
            leaving_settlement_ids=settlement_ids,
            stay_settlement_ids=settlement_ids,
        )

    def find(self, working_set: WorkingSet) -> Review:
        """Returns the case as it is; raises REVIEW_NOT_FOUND."""
        review = working_set.reviews.get(self.settlement_id)
        if review is None or review.review_id != self.review_id:
            raise review_not_found(self.review_id)
        return review


@dataclass(frozen=True, slots=True)
class ProposeDecision:
    """Proposes what becomes of a settlement."""

    request: Request
    case: Case
    decision: Decision
    reason: str
    # Writes a ProposeDecisionResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`. Raises RuleError REVIEW_NOT_FOUND, REVIEW_STATE."""
        caller = self.request.caller.path
        review = propose(
            self.case.find(working_set),
            self.decision,
            reason=self.reason,
            maker=caller,
            now=working_set.now,
        )
        response = self.encode(review)
        working_set.change_review(
            review,
            ReviewAct.PROPOSED,
            caller=caller,
            decision=self.decision,
            reason=self.reason,
        )
        _put_on_record(
            self.request, review, working_set, decision=self.decision.name, reason=self.reason
        )
        return response


@dataclass(frozen=True, slots=True)
class ConfirmDecision:
    """Confirms what is proposed and carries it out; `decision` is what the checker read."""

    request: Request
    case: Case
    decision: Decision
    # Writes a ConfirmDecisionResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Confirms; see `Command`.

        Raises RuleError REVIEW_NOT_FOUND, REVIEW_STATE, SAME_MAKER_AND_CHECKER,
        READJUDICATION_FAILED.
        """
        request, caller = self.request, self.request.caller.path
        proposed = self.case.find(working_set)
        check_checker(proposed, checker=caller)
        check_proposed(proposed, self.decision)
        record = working_set.settlements[proposed.settlement_id]
        # Where it had been reversed, the case would not wait any more.
        assert record.reversal is None, record.settlement_id
        detail = {"maker": proposed.maker or "", "reason": proposed.reason or ""}
        reversal = None
        if self.decision is Decision.REVERSE:
            reason = proposed.reason or ""
            reversal = reversal_of(record, request, working_set, ids, reason=reason)
            detail |= reversal_detail(reversal, reason=reason)
        review = confirm(
            proposed,
            checker=caller,
            now=working_set.now,
            reversal_id=reversal and reversal.reversal_id,
        )
        response = self.encode(review)
        # Nothing below refuses: from here on the working set changes.
        if reversal is not None:
            book_reversal(reversal, request, working_set, ids)
        working_set.change_review(
            review, ReviewAct.CONFIRMED, caller=caller, decision=self.decision
        )
        _put_on_record(request, review, working_set, decision=self.decision.name, **detail)
        return response


@dataclass(frozen=True, slots=True)
class RejectDecision:
    """Sends a proposal back."""

    request: Request
    case: Case
    reason: str
    # Writes a RejectDecisionResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns those of the case."""
        return self.case.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Sends back; see `Command`.

        Raises RuleError REVIEW_NOT_FOUND, REVIEW_STATE, SAME_MAKER_AND_CHECKER.
        """
        caller = self.request.caller.path
        proposed = self.case.find(working_set)
        review = reject(proposed, checker=caller)
        response = self.encode(review)
        working_set.change_review(review, ReviewAct.REJECTED, caller=caller, reason=self.reason)
        _put_on_record(
            self.request, review, working_set, maker=proposed.maker or "", reason=self.reason
        )
        return response


def _put_on_record(
    request: Request, review: Review, working_set: WorkingSet, **detail: str
) -> None:
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(review.person_id, review.settlement_id, review.review_id),
            detail={"review": review.review_id, **detail},
        )
    )
