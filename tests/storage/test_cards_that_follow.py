"""What follows a card: applied for with evidence and ready in seven days, by every path."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.card_acts import DOCUMENT, NO_PAPERS, NUMBER, PAPERS, REGION, CardActs
from support.card_desk import CardDesk
from support.databases import Databases
from support.ecert_desk import EcertDesk
from support.person_stores import MAKER
from support.refusals import Given, assert_refused_in_order, reason_of

from yibao_common.values.reasons import Reason
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.rules.card import Card, CardClosing, CardState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables

OTHER_NUMBER = "999019199003072235"
STRANGER = ShownDocument("01", "999019198001010018")
HANDED_IN = (
    CardClosing.SURRENDERED,
    CardClosing.DAMAGED,
    CardClosing.EXCHANGED,
    CardClosing.MOVED_AWAY,
)


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


@pytest.mark.parametrize("closing", HANDED_IN)
def test_a_card_is_handed_in_with_the_identity_document(
    desk: CardDesk, closing: CardClosing
) -> None:
    """I-19: as loss needs papers, every other end needs the card itself."""
    card = desk.active()
    given = Given(is_original_card_shown=False, document=None)
    assert_refused_in_order(
        lambda: desk.close(card, closing, **given.values),
        (Reason.ORIGINAL_REQUIRED, lambda: given.now(is_original_card_shown=True)),
        (Reason.ID_REQUIRED, lambda: given.now(document=STRANGER)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
    )
    assert desk.read(card).state is CardState.CLOSED
    assert desk.row(card).closing == closing.value


@pytest.mark.parametrize("closing", HANDED_IN)
def test_what_follows_a_card_that_was_handed_in_is_ready_after_seven_days(
    desk: CardDesk, closing: CardClosing
) -> None:
    """I-20: no other card of the person comes earlier, and no paper but the document."""
    card = desk.close(desk.active(), closing)
    assert reason_of(lambda: desk.issue(card.person_id)) is Reason.REPLACEMENT_NOT_FOUND
    assert reason_of(lambda: desk.collect(card)) is Reason.REPLACEMENT_NOT_FOUND
    ordered = desk.order(card, NO_PAPERS).replacement
    assert ordered is not None
    assert ordered.ready_date == dt.date(2026, 3, 9)
    desk.now += dt.timedelta(days=6)
    assert reason_of(lambda: desk.issue(card.person_id)) is Reason.REPLACEMENT_EXISTS
    assert reason_of(lambda: desk.collect(card)) is Reason.REPLACEMENT_NOT_READY
    desk.now += dt.timedelta(days=1)
    new = desk.collect(card, standard_version="4")
    assert (new.replaces_card_id, new.standard_version) == (card.card_id, "4")
    assert (new.state, new.bank_code) == (CardState.ISSUED, card.bank_code)
    assert desk.activate(new).state is CardState.ACTIVE
    assert desk.read(card).state is CardState.CLOSED


@pytest.mark.parametrize("state", [CardState.ISSUED, CardState.ACTIVE, CardState.RESTRICTED])
def test_a_card_that_stands_has_to_be_handed_in_first(desk: CardDesk, state: CardState) -> None:
    """I-19: two cards of a person never stand side by side."""
    card = desk.in_state(state)
    assert reason_of(lambda: desk.order(card)) is Reason.CARD_STATE


def test_an_old_card_is_no_way_around_a_loss(desk: CardDesk) -> None:
    """I-19, I-20: the papers about the lost one are asked for, whichever card is named."""
    old = desk.close(desk.active())
    desk.order(old)
    desk.now += dt.timedelta(days=7)
    lost = desk.lose(desk.collect(old))
    assert reason_of(lambda: desk.order(old)) is Reason.REPLACEMENT_EXISTS
    assert reason_of(lambda: desk.order(lost, NO_PAPERS)) is Reason.MATERIAL_MISSING
    assert reason_of(lambda: desk.close(lost)) is Reason.CARD_STATE


def test_a_loss_after_the_application_is_no_second_way(desk: CardDesk) -> None:
    """I-20: what was applied for is handed out once, and lost it needs its own papers."""
    card = desk.close(desk.active())
    new = desk.next(card)
    desk.lose(new)
    assert reason_of(lambda: desk.collect(card)) is Reason.CARD_EXISTS
    assert reason_of(lambda: desk.order(new, NO_PAPERS)) is Reason.MATERIAL_MISSING


def merged(desk: CardDesk, card: Card, survivor: str = "") -> str:
    """Merges the record of a card's holder away; returns the record that stays."""
    survivor = survivor or desk.person(OTHER_NUMBER)

    def merge(work: object) -> None:
        work.holders.lock([card.person_id, survivor])  # type: ignore[attr-defined]
        work.persons.retire(card.person_id, merged_into=survivor)  # type: ignore[attr-defined]
        close_cards_of(work, card.person_id, at=desk.now, caller="w")  # type: ignore[arg-type]

    desk.transactions.change(REGION, merge)
    return survivor


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_merge_is_no_way_around_the_seven_days(desk: CardDesk, is_lost: bool) -> None:
    """I-20, I-28: the card of the duplicate was the person's, and what follows is too."""
    card = desk.active()
    if is_lost:
        desk.lose(card)
    survivor = merged(desk, card)
    document = ShownDocument("01", OTHER_NUMBER)
    assert reason_of(lambda: desk.issue(survivor)) is Reason.REPLACEMENT_NOT_FOUND
    if is_lost:
        without = reason_of(lambda: desk.order(card, NO_PAPERS, document=document))
        assert without is Reason.MATERIAL_MISSING
    assert reason_of(lambda: desk.order(card, document=DOCUMENT)) is Reason.ID_MISMATCH
    desk.order(card, PAPERS if is_lost else NO_PAPERS, document=document)
    assert reason_of(lambda: desk.collect(card, document=document)) is Reason.REPLACEMENT_NOT_READY
    desk.now += dt.timedelta(days=7)
    new = desk.collect(card, document=document)
    assert (new.person_id, new.replaces_card_id) == (survivor, card.card_id)
    assert desk.activate(new, document=document).state is CardState.ACTIVE


def test_an_order_that_a_merge_left_over_is_no_card_at_once(desk: CardDesk) -> None:
    """I-20, I-28: both records had ordered; one card comes, and its own order follows it."""
    card = desk.close(desk.active())
    desk.order(card)
    survivor, document = desk.person(OTHER_NUMBER), ShownDocument("01", OTHER_NUMBER)
    own = desk.close(desk.issue(survivor), document=document)
    desk.order(own, document=document)
    merged(desk, card, survivor)
    desk.now += dt.timedelta(days=7)
    new = desk.activate(desk.collect(own, document=document), document=document)
    desk.close(new, document=document)
    left_over = reason_of(lambda: desk.collect(card, document=document))
    assert left_over is Reason.REPLACEMENT_NOT_FOUND
    desk.order(new, document=document)
    assert reason_of(lambda: desk.collect(card, document=document)) is Reason.REPLACEMENT_EXISTS
    desk.now += dt.timedelta(days=7)
    assert desk.collect(new, document=document).replaces_card_id == new.card_id


def test_a_card_of_the_duplicate_that_came_after_the_order_leaves_a_way_to_the_next(
    desk: CardDesk,
) -> None:
    """I-20, I-28: the order is overtaken; what follows the later card takes seven days."""
    survivor, document = desk.person(OTHER_NUMBER), ShownDocument("01", OTHER_NUMBER)
    own = desk.activate(desk.issue(survivor), document=document)
    desk.order(desk.lose(own), document=document)
    desk.now += dt.timedelta(days=1)
    later = desk.active()
    merged(desk, later, survivor)
    desk.now += dt.timedelta(days=7)
    assert reason_of(lambda: desk.collect(own, document=document)) is Reason.REPLACEMENT_NOT_FOUND
    assert reason_of(lambda: desk.issue(survivor)) is Reason.REPLACEMENT_NOT_FOUND
    desk.order(later, NO_PAPERS, document=document)
    early = reason_of(lambda: desk.collect(later, document=document))
    assert early is Reason.REPLACEMENT_NOT_READY
    desk.now += dt.timedelta(days=7)
    new = desk.activate(desk.collect(later, document=document), document=document)
    assert new.state is CardState.ACTIVE
    # The overtaken order is nobody's card, now and after the next loss.
    assert reason_of(lambda: desk.collect(own, document=document)) is Reason.CARD_EXISTS
    desk.order(desk.lose(new), document=document)
    desk.now += dt.timedelta(days=7)
    assert desk.collect(new, document=document).replaces_card_id == new.card_id
    assert desk.read(own).state is CardState.LOST


def test_a_reported_case_follows_its_holder_to_the_card_that_comes_next(
    databases: Databases,
) -> None:
    """I-04: handing the reported card in is no way around the case; another operator lifts."""
    desk = EcertDesk(databases.open("yibao_identity"))
    acts = CardActs(desk.transactions)
    acts.now = desk.clock.now
    person_id = desk.person_id()
    with desk.database.write() as connection:
        hashed = desk.vault.number_hash("01", NUMBER)
        connection.execute(sa.update(tables.person).values(number_hash=hashed))
    card = acts.active(person_id)
    case = desk.report(card.subject)
    acts.close(card)
    new = acts.next(card)
    acts.set_pin(new)
    acts.activate(new)
    desk.suspend(case)
    assert acts.read(new).suspension_case_id == case.case_id
    assert reason_of(lambda: acts.authorize(new)) is Reason.CARD_SUSPENDED
    acts.close(new)
    assert reason_of(lambda: acts.order(new)) is Reason.CARD_SUSPENDED
    suspended_by = reason_of(lambda: desk.lift(case, caller=MAKER))
    assert suspended_by is Reason.SAME_MAKER_AND_CHECKER
    desk.lift(case)
    assert acts.order(new).replacement is not None
