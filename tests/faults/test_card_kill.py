"""A process that tries a PIN is killed around its commit: no try is lost or counted twice."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from support.card_acts import AGENCY, HOSPITAL, PIN, REGION
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import CardState

WRONG = "111118"
# The answer is sealed as the last thing before the commit and opened right after it.
SEALING = {"before the commit": "seal", "after the commit": "open"}


def request_of(request_id: str) -> Request:
    return Request(REGION, request_id, b"d" * 32, "AuthorizeCard", parse_caller(HOSPITAL))


def run_and_die(child: Callable[..., None], *arguments: str) -> None:
    """Runs a function in a process of its own, which has to end by being killed."""
    spawned = multiprocessing.get_context("spawn").Process(target=child, args=arguments)
    spawned.start()
    spawned.join(60)
    assert spawned.exitcode == -signal.SIGKILL


def use_and_die(url: str, card_id: str, request_id: str, pin: str, point: str) -> None:
    """Uses a card in a process of its own, which ends at `point` without a word."""

    def die(*_: object, **__: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    desk = CardDesk(Database(url))
    setattr(desk.vault, SEALING[point], die)
    card = desk.cards.find(REGION, card_id, caller=parse_caller(AGENCY))
    desk.authorize(card, pin, request=request_of(request_id))


@pytest.mark.parametrize("pin", [PIN, WRONG])
@pytest.mark.parametrize("point", SEALING)
def test_a_killed_try_is_counted_once_by_its_repeat(
    databases: Databases, point: str, pin: str
) -> None:
    """I-13, I-18: whenever the process dies, one try and one use are one."""
    database = databases.open("yibao_identity")
    desk = CardDesk(database)
    card = desk.active()
    url = database.engine.url.render_as_string(hide_password=False)
    request_id = new_id()
    run_and_die(use_and_die, url, card.card_id, request_id, pin, point)

    def counted() -> tuple[int, int]:
        return desk.row(card).wrong_tries, desk.read(card).transactions

    once = (0, 1) if pin == PIN else (1, 0)
    assert counted() == (once if point == "after the commit" else (0, 0))
    for _ in range(2):
        if pin == PIN:
            use_again(desk, card.card_id, request_id, pin)
        else:
            with pytest.raises(RuleError) as caught:
                use_again(desk, card.card_id, request_id, pin)
            assert caught.value.reason is Reason.PIN_INCORRECT
            assert caught.value.metadata == {"tries_left": "4"}
        assert counted() == once
    assert desk.audit("AuthorizeCard") == (
        [] if pin == PIN else [("PIN_INCORRECT", "tries_left=4")]
    )


def use_again(desk: CardDesk, card_id: str, request_id: str, pin: str) -> None:
    """Sends the same request to this process, which does not know what the first made."""
    card = desk.cards.find(REGION, card_id, caller=parse_caller(AGENCY))
    desk.authorize_bytes(card, pin, request=request_of(request_id))


def activate_and_die(url: str, card_id: str, request_id: str, point: str) -> None:
    """Activates a card in a process of its own, which ends at `point` without a word."""

    def die(*_: object, **__: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    desk = CardDesk(Database(url))
    setattr(desk.vault, SEALING[point], die)
    card = desk.cards.find(REGION, card_id, caller=parse_caller(AGENCY))
    desk.activate(card, request=request_of(request_id))


@pytest.mark.parametrize("point", SEALING)
def test_a_killed_activation_ends_the_lost_card_with_it_or_not_at_all(
    databases: Databases, point: str
) -> None:
    """I-23: there is no moment at which both cards are in use, or neither for good."""
    database = databases.open("yibao_identity")
    desk = CardDesk(database)
    lost = desk.active()
    new = desk.replacement(lost)
    request_id, changes = new_id(), desk.changes()
    url = database.engine.url.render_as_string(hide_password=False)
    run_and_die(activate_and_die, url, new.card_id, request_id, point)

    def states() -> tuple[CardState, CardState]:
        return desk.read(lost).state, desk.read(new).state

    before, after = (CardState.LOST, CardState.ISSUED), (CardState.REPLACED, CardState.ACTIVE)
    assert states() == (after if point == "after the commit" else before)
    for _ in range(2):
        desk.activate_bytes(new, request=request_of(request_id))
        assert states() == after
        assert desk.changes() == changes + 1
    assert len(desk.audit("AuthorizeCard")) == 1
