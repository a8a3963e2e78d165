"""Cards on real databases are activated, each place in its way."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.card_acts import DOCUMENT, HOSPITAL, PHARMACY, REGION, START
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.feed import standings_of
from yibao_identity.rules.card import ActivationChannel, Card, CardState
from yibao_identity.rules.card_use import ChipRead
from yibao_identity.rules.credential import CredentialKind, CredentialState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work

STRANGER = ShownDocument("01", "999019198001010018")
COUNTERS = [ActivationChannel.BANK, ActivationChannel.SERVICE_CENTRE]
TERMINALS = [(ActivationChannel.HOSPITAL, HOSPITAL), (ActivationChannel.PHARMACY, PHARMACY)]


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


@pytest.mark.parametrize("channel", COUNTERS)
def test_a_counter_activates_with_card_and_document(
    desk: CardDesk, channel: ActivationChannel
) -> None:
    """I-24: bank; I-27: service centre."""
    card = desk.activate(desk.issue(desk.person()), channel)
    assert (card.state, card.activation_channel) == (CardState.ACTIVE, channel)
    assert card.activate_time == START
    assert told_of(desk, card) is CredentialState.USABLE
    assert desk.audit("ActivateCard") == [("OK", f"channel={channel.name}")]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, Reason.ID_REQUIRED),
        (STRANGER, Reason.ID_MISMATCH),
        (ShownDocument("04", DOCUMENT.certificate_number), Reason.ID_MISMATCH),
    ],
)
def test_a_counter_sees_the_holders_own_document(
    desk: CardDesk, document: ShownDocument | None, reason: Reason
) -> None:
    """I-24: the identity card that belongs to the card. A wrong one is on record."""
    card = desk.issue(desk.person())
    refused = refusal(desk.activate, card, document=document)
    assert refused.reason is reason
    assert desk.read(card).state is CardState.ISSUED
    expected = [("ID_MISMATCH", "")] if reason is Reason.ID_MISMATCH else []
    assert desk.audit("ActivateCard") == expected


@pytest.mark.parametrize(("channel", "caller"), TERMINALS)
def test_the_first_use_activates_by_the_chip_alone(
    desk: CardDesk, channel: ActivationChannel, caller: str
) -> None:
    """I-25: hospital; I-26: pharmacy."""
    card = desk.activate(desk.issue(desk.person()), channel, caller=caller)
    assert (card.state, card.activation_channel) == (CardState.ACTIVE, channel)


def test_a_hospital_needs_a_registered_visit_and_a_pharmacy_none(desk: CardDesk) -> None:
    """I-25, I-26."""
    card = desk.issue(desk.person())
    refused = refusal(
        desk.activate,
        card,
        ActivationChannel.HOSPITAL,
        caller=HOSPITAL,
        provider_visit_number="",
    )
    assert refused.reason is Reason.REGISTRATION_REQUIRED
    card = desk.activate(
        card, ActivationChannel.PHARMACY, caller=PHARMACY, provider_visit_number=""
    )
    assert card.state is CardState.ACTIVE


def test_a_chip_in_another_cards_body_is_no_card(desk: CardDesk) -> None:
    """I-26: serial and chip have to be of one card."""
    one, other = desk.issue(desk.person()), desk.issue(desk.person("999019199003072235"))
    mixed = ChipRead(one.card_serial, other.chip_number, desk.now)
    for channel, caller in TERMINALS:
        refused = refusal(desk.activate, one, channel, caller=caller, chip=mixed)
        assert (refused.reason, refused.metadata) == (Reason.CARD_NOT_FOUND, {})


@pytest.mark.parametrize(
    ("late", "is_believed"), [(-301, False), (-300, True), (60, True), (61, False)]
)
def test_a_first_use_is_now(desk: CardDesk, late: int, is_believed: bool) -> None:
    """I-26."""
    card = desk.issue(desk.person())
    chip = desk.chip(card, late=dt.timedelta(seconds=late))
    arguments = (card, ActivationChannel.PHARMACY)
    if is_believed:
        assert desk.activate(*arguments, caller=PHARMACY, chip=chip).state is CardState.ACTIVE
    else:
        refused = refusal(desk.activate, *arguments, caller=PHARMACY, chip=chip)
        assert refused.reason is Reason.CLOCK_SUSPECT
        assert refused.metadata == {"offset_seconds": str(late)}


@pytest.mark.parametrize(
    ("days", "reason"),
    [(184, None), (185, Reason.CARD_RESTRICTED_NOT_ACTIVATED)],
)
def test_the_first_use_activates_up_to_the_deadline(
    desk: CardDesk, days: int, reason: Reason | None
) -> None:
    """I-21, I-22: 2 March to 2 September is 184 days. A counter activates later too."""
    card = desk.issue(desk.person())
    desk.now += dt.timedelta(days=days)
    arguments = (card, ActivationChannel.PHARMACY)
    if reason is None:
        assert desk.activate(*arguments, caller=PHARMACY).state is CardState.ACTIVE
        return
    assert desk.read(card).state is CardState.RESTRICTED
    assert told_of(desk, card) is CredentialState.RESTRICTED
    assert refusal(desk.activate, *arguments, caller=PHARMACY).reason is reason
    assert desk.activate(card).state is CardState.ACTIVE


def test_a_card_is_activated_once(desk: CardDesk) -> None:
    """I-24."""
    card = desk.active()
    refused = refusal(desk.activate, card)
    assert refused.reason is Reason.CARD_STATE
    assert refused.metadata == {"card_id": card.card_id, "state": "ACTIVE"}


def test_a_suspended_card_is_not_activated(desk: CardDesk) -> None:
    """I-04."""
    card = desk.issue(desk.person())
    case_id = card.person_id
    with desk.database.write() as connection:
        connection.execute(sa.update(tables.card).values(suspension_case_id=case_id))
    refused = refusal(desk.activate, card)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})


def suspend(desk: CardDesk, card: Card) -> str:
    """Suspends a card and returns the case."""
    with desk.database.write() as connection:
        connection.execute(
            sa.update(tables.card)
            .where(tables.card.c.card_id == card.card_id)
            .values(suspension_case_id=card.person_id)
        )
    return card.person_id


def test_a_suspended_card_is_not_shaken_off_by_closing_it(desk: CardDesk) -> None:
    """I-04: there is no other card before the suspension is lifted."""
    card = desk.active()
    case_id = suspend(desk, card)
    desk.close(card)
    refused = refusal(desk.issue, card.person_id)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})
    with desk.database.write() as connection:
        connection.execute(sa.update(tables.card).values(suspension_case_id=None))
    assert desk.next(card).state is CardState.ISSUED


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_replacement_of_a_card_that_was_suspended_meanwhile_is_not_activated(
    desk: CardDesk, is_closed: bool
) -> None:
    """I-04: the suspension came after the new card was handed out."""
    lost = desk.active()
    new = desk.replacement(lost)
    case_id = suspend(desk, lost)
    if is_closed:
        desk.close(lost)
    refused = refusal(desk.activate, new)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})
    assert desk.read(new).state is CardState.ISSUED


def test_a_repeated_activation_gets_the_same_answer(desk: CardDesk) -> None:
    """I-23: told once to settlement, once on record."""
    card, request = desk.issue(desk.person()), desk.request("ActivateCard")
    changes = desk.changes()
    first = desk.activate(card, request=request)
    desk.now += dt.timedelta(days=1)
    assert desk.activate(card, request=request) == first
    assert desk.changes() == changes + 1
    assert len(desk.audit("ActivateCard")) == 1
