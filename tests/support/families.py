"""Relatives whose accounts pay for one another, as tests of storage make and look at them."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from support.benefit_world import admit
from support.corrections import charged
from support.settlement_world import REGION, World

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.account_statement import find_account_statement
from yibao_settlement.application.credential import Viewer
from yibao_settlement.rules.account import Purses, purses_in
from yibao_settlement.rules.account_statement import AccountStatement
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.family import Giver
from yibao_settlement.storage import tables

LONG_AGO = dt.date(2020, 1, 1)


def giver(person_id: str, link_id: str = "", **terms: Any) -> Giver:
    """Returns somebody who agreed to pay, without limits unless they are told."""
    values = {"relation": 1, "start_date": LONG_AGO, **terms}
    return Giver(person_id, link_id or f"link of {person_id[-20:]}", **values)


def agree(world: World, receiver: str, *givers: Giver, **facts: Any) -> None:
    """Tells settlement, as the feed does, who agreed to pay a person's bills."""
    ids = tuple(each.giver_id for each in givers)
    world.feed(world.insured(receiver, payer_ids=ids, givers=givers, **facts))


def holding(world: World, fen: int = 0, *, carried_fen: int = 0, **facts: Any) -> str:
    """Enrols somebody whose account holds so much of this year and of earlier ones."""
    (person,) = world.enrol(**facts)
    for amount_fen, is_carried in ((fen, False), (carried_fen, True)):
        if amount_fen:
            world.run(world.credit_command(person, amount_fen, is_carried=is_carried))
    return person


def purses(world: World, person: str) -> Purses:
    """Returns what the purses of an account hold now."""
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    return purses_in(standing, world.clock.now.year)


def bill(world: World, visit: str, *items: tuple[str, int], **changes: Any) -> Bill:
    """Returns a bill by the account, of a line for each item and what it costs in fen."""
    lines = charged(*items)
    total_fen = sum(line.amount_fen for line in lines)
    used = {"account_used": True, "family_used": True}
    values = {"lines": lines, "total_fen": total_fen, **used, **changes}
    values.setdefault("service_date", shanghai_day(world.clock.now))
    return world.bill(visit, **values)


def stay(world: World, person: str) -> str:
    """Registers a stay that is over, and returns its visit."""
    day = shanghai_day(world.clock.now)
    visit = admit(world, person, day)
    world.run(world.discharge_command(visit, end_date=day))
    return visit


def settle(world: World, person: str, *items: tuple[str, int], **changes: Any) -> str:
    """Settles such a bill of a visit of its own, and returns the settlement."""
    visit = stay(world, person)
    made = bill(world, visit, *items)
    return world.settle(visit, person, bill=made, **changes).settlement_id


def parts(world: World, settlement_id: str) -> list[tuple[str, int]]:
    """Returns what each giver pays of a settlement, in fen."""
    record = world.queries.settlement(REGION, settlement_id)
    assert record is not None
    return [(part.giver_id, part.amount_fen) for part in record.family]


def paid(world: World) -> list[tuple[str, int, int]]:
    """Returns what givers gave and, negative, got back, in the order of postings."""
    payment = tables.family_payment.c
    query = sa.select(payment.giver_id, payment.amount_fen, payment.carried_fen).order_by(
        payment.posting_id
    )
    with world.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def statement(world: World, person: str) -> AccountStatement:
    """Returns what moved an account this year."""
    today = shanghai_day(world.clock.now)
    return find_account_statement(
        *(world.queries, REGION, person, Viewer(None)),
        start_date=dt.date(today.year, 1, 1),
        end_date=today,
        now=world.clock.now,
    )
