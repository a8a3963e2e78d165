"""Months of the funds and of institutions, and their closing by two operators."""

import datetime as dt
from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.clearing_pb2 import Period as PeriodMessage
from yibao.settlement.v1.clearing_service_pb2 import (
    ConfirmPeriodCloseResponse,
    ProposePeriodCloseResponse,
)
from yibao_common.values.ids import new_id
from yibao_settlement.application.period.close import (
    CONFIRM_METHOD,
    ConfirmPeriodClose,
    Periods,
    ProposePeriodClose,
)
from yibao_settlement.rules.period.close import Period
from yibao_settlement.servicer.period import confirmed, proposed

FUNDS = ""
# In the middle of the months after that of the world, by the clock of China.
DECEMBER = dt.datetime(2026, 12, 10, 4, 0, tzinfo=dt.UTC)
JANUARY = dt.datetime(2027, 1, 10, 4, 0, tzinfo=dt.UTC)


def periods_of(world: World) -> Periods:
    """Returns what closes and reads the world's periods, by its clock."""
    return Periods(
        transactions_of(world.database, clock=world.clock),
        others_ended=world.database.others_ended,
        clock=world.clock,
        ids=new_id,
    )


def propose(world: World, institution_id: str, month: int, **changes: Any) -> PeriodMessage:
    request = world.request("ProposePeriodClose", **{"caller": AGENCY, **changes})
    command = ProposePeriodClose(request, Period(institution_id, month))
    answer = periods_of(world).propose(command, proposed)
    return ProposePeriodCloseResponse.FromString(answer).period


def confirm_command(
    world: World,
    period: PeriodMessage,
    *,
    amount_fen: int | None = None,
    entry_count: int | None = None,
    **changes: Any,
) -> ConfirmPeriodClose:
    """Returns the confirmation of what was read."""
    return ConfirmPeriodClose(
        world.request(CONFIRM_METHOD, **{"caller": CHECKER, **changes}),
        period.close.close_id,
        period.amount_fen if amount_fen is None else amount_fen,
        period.entry_count if entry_count is None else entry_count,
    )


def confirm(world: World, period: PeriodMessage, **changes: Any) -> PeriodMessage:
    answer = periods_of(world).confirm(confirm_command(world, period, **changes), confirmed)
    return ConfirmPeriodCloseResponse.FromString(answer).period


def close(world: World, institution_id: str, month: int) -> PeriodMessage:
    """Has a month closed by two operators."""
    return confirm(world, propose(world, institution_id, month))


def find(world: World, institution_id: str, month: int) -> Any:
    return periods_of(world).find(REGION, Period(institution_id, month))
