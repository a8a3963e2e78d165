"""What the features of cards share: cards as of today, held, answered once, put on record."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import OK, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.calls import Calls
from yibao_identity.application.card.rows import CardName, StoredCard, StoredPin, card_on
from yibao_identity.application.document_guess import check_counted_document
from yibao_identity.application.holder import LockedPerson, lock_persons, lock_survivor
from yibao_identity.rules.card import Card, CardLimits, card_not_found
from yibao_identity.rules.channel import check_issuing_bank, is_of_own_bank
from yibao_identity.rules.death import check_alive
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.document_guess import check_may_show_document

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

# Refusals by which somebody may be guessing. A wrong PIN is written where it is counted.
_AUDITED = frozenset({Reason.ID_MISMATCH, Reason.ID_CHECK_LOCKED, Reason.PIN_LOCKED})

EncodeCard = Callable[[Card], bytes]


@dataclass(frozen=True, slots=True, repr=False)
class HeldCard:
    """A card whose row and whose holder's row are locked, with what is stored of its PIN."""

    card: Card
    person: LockedPerson
    pin: StoredPin


class CardCalls:
    """Answers calls about cards; see `application.calls.Calls` for what goes on record."""

    def __init__(
        self, transactions: "Transactions[Work]", *, clock: Clock, limits: CardLimits
    ) -> None:
        """Takes what begins transactions."""
        self._calls = Calls(transactions, clock=clock)
        self._clock = clock
        self._limits = limits

    def answer(
        self,
        request: Request,
        card_id: str,
        decide: "Callable[[Work], bytes]",
        *,
        document: ShownDocument | None = None,
    ) -> bytes:
        """Answers a call once; `card_id` is empty where the caller named none.

        `document` is what `decide` compares with the holder's, if anything.
        """
        return self.answer_counted(request, card_id, decide, document=document)

    def answer_counted(
        self,
        request: Request,
        card_id: str,
        decide: "Callable[[Work], bytes | RuleError]",
        *,
        document: ShownDocument | None = None,
    ) -> bytes:
        """Answers a call once in which a PIN is tried; see `answer`."""

        def decide_own(work: "Work") -> bytes | RuleError:
            check_own_card(work, request.caller, card_id)
            return decide(work)

        about = _about(card_id)
        with self._documents_counted(request, card_id, document):
            return self._calls.answer_counted(request, decide_own, about=about, audited=_AUDITED)

    def check(
        self,
        region: str,
        caller: Caller,
        method: str,
        card_id: str,
        decide: "Callable[[Work], None]",
    ) -> None:
        """Checks something before a call that only reads; see `Calls.check`."""
        request = Request(region, "", b"", method, caller)
        self._calls.check(request, decide, about=_about(card_id), audited=_AUDITED)

    @contextmanager
    def _documents_counted(
        self, request: Request, card_id: str, document: ShownDocument | None
    ) -> "Iterator[None]":
        """Counts a document that is shown under a request id of before with other contents.

        Whether such a request is answered or refused tells whether its document is the one
        that was answered before. Uncounted, and answered while documents are locked, that
        would be a way to try all numbers.
        """
        if document is None:
            yield
            return
        region, caller = request.region, request.caller
        with self.read(region, caller, request.method, card_id) as work:
            found = work.cards.find(CardName(card_id))
            # What is not there, or another bank's, is refused as such.
            if found is not None and is_of_own_bank(caller, found.bank_code):
                guesses = work.document_guesses.find(work.holders.survivor_of(found.person_id))
                check_may_show_document(guesses, now=self._clock())
        try:
            yield
        except RuleError as refusal:
            if refusal.reason is Reason.REQUEST_ID_REUSED:
                # The refusal stays the same, whether the document was right or wrong.
                with suppress(RuleError):
                    self._count_document(request, card_id, document)
            raise

    def _count_document(self, request: Request, card_id: str, document: ShownDocument) -> None:
        def count(work: "Work") -> None:
            check_own_card(work, request.caller, card_id)
            holder_id = lock_survivor(work.holders, _found(work, CardName(card_id)).person_id)
            check_counted_document(work, document, holder_id, now=self._clock())

        self._calls.check(request, count, about=_about(card_id), audited=_AUDITED)

    @contextmanager
    def read(self, region: str, caller: Caller, method: str, card_id: str) -> "Iterator[Work]":
        """Gives a unit of work for a call that only reads."""
        about = _about(card_id)
        with self._calls.read(region, caller, method, about=about, audited=_AUDITED) as work:
            yield work

    def today(self, stored: StoredCard) -> Card:
        """Returns a card as it is today."""
        today = shanghai_day(self._clock())
        return card_on(stored, today=today, pin_tries=self._limits.pin_tries)

    def find(self, work: "Work", name: CardName) -> Card:
        """Returns a card.

        Raises:
            RuleError: CARD_NOT_FOUND.
        """
        return self.today(_found(work, name))

    def hold(self, work: "Work", name: CardName) -> HeldCard:
        """Locks the holder's row, then the card's, until the transaction ends.

        Whose card it is never changes, so it is read before there is any lock.

        Raises:
            RuleError: CARD_NOT_FOUND.
        """
        found = _found(work, name)
        person = lock_persons(work.holders, [found.person_id])[found.person_id]
        locked = work.cards.lock(found.card_id)
        return HeldCard(self.today(locked), person, locked.pin)

    def hold_for_next(self, work: "Work", name: CardName) -> tuple[Card, str]:
        """Locks a card that another is to follow, and who gets that one; returns both.

        Who gets it is the record that stays, where the holder's was merged meanwhile.

        Raises:
            RuleError: CARD_NOT_FOUND, PERSON_DECEASED.
        """
        found = _found(work, name)
        holder_id = lock_survivor(work.holders, found.person_id)
        check_alive(lock_persons(work.holders, [holder_id])[holder_id].death_date)
        return self.today(work.cards.lock(found.card_id)), holder_id

    def of_records(self, work: "Work", person_id: str) -> list[Card]:
        """Returns the cards of a person, who is locked, and of records merged into it."""
        records = work.holders.records_of(person_id)
        return [self.today(card) for each in records for card in work.cards.of_person(each)]

    def hold_all(self, work: "Work", person_id: str) -> list[Card]:
        """Locks all cards of a person whose row is locked; returns them by card id."""
        return [self.today(stored) for stored in work.cards.lock_of_person(person_id)]

    def record(
        self,
        work: "Work",
        request: Request,
        card: Card,
        *,
        outcome: str = OK,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Puts a call about a card on record."""
        subjects = (card.person_id, card.card_id)
        at = self._clock()
        work.audit.add(
            entry_of(request, at=at, subject_ids=subjects, outcome=outcome, detail=detail)
        )

    def recorded(
        self,
        work: "Work",
        request: Request,
        card_id: str,
        detail: Mapping[str, str] | None = None,
    ) -> Card:
        """Ends a change of which settlement need not know; returns the card as it is now."""
        card = self.find(work, CardName(card_id))
        self.record(work, request, card, detail=detail)
        return card

    def told(
        self,
        work: "Work",
        request: Request,
        card_id: str,
        detail: Mapping[str, str] | None = None,
    ) -> Card:
        """Ends a change of what settlement knows of a card; returns it as it is now."""
        card = self.recorded(work, request, card_id, detail)
        work.feed.tell([card.person_id], at=self._clock(), caller=request.caller.path)
        return card


def check_own_card(work: "Work", caller: Caller, card_id: str) -> None:
    """Refuses a bank that another bank's card is about; `card_id` is empty where none is.

    Which bank issued a card never changes, so nothing is locked.

    Raises:
        RuleError: OUT_OF_SCOPE, CARD_NOT_FOUND.
    """
    if caller.role is Role.BANK and card_id:
        check_issuing_bank(caller, _found(work, CardName(card_id)).bank_code)


def _found(work: "Work", name: CardName) -> StoredCard:
    stored = work.cards.find(name)
    if stored is None:
        raise card_not_found(name.card_id)
    return stored


def _about(card_id: str) -> tuple[str, ...]:
    return (card_id,) if card_id else ()
