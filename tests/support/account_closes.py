"""Accounts of years, their closing by two operators, and what a close did with each."""

from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World
from support.years import YEAR

from yibao.settlement.v1 import account_close_pb2 as messages
from yibao.settlement.v1.account_close_service_pb2 import (
    ConfirmAccountCloseResponse,
    ProposeAccountCloseResponse,
)
from yibao_common.values.ids import new_id
from yibao_settlement.application.account_close.close import (
    CONFIRM_METHOD,
    AccountCloses,
    ConfirmAccountClose,
    ProposeAccountClose,
    ToldClose,
)
from yibao_settlement.application.account_close.find import ClosedAccounts, ToldAccount
from yibao_settlement.application.account_close.run import AccountClosing
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.rules.account_close.close import AccountCounts
from yibao_settlement.servicer.account_close import close_confirmed, close_proposed

# Money of the year at a demand rate of 0.35 %, earlier years' at 1.1 % for three months.
RULES = """\
format: yibao-account-close/1
cites: 国发〔1998〕44号
interest:
  insurance_type: "310"
  day_count: actual/365
  book_on: new_year
  current_year:
    rounding: half_up
    rates:
      - {from: 2020-01-01, rate_ppm: 3_500}
  carried:
    rounding: half_up
    rates:
      - {from: 2020-01-01, rate_ppm: 11_000}
"""
COUNTERS = """\
counters:
  insurance_type: "390"
  on_claim: keep
"""


def closes_of(world: World) -> AccountCloses:
    """Returns what closes and reads the world's accounts, by its clock."""
    return AccountCloses(
        transactions_of(world.database, clock=world.clock),
        read_rules=read_rules,
        clock=world.clock,
        ids=new_id,
    )


def closing_of(world: World, *, part_size: int = 5) -> AccountClosing:
    """Returns what closes accounts, with the caches of a process of its own."""
    return AccountClosing(
        transactions_of(world.database, clock=world.clock),
        read_rules=read_rules,
        clock=world.clock,
        ids=new_id,
        part_size=part_size,
    )


def propose(
    world: World, benefit_year: int = YEAR, *, rules: str = RULES, **changes: Any
) -> messages.AccountClose:
    request = world.request("ProposeAccountClose", **{"caller": AGENCY, **changes})
    command = ProposeAccountClose(request, benefit_year, rules.encode())
    answer = closes_of(world).propose(command, close_proposed)
    return ProposeAccountCloseResponse.FromString(answer).close


def confirm_command(
    world: World, close: messages.AccountClose, **changes: Any
) -> ConfirmAccountClose:
    """Returns the confirmation of what was read."""
    read = AccountCounts(
        changes.pop("person_count", close.person_count),
        changes.pop("balance_fen", close.balance_fen),
    )
    version = changes.pop("rules_version", close.rules_version)
    request = world.request(CONFIRM_METHOD, **{"caller": CHECKER, **changes})
    return ConfirmAccountClose(request, close.close_id, version, read)


def confirm(world: World, close: messages.AccountClose, **changes: Any) -> messages.AccountClose:
    command = confirm_command(world, close, **changes)
    answer = closes_of(world).confirm(command, close_confirmed)
    return ConfirmAccountCloseResponse.FromString(answer).close


def run_all(world: World, *, limit: int = 50, pages: int = 100) -> None:
    """Closes the accounts of every confirmed year, as the background duty does."""
    closing = closing_of(world)
    for _ in range(pages):
        going_on = closing.going_on(REGION)
        if not going_on:
            return
        closing.next_page(going_on[0], limit=limit)
    raise AssertionError("accounts are not all closed")


def close_accounts(world: World, benefit_year: int = YEAR, *, rules: str = RULES) -> None:
    """Has the accounts of a year closed, whose statements are taken."""
    confirm(world, propose(world, benefit_year, rules=rules))
    run_all(world)


def find(world: World, benefit_year: int = YEAR) -> ToldClose:
    return closes_of(world).find(REGION, benefit_year)


def closed(world: World, person_id: str, benefit_year: int = YEAR) -> list[ToldAccount]:
    """Returns what a close did with a person's account, of each record."""
    accounts = ClosedAccounts(
        transactions_of(world.database, clock=world.clock), read_rules=read_rules
    )
    return accounts.of_person(REGION, person_id, benefit_year)
