"""Bills that open cases, and what operators do to these."""

from typing import Any

from support.charges import carrying
from support.settlement_world import (
    AGENCY,
    REGION,
    World,
)

from yibao.settlement.v1.review_pb2 import Review
from yibao.settlement.v1.review_service_pb2 import (
    ConfirmDecisionResponse,
    ProposeDecisionResponse,
    RejectDecisionResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_settlement.application.review.decide import (
    Case,
    ConfirmDecision,
    ProposeDecision,
    RejectDecision,
)
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.review import Decision
from yibao_settlement.servicer.review import review_encoder

CHECKER = f"agency/{REGION}/li"
LINES = (ChargedLine(1, "A1", "100.00", "90", 900_000),)


def same_bill(world: World, visit: str, **changes: Any) -> Bill:
    return carrying(world, visit, *LINES, **changes)


def twice(world: World, **person: Any) -> tuple[str, Settlement, Settlement]:
    """Settles one bill in two visits of a person, who was discharged between them."""
    (person_id,) = world.enrol(**person)
    settled = []
    for _ in range(2):
        visit = world.register(person_id)
        settled.append(world.settle(visit, person_id, bill=same_bill(world, visit)))
    return person_id, settled[0], settled[1]


def kinds(settled: Settlement) -> list[int]:
    return list(settled.review_kinds)


def case_of(settled: Settlement) -> Case:
    return Case(settled.review_id, settled.settlement_id)


def propose(
    world: World, settled: Settlement, decision: Decision, *, caller: str = AGENCY
) -> Review:
    request = world.request("ProposeDecision", caller=caller)
    encode = review_encoder(ProposeDecisionResponse)
    command = ProposeDecision(request, case_of(settled), decision, "one bill twice", encode)
    return ProposeDecisionResponse.FromString(world.run(command)).review


def confirm_command(
    world: World, settled: Settlement, decision: Decision, **changes: Any
) -> ConfirmDecision:
    request = world.request("ConfirmDecision", **{"caller": CHECKER, **changes})
    encode = review_encoder(ConfirmDecisionResponse)
    return ConfirmDecision(request, case_of(settled), decision, encode)


def confirm(world: World, settled: Settlement, decision: Decision, **changes: Any) -> Review:
    answer = world.run(confirm_command(world, settled, decision, **changes))
    return ConfirmDecisionResponse.FromString(answer).review


def reject(world: World, settled: Settlement, *, caller: str = CHECKER) -> Review:
    request = world.request("RejectDecision", caller=caller)
    encode = review_encoder(RejectDecisionResponse)
    answer = world.run(RejectDecision(request, case_of(settled), "look again", encode))
    return RejectDecisionResponse.FromString(answer).review
