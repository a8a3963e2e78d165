"""What lies between funds and persons, and the orders by which operators settle it."""

from typing import Any

from support.reviews import CHECKER
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.difference_pb2 import DifferenceOrder
from yibao.settlement.v1.difference_service_pb2 import (
    ConfirmDifferenceOrderResponse,
    MoveAllDueResponse,
    MoveDueResponse,
    ProposeDifferenceOrderResponse,
    RejectDifferenceOrderResponse,
)
from yibao_settlement.application.difference.find import Difference, find_difference
from yibao_settlement.application.difference.move import MoveAllDue, MoveDue, page_with_due
from yibao_settlement.application.difference.order import (
    Case,
    ConfirmDifferenceOrder,
    ProposeDifferenceOrder,
    RejectDifferenceOrder,
)
from yibao_settlement.rules.difference_order import OrderKind
from yibao_settlement.servicer.difference import moved_due, moved_page, order_encoder

FUND = "390100"


def difference(world: World, person: str) -> Difference:
    return find_difference(world.queries, REGION, person)


def propose_command(
    world: World, person: str, kind: OrderKind, amount_fen: int, **changes: Any
) -> ProposeDifferenceOrder:
    request = world.request("ProposeDifferenceOrder", **{"caller": AGENCY, **changes})
    return ProposeDifferenceOrder(
        request,
        person,
        kind,
        amount_fen,
        "as agreed with the person",
        order_encoder(ProposeDifferenceOrderResponse),
        FUND if kind is OrderKind.WRITE_OFF else None,
    )


def propose(
    world: World, person: str, kind: OrderKind, amount_fen: int, **changes: Any
) -> DifferenceOrder:
    command = propose_command(world, person, kind, amount_fen, **changes)
    return ProposeDifferenceOrderResponse.FromString(world.run(command)).order


def confirm_command(
    world: World, order: DifferenceOrder, *, amount_fen: int | None = None, **changes: Any
) -> ConfirmDifferenceOrder:
    return ConfirmDifferenceOrder(
        world.request("ConfirmDifferenceOrder", **{"caller": CHECKER, **changes}),
        Case(order.order_id, order.person_id),
        OrderKind(order.order_kind),
        order.amount_fen if amount_fen is None else amount_fen,
        order_encoder(ConfirmDifferenceOrderResponse),
    )


def confirm(world: World, order: DifferenceOrder, **changes: Any) -> DifferenceOrder:
    answer = world.run(confirm_command(world, order, **changes))
    return ConfirmDifferenceOrderResponse.FromString(answer).order


def reject(world: World, order: DifferenceOrder, **changes: Any) -> DifferenceOrder:
    request = world.request("RejectDifferenceOrder", **{"caller": CHECKER, **changes})
    encode = order_encoder(RejectDifferenceOrderResponse)
    command = RejectDifferenceOrder(
        request, Case(order.order_id, order.person_id), "wrong bank account", encode
    )
    return RejectDifferenceOrderResponse.FromString(world.run(command)).order


def move_command(world: World, person: str, due_fen: int, **changes: Any) -> MoveDue:
    request = world.request("MoveDue", **{"caller": AGENCY, **changes})
    return MoveDue(request, person, due_fen, moved_due)


def move(world: World, person: str) -> MoveDueResponse:
    """Moves all that is due to a person's account."""
    command = move_command(world, person, difference(world, person).due_fen)
    return MoveDueResponse.FromString(world.run(command))


def move_all(
    world: World, *, after: str | None = None, limit: int = 50, **changes: Any
) -> MoveAllDueResponse:
    """Moves what is due to the accounts of a page of persons, as the service does."""
    page, is_last = page_with_due(world.queries, REGION, after=after, limit=limit)
    request = world.request("MoveAllDue", **{"caller": AGENCY, **changes})
    command = MoveAllDue(request, page, moved_page("" if is_last else page[-1]))
    return MoveAllDueResponse.FromString(world.run(command))


def settle(world: World, person: str, kind: OrderKind, amount_fen: int) -> DifferenceOrder:
    """Proposes an order by one operator and confirms it by another."""
    return confirm(world, propose(world, person, kind, amount_fen))
