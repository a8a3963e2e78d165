"""Cards: issued, activated and closed once by request id, read by id, person or serial."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.application.card.calls import (
    CardCalls,
    EncodeCard,
    HeldCard,
    check_own_card,
)
from yibao_identity.application.card.making import CardMaking, NewCard
from yibao_identity.application.card.rows import CardName, StoredCard
from yibao_identity.application.death import Report, detail_of, record_death
from yibao_identity.application.document_guess import check_counted_document
from yibao_identity.application.holder import live_person, lock_living_person
from yibao_identity.rules.card import (
    TRANSITIONS,
    ActivationChannel,
    Card,
    CardClosing,
    CardEvent,
    CardLimits,
    CardState,
    check_closing,
    check_first_card,
    check_none_standing,
    check_none_suspended,
    state_after,
)
from yibao_identity.rules.card_use import (
    ChipRead,
    check_original,
    check_read_time,
    check_registration,
)
from yibao_identity.rules.channel import check_issuing_bank, is_of_own_bank
from yibao_identity.rules.document import ShownDocument

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class IssueCard:
    """Issues a card to a person."""

    request: Request
    person_id: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str


@dataclass(frozen=True, slots=True)
class CardEvidence:
    """What proves that a card may be activated at a place; each place has its own."""

    is_original_card_shown: bool = False
    document: ShownDocument | None = None
    chip: ChipRead | None = None
    provider_visit_number: str = ""
    # Why settlement refuses the first use; None where it confirmed it, or at a counter.
    first_use_refusal: RuleError | None = None


@dataclass(frozen=True, slots=True)
class ActivateCard:
    """Activates a card; a terminal names it by its chip, so `card_id` may be empty."""

    request: Request
    card_id: str
    channel: ActivationChannel
    evidence: CardEvidence


@dataclass(frozen=True, slots=True)
class CloseCard:
    """Closes a card for good."""

    request: Request
    card_id: str
    closing: CardClosing
    is_original_card_shown: bool
    document: ShownDocument | None
    # Of a holder who died; None otherwise.
    death: Report | None = None


class Cards:
    """Cards and their life. Blocks.

    Each changing call is carried out once by request id and returns the answer's bytes;
    it raises RuleError REQUEST_ID_REUSED, CARD_NOT_FOUND and what the rules refuse.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
    ) -> None:
        """Takes what begins transactions, and the sources of ids, subjects and salts."""
        self._transactions = transactions
        self._calls = CardCalls(transactions, clock=clock, limits=limits)
        self._making = CardMaking(clock=clock, ids=ids, random_bytes=random_bytes, limits=limits)
        self._clock = clock
        self._ids = ids

    def issue(self, command: IssueCard, encode: EncodeCard) -> bytes:
        """Issues a card, not activated.

        Raises also OUT_OF_SCOPE, what `lock_living_person` refuses, CARD_SUSPENDED and what
        `rules.card.check_none_standing` and `check_first_card` refuse.
        """
        return self._calls.answer(
            command.request, "", lambda work: encode(self._issue(work, command))
        )

    def activate(self, command: ActivateCard, encode: EncodeCard) -> bytes:
        """Activates a card; the one it replaces is closed in the same transaction."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(self._activate(work, command)),
            document=command.evidence.document,
        )

    def close(self, command: CloseCard, encode: EncodeCard) -> bytes:
        """Closes a card for good."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(self._close(work, command)),
            # Nobody is asked for a document where the holder died.
            document=command.document if command.death is None else None,
        )

    def holder_of(self, region: str, name: CardName) -> str | None:
        """Returns the person whose card a terminal read, or None where there is no such card."""
        with self._transactions.read(region) as work:
            found = work.cards.find(name)
        return None if found is None else found.person_id

    def find(self, region: str, card_id: str, *, caller: Caller) -> Card:
        """Returns a card. Raises RuleError CARD_NOT_FOUND, OUT_OF_SCOPE for another's bank."""
        with self._calls.read(region, caller, "GetCard", card_id) as work:
            check_own_card(work, caller, card_id)
            return self._calls.find(work, CardName(card_id))

    def of_person(self, region: str, person_id: str, *, caller: Caller) -> list[Card]:
        """Returns the cards of a person, the newest first; to a bank, those that it issued."""
        with self._transactions.read(region) as work:
            return self._shown(work.cards.of_person(person_id), caller)

    def with_serial(self, region: str, card_serial: str, *, caller: Caller) -> list[Card]:
        """Returns the card of a serial, or none; to a bank, one that it issued."""
        with self._transactions.read(region) as work:
            return self._shown(work.cards.with_serial(card_serial), caller)

    def _shown(self, cards: Sequence[StoredCard], caller: Caller) -> list[Card]:
        return [self._calls.today(each) for each in cards if is_of_own_bank(caller, each.bank_code)]

    def _issue(self, work: "Work", command: IssueCard) -> Card:
        check_issuing_bank(command.request.caller, command.bank_code)
        lock_living_person(work.holders, command.person_id)
        self._calls.hold_all(work, command.person_id)
        known_cards = self._calls.of_records(work, command.person_id)
        check_none_standing(known_cards)
        check_none_suspended(known_cards)
        check_first_card(known_cards)
        new = NewCard(
            command.person_id,
            command.card_serial,
            command.chip_number,
            command.standard_version,
            command.bank_code,
            replaces_card_id=None,
        )
        card_id = self._making.make(work, command.request, new)
        return self._calls.told(work, command.request, card_id)

    def _activate(self, work: "Work", command: ActivateCard) -> Card:
        request, now = command.request, self._clock()
        held = self._calls.hold(work, named_by(command))
        card = held.card
        state = state_after(card, command.channel.event)
        cards = self._calls.hold_all(work, card.person_id)
        check_none_suspended(self._calls.of_records(work, card.person_id))
        _check_evidence(work, command, held, now)
        replaced = _replaced_by(card, cards)
        for lost in replaced:
            after = TRANSITIONS[lost.state, CardEvent.REPLACEMENT_ACTIVATED]
            work.cards.set_state(lost.card_id, after)
        work.cards.activate(
            card.card_id,
            state=state,
            at=now,
            by=request.caller.path,
            channel=command.channel,
            provider_visit_number=command.evidence.provider_visit_number,
        )
        detail = {"channel": command.channel.name}
        if replaced:
            detail["replaced"] = ",".join(sorted(lost.card_id for lost in replaced))
        return self._calls.told(work, request, card.card_id, detail)

    def _close(self, work: "Work", command: CloseCard) -> Card:
        request, closing = command.request, command.closing
        held = self._calls.hold(work, CardName(command.card_id))
        state = state_after(held.card, CardEvent.CLOSE)
        check_closing(held.card, closing)
        now, operator = self._clock(), request.caller.path
        if command.death is not None:
            # The one event, whichever call tells of it.
            live_person(held.person)
            record_death(work, request, held.person, command.death, at=now, ids=self._ids)
            detail = {"closing": closing.name, **detail_of(command.death)}
            return self._calls.recorded(work, request, command.card_id, detail)
        _check_handed_in(work, command, held, now)
        work.cards.close(command.card_id, state=state, at=now, by=operator, closing=closing)
        return self._calls.told(work, request, command.card_id, {"closing": closing.name})


def _check_handed_in(work: "Work", command: CloseCard, held: HeldCard, now: dt.datetime) -> None:
    """Refuses where the holder does not hand the card in; a lost one cannot be (I-19)."""
    if held.card.state is not CardState.LOST:
        check_original(command.is_original_card_shown)
    check_counted_document(work, command.document, held.person.person_id, now=now)


def named_by(command: ActivateCard) -> CardName:
    """Returns which card is to be activated: by its id, the chip read, or both."""
    chip = command.evidence.chip
    if chip is None:
        return CardName(command.card_id)
    return CardName(command.card_id, chip.card_serial, chip.chip_number)


def _check_evidence(work: "Work", command: ActivateCard, held: HeldCard, now: dt.datetime) -> None:
    """Refuses where the place of activation does not prove what it has to."""
    evidence = command.evidence
    if command.channel.event is CardEvent.ACTIVATE_AT_COUNTER:
        check_counted_document(work, evidence.document, held.person.person_id, now=now)
        return
    if command.channel is ActivationChannel.HOSPITAL:
        check_registration(evidence.provider_visit_number)
    assert evidence.chip is not None, "the servicer refuses a terminal without a chip"
    check_read_time(evidence.chip, now=now)
    if evidence.first_use_refusal is not None:
        raise evidence.first_use_refusal


def _replaced_by(card: Card, cards: Sequence[Card]) -> list[Card]:
    """Returns the lost ones of a person's `cards` that `card` replaces, the last one first."""
    known = {each.card_id: each for each in cards}
    replaced = []
    before = known.get(card.replaces_card_id or "")
    while before is not None:
        if before.state is CardState.LOST:
            replaced.append(before)
        before = known.get(before.replaces_card_id or "")
    return replaced
