"""Benefit years, their closing by two operators, and persons' closing statements."""

import datetime as dt
from typing import Any

from support.benefit_world import admit
from support.corrections import charged
from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao.settlement.v1.year_pb2 import BenefitYear
from yibao.settlement.v1.year_service_pb2 import (
    ConfirmYearCloseResponse,
    ProposeYearCloseResponse,
)
from yibao_common.values.ids import new_id
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.application.year.close import (
    CONFIRM_METHOD,
    ConfirmYearClose,
    ProposeYearClose,
    ToldYear,
    Years,
)
from yibao_settlement.application.year.find import ToldStatement, YearStatements
from yibao_settlement.application.year.take import YearTaking
from yibao_settlement.rules.year.close import YearCounts
from yibao_settlement.servicer.year import year_confirmed, year_proposed

YEAR = 2026
# A day of the year that follows that of the world, by the clock of China.
JANUARY = dt.datetime(2027, 1, 10, 4, 0, tzinfo=dt.UTC)
# A late bill's first and last day.
LATE = (dt.date(2026, 12, 20), dt.date(2026, 12, 31))


def years_of(world: World) -> Years:
    """Returns what closes and reads the world's years, by its clock."""
    return Years(
        transactions_of(world.database, clock=world.clock),
        others_ended=world.database.others_ended,
        clock=world.clock,
        ids=new_id,
    )


def taking_of(world: World) -> YearTaking:
    return YearTaking(transactions_of(world.database, clock=world.clock), clock=world.clock)


def propose(world: World, benefit_year: int = YEAR, **changes: Any) -> BenefitYear:
    request = world.request("ProposeYearClose", **{"caller": AGENCY, **changes})
    command = ProposeYearClose(request, benefit_year)
    answer = years_of(world).propose(command, year_proposed)
    return ProposeYearCloseResponse.FromString(answer).year


def confirm_command(
    world: World, year: BenefitYear, *, read: YearCounts | None = None, **changes: Any
) -> ConfirmYearClose:
    """Returns the confirmation of what was read."""
    return ConfirmYearClose(
        world.request(CONFIRM_METHOD, **{"caller": CHECKER, **changes}),
        year.close.close_id,
        read or YearCounts(year.person_count, year.bill_count, year.total_fen),
    )


def confirm(world: World, year: BenefitYear, **changes: Any) -> BenefitYear:
    answer = years_of(world).confirm(confirm_command(world, year, **changes), year_confirmed)
    return ConfirmYearCloseResponse.FromString(answer).year


def take_all(world: World, *, limit: int = 50, rounds: int = 50) -> None:
    """Takes the statements of every closed year, as the background duty does."""
    taking = taking_of(world)
    for _ in range(rounds):
        going_on = taking.going_on(REGION)
        if not going_on:
            return
        for close in going_on:
            taking.take_on(close, limit=limit)
    raise AssertionError("statements are not all taken")


def close(world: World, benefit_year: int = YEAR) -> BenefitYear:
    """Has a year closed by two operators and its statements taken."""
    year = confirm(world, propose(world, benefit_year))
    take_all(world)
    return year


def find(world: World, benefit_year: int = YEAR) -> ToldYear:
    return years_of(world).find(REGION, benefit_year)


def statements_of(world: World) -> YearStatements:
    return YearStatements(transactions_of(world.database, clock=world.clock))


def told(world: World, person_id: str, benefit_year: int = YEAR) -> list[ToldStatement]:
    """Returns a person's closed year, of each record."""
    return statements_of(world).of_person(REGION, person_id, benefit_year)


def late_command(world: World, person: str, *items: tuple[str, int]) -> SettleBill:
    """Returns what settles in January a stay that ended with the year before."""
    first, last = LATE
    visit_id = admit(world, person, first)
    world.run(world.discharge_command(visit_id, end_date=last))
    lines = charged(*items)
    total_fen = sum(line.amount_fen for line in lines)
    bill = world.bill(visit_id, lines=lines, total_fen=total_fen, service_date=last)
    return world.settle_command(visit_id, person, bill=bill)


def settle_late(world: World, person: str, *items: tuple[str, int]) -> str:
    """Settles a late bill, and returns the settlement."""
    answer = world.run(late_command(world, person, *items))
    return SettleBillResponse.FromString(answer).settlement.settlement_id
