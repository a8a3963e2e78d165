"""Repricings, as one operator proposes them, another confirms, and the service carries them on."""

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.repricing_pb2 import Repricing
from yibao.settlement.v1.repricing_service_pb2 import RepriceSettlementsResponse
from yibao_common.values.ids import new_id
from yibao_settlement.application.repricing.orders import (
    ConfirmRepricing,
    RepriceSettlements,
    Repricings,
)
from yibao_settlement.application.repricing.steps import steps_of
from yibao_settlement.application.work import Work
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    RepricedPerson,
    RepricedTerm,
    Scope,
)
from yibao_settlement.servicer.repricing import repricing_encoder

ALL = (RepricedTerm.POLICY, RepricedTerm.CATALOGUE, RepricedTerm.ENROLMENT)
_encode = repricing_encoder(RepriceSettlementsResponse)


def repricings(world: World) -> Repricings:
    transactions = transactions_of(world.database, clock=world.clock)
    return Repricings(transactions, clock=world.clock, ids=new_id)


def propose(
    world: World,
    *settlement_ids: str,
    scope: Scope | None = None,
    terms: tuple[RepricedTerm, ...] = ALL,
    liability: Liability = Liability.AS_BEFORE,
    caller: str = AGENCY,
) -> Repricing:
    """Proposes; nothing is simulated yet."""
    command = RepriceSettlements(
        World.request("RepriceSettlements", caller=caller),
        scope or Scope(settlement_ids=settlement_ids),
        terms,
        liability,
        "changed backwards",
    )
    return told(repricings(world).propose(command, _encode))


def told(answer: bytes) -> Repricing:
    return RepriceSettlementsResponse.FromString(answer).repricing


def carry_on(world: World) -> int:
    """Takes every step that is due, as the service does in the background; returns how many."""
    done = 0
    for repricing, _ in world.queries.open_repricings(REGION):
        for step in steps_of(world.queries, repricing, after=None, limit=1_000):
            world.run(step)
            done += 1
    return done


def confirm(
    world: World,
    repricing_id: str,
    *,
    caller: str = CHECKER,
    read: tuple[int, int] | None = None,
) -> Repricing:
    """Confirms what it comes to by now, or other amounts that were `read`: funds, difference."""
    sums = now(world, repricing_id)
    command = ConfirmRepricing(
        World.request("ConfirmRepricing", caller=caller),
        repricing_id,
        *(read or (sums.fund_change_fen, sums.difference_fen)),
    )
    return told(repricings(world).confirm(command, _encode))


def withdraw(world: World, repricing_id: str) -> Repricing:
    request = World.request("WithdrawRepricing", caller=CHECKER)
    return told(repricings(world).withdraw(request, repricing_id, _encode))


def now(world: World, repricing_id: str) -> Repricing:
    """Returns the repricing as it is by now."""
    return told(_encode(repricings(world).find(REGION, repricing_id)))


def persons(world: World, repricing_id: str, *states: PersonState) -> list[RepricedPerson]:
    return repricings(world).persons(REGION, repricing_id, states, after=None, limit=1_000)


def reprice(world: World, *settlement_ids: str, **asked: object) -> Repricing:
    """Proposes, simulates, confirms and carries out; returns the repricing as it is then."""
    proposed = propose(world, *settlement_ids, **asked)  # type: ignore[arg-type]
    carry_on(world)
    confirm(world, proposed.repricing_id)
    carry_on(world)
    return now(world, proposed.repricing_id)


def put_items(world: World, *items: CatalogueItem) -> None:
    """Says otherwise of items from now on, of all days."""

    def put(work: Work) -> None:
        work.catalogue.put_items(items)
        work.reference.raise_epoch()

    transactions_of(world.database).change(REGION, put)
