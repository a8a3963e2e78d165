"""What became of a request, and that nothing more becomes of one that was not booked.

Whoever is told that a request was not booked bills anew: so it must never be carried out, however
late it arrives. The fence that keeps it so is a row among the answers, where every request looks
for its own id already, and of two that meet the key lets one win.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yibao_common.commands.request import Answer, Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.outcome.state import AskedRequest, Made, RequestOutcome
from yibao_settlement.rules.day.act import DayAct, DayActKind

RESOLVE_METHOD = "ResolveRequest"


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """Asks for the outcome of a request of the same institution."""

    request: Request
    asked_request_id: str
    # Reads what a method's answer made, None where its answers are not known.
    read: Callable[[str, bytes], Made | None]
    # Writes a ResolveRequestResponse.
    encode: Callable[[RequestOutcome], bytes]

    def needs(self) -> Needs:
        """Returns the request that is asked for."""
        return Needs(asked_requests=(self._key,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Tells what was booked, or fences the request; see `Command`.

        Raises RuleError REQUEST_ID_REUSED where another party sent the asked one,
        REQUEST_OUTCOME_UNKNOWN where it is not known who did.
        """
        known = self._known(working_set)
        if known is None:
            response = self.encode(RequestOutcome(self.asked_request_id, working_set.now))
            # Nothing below refuses: from here on the working set changes.
            fence = Answer.fence(self.asked_request_id, self.request.caller)
            working_set.answers[fence.request_id] = fence
            working_set.changes.answers.append(fence)
            return response
        return self.encode(self._outcome(known))

    @property
    def _key(self) -> tuple[str, str]:
        return self.request.caller.own_institution(), self.asked_request_id

    def _known(self, working_set: WorkingSet) -> AskedRequest | None:
        """Returns what is known of the asked request: what this batch did comes first."""
        answer = working_set.answers.get(self.asked_request_id)
        stored = working_set.asked.get(self._key)
        if answer is None or (stored is not None and stored.response is not None):
            return stored
        return AskedRequest(
            answer.request_id,
            answer.method,
            working_set.now,
            answer.institution_id,
            answer.response,
        )

    def _outcome(self, known: AskedRequest) -> RequestOutcome:
        if known.is_fence:
            self._check_own(known, known.institution_id)
            return RequestOutcome(known.request_id, known.answer_time)
        made = self._made(known)
        institution_id = known.institution_id
        if institution_id is None:
            # Of before it was kept. Acts are read of the institution that asks alone.
            institution_id = self._key[0] if known.acts else made.institution_id or None
        self._check_own(known, institution_id)
        return RequestOutcome(known.request_id, known.answer_time, known.method, made)

    def _made(self, known: AskedRequest) -> Made:
        if known.response is None:
            return _made_by(known.acts)
        return self.read(known.method, known.response) or Made()

    def _check_own(self, known: AskedRequest, institution_id: str | None) -> None:
        """Refuses a request of somebody else; it is not told whose, nor what became of it."""
        if institution_id is None:
            raise RuleError(
                Reason.REQUEST_OUTCOME_UNKNOWN,
                f"it is not kept whose request {known.request_id} was",
                request_id=known.request_id,
                method=known.method,
            )
        if institution_id != self.request.caller.own_institution():
            raise RuleError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {known.request_id} was used before for something else",
                request_id=known.request_id,
            )


def _made_by(acts: Sequence[DayAct]) -> Made:
    """Returns what a request made, by what it did of settlements.

    Where it restated later bills too, the act that it was for is the first one: ids rise.
    """
    if not acts:
        return Made()
    first = min(acts, key=lambda each: each.act_id)
    return Made(
        settlement_id=first.settlement_id,
        reversal_id=first.act_id if first.kind is DayActKind.REVERSED else "",
        refund_id=first.act_id if first.kind is DayActKind.REFUNDED else "",
    )
