"""Releasing a hold: an institution its own, an agency any of its region."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.find import own_hold
from yibao_settlement.application.hold.leaving import Left, book_off, fold_off
from yibao_settlement.application.hold.state import Hold, HoldRequest
from yibao_settlement.application.settlement.naming import told_to
from yibao_settlement.rules.hold import HoldState, released_before

RELEASE_METHOD = "ReleaseHold"


class HeldInTheBatchError(Exception):
    """A bill is released in the batch that holds it: both are tried again, apart."""


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Releases a hold; later bills are decided again without it.

    The hold is told by its id, or by that of the institution's request that holds it: that one
    may still be on its way, and holds nothing when it comes.
    """

    request: Request
    hold_id: str
    reason: str
    # Writes a ReleaseHoldResponse.
    encode: Callable[[Left], bytes]
    # Writes one of what nothing is held of.
    encode_before: Callable[[HoldRequest], bytes]
    hold_request_id: str = ""

    def needs(self) -> Needs:
        """Returns the hold, with the bills behind it."""
        if self.hold_request_id:
            return Needs(leaving_hold_request_ids=(self.hold_request_id,))
        return Needs(hold_ids=(self.hold_id,), leaving_hold_ids=(self.hold_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Releases the hold; see `Command`.

        Raises RuleError HOLD_NOT_FOUND, HOLD_EXPIRED, HOLD_RELEASED, HOLD_CONFIRMED or
        READJUDICATION_FAILED.
        """
        caller, hold_id = self.request.caller, self.hold_id
        if self.hold_request_id:
            known = working_set.holds.requests.get(self._key)
            if known is None:
                return self._before(working_set)
            if known.hold_id is None:
                raise released_before(self.hold_request_id)
            hold_id = known.hold_id
            if hold_id in working_set.holds.new:
                # What has to be read of a hold that leaves is not here.
                raise HeldInTheBatchError
        hold = own_hold(working_set.holds.by_id.get(hold_id), hold_id, caller)
        hold.check_held(working_set.now)
        released = hold._replace(
            state=HoldState.RELEASED,
            end_time=working_set.now,
            end_reason=self.reason,
            ended_by=caller.path,
        )
        with told_to(caller):
            left = Left(released, fold_off(hold, working_set))
        response = self.encode(left)
        # Nothing below refuses: from here on the working set changes.
        book_off(left, self.request, working_set, ids)
        if caller.institution_id is None:
            self._put_on_record(released, working_set)
        return response

    @property
    def _key(self) -> tuple[str, str]:
        return self.request.caller.own_institution(), self.hold_request_id

    def _before(self, working_set: WorkingSet) -> bytes:
        """Keeps that the request to hold is released before it came."""
        institution_id, request_id = self._key
        released = HoldRequest(
            request_id,
            institution_id,
            None,
            working_set.now,
            self.reason,
            self.request.caller.path,
        )
        response = self.encode_before(released)
        working_set.holds.put_request(released)
        return response

    def _put_on_record(self, hold: Hold, working_set: WorkingSet) -> None:
        """Tells of an agency that lets go what an institution held."""
        record = hold.record
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(record.person_id, hold.hold_id),
                detail={
                    "institution": record.institution_id,
                    "fund_total_fen": str(record.fund_total_fen),
                    "account_fen": str(record.account_fen),
                    "reason": self.reason,
                },
            )
        )
