"""Physical cards (社会保障卡): where they are in their life, and what that lets them do.

`TRANSITIONS` is the whole life of a card. Every command asks it; the drawing in
`docs/concepts/cards.md` is made of it.
"""

import datetime as dt
import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card_loss import (
    LossPapers,
    Replacement,
    replacement_exists,
    replacement_not_found,
)
from yibao_identity.rules.credential import CredentialState
from yibao_identity.rules.pin import PinState


class CardState(enum.Enum):
    """Where a card is in its life."""

    ISSUED = 1
    ACTIVE = 2
    RESTRICTED = 3
    LOST = 4
    REPLACED = 5
    CLOSED = 6


class CardEvent(enum.Enum):
    """What can happen to a card."""

    ACTIVATE_AT_COUNTER = "activated at a counter"
    ACTIVATE_AT_FIRST_USE = "activated at its first use"
    DEADLINE_PASSED = "not activated within 6 months"
    REPORT_LOSS = "reported lost"
    REPLACEMENT_ACTIVATED = "replacement activated"
    CLOSE = "closed"
    MERGED = "holder merged into another record"


_ENDINGS = (CardEvent.CLOSE, CardEvent.MERGED)
_LIVING = (CardState.ISSUED, CardState.ACTIVE, CardState.RESTRICTED, CardState.LOST)

# What is not here is refused (I-19 to I-27).
TRANSITIONS: Mapping[tuple[CardState, CardEvent], CardState] = MappingProxyType(
    {
        (CardState.ISSUED, CardEvent.ACTIVATE_AT_COUNTER): CardState.ACTIVE,
        (CardState.ISSUED, CardEvent.ACTIVATE_AT_FIRST_USE): CardState.ACTIVE,
        (CardState.ISSUED, CardEvent.DEADLINE_PASSED): CardState.RESTRICTED,
        (CardState.ISSUED, CardEvent.REPORT_LOSS): CardState.LOST,
        (CardState.ACTIVE, CardEvent.REPORT_LOSS): CardState.LOST,
        (CardState.RESTRICTED, CardEvent.ACTIVATE_AT_COUNTER): CardState.ACTIVE,
        (CardState.RESTRICTED, CardEvent.REPORT_LOSS): CardState.LOST,
        (CardState.LOST, CardEvent.REPLACEMENT_ACTIVATED): CardState.REPLACED,
        **{(state, ending): CardState.CLOSED for state in _LIVING for ending in _ENDINGS},
    }
)


class ActivationChannel(enum.Enum):
    """Where a card was activated."""

    BANK = 1
    SERVICE_CENTRE = 2
    HOSPITAL = 3
    PHARMACY = 4

    @property
    def event(self) -> CardEvent:
        """What an activation here is in the life of a card."""
        if self in (ActivationChannel.BANK, ActivationChannel.SERVICE_CENTRE):
            return CardEvent.ACTIVATE_AT_COUNTER
        return CardEvent.ACTIVATE_AT_FIRST_USE


class CardClosing(enum.Enum):
    """Why a card was closed."""

    SURRENDERED = 1
    HOLDER_DIED = 2
    MOVED_AWAY = 3
    DAMAGED = 4
    EXCHANGED = 5


@dataclass(frozen=True, slots=True)
class CardLimits:
    """The limits of rules I-13, I-18, I-20 and I-21; the defaults are what these say."""

    activation_months: int = 6
    replacement_days: int = 7
    pin_tries: int = 5
    transactions_until_print: int = 60


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it is when it is read: `state` and `pin_state` are those of that day."""

    region: str
    card_id: str
    person_id: str
    subject: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str
    state: CardState
    issue_time: dt.datetime
    activation_deadline_date: dt.date
    activate_time: dt.datetime | None
    activation_channel: ActivationChannel | None
    loss_report_time: dt.datetime | None
    papers: LossPapers
    replaces_card_id: str | None
    suspension_case_id: str | None
    pin_state: PinState
    transactions: int
    printed_transactions: int
    replacement: Replacement | None

    @property
    def transactions_since_print(self) -> int:
        """How many transactions were not printed yet (I-18)."""
        return self.transactions - self.printed_transactions


_CREDENTIAL_STATES = {
    CardState.ISSUED: CredentialState.NOT_ACTIVATED,
    CardState.ACTIVE: CredentialState.USABLE,
    CardState.RESTRICTED: CredentialState.RESTRICTED,
    CardState.LOST: CredentialState.LOST,
    CardState.REPLACED: CredentialState.REPLACED,
    CardState.CLOSED: CredentialState.CLOSED,
}

_REFUSALS = {
    CardState.ISSUED: (Reason.CARD_NOT_ACTIVATED, "the card is not activated"),
    CardState.RESTRICTED: (
        Reason.CARD_RESTRICTED_NOT_ACTIVATED,
        "the card was not activated in time; a counter can still activate it",
    ),
    CardState.LOST: (Reason.CARD_REPORTED_LOST, "the card is reported lost"),
    CardState.REPLACED: (Reason.CARD_CLOSED, "the card was replaced"),
    CardState.CLOSED: (Reason.CARD_CLOSED, "the card is closed"),
}


def state_on(stored: CardState, *, activation_deadline_date: dt.date, today: dt.date) -> CardState:
    """Returns where a card is on `today`: restricted once its deadline is over (I-21).

    The sweep stores the same a little later, so nobody depends on when it comes by.
    """
    if stored is CardState.ISSUED and today > activation_deadline_date:
        return TRANSITIONS[stored, CardEvent.DEADLINE_PASSED]
    return stored


def credential_state(state: CardState, *, is_suspended: bool) -> CredentialState:
    """Returns what settlement is told of a card (I-19, I-21, I-04)."""
    found = _CREDENTIAL_STATES[state]
    if is_suspended and found is CredentialState.USABLE:
        return CredentialState.SUSPENDED
    return found


def activation_deadline(issue_day: dt.date, *, months: int) -> dt.date:
    """Returns the last day on which first use activates: calendar months on (I-21)."""
    return add_months(issue_day, months)


def refusal_of(card: Card) -> RuleError:
    """Returns why a card in its state cannot be used or moved on."""
    if card.state is CardState.ACTIVE:
        return wrong_state(card)
    return RuleError(*_REFUSALS[card.state])


def wrong_state(card: Card) -> RuleError:
    """Returns the refusal that names the state."""
    state = card.state.name
    return RuleError(
        Reason.CARD_STATE,
        f"card {card.card_id} is {state.lower()}",
        card_id=card.card_id,
        state=state,
    )


def state_after(card: Card, event: CardEvent) -> CardState:
    """Returns the state that `event` leads to.

    Raises:
        RuleError: that of `refusal_of`, where TRANSITIONS has no such step.
    """
    after = TRANSITIONS.get((card.state, event))
    if after is None:
        raise refusal_of(card)
    return after


def check_not_suspended(card: Card) -> None:
    """Refuses a card that is suspended in a case of suspected misuse (I-04).

    Raises:
        RuleError: CARD_SUSPENDED.
    """
    if card.suspension_case_id is not None:
        raise card_suspended(card.suspension_case_id)


def check_none_suspended(cards: Iterable[Card]) -> None:
    """Refuses a person another card while one of `cards`, closed or not, is suspended (I-04).

    Otherwise losing or closing a card would be a way around its suspension, and so would a
    merge: cards of records that were merged into the person's count as well.

    Raises:
        RuleError: CARD_SUSPENDED.
    """
    for card in cards:
        check_not_suspended(card)


def check_usable(card: Card) -> None:
    """Refuses a card that cannot be used at a terminal (I-19, I-21, I-27).

    Raises:
        RuleError: CARD_NOT_ACTIVATED, CARD_RESTRICTED_NOT_ACTIVATED, CARD_REPORTED_LOST,
            CARD_CLOSED, CARD_SUSPENDED.
    """
    if card.state is not CardState.ACTIVE:
        raise refusal_of(card)
    check_not_suspended(card)


def check_pin_may_be_set(card: Card) -> None:
    """Refuses another PIN for a card that is neither new nor in use.

    A new card gets its PIN at the counter that hands it out, so that its first use in a
    pharmacy can be the first thing that happens to it (I-26). A restricted one has to be
    activated at a counter first (I-22).

    Raises:
        RuleError: CARD_STATE, CARD_REPORTED_LOST, CARD_CLOSED, CARD_SUSPENDED.
    """
    if card.state is CardState.RESTRICTED:
        raise wrong_state(card)
    if card.state not in (CardState.ISSUED, CardState.ACTIVE):
        raise refusal_of(card)
    check_not_suspended(card)


def check_not_closed(card: Card) -> None:
    """Refuses a card that was replaced or closed.

    Raises:
        RuleError: CARD_CLOSED.
    """
    if card.state not in _LIVING:
        raise refusal_of(card)


def check_replaceable(card: Card) -> None:
    """Refuses a replacement of a card that is neither lost nor handed in, or suspended.

    A suspension stays with its card, so another card would be a way around it (I-04).

    Raises:
        RuleError: CARD_STATE, CARD_SUSPENDED.
    """
    if card.state not in (CardState.LOST, CardState.CLOSED):
        raise wrong_state(card)
    check_not_suspended(card)


def check_closing(card: Card, closing: CardClosing) -> None:
    """Refuses to close a lost card that was not replaced while its holder lives.

    Another first card would be a way around papers and seven days (I-20). Once the
    replacement is handed out these are over.

    Raises:
        RuleError: CARD_STATE.
    """
    is_over = is_followed(card) or closing is CardClosing.HOLDER_DIED
    if card.state is CardState.LOST and not is_over:
        raise wrong_state(card)


def check_first_card(cards: Collection[Card]) -> None:
    """Refuses a first card to a holder of `cards`, ended or not, also of merged records.

    What comes after a card is its replacement, which is applied for and ready seven days
    later, however the card before it ended (I-19, I-20).

    Raises:
        RuleError: REPLACEMENT_NOT_FOUND, nobody applied for what follows the newest one;
            REPLACEMENT_EXISTS, somebody did.
    """
    if cards:
        raise _followed_by_order(_newest(cards))


def check_not_overtaken(order: Replacement, cards: Collection[Card]) -> None:
    """Refuses what was ordered before a later one of the holder's `cards` was issued (I-20).

    Records that were merged may each have an order. The one that is left over would be a
    card without seven days once the other one's has ended.

    Raises:
        RuleError: REPLACEMENT_NOT_FOUND, REPLACEMENT_EXISTS; see `check_first_card`.
    """
    if _is_overtaken(order, cards):
        raise _followed_by_order(_newest(cards))


def _is_overtaken(order: Replacement, cards: Collection[Card]) -> bool:
    return _newest(cards).issue_time > order.order_time


def _newest(cards: Collection[Card]) -> Card:
    return max(cards, key=lambda each: (each.issue_time, each.card_id))


def _followed_by_order(newest: Card) -> RuleError:
    """Returns the refusal of any other card than the one that is ordered in place of `newest`."""
    if newest.replacement is None:
        return replacement_not_found(newest.card_id)
    return replacement_exists(newest.card_id)


def check_none_standing(cards: Collection[Card], *, but: str = "") -> None:
    """Refuses a card beside one of `cards` that stands; `but` is the one that it replaces.

    A lost one stands until its replacement is handed out, and that one stands from then on. One
    whose order a later card of a merged record overtook is never followed (`check_not_overtaken`):
    what follows the later card is ordered in its place.

    Raises:
        RuleError: CARD_EXISTS.
    """
    for card in cards:
        if card.card_id == but or not is_standing(card.state) or is_followed(card):
            continue
        order = card.replacement
        if order is None or not _is_overtaken(order, cards):
            raise card_exists(card.card_id)


def is_followed(card: Card) -> bool:
    """Tells whether the replacement of a card was handed out."""
    return card.replacement is not None and card.replacement.card_id is not None


def is_standing(state: CardState) -> bool:
    """Tells whether a card in `state` keeps its holder from getting a first card.

    A lost one does: what follows it is a replacement (I-20).
    """
    return state in _LIVING


def card_not_found(card_id: str = "") -> RuleError:
    """Returns the refusal of an unknown card; without an id, the chip named it."""
    if not card_id:
        return RuleError(Reason.CARD_NOT_FOUND, "no card has this serial and chip")
    return RuleError(Reason.CARD_NOT_FOUND, f"card {card_id} does not exist", card_id=card_id)


def card_suspended(case_id: str) -> RuleError:
    """Returns the refusal of a card that a case suspends (I-04)."""
    return RuleError(
        Reason.CARD_SUSPENDED, f"the card is suspended in case {case_id}", case_id=case_id
    )


def card_exists(card_id: str) -> RuleError:
    """Returns the refusal of a second card of a person, or of a serial or chip in use."""
    return RuleError(
        Reason.CARD_EXISTS,
        f"card {card_id} stands, or has this serial or chip",
        card_id=card_id,
    )
