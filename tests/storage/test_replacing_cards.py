"""Cards on real databases are lost and replaced."""

import dataclasses
import datetime as dt

import pytest
from support.card_acts import NO_PAPERS, PAPERS, REGION
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.feed import standings_of
from yibao_identity.rules.card import Card, CardState
from yibao_identity.rules.card_loss import LossPapers
from yibao_identity.rules.credential import CredentialKind, CredentialState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.pin import PinState
from yibao_identity.storage.work import unit_of_work

STRANGER = ShownDocument("01", "999019198001010018")


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def refusal(call: object, *arguments: object, **named: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value


def told_of(desk: CardDesk, card: Card) -> CredentialState:
    """Returns what the feed says of a card."""
    with desk.database.read() as connection:
        work = unit_of_work(desk.vault).open(connection, REGION)
        standing = standings_of(work, [card.person_id], now=desk.now)[card.person_id]
    (state,) = {each.state for each in standing.credentials if each.subject == card.subject}
    assert {each.kind for each in standing.credentials} == {CredentialKind.CARD}
    return state


@pytest.mark.parametrize("state", CardState)
def test_a_loss_freezes_at_once(desk: CardDesk, state: CardState) -> None:
    """I-19: with or without papers, whatever the card was doing."""
    card = desk.in_state(state)
    if state in (CardState.REPLACED, CardState.CLOSED):
        assert refusal(desk.lose, card).reason is Reason.CARD_CLOSED
        return
    lost = desk.lose(card, NO_PAPERS)
    assert lost.state is CardState.LOST
    assert lost.loss_report_time is not None
    assert told_of(desk, card) is CredentialState.LOST
    assert refusal(desk.activate, card).reason is Reason.CARD_REPORTED_LOST


def test_a_card_reported_again_stays_as_it_is_but_takes_papers(desk: CardDesk) -> None:
    """I-19."""
    card = desk.active()
    first = desk.lose(card, LossPapers("letter/1", ""))
    desk.now += dt.timedelta(days=3)
    again = desk.lose(card, LossPapers("letter/2", "stamp/1"))
    assert again == dataclasses.replace(first, papers=LossPapers("letter/1", "stamp/1"))


def test_a_holder_reports_the_loss_of_the_own_card_only(desk: CardDesk) -> None:
    """I-19. What a stranger tried is on record."""
    card = desk.active()
    own = desk.certificate(card.person_id)
    other = desk.certificate(desk.person("999019199003072235"))
    refused = refusal(desk.lose, card, caller=f"holder/{other}")
    assert refused.reason is Reason.OUT_OF_SCOPE
    assert desk.read(card).state is CardState.ACTIVE
    assert desk.lose(card, caller=f"holder/{own}").state is CardState.LOST
    assert desk.audit("ReportCardLoss") == [("OUT_OF_SCOPE", ""), ("OK", "")]


@pytest.mark.parametrize(
    ("with_report", "with_order", "missing"),
    [
        (NO_PAPERS, NO_PAPERS, "employer_letter,office_confirmation"),
        (NO_PAPERS, LossPapers("a", ""), "office_confirmation"),
        (LossPapers("a", ""), NO_PAPERS, "office_confirmation"),
        (LossPapers("", "b"), NO_PAPERS, "employer_letter"),
        (LossPapers("a", ""), LossPapers("", "b"), ""),
        (PAPERS, NO_PAPERS, ""),
        (NO_PAPERS, PAPERS, ""),
    ],
)
def test_a_replacement_needs_both_papers(
    desk: CardDesk, with_report: LossPapers, with_order: LossPapers, missing: str
) -> None:
    """I-19: given with the report or the order."""
    card = desk.lose(desk.active(), with_report)
    if missing:
        refused = refusal(desk.order, card, with_order)
        assert refused.reason is Reason.MATERIAL_MISSING
        assert refused.metadata == {"missing": missing}
        assert desk.read(card).replacement is None
        return
    ordered = desk.order(card, with_order)
    assert ordered.replacement is not None
    assert ordered.replacement.ready_date == dt.date(2026, 3, 9)


@pytest.mark.parametrize(
    "state", [each for each in CardState if each not in (CardState.LOST, CardState.CLOSED)]
)
def test_a_card_that_has_not_ended_has_no_replacement(desk: CardDesk, state: CardState) -> None:
    """I-19, I-20."""
    card = desk.in_state(state)
    for call in (desk.order, desk.collect):
        refused = refusal(call, card)
        assert refused.reason is Reason.CARD_STATE
        assert refused.metadata == {"card_id": card.card_id, "state": state.name}


def test_a_replacement_is_ordered_once(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    refused = refusal(desk.order, card)
    assert refused.reason is Reason.REPLACEMENT_EXISTS
    assert refused.metadata == {"card_id": card.card_id}


def test_nothing_is_collected_that_was_not_ordered(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    refused = refusal(desk.collect, card)
    assert refused.reason is Reason.REPLACEMENT_NOT_FOUND
    assert refused.metadata == {"card_id": card.card_id}


@pytest.mark.parametrize(("days", "is_ready"), [(0, False), (6, False), (7, True), (400, True)])
def test_a_replacement_is_collected_from_the_seventh_day(
    desk: CardDesk, days: int, is_ready: bool
) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    desk.now += dt.timedelta(days=days)
    if not is_ready:
        refused = refusal(desk.collect, card)
        assert refused.reason is Reason.REPLACEMENT_NOT_READY
        assert refused.metadata == {"ready_date": "2026-03-09"}
        return
    new = desk.collect(card)
    assert (new.state, new.pin_state) == (CardState.ISSUED, PinState.NOT_SET)
    assert (new.replaces_card_id, new.person_id) == (card.card_id, card.person_id)
    assert new.subject != card.subject
    replacement = desk.read(card).replacement
    assert replacement is not None
    assert replacement.card_id == new.card_id
    again = refusal(desk.collect, card)
    assert (again.reason, again.metadata) == (Reason.CARD_EXISTS, {"card_id": new.card_id})


@pytest.mark.parametrize("call", ["order", "collect"])
@pytest.mark.parametrize(
    ("document", "reason"), [(None, Reason.ID_REQUIRED), (STRANGER, Reason.ID_MISMATCH)]
)
def test_a_replacement_is_for_the_holder(
    desk: CardDesk, call: str, document: ShownDocument | None, reason: Reason
) -> None:
    """I-19, I-20: with the identity document."""
    card = desk.lose(desk.active())
    if call == "collect":
        desk.order(card)
        desk.now += dt.timedelta(days=7)
    assert refusal(getattr(desk, call), card, document=document).reason is reason


def test_a_replacement_with_a_serial_in_use_is_not_handed_out(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    desk.now += dt.timedelta(days=7)
    refused = refusal(desk.collect, card, card_serial=card.card_serial)
    assert (refused.reason, refused.metadata) == (Reason.CARD_EXISTS, {"card_id": card.card_id})


def test_activating_the_replacement_ends_the_lost_card(desk: CardDesk) -> None:
    """I-23: in one transaction; both cards name one person, whose account stays."""
    lost = desk.active()
    new = desk.replacement(lost)
    assert desk.read(lost).state is CardState.LOST
    active = desk.activate(new)
    assert (active.state, active.replaces_card_id) == (CardState.ACTIVE, lost.card_id)
    assert desk.read(lost).state is CardState.REPLACED
    assert told_of(desk, lost) is CredentialState.REPLACED
    assert told_of(desk, new) is CredentialState.USABLE
    assert active.pin_state is PinState.NOT_SET
    assert desk.audit("ActivateCard")[-1] == ("OK", f"channel=BANK replaced={lost.card_id}")


def test_a_replacement_that_was_lost_itself_is_replaced_too(desk: CardDesk) -> None:
    """I-20, I-23: activating the last of a row ends all before it."""
    first = desk.active()
    second = desk.replacement(first)
    third = desk.replacement(second)
    assert desk.read(first).state is desk.read(second).state is CardState.LOST
    desk.activate(third)
    assert desk.read(first).state is desk.read(second).state is CardState.REPLACED


def test_a_lost_card_that_was_closed_meanwhile_stays_closed(desk: CardDesk) -> None:
    """I-23."""
    lost = desk.active()
    new = desk.replacement(lost)
    desk.close(lost)
    assert desk.activate(new).state is CardState.ACTIVE
    assert desk.read(lost).state is CardState.CLOSED
