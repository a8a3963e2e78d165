"""PINs of cards: set, tried, changed and reset once by request id.

A wrong try is counted in the transaction that answers it, under the lock of the card: two
terminals that try at once are counted one after the other, and a process that dies before
the commit has told nobody whether the PIN was right.
"""

import contextlib
import hmac
from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card_use import (
    CardName,
    ChangePin,
    HashedPin,
    NewPin,
    PinPlace,
    ReportPinLost,
    ResetPin,
    SetPin,
    VerifyPin,
)
from yibao_identity.application.cards import EncodeCard
from yibao_identity.rules.card import (
    card_not_found,
    check_not_closed,
    check_pin_may_be_set,
    check_usable,
)
from yibao_identity.rules.card_use import check_original, check_read_time
from yibao_identity.rules.pin import (
    PinState,
    after_try,
    check_new_pin,
    check_pin_can_be_tried,
    check_pin_is_not_set,
    check_pin_is_set,
)
from yibao_identity.storage import tables
from yibao_identity.storage.card_calls import CardCalls
from yibao_identity.storage.card_rows import HeldCard, change_card, hold_card
from yibao_identity.storage.person_locks import check_shown_document


class PinCalls(CardCalls):
    """The base of the stores in which a PIN is tried."""

    def _try_pin(
        self, connection: sa.Connection, request: Request, held: HeldCard, pin: HashedPin
    ) -> RuleError | None:
        """Compares a PIN and counts the try; returns the refusal of a wrong one.

        What it returns has to be what the transaction answers, so that the count stays.

        Raises:
            RuleError: PIN_NOT_SET, PIN_REPORTED_LOST, PIN_LOCKED; nothing was compared.
        """
        check_pin_can_be_tried(held.card.pin_state)
        known = pin.hashes.get(held.pin_scheme)
        assert known is not None, f"no pepper of scheme {held.pin_scheme} is configured"
        outcome = after_try(
            held.wrong_tries,
            is_right=hmac.compare_digest(known, held.pin_hash),
            most_tries=self._limits.pin_tries,
        )
        if outcome.refusal is not None:
            change_card(connection, held.card, wrong_tries=outcome.wrong_tries)
            is_last = outcome.wrong_tries >= self._limits.pin_tries
            reason = Reason.PIN_LOCKED if is_last else outcome.refusal.reason
            detail = outcome.refusal.metadata
            self._record(connection, request, held.card, outcome=reason.name, detail=detail)
            return outcome.refusal
        if outcome.wrong_tries != held.wrong_tries:
            change_card(connection, held.card, wrong_tries=outcome.wrong_tries)
        if held.pin_scheme != pin.newest_scheme:
            # The only moment at which a new pepper can take the place of an old one.
            _store_hash(connection, held, pin)
        return None

    @contextlib.contextmanager
    def _guess_counted(self, request: Request, card_id: str, pin: HashedPin) -> Iterator[None]:
        """Counts a wrong PIN in a request whose id was used before, with other contents.

        Whether a repeated request is answered or refused tells whether its PIN is the one
        that was answered before; uncounted, that would be a way to try all of them.
        """
        try:
            yield
        except RuleError as refusal:
            if refusal.reason is Reason.REQUEST_ID_REUSED:
                with self._database.write() as connection:
                    self._count_guess(connection, request, card_id, pin)
            raise

    def _count_guess(
        self, connection: sa.Connection, request: Request, card_id: str, pin: HashedPin
    ) -> None:
        held = self._hold(connection, request, card_id)
        wrong = None
        if held.card.pin_state is PinState.SET:
            wrong = self._try_pin(connection, request, held, pin)
        if wrong is None:
            outcome = Reason.REQUEST_ID_REUSED.name
            self._record(connection, request, held.card, outcome=outcome)

    def _hold(self, connection: sa.Connection, request: Request, card_id: str) -> HeldCard:
        return hold_card(connection, request.region, CardName(card_id), self._reader())


class PinStore(PinCalls):
    """PINs of a database; see `application.card_use.Pins`."""

    def place(self, region: str, card: CardName) -> PinPlace:
        """Returns what the hash of a card's PIN depends on; it never changes."""
        table = tables.card.c
        query = sa.select(table.card_id, table.pin_salt).where(table.region == region)
        if card.card_id:
            query = query.where(table.card_id == card.card_id)
        else:
            query = query.where(
                table.card_serial == card.card_serial, table.chip_number == card.chip_number
            )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise card_not_found(card.card_id)
        return PinPlace(region, row.card_id, bytes(row.pin_salt))

    def set(self, command: SetPin, encode: EncodeCard) -> bytes:
        """Sets the first PIN of a card."""

        def work(connection: sa.Connection) -> bytes:
            held = self._hold(connection, command.request, command.card_id)
            check_pin_may_be_set(held.card)
            check_pin_is_not_set(held.card.pin_state)
            check_original(command.is_original_card_shown)
            check_shown_document(self._vault, command.document, held.person)
            self._store_new(connection, command.request, held, command.pin)
            return self._finish(connection, command.request, held, encode)

        with self._guess_counted(command.request, command.card_id, command.pin.hashed):
            return self._answer(command.request, command.card_id, work)

    def verify(self, command: VerifyPin, encode: EncodeCard) -> bytes:
        """Tries a PIN in a terminal."""

        def work(connection: sa.Connection) -> bytes | RuleError:
            held = self._hold(connection, command.request, command.card_id)
            check_usable(held.card)
            check_read_time(command.chip, now=self._clock())
            refusal = self._try_pin(connection, command.request, held, command.pin)
            if refusal is not None:
                return refusal
            return self._finish(connection, command.request, held, encode)

        with self._guess_counted(command.request, command.card_id, command.pin):
            return self._answer_counted(command.request, command.card_id, work)

    def change(self, command: ChangePin, encode: EncodeCard) -> bytes:
        """Changes a PIN by the old one, by the document, or by both."""
        assert command.old_pin is not None or command.is_document_needed

        def work(connection: sa.Connection) -> bytes | RuleError:
            request = command.request
            held = self._hold(connection, request, command.card_id)
            check_pin_may_be_set(held.card)
            check_pin_can_be_tried(held.card.pin_state)
            if command.is_document_needed:
                check_shown_document(self._vault, command.document, held.person)
            if command.old_pin is not None:
                refusal = self._try_pin(connection, request, held, command.old_pin)
                if refusal is not None:
                    return refusal
            self._store_new(connection, request, held, command.new_pin)
            return self._finish(connection, request, held, encode)

        with self._guess_counted(command.request, command.card_id, command.new_pin.hashed):
            return self._answer_counted(command.request, command.card_id, work)

    def report_lost(self, command: ReportPinLost, encode: EncodeCard) -> bytes:
        """Refuses a PIN from now on; one reported before stays as it is."""

        def work(connection: sa.Connection) -> bytes:
            held = self._hold(connection, command.request, command.card_id)
            check_not_closed(held.card)
            check_pin_is_set(held.card.pin_state)
            check_shown_document(self._vault, command.document, held.person)
            if held.card.pin_state is not PinState.REPORTED_LOST:
                change_card(connection, held.card, pin_lost_time=self._clock())
            return self._finish(connection, command.request, held, encode)

        return self._answer(command.request, command.card_id, work)

    def reset(self, command: ResetPin, encode: EncodeCard) -> bytes:
        """Sets another PIN without the old one."""

        def work(connection: sa.Connection) -> bytes:
            held = self._hold(connection, command.request, command.card_id)
            check_pin_may_be_set(held.card)
            check_pin_is_set(held.card.pin_state)
            check_shown_document(self._vault, command.document, held.person)
            self._store_new(connection, command.request, held, command.pin)
            return self._finish(connection, command.request, held, encode)

        with self._guess_counted(command.request, command.card_id, command.pin.hashed):
            return self._answer(command.request, command.card_id, work)

    def _store_new(
        self, connection: sa.Connection, request: Request, held: HeldCard, new: NewPin
    ) -> None:
        """Checks and stores a new PIN, which has no wrong tries and is not reported."""
        person = held.person
        check_new_pin(
            new.pin,
            certificate_number=self._number_of(connection, request.region, person.person_id),
            birth_date=person.birth_date,
        )
        _store_hash(connection, held, new.hashed)
        change_card(connection, held.card, wrong_tries=0, pin_lost_time=None)

    def _number_of(self, connection: sa.Connection, region: str, person_id: str) -> str:
        table = tables.person.c
        query = sa.select(table.sealed_number).where(
            table.region == region, table.person_id == person_id
        )
        sealed = bytes(connection.execute(query).scalar_one())
        return self._vault.open(sealed, place=f"{region}/person/{person_id}/number").decode()

    def _finish(
        self,
        connection: sa.Connection,
        request: Request,
        held: HeldCard,
        encode: EncodeCard,
    ) -> bytes:
        """Ends a call about a PIN, of which settlement need not know."""
        card = self._reader().one(connection, request.region, held.card.card_id)
        response = encode(card)
        self._record(connection, request, card)
        return response


def _store_hash(connection: sa.Connection, held: HeldCard, pin: HashedPin) -> None:
    change_card(
        connection,
        held.card,
        pin_hash=pin.hashes[pin.newest_scheme],
        pin_scheme=pin.newest_scheme,
    )
