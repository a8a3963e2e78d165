"""Wrong documents are counted for the person, whatever the method, and end like PINs (I-15)."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.card_acts import BANK, DOCUMENT, PAPERS
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import Card
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.document_guess import LOCK, MOST_WRONG
from yibao_identity.storage import tables

WRONG = ShownDocument("01", "999019198001010018")


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)
    return caught.value


def test_the_fifth_wrong_document_locks_every_method_for_a_day(desk: CardDesk) -> None:
    card = desk.active()
    methods: list[Callable[..., Any]] = [desk.report_pin, desk.reset_pin]
    left = []
    for number in range(MOST_WRONG):
        refusal = refused(methods[number % 2], card, document=WRONG)
        assert refusal.reason is Reason.ID_MISMATCH
        left.append(refusal.metadata["tries_left"])
    assert left == ["4", "3", "2", "1", "0"]
    for method in methods:
        for document in (WRONG, DOCUMENT):
            locked = refused(method, card, document=document)
            assert locked.reason is Reason.ID_CHECK_LOCKED
            assert locked.metadata.keys() == {"until"}
    assert not desk.row(card).pin_lost_time
    desk.now += LOCK
    desk.report_pin(card, document=DOCUMENT)
    assert desk.count(tables.document_guess) == 0


def ordered(desk: CardDesk) -> Card:
    card = desk.active()
    desk.lose(card, PAPERS)
    desk.order(card)
    desk.now += dt.timedelta(days=7)
    return card


def lost(desk: CardDesk) -> Card:
    card = desk.active()
    desk.lose(card, PAPERS)
    return card


# Each method that compares a document: the card for it, and the call.
METHODS: dict[str, tuple[Callable[[CardDesk], Card], Callable[[CardDesk, Card], object]]] = {
    "ActivateCard": (
        lambda desk: desk.issue(desk.person()),
        lambda desk, card: desk.activate(card, document=WRONG),
    ),
    "SetPin": (
        lambda desk: desk.active(pin=None),
        lambda desk, card: desk.set_pin(card, document=WRONG),
    ),
    "ChangePin": (
        CardDesk.active,
        lambda desk, card: desk.change_pin(card, at_counter=True, document=WRONG),
    ),
    "ReportPinLost": (CardDesk.active, lambda desk, card: desk.report_pin(card, WRONG)),
    "ResetPin": (CardDesk.active, lambda desk, card: desk.reset_pin(card, document=WRONG)),
    "PrintTransactions": (CardDesk.active, lambda desk, card: desk.print(card, document=WRONG)),
    "CloseCard": (CardDesk.active, lambda desk, card: desk.close(card, document=WRONG)),
    "OrderReplacement": (lost, lambda desk, card: desk.order(card, document=WRONG)),
    "CollectReplacement": (ordered, lambda desk, card: desk.collect(card, document=WRONG)),
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_counts_a_wrong_document(desk: CardDesk, method: str) -> None:
    prepare, call = METHODS[method]
    card = prepare(desk)
    refusal = refused(call, desk, card)
    assert (refusal.reason, refusal.metadata) == (Reason.ID_MISMATCH, {"tries_left": "4"})
    assert desk.count(tables.document_guess) == 1


def test_the_right_document_begins_the_count_anew(desk: CardDesk) -> None:
    card = desk.active()
    for _ in range(3):
        for _ in range(MOST_WRONG - 1):
            assert refused(desk.reset_pin, card, document=WRONG).reason is Reason.ID_MISMATCH
        desk.report_pin(card, document=DOCUMENT)


def test_a_wrong_document_is_durable_before_it_is_told_and_on_record(desk: CardDesk) -> None:
    card = desk.active()
    refused(desk.reset_pin, card, document=WRONG)
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.document_guess)).one()
    assert row.wrong_documents == 1
    assert desk.audit("ResetPin")[-1][0] == "ID_MISMATCH"


def test_guesses_at_once_are_counted_one_after_the_other(desk: CardDesk) -> None:
    card = desk.active()

    def guess(_number: int) -> Reason:
        return refused(desk.reset_pin, card, document=WRONG).reason

    with ThreadPoolExecutor(4) as threads:
        reasons = list(threads.map(guess, range(12)))
    assert reasons.count(Reason.ID_MISMATCH) == MOST_WRONG
    assert reasons.count(Reason.ID_CHECK_LOCKED) == 12 - MOST_WRONG


def test_a_wrong_document_of_yesterday_is_forgotten(desk: CardDesk) -> None:
    card = desk.active()
    for _ in range(MOST_WRONG - 1):
        refused(desk.reset_pin, card, document=WRONG)
    desk.now += LOCK + dt.timedelta(seconds=1)
    assert refused(desk.reset_pin, card, document=WRONG).metadata == {"tries_left": "4"}


def test_a_document_under_a_used_request_id_is_a_guess(desk: CardDesk) -> None:
    """The answer of before would tell which document is the right one, without end."""
    card = desk.active()
    desk.lose(card, PAPERS)
    first = desk.request("OrderReplacement", BANK)
    answered = desk.order(card, request=first)
    assert desk.order(card, request=first) == answered
    for number in range(MOST_WRONG):
        guess = first._replace(digest=bytes([number]) * 32)
        refusal = refused(desk.order, card, request=guess, document=WRONG)
        assert refusal.reason is Reason.REQUEST_ID_REUSED
        assert refusal.metadata.keys() == {"request_id"}
    assert desk.audit("OrderReplacement")[-1][0] == "ID_MISMATCH"
    # Neither the right one nor a wrong one is told apart from here on.
    other = first._replace(digest=b"o" * 32)
    for request, document in ((first, DOCUMENT), (other, WRONG), (other, DOCUMENT)):
        locked = refused(desk.order, card, request=request, document=document)
        assert locked.reason is Reason.ID_CHECK_LOCKED
    assert desk.audit("OrderReplacement")[-1][0] == "ID_CHECK_LOCKED"
    assert refused(desk.reset_pin, card).reason is Reason.ID_CHECK_LOCKED
    desk.now += LOCK
    assert desk.order(card, request=first) == answered


def test_the_right_document_under_a_used_request_id_is_told_as_a_wrong_one(
    desk: CardDesk,
) -> None:
    card = desk.issue(desk.person())
    first = desk.request("SetPin", BANK)
    desk.set_pin(card, request=first)
    again = first._replace(digest=b"e" * 32)
    told = [
        refused(desk.set_pin, card, request=again, document=document)
        for document in (WRONG, DOCUMENT)
    ]
    assert [str(each) for each in told] == [str(told[0])] * 2
    assert desk.count(tables.document_guess) == 0
