"""A page of persons of an allocation, credited in one transaction.

Under the locks of its persons, and once each: whoever takes the same page at once, in another
process or after a crash, finds them looked at. How far an allocation came is its last person.
"""

from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller, parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credit.book import AskedCredit, Credited, take_credit
from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    Allocation,
    Member,
    due_to,
)
from yibao_settlement.rules.benefit.credit import CreditPolicy
from yibao_settlement.rules.credit.credit import ALLOCATION, CreditKey, CreditState

METHOD = "AllocatePage"


def allocation_key(allocation: Allocation, person_id: str) -> CreditKey:
    """Returns by what the month of an allocation is credited once."""
    return CreditKey(person_id, allocation.insurance_type, ALLOCATION, str(allocation.month))


@dataclass(frozen=True, slots=True)
class AllocatePage:
    """Credits a month to persons by the rules of it; nobody waits for its answer."""

    request: Request
    allocation: Allocation
    policy: CreditPolicy
    person_ids: tuple[str, ...]
    second_above_fen: int | None

    @classmethod
    def of(
        cls,
        allocation: Allocation,
        policy: CreditPolicy,
        person_ids: tuple[str, ...],
        *,
        second_above_fen: int | None,
    ) -> "AllocatePage":
        """Returns the page: no caller's, though in the name of who began the allocation."""
        request = Request.trial(_maker(allocation), method=METHOD, region=allocation.region)
        return cls(request, allocation, policy, person_ids, second_above_fen)

    def needs(self) -> Needs:
        """Returns the persons with the keys of the month."""
        return Needs(
            person_ids=self.person_ids,
            credit_keys=tuple(allocation_key(self.allocation, each) for each in self.person_ids),
            allocated_persons=tuple(
                (self.allocation.allocation_id, each) for each in self.person_ids
            ),
            contributions=tuple(
                (each, self.allocation.insurance_type, self.allocation.month)
                for each in self.person_ids
            ),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Credits who was not looked at; see `Command`. Nobody is refused: each has a state."""
        for person_id in self.person_ids:
            if (self.allocation.allocation_id, person_id) not in working_set.allocated.known:
                working_set.allocated.add(self._allocated(person_id, working_set, ids))
        return b""

    def _allocated(self, person_id: str, working_set: WorkingSet, ids: Ids) -> AllocatedPerson:
        allocation = self.allocation
        key = person_id, allocation.insurance_type, allocation.month
        base_fen = working_set.allocated.bases.get(key)
        person = AllocatedPerson(
            allocation.allocation_id, person_id, AllocatedState.MERGED, base_fen
        )
        if working_set.standing(person_id).merged_into is not None:
            return person
        member = Member(
            working_set.enrolments.get(person_id, ()),
            working_set.diseases.get(person_id, ()),
            working_set.birth_dates.get(person_id),
            working_set.death_dates.get(person_id),
            base_fen,
        )
        due = due_to(
            member, self.policy, insurance_type=allocation.insurance_type, month=allocation.month
        )
        if due.refused is not None:
            return person._replace(state=due.refused, amount_fen=due.amount_fen)
        credit_key = allocation_key(allocation, person_id)
        asked = AskedCredit(credit_key, due.amount_fen, False, self.second_above_fen)
        # What it posts carries out what was asked for when the allocation began.
        request = self.request._replace(request_id=allocation.request_id)
        try:
            credited = take_credit(asked, request, working_set, ids)
        except RuleError as refusal:
            state = _REFUSED[refusal.reason]
            return person._replace(
                state=state,
                amount_fen=due.amount_fen,
                credit_id=refusal.metadata.get("credit_id"),
            )
        return person._replace(
            state=_state_of(credited),
            amount_fen=due.amount_fen,
            credit_id=credited.credit.credit_id,
        )


_REFUSED = {
    Reason.CREDIT_KEY_USED: AllocatedState.CREDITED_OTHERWISE,
    Reason.ACCOUNT_CLOSED: AllocatedState.CLOSED,
}


def _state_of(credited: Credited) -> AllocatedState:
    if credited.credit.state is CreditState.WAITING:
        return AllocatedState.WAITING
    return AllocatedState.ALREADY_CREDITED if credited.is_repeated else AllocatedState.CREDITED


def _maker(allocation: Allocation) -> Caller:
    return parse_caller(allocation.maker)
