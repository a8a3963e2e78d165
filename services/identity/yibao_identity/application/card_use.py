"""Uses of cards at terminals: authorized, counted and printed.

What is about to be signed is stored in the transaction that counts it. The signature is
made inside, because a repeated request has to get the same code; it leaves the process
only after the commit.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_identity.application.card.calls import CardCalls, check_own_card
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.code.issued import require_signing_key
from yibao_identity.application.document_guess import check_counted_document
from yibao_identity.application.holder import lock_survivor, require_holder
from yibao_identity.application.pin.hashing import HashedPin
from yibao_identity.application.pin.tries import PinTries
from yibao_identity.rules.card import Card, CardLimits, check_not_closed, check_usable
from yibao_identity.rules.card_use import (
    SPENDING_AUDIENCES,
    CardTransaction,
    ChipRead,
    check_may_spend,
    check_original,
    check_read_time,
)
from yibao_identity.rules.channel import is_counter
from yibao_identity.rules.code import (
    CODE_ID_BYTES,
    SECONDS_AHEAD,
    QrClaims,
    new_claims,
    too_many_codes,
)
from yibao_identity.rules.document import ShownDocument

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


class CardUseRows(Protocol):
    """Codes and transactions of a region's cards; to write them, the card has to be locked."""

    def seconds_with_codes(self, card_id: str, seconds: Sequence[int]) -> set[int]:
        """Returns those of `seconds` in which a card has a code."""
        ...

    def store_code(self, claims: QrClaims, *, card_id: str, issued_to: str) -> None:
        """Notes what is about to be signed, for whom and who asked; its second is free."""
        ...

    def store_transaction(self, card_id: str, transaction: CardTransaction) -> None:
        """Stores a transaction, and its number as that of the card's last one."""
        ...

    def transactions(
        self, card_id: str, *, after_sequence: int, limit: int
    ) -> Sequence[CardTransaction]:
        """Returns at most `limit` transactions of a card after one, in their order."""
        ...

    def store_printed(self, card_id: str, transactions: int) -> None:
        """Stores how many transactions of a card were ever printed."""
        ...


@dataclass(frozen=True, slots=True)
class AuthorizeCard:
    """Authorizes one use of a card in a terminal of `institution_id`."""

    request: Request
    card_id: str
    chip: ChipRead
    pin: HashedPin
    audience: str
    institution_id: str


@dataclass(frozen=True, slots=True)
class PrintTransactions:
    """Prints what was not printed yet and begins a new count."""

    request: Request
    card_id: str
    is_original_card_shown: bool
    document: ShownDocument | None


_LIST = "ListCardTransactions"


@dataclass(frozen=True, slots=True)
class ListTransactions:
    """Asks for at most `limit` transactions of a card after one; see I-17 for a counter."""

    region: str
    caller: Caller
    card_id: str
    after_sequence: int
    limit: int
    is_original_card_shown: bool = False
    document: ShownDocument | None = None


@dataclass(frozen=True, slots=True)
class CardAuthorization:
    """A use that was authorized: the claims to sign, which are stored by then."""

    card: Card
    claims: QrClaims


EncodeAuthorization = Callable[[CardAuthorization], bytes]
EncodePrinted = Callable[[Card, Sequence[CardTransaction]], bytes]


class CardUses:
    """Uses of cards and their printed records. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
        key_expire_time: Callable[[], dt.datetime],
    ) -> None:
        """Takes what begins transactions, and until when the present key signs."""
        self._calls = CardCalls(transactions, clock=clock, limits=limits)
        self._tries = PinTries(transactions, self._calls, most_tries=limits.pin_tries)
        self._clock = clock
        self._random_bytes = random_bytes
        self._limits = limits
        self._key_expire_time = key_expire_time

    def authorize(self, command: AuthorizeCard, encode: EncodeAuthorization) -> bytes:
        """Authorizes one use of a card once by request id and answers with its code.

        `encode` signs; it is called after the row about the code was written, in the same
        transaction, and what it returns leaves only after the commit.

        Raises:
            RuleError: NO_SIGNING_KEY, before anything else.
        """
        # A code of a later second would be refused everywhere, and yet be counted.
        require_signing_key(now=self._clock(), expire_time=self._key_expire_time())

        def decide(work: "Work") -> bytes | RuleError:
            outcome = self._authorize(work, command)
            return outcome if isinstance(outcome, RuleError) else encode(outcome)

        request, card_id = command.request, command.card_id
        with self._tries.guesses_counted(request, card_id, command.pin):
            return self._calls.answer_counted(request, card_id, decide)

    def print_transactions(self, command: PrintTransactions, encode: EncodePrinted) -> bytes:
        """Prints once by request id what was not printed yet, and begins a new count."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(*self._print(work, command)),
            document=command.document,
        )

    def transactions(self, question: ListTransactions) -> list[CardTransaction]:
        """Returns transactions of a card.

        Raises:
            RuleError: CARD_NOT_FOUND; OUT_OF_SCOPE for another holder or bank than the
                card's; at a counter ORIGINAL_REQUIRED, ID_REQUIRED, ID_MISMATCH.
        """
        caller, card_id = question.caller, question.card_id
        if is_counter(caller):
            self._check_counter(question)
        with self._calls.read(question.region, caller, _LIST, card_id) as work:
            check_own_card(work, caller, card_id)
            card = self._calls.find(work, CardName(card_id))
            # Of a record that was merged, the one that took its place.
            require_holder(work.holders, caller, work.holders.survivor_of(card.person_id))
            rows = work.card_uses.transactions(
                card_id, after_sequence=question.after_sequence, limit=question.limit
            )
            return list(rows)

    def _check_counter(self, question: ListTransactions) -> None:
        """Checks what a counter has to see; a wrong document is counted before it is told."""

        def check(work: "Work") -> None:
            check_own_card(work, question.caller, question.card_id)
            card = self._calls.find(work, CardName(question.card_id))
            check_original(question.is_original_card_shown)
            holder_id = lock_survivor(work.holders, card.person_id)
            check_counted_document(work, question.document, holder_id, now=self._clock())

        self._calls.check(question.region, question.caller, _LIST, question.card_id, check)

    def _authorize(self, work: "Work", command: AuthorizeCard) -> CardAuthorization | RuleError:
        request, now = command.request, self._clock()
        name = CardName(command.card_id)
        held = self._calls.hold(work, name)
        check_usable(held.card)
        check_read_time(command.chip, now=now)
        refusal = self._tries.attempt(work, request, held, command.pin)
        if refusal is not None:
            return refusal
        # After the PIN, so that nobody learns the count without it.
        is_spending = command.audience in SPENDING_AUDIENCES
        if is_spending:
            check_may_spend(held.card, most=self._limits.transactions_until_print)
        claims = new_claims(
            issuer=request.region,
            subject=held.card.subject,
            audience=command.audience,
            now=_free_second(work, command.card_id, now),
            code_id=self._random_bytes(CODE_ID_BYTES),
        )
        issued_to = request.caller.path
        work.card_uses.store_code(claims, card_id=command.card_id, issued_to=issued_to)
        if is_spending:
            transaction = CardTransaction(
                held.card.transactions + 1,
                now,
                command.institution_id,
                issued_to,
                command.audience,
                claims.code_id.hex(),
            )
            work.card_uses.store_transaction(command.card_id, transaction)
        return CardAuthorization(self._calls.find(work, name), claims)

    def _print(
        self, work: "Work", command: PrintTransactions
    ) -> tuple[Card, Sequence[CardTransaction]]:
        held = self._calls.hold(work, CardName(command.card_id))
        card = held.card
        check_not_closed(card)
        check_original(command.is_original_card_shown)
        check_counted_document(work, command.document, held.person.person_id, now=self._clock())
        printed = work.card_uses.transactions(
            card.card_id,
            after_sequence=card.printed_transactions,
            limit=card.transactions_since_print,
        )
        assert len(printed) == card.transactions_since_print
        work.card_uses.store_printed(card.card_id, card.transactions)
        detail = {"transactions": str(len(printed))}
        return self._calls.recorded(work, command.request, card.card_id, detail), printed


def _free_second(work: "Work", card_id: str, now: dt.datetime) -> dt.datetime:
    """Returns the first second from `now` on in which a locked card has no code (I-01).

    Raises:
        RuleError: RATE_LIMITED.
    """
    begun = int(now.timestamp())
    seconds = range(begun, begun + SECONDS_AHEAD + 1)
    taken = work.card_uses.seconds_with_codes(card_id, seconds)
    for second in seconds:
        if second not in taken:
            return dt.datetime.fromtimestamp(second, dt.UTC)
    raise too_many_codes(card_id)
