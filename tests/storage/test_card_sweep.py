"""The sweep on real databases: overdue cards restricted once, whoever else sweeps."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.card_acts import REGION
from support.card_desk import CardDesk, transactions_of
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_identity.application import card_sweep
from yibao_identity.application.card_sweep import CardSweep
from yibao_identity.rules.card import CardState
from yibao_identity.storage import tables

CALLER = "service/identity"
NUMBERS = [f"99901919900307{number:04d}" for number in range(20)]


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def sweep_of(desk: CardDesk, database: Database | None = None) -> CardSweep:
    def clock() -> dt.datetime:
        return desk.now

    transactions = transactions_of(database or desk.database, desk.vault, clock=clock)
    return CardSweep(transactions, clock=clock, caller=CALLER)


def stored_states(desk: CardDesk) -> list[int]:
    with desk.database.read() as connection:
        query = sa.select(tables.card.c.state).order_by(tables.card.c.issue_time)
        return [row.state for row in connection.execute(query)]


@pytest.mark.parametrize(("days", "restricted"), [(183, 0), (184, 0), (185, 1)])
def test_the_sweep_restricts_from_the_day_after_the_deadline(
    desk: CardDesk, days: int, restricted: int
) -> None:
    """I-21, I-22: issued on 2 March, activated until 2 September."""
    card = desk.issue(desk.person())
    changes = desk.changes()
    desk.now += dt.timedelta(days=days)
    sweep = sweep_of(desk)
    assert sweep.sweep(REGION) == restricted
    state = CardState.RESTRICTED if restricted else CardState.ISSUED
    assert desk.row(card).state == state.value
    assert desk.read(card).state is state
    assert desk.changes() - changes == restricted
    assert desk.audit("sweep") == [("OK", "")] * restricted
    # Once more finds nothing.
    assert sweep.sweep(REGION) == 0
    assert desk.changes() - changes == restricted


@pytest.mark.parametrize("state", [each for each in CardState if each is not CardState.RESTRICTED])
def test_the_sweep_leaves_other_cards_alone(desk: CardDesk, state: CardState) -> None:
    """I-21: activated, lost or closed in time."""
    card = desk.in_state(state)
    before = desk.row(card).state
    if state is not CardState.ISSUED:
        desk.now += dt.timedelta(days=400)
    sweep_of(desk).sweep(REGION)
    assert desk.row(card).state == before


def test_the_sweep_leaves_other_regions_alone(desk: CardDesk) -> None:
    desk.issue(desk.person())
    desk.now += dt.timedelta(days=400)
    assert sweep_of(desk).sweep("330100") == 0
    assert sweep_of(desk).sweep(REGION) == 1


def test_the_sweep_goes_on_page_after_page(desk: CardDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """I-21, I-22: each page is a transaction with its feed and audit rows."""
    monkeypatch.setattr(card_sweep, "_PAGE_CARDS", 3)
    for number in NUMBERS[:7]:
        desk.issue(desk.person(number))
    changes = desk.changes()
    desk.now += dt.timedelta(days=400)
    assert sweep_of(desk).sweep(REGION) == 7
    assert stored_states(desk) == [CardState.RESTRICTED.value] * 7
    assert desk.changes() - changes == 7
    assert len(desk.audit("sweep")) == 3


def test_several_processes_sweep_each_card_once(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-21, I-22."""
    monkeypatch.setattr(card_sweep, "_PAGE_CARDS", 4)
    first = databases.open("yibao_identity")
    second = Database(first.engine.url.render_as_string(hide_password=False))
    desk = CardDesk(first)
    for number in NUMBERS:
        desk.issue(desk.person(number))
    changes = desk.changes()
    desk.now += dt.timedelta(days=400)
    start = threading.Barrier(2)

    def sweep(database: Database) -> int:
        start.wait()
        return sweep_of(desk, database).sweep(REGION)

    with ThreadPoolExecutor(2) as threads:
        restricted = list(threads.map(sweep, [first, second]))
    second.close()
    assert sum(restricted) == len(NUMBERS)
    assert desk.changes() - changes == len(NUMBERS)


def test_a_card_that_is_activated_meanwhile_is_not_restricted(
    desk: CardDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-22: the counter was faster than the sweep."""
    card = desk.issue(desk.person())
    desk.now += dt.timedelta(days=400)
    sweep = sweep_of(desk)
    found = sweep._due(REGION)
    desk.activate(card)
    assert sweep._restrict(REGION, found) == 0
    assert desk.read(card).state is CardState.ACTIVE
    assert desk.audit("sweep") == []
