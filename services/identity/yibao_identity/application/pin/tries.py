"""Tries of PINs, all of them counted, whatever call they come in.

A wrong try is counted in the transaction that answers it, under the lock of the card: two
terminals that try at once are counted one after the other, and a process that dies before
the commit has told nobody whether the PIN was right.
"""

import contextlib
import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.calls import CardCalls, HeldCard
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.pin.hashing import HashedPin
from yibao_identity.rules.pin import (
    PinState,
    after_try,
    check_not_guessed_out,
    check_pin_can_be_tried,
    tries_with_guess,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


class PinTries:
    """Compares PINs and counts."""

    def __init__(
        self, transactions: "Transactions[Work]", calls: CardCalls, *, most_tries: int
    ) -> None:
        """Takes what begins transactions and what puts on record."""
        self._transactions = transactions
        self._calls = calls
        self._most_tries = most_tries

    def attempt(
        self, work: "Work", request: Request, held: HeldCard, pin: HashedPin
    ) -> RuleError | None:
        """Compares a PIN and counts the try; returns the refusal of a wrong one.

        What it returns has to be what the transaction answers, so that the count stays.

        Raises:
            RuleError: PIN_NOT_SET, PIN_REPORTED_LOST, PIN_LOCKED; nothing was compared.
        """
        check_pin_can_be_tried(held.card.pin_state)
        stored, card_id = held.pin, held.card.card_id
        known = pin.hashes.get(stored.scheme)
        assert known is not None, f"no pepper of scheme {stored.scheme} is configured"
        outcome = after_try(
            stored.wrong_tries,
            is_right=hmac.compare_digest(known, stored.hash),
            most_tries=self._most_tries,
        )
        if outcome.wrong_tries != stored.wrong_tries:
            work.pins.store_tries(card_id, outcome.wrong_tries)
        if outcome.refusal is not None:
            is_last = outcome.wrong_tries >= self._most_tries
            reason = Reason.PIN_LOCKED if is_last else outcome.refusal.reason
            detail = outcome.refusal.metadata
            self._calls.record(work, request, held.card, outcome=reason.name, detail=detail)
        elif stored.scheme != pin.newest_scheme:
            # The only moment at which a new pepper can take the place of an old one.
            work.pins.store_hash(card_id, pin.newest, scheme=pin.newest_scheme)
        return outcome.refusal

    @contextlib.contextmanager
    def guesses_counted(self, request: Request, card_id: str, pin: HashedPin) -> Iterator[None]:
        """Counts a wrong PIN in a request whose id was used before, with other contents.

        Whether a repeated request is answered or refused tells whether its PIN is the one
        that was answered before; uncounted, that would be a way to try all of them. So nothing
        is answered any more once a PIN that cannot be tried was guessed at as often again.
        What is carried out now is not concerned: it began with a PIN that could be tried, or
        set a new one.

        Raises:
            RuleError: PIN_LOCKED.
        """
        try:
            yield
            self._check_not_guessed_out(request.region, card_id)
        except RuleError as refusal:
            if refusal.reason is Reason.REQUEST_ID_REUSED:
                self._transactions.change(
                    request.region, lambda work: self._count_guess(work, request, card_id, pin)
                )
            elif refusal.reason is Reason.PIN_INCORRECT:
                # Also that a PIN is the wrong one of before.
                self._check_not_guessed_out(request.region, card_id)
            raise

    def _check_not_guessed_out(self, region: str, card_id: str) -> None:
        with self._transactions.read(region) as work:
            wrong_tries = work.pins.wrong_tries(card_id)
        check_not_guessed_out(wrong_tries, most_tries=self._most_tries)

    def _count_guess(self, work: "Work", request: Request, card_id: str, pin: HashedPin) -> None:
        held = self._calls.hold(work, CardName(card_id))
        wrong, state = None, held.card.pin_state
        if state is PinState.SET:
            wrong = self.attempt(work, request, held, pin)
        elif state is not PinState.NOT_SET:
            # Not compared, so that nothing is told of the card's own PIN.
            tries = tries_with_guess(held.pin.wrong_tries, most_tries=self._most_tries)
            work.pins.store_tries(card_id, tries)
        if wrong is None:
            outcome = Reason.REQUEST_ID_REUSED.name
            self._calls.record(work, request, held.card, outcome=outcome)
