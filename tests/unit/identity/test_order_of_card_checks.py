"""What is told first of a card, where several things stand against what is asked."""

import dataclasses
import datetime as dt

import pytest
from support.card_acts import (
    AGENCY,
    BANK,
    DOCUMENT,
    HOSPITAL,
    NO_PAPERS,
    PAPERS,
    REGION,
    START,
)
from support.memory_cards import MemoryCardDesk
from support.refusals import Given, assert_refused_in_order, reason_of

from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.application.financial_operation import ValidateOperation
from yibao_identity.rules.card import ActivationChannel, Card, CardClosing, CardState
from yibao_identity.rules.card_loss import Replacement
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.financial_operation import FinancialOperation, Purse

STRANGER = ShownDocument("01", "999019198001010018")
OTHER_NUMBER = "999019199003072235"
OTHER_BANK = f"bank/{REGION}/ICBC01/qian"
ORDERED = Replacement(START, START.date(), None)


@pytest.fixture
def desk() -> MemoryCardDesk:
    return MemoryCardDesk()


def unknown(card: Card) -> Card:
    """Returns a card that nobody stored."""
    return dataclasses.replace(card, card_id=new_id(), card_serial="S0", chip_number="C0")


def test_issuing(desk: MemoryCardDesk) -> None:
    """I-04, I-08, I-20: the person, then the cards of the person, then the card itself."""
    person_id, survivor = desk.person(), desk.person(OTHER_NUMBER)
    first, other = desk.issue(person_id), desk.issue(survivor)
    desk.suspend(first)
    desk.merge(person_id, into=survivor)
    given = Given(person_id=new_id(), card_serial=other.card_serial, caller=OTHER_BANK)
    assert_refused_in_order(
        lambda: desk.issue(**given.values),
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=BANK)),
        (Reason.PERSON_NOT_FOUND, lambda: given.now(person_id=person_id)),
        (Reason.PERSON_MERGED, lambda: desk.merge(person_id, into=None)),
        (Reason.CARD_EXISTS, lambda: desk.rewrite(first, state=CardState.CLOSED)),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(first, None)),
        (Reason.REPLACEMENT_NOT_FOUND, lambda: desk.rewrite(first, replacement=ORDERED)),
        (Reason.REPLACEMENT_EXISTS, lambda: desk.stored.rows.pop(first.card_id)),
        (Reason.CARD_EXISTS, lambda: given.now(card_serial="S9")),
    )


def test_a_suspended_card_of_a_merged_record_keeps_the_one_that_stays_from_a_card(
    desk: MemoryCardDesk,
) -> None:
    """I-04: a suspension is not shaken off by a merge."""
    person_id, survivor = desk.person(), desk.person(OTHER_NUMBER)
    card = desk.issue(person_id)
    other = desk.issue(survivor)
    desk.rewrite(card, state=CardState.CLOSED)
    desk.merge(person_id, into=survivor)
    desk.suspend(card)
    assert reason_of(lambda: desk.activate(other)) is Reason.CARD_SUSPENDED
    desk.rewrite(other, state=CardState.CLOSED)
    assert reason_of(lambda: desk.issue(survivor)) is Reason.CARD_SUSPENDED
    desk.suspend(card, None)
    assert reason_of(lambda: desk.issue(survivor)) is Reason.REPLACEMENT_NOT_FOUND


def test_activating_at_a_counter(desk: MemoryCardDesk) -> None:
    """I-04, I-24: the card's state, then suspensions, then what proves the holder."""
    card = desk.active()
    desk.suspend(card)
    given = Given(card=unknown(card), document=None)
    assert_refused_in_order(
        lambda: desk.activate(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.ISSUED)),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(card, None)),
        (Reason.ID_REQUIRED, lambda: given.now(document=STRANGER)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
    )


def test_activating_at_the_first_use(desk: MemoryCardDesk) -> None:
    """I-21, I-25, I-26: the card, then the visit, then the clock of the terminal."""
    card = desk.issue(desk.person())
    desk.suspend(card)
    desk.now += dt.timedelta(days=200)
    late = desk.chip(card, late=dt.timedelta(minutes=-6))
    given = Given(chip=desk.chip(unknown(card)), provider_visit_number="")
    deadline = desk.now.date()
    assert_refused_in_order(
        lambda: desk.activate(card, ActivationChannel.HOSPITAL, caller=HOSPITAL, **given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(chip=late)),
        (
            Reason.CARD_RESTRICTED_NOT_ACTIVATED,
            lambda: desk.rewrite(card, activation_deadline_date=deadline),
        ),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(card, None)),
        (Reason.REGISTRATION_REQUIRED, lambda: given.now(provider_visit_number="V1")),
        (Reason.CLOCK_SUSPECT, lambda: given.now(chip=desk.chip(card))),
    )


def test_a_suspended_card_before_it_keeps_a_new_one_from_its_activation(
    desk: MemoryCardDesk,
) -> None:
    """I-04: all cards of the person are looked at, before the evidence."""
    lost = desk.active()
    new = desk.replacement(lost)
    desk.suspend(lost)
    assert reason_of(lambda: desk.activate(new, document=None)) is Reason.CARD_SUSPENDED


def test_closing(desk: MemoryCardDesk) -> None:
    """I-19, I-20: the state, whether papers and days would be got around, then evidence."""
    card = desk.lose(desk.active())
    desk.rewrite(card, state=CardState.CLOSED)
    given = Given(
        card=unknown(card),
        closing=CardClosing.SURRENDERED,
        caller=OTHER_BANK,
        is_original_card_shown=False,
        document=None,
    )
    assert_refused_in_order(
        lambda: desk.close(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=BANK)),
        (Reason.CARD_CLOSED, lambda: desk.rewrite(card, state=CardState.LOST)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.ORIGINAL_REQUIRED, lambda: given.now(is_original_card_shown=True)),
        (Reason.ID_REQUIRED, lambda: given.now(document=STRANGER)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
    )
    assert desk.stored.closings[card.card_id] is CardClosing.SURRENDERED


def test_reporting_a_loss(desk: MemoryCardDesk) -> None:
    """I-19: the card, then whose it is, then its state; a stranger leaves no papers."""
    card = desk.active()
    own, other = desk.certificate(card.person_id), desk.certificate(desk.person(OTHER_NUMBER))
    desk.rewrite(card, state=CardState.CLOSED)
    given = Given(card=unknown(card), caller=f"holder/{other}")
    assert_refused_in_order(
        lambda: desk.lose(papers=PAPERS, **given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=f"holder/{own}")),
        (Reason.CARD_CLOSED, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
    )
    assert desk.audit("ReportCardLoss") == [("OUT_OF_SCOPE", {}), ("OK", {})]


def test_ordering_a_replacement(desk: MemoryCardDesk) -> None:
    """I-19, I-20: the card, the holder, a former order, another card, then the papers."""
    card = desk.lose(desk.active())
    ordered = desk.order(card)
    desk.rewrite(card, state=CardState.ACTIVE, papers=NO_PAPERS)
    desk.suspend(card)
    given = Given(card=unknown(card), document=STRANGER, papers=NO_PAPERS)
    assert ordered.replacement is not None
    desk.stored.rows["other"] = dataclasses.replace(
        desk.row(card), card_id="other", card_serial="S8", chip_number="C8", replacement=None
    )
    assert_refused_in_order(
        lambda: desk.order(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.LOST)),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(card, None)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
        (Reason.REPLACEMENT_EXISTS, lambda: desk.rewrite(card, replacement=None)),
        (Reason.CARD_EXISTS, lambda: desk.stored.rows.pop("other")),
        (Reason.MATERIAL_MISSING, lambda: given.now(papers=PAPERS)),
    )


def test_collecting_a_replacement(desk: MemoryCardDesk) -> None:
    """I-20: the lost card, the holder, the order and its day, then the new card."""
    card = desk.lose(desk.active(), PAPERS)
    ordered = desk.order(card).replacement
    assert ordered is not None
    living = dataclasses.replace(desk.row(card), card_id="living", state=CardState.ISSUED)
    desk.stored.rows["living"] = dataclasses.replace(
        living, card_serial="S8", chip_number="C8", replacement=None
    )
    collected = dataclasses.replace(ordered, card_id="collected")
    desk.rewrite(card, state=CardState.ACTIVE, replacement=None)
    given = Given(card=unknown(card), document=None, card_serial=card.card_serial)

    def wait() -> None:
        desk.now += dt.timedelta(days=7)

    assert_refused_in_order(
        lambda: desk.collect(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.LOST)),
        (Reason.ID_REQUIRED, lambda: given.now(document=DOCUMENT)),
        (Reason.REPLACEMENT_NOT_FOUND, lambda: desk.rewrite(card, replacement=collected)),
        (Reason.CARD_EXISTS, lambda: desk.rewrite(card, replacement=ordered)),
        (Reason.REPLACEMENT_NOT_READY, wait),
        (Reason.CARD_EXISTS, lambda: desk.stored.rows.pop("living")),
        (Reason.CARD_EXISTS, lambda: given.now(card_serial="S9")),
    )


def test_asking_about_money(desk: MemoryCardDesk) -> None:
    """I-09, I-10: the card, then whose it is, then its state, then the operation."""
    card = desk.active()
    own, other = desk.certificate(card.person_id), desk.certificate(desk.person(OTHER_NUMBER))
    desk.rewrite(card, state=CardState.CLOSED)
    given = Given(card_id=new_id(), caller=parse_caller(f"holder/{other}"))
    bank = parse_caller(f"bank/{REGION}/CCB001/sun")

    def ask() -> str:
        question = ValidateOperation(
            region=REGION,
            certificate_id="",
            purse=Purse.FINANCIAL_ACCOUNT,
            operation=FinancialOperation.WITHDRAW,
            **given.values,
        )
        return desk.operations.validate(question)

    assert_refused_in_order(
        ask,
        (Reason.CARD_NOT_FOUND, lambda: given.now(card_id=card.card_id)),
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=parse_caller(f"holder/{own}"))),
        (Reason.CARD_CLOSED, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.BANK_ACCOUNT_ELSEWHERE, lambda: given.now(caller=bank)),
    )
    assert desk.audit("ValidateFinancialOperation") == [("OUT_OF_SCOPE", {})]


def test_holders_are_locked_before_cards_and_all_cards_by_their_ids(desk: MemoryCardDesk) -> None:
    """I-23: the order in which everybody locks."""
    lost = desk.active()
    new = desk.replacement(lost)
    desk.holders.locked.clear()
    desk.stored.locked.clear()
    desk.activate(new)
    assert desk.holders.locked == [lost.person_id]
    assert desk.stored.locked == [new.card_id, *sorted([lost.card_id, new.card_id])]


def test_an_activation_tells_settlement_once_and_the_record_what_was_replaced(
    desk: MemoryCardDesk,
) -> None:
    """I-23."""
    lost = desk.active()
    new = desk.replacement(lost)
    desk.memory.work.feed.person_ids.clear()
    desk.activate(new)
    assert desk.memory.work.feed.person_ids == {lost.person_id}
    entry = desk.on_record[-1]
    assert entry.subject_ids == (new.person_id, new.card_id)
    assert entry.detail == {"channel": "BANK", "replaced": lost.card_id}
    assert desk.row(lost).state is CardState.REPLACED


def test_an_order_is_put_on_record_and_settlement_is_not_told(desk: MemoryCardDesk) -> None:
    """I-19: a lost card is lost whether another is on its way."""
    card = desk.lose(desk.active())
    desk.memory.work.feed.person_ids.clear()
    desk.order(card)
    assert desk.memory.work.feed.person_ids == set()
    assert desk.audit("OrderReplacement") == [("OK", {})]


def test_a_wrong_document_is_on_record_though_nothing_else_is_stored(desk: MemoryCardDesk) -> None:
    """I-24: somebody may be guessing."""
    card = desk.issue(desk.person())
    before = desk.row(card)
    for _ in range(2):
        assert reason_of(lambda: desk.activate(card, document=STRANGER)) is Reason.ID_MISMATCH
    assert desk.row(card) == before
    assert desk.audit("ActivateCard") == [("ID_MISMATCH", {})] * 2
    assert desk.on_record[-1].subject_ids == (card.card_id,)


def test_the_cards_of_a_merged_record_are_closed_without_a_cause(desk: MemoryCardDesk) -> None:
    """I-28: the merge tells why; feed and audit are the merge's own."""
    lost = desk.active()
    new = desk.replacement(lost)
    recorded = len(desk.on_record)
    closed = desk.memory.change(
        REGION, lambda work: close_cards_of(work, lost.person_id, at=desk.now, caller=AGENCY)
    )
    assert closed == sorted([lost.card_id, new.card_id])
    assert {desk.row(card).state for card in (lost, new)} == {CardState.CLOSED}
    assert set(desk.stored.closings.values()) == {None}
    assert len(desk.on_record) == recorded
