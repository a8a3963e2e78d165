"""PINs of cards: set, tried, changed, reported forgotten and reset once by request id."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_identity.application.card.calls import CardCalls, EncodeCard, HeldCard
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.document_guess import check_counted_document
from yibao_identity.application.pin.hashing import HashedPin, NewPin, PinPlace
from yibao_identity.application.pin.tries import PinTries
from yibao_identity.rules.card import (
    Card,
    CardLimits,
    card_not_found,
    check_not_closed,
    check_pin_may_be_set,
    check_usable,
)
from yibao_identity.rules.card_use import ChipRead, check_original, check_read_time
from yibao_identity.rules.channel import is_document_shown
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.pin import (
    PinState,
    check_new_pin,
    check_pin_can_be_tried,
    check_pin_is_not_set,
    check_pin_is_set,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class SetPin:
    """Sets the first PIN."""

    request: Request
    card_id: str
    pin: NewPin
    is_original_card_shown: bool
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class VerifyPin:
    """Tries a PIN in a terminal."""

    request: Request
    card_id: str
    chip: ChipRead
    pin: HashedPin


@dataclass(frozen=True, slots=True)
class ChangePin:
    """Changes a PIN: by the old one, by the document, or by both; never by neither.

    By telephone there is no document, so there has to be the old PIN.
    """

    request: Request
    card_id: str
    old_pin: HashedPin | None
    new_pin: NewPin
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class ReportPinLost:
    """Refuses a PIN from now on."""

    request: Request
    card_id: str
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class ResetPin:
    """Sets another PIN without the old one."""

    request: Request
    card_id: str
    pin: NewPin
    document: ShownDocument | None


class Pins:
    """PINs of cards. Blocks.

    Each call but `place` is carried out once by request id and returns the answer's bytes;
    it raises RuleError REQUEST_ID_REUSED, CARD_NOT_FOUND and what the rules refuse. A wrong
    PIN is counted durably before PIN_INCORRECT is raised.
    """

    def __init__(
        self, transactions: "Transactions[Work]", *, clock: Clock, limits: CardLimits
    ) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._calls = CardCalls(transactions, clock=clock, limits=limits)
        self._tries = PinTries(transactions, self._calls, most_tries=limits.pin_tries)
        self._clock = clock

    def place(self, region: str, name: CardName) -> PinPlace:
        """Returns what the hash of a card's PIN depends on. Raises RuleError CARD_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.pins.place(name)
        if found is None:
            raise card_not_found(name.card_id)
        return found

    def set(self, command: SetPin, encode: EncodeCard) -> bytes:
        """Sets the first PIN of a card."""
        request, card_id = command.request, command.card_id
        with self._tries.guesses_counted(request, card_id, command.pin.hashed):
            return self._calls.answer(
                request,
                card_id,
                lambda work: encode(self._set(work, command)),
                document=command.document,
            )

    def verify(self, command: VerifyPin, encode: EncodeCard) -> bytes:
        """Tries a PIN in a terminal."""
        request, card_id = command.request, command.card_id
        with self._tries.guesses_counted(request, card_id, command.pin):
            return self._calls.answer_counted(
                request, card_id, lambda work: _told(encode, self._verify(work, command))
            )

    def change(self, command: ChangePin, encode: EncodeCard) -> bytes:
        """Changes a PIN by the old one, by the document, or by both."""
        assert command.old_pin is not None or is_document_shown(command.request.caller)
        request, card_id = command.request, command.card_id
        with self._tries.guesses_counted(request, card_id, command.new_pin.hashed):
            return self._calls.answer_counted(
                request,
                card_id,
                lambda work: _told(encode, self._change(work, command)),
                # By telephone none is looked at.
                document=command.document if is_document_shown(request.caller) else None,
            )

    def report_lost(self, command: ReportPinLost, encode: EncodeCard) -> bytes:
        """Refuses a PIN from now on; one reported before stays as it is."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(self._report(work, command)),
            document=command.document,
        )

    def reset(self, command: ResetPin, encode: EncodeCard) -> bytes:
        """Sets another PIN without the old one."""
        request, card_id = command.request, command.card_id
        with self._tries.guesses_counted(request, card_id, command.pin.hashed):
            return self._calls.answer(
                request,
                card_id,
                lambda work: encode(self._reset(work, command)),
                document=command.document,
            )

    def _set(self, work: "Work", command: SetPin) -> Card:
        held = self._calls.hold(work, CardName(command.card_id))
        check_pin_may_be_set(held.card)
        check_pin_is_not_set(held.card.pin_state)
        check_original(command.is_original_card_shown)
        check_counted_document(work, command.document, held.person.person_id, now=self._clock())
        _store_new(work, held, command.pin)
        return self._calls.recorded(work, command.request, command.card_id)

    def _verify(self, work: "Work", command: VerifyPin) -> Card | RuleError:
        request = command.request
        held = self._calls.hold(work, CardName(command.card_id))
        check_usable(held.card)
        check_read_time(command.chip, now=self._clock())
        refusal = self._tries.attempt(work, request, held, command.pin)
        return refusal or self._calls.recorded(work, request, command.card_id)

    def _change(self, work: "Work", command: ChangePin) -> Card | RuleError:
        request = command.request
        held = self._calls.hold(work, CardName(command.card_id))
        check_pin_may_be_set(held.card)
        check_pin_can_be_tried(held.card.pin_state)
        if is_document_shown(request.caller):
            check_counted_document(work, command.document, held.person.person_id, now=self._clock())
        if command.old_pin is not None:
            refusal = self._tries.attempt(work, request, held, command.old_pin)
            if refusal is not None:
                return refusal
        _store_new(work, held, command.new_pin)
        return self._calls.recorded(work, request, command.card_id)

    def _report(self, work: "Work", command: ReportPinLost) -> Card:
        held = self._calls.hold(work, CardName(command.card_id))
        check_not_closed(held.card)
        check_pin_is_set(held.card.pin_state)
        check_counted_document(work, command.document, held.person.person_id, now=self._clock())
        if held.card.pin_state is not PinState.REPORTED_LOST:
            work.pins.report_lost(command.card_id, at=self._clock())
        return self._calls.recorded(work, command.request, command.card_id)

    def _reset(self, work: "Work", command: ResetPin) -> Card:
        held = self._calls.hold(work, CardName(command.card_id))
        check_pin_may_be_set(held.card)
        check_pin_is_set(held.card.pin_state)
        check_counted_document(work, command.document, held.person.person_id, now=self._clock())
        _store_new(work, held, command.pin)
        return self._calls.recorded(work, command.request, command.card_id)


def _told(encode: Callable[[Card], bytes], outcome: Card | RuleError) -> bytes | RuleError:
    return outcome if isinstance(outcome, RuleError) else encode(outcome)


def _store_new(work: "Work", held: HeldCard, new: NewPin) -> None:
    """Checks and stores a new PIN, which has no wrong tries and is not reported."""
    person, hashed = held.person, new.hashed
    check_new_pin(
        new.pin,
        certificate_number=work.holders.number_of(person.person_id),
        birth_date=person.birth_date,
    )
    work.pins.store_new(held.card.card_id, hashed.newest, scheme=hashed.newest_scheme)
