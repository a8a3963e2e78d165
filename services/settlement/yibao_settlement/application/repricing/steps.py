"""The next steps of repricings that go on: found without locks, taken in the batches."""

from yibao_settlement.application.reading import Reads
from yibao_settlement.application.repricing.person import RepricePerson
from yibao_settlement.application.repricing.scope import bills_of_stays
from yibao_settlement.rules.repricing import PersonState, Repricing, RepricingState


def due_state(repricing: Repricing) -> PersonState:
    """Returns in which state persons of a repricing wait for a step."""
    is_confirmed = repricing.state is RepricingState.CONFIRMED
    return PersonState.SIMULATED if is_confirmed else PersonState.WAITING


def steps_of(
    reads: Reads, repricing: Repricing, *, after: str | None, limit: int
) -> list[RepricePerson]:
    """Returns at most `limit` steps of a repricing, by the ids of the persons behind `after`."""
    steps = []
    waiting = reads.repriced_persons(
        repricing.region, repricing.repricing_id, due_state(repricing), after=after, limit=limit
    )
    for person in waiting:
        bills = reads.bills_of(repricing.region, person.person_id)
        concerned = bills_of_stays(bills, repricing.scope)
        steps.append(RepricePerson.of(repricing, person.person_id, concerned))
    return steps
