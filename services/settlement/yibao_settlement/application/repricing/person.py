"""The bills of one person of a repricing: simulated, and carried out once it is confirmed.

Both run in the batches, under the lock of the person, so that what was read is what moves.
"""

from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.repricing.decide import Repriced, repriced
from yibao_settlement.application.repricing.scope import StayBills
from yibao_settlement.application.settlement.adjusting import Because, book_folded
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.repricing import (
    PersonState,
    RepricedPerson,
    Repricing,
    RepricingState,
    nothing_to_reprice,
)

METHOD = "RepricePerson"
# Two operators asked for it, and nobody waits for its answer.
_ITSELF = Caller(Role.SERVICE, "settlement", "service/settlement")


@dataclass(frozen=True, slots=True)
class RepricePerson:
    """Takes a repricing one step on with a person: what waits is simulated, what was is booked.

    A step that is not due, because another process made it, changes nothing. So does one whose
    bills are others by now: the next one reads them anew.
    """

    request: Request
    repricing: Repricing
    person_id: str
    # None where nothing of the person is left to be repriced.
    bills: StayBills | None

    @classmethod
    def of(cls, repricing: Repricing, person_id: str, bills: StayBills | None) -> "RepricePerson":
        """Returns the step, which is no caller's, and whose answer nobody repeats."""
        request = Request.trial(_ITSELF, method=METHOD, region=repricing.region)
        return cls(request, repricing, person_id, bills)

    def needs(self) -> Needs:
        """Returns the person and the bills, with the later ones."""
        key = (self.repricing.repricing_id, self.person_id)
        needs = Needs(person_ids=(self.person_id,), repriced_persons=(key,))
        if self.bills is None:
            return needs
        ids = self.bills.settlement_ids
        return needs._replace(
            settlement_ids=ids,
            leaving_settlement_ids=ids,
            repriced_settlement_ids=ids,
            visit_ids=self.bills.visit_ids,
            item_codes=self.bills.item_codes,
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Takes the step; see `Command`. What refuses it is kept with the person."""
        key = self.repricing.repricing_id, self.person_id
        person = working_set.repriced.known.get(key)
        is_confirmed = self.repricing.state is RepricingState.CONFIRMED
        due = PersonState.SIMULATED if is_confirmed else PersonState.WAITING
        if person is None or person.state is not due:
            return b""
        try:
            check_not_merged(working_set.standing(self.person_id))
            if self.bills is None:
                raise nothing_to_reprice()
            found = repriced(working_set, self.repricing, self.bills)
        except RuleError as refusal:
            refused = person._replace(state=PersonState.REFUSED, reason=refusal.reason.name)
            working_set.repriced.put(refused)
            return b""
        if found is None:
            return b""
        if not is_confirmed:
            working_set.repriced.put(_simulated(person, found))
        elif found.sums != person.sums:
            working_set.repriced.put(person._replace(state=PersonState.CHANGED))
        else:
            self._book(found, working_set, ids)
            working_set.repriced.put(person._replace(state=PersonState.CARRIED_OUT))
        return b""

    def _book(self, found: Repriced, working_set: WorkingSet, ids: Ids) -> None:
        repricing = self.repricing
        assert repricing.request_id is not None, repricing.repricing_id
        # What it posts carries out what the checker asked for.
        request = Request(working_set.region, repricing.request_id, b"", METHOD, _ITSELF)
        for record in found.given:
            assert record.newest_terms is not None, record.settlement_id
            working_set.changes.terms.append(record.newest_terms)
            working_set.settlements[record.settlement_id] = record
        working_set.keep(self.person_id, found.folded.changes)
        because = Because(Cause.REPRICE, repricing.repricing_id)
        book_folded(found.folded, because, request, working_set, ids)


def _simulated(person: RepricedPerson, found: Repriced) -> RepricedPerson:
    state = PersonState.UNCHANGED if found.is_unchanged else PersonState.SIMULATED
    return person._replace(state=state, sums=found.sums)
