"""Uses of cards at terminals: authorized, counted and printed.

What is about to be signed is stored in the transaction that counts it. The signature is
made inside, because a repeated request has to get the same code; it leaves the process
only after the commit.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError
from yibao_identity.application.card_use import (
    AuthorizeCard,
    CardAuthorization,
    CardName,
    PrintTransactions,
)
from yibao_identity.rules.card import Card, CardLimits, check_not_closed, check_usable
from yibao_identity.rules.card_use import (
    SPENDING_AUDIENCES,
    CardTransaction,
    check_may_spend,
    check_original,
    check_read_time,
)
from yibao_identity.rules.qr_code import CODE_ID_BYTES, QrClaims, new_claims
from yibao_identity.storage import tables
from yibao_identity.storage.card_rows import HeldCard, change_card, read_card
from yibao_identity.storage.holders import require_holder
from yibao_identity.storage.person_locks import check_shown_document
from yibao_identity.storage.pins import PinCalls


class CardUseStore(PinCalls):
    """Uses of the cards of a database; see `application.card_use.CardUses`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
        key_expire_time: Callable[[], dt.datetime],
    ) -> None:
        """Takes storage, a source of code ids, and until when the present key signs."""
        super().__init__(database, vault, clock=clock, limits=limits)
        self._random_bytes = random_bytes
        self._key_expire_time = key_expire_time

    def authorize(
        self, command: AuthorizeCard, encode: Callable[[CardAuthorization], bytes]
    ) -> bytes:
        """Authorizes one use of a card and answers with its code."""
        # A code of a later second would be refused everywhere, and yet be counted.
        if self._clock() >= self._key_expire_time():
            raise TransientError("no key of the issuer may sign at present")

        def work(connection: sa.Connection) -> bytes | RuleError:
            request, now = command.request, self._clock()
            held = self._hold(connection, request, command.card_id)
            check_usable(held.card)
            check_read_time(command.chip, now=now)
            refusal = self._try_pin(connection, request, held, command.pin)
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
                now=now,
                code_id=self._random_bytes(CODE_ID_BYTES),
            )
            _store_code(connection, command, claims)
            if is_spending:
                _store_transaction(connection, command, held, claims, now)
            card = self._reader().one(connection, request.region, command.card_id)
            return encode(CardAuthorization(card, claims))

        with self._guess_counted(command.request, command.card_id, command.pin):
            return self._answer_counted(command.request, command.card_id, work)

    def print_transactions(
        self,
        command: PrintTransactions,
        encode: Callable[[Card, list[CardTransaction]], bytes],
    ) -> bytes:
        """Prints what was not printed yet and begins a new count."""

        def work(connection: sa.Connection) -> bytes:
            request = command.request
            held = self._hold(connection, request, command.card_id)
            card = held.card
            check_not_closed(card)
            check_original(command.is_original_card_shown)
            check_shown_document(self._vault, command.document, held.person)
            printed = _transactions(
                connection,
                request.region,
                card.card_id,
                after_sequence=card.printed_transactions,
                limit=card.transactions_since_print,
            )
            assert len(printed) == card.transactions_since_print
            change_card(connection, card, printed_transactions=card.transactions)
            card = self._reader().one(connection, request.region, card.card_id)
            response = encode(card, printed)
            detail = {"transactions": str(len(printed))}
            self._record(connection, request, card, detail=detail)
            return response

        return self._answer(command.request, command.card_id, work)

    def transactions(
        self, region: str, card_id: str, *, caller: Caller, after_sequence: int, limit: int
    ) -> list[CardTransaction]:
        """Returns at most `limit` transactions of a card after one."""
        with (
            self._foreign_holder_audited(region, caller, "ListCardTransactions", card_id),
            self._database.read() as connection,
        ):
            card = read_card(connection, region, CardName(card_id), self._reader())
            require_holder(connection, region, caller, card.person_id)
            return _transactions(
                connection, region, card_id, after_sequence=after_sequence, limit=limit
            )


def _store_code(connection: sa.Connection, command: AuthorizeCard, claims: QrClaims) -> None:
    """Notes what is about to be signed, for whom and who asked."""
    connection.execute(
        sa.insert(tables.card_code).values(
            region=command.request.region,
            issue_time=dt.datetime.fromtimestamp(claims.issue_second, dt.UTC),
            code_id=claims.code_id.hex(),
            card_id=command.card_id,
            audience=command.audience,
            issued_to=command.request.caller.path,
        )
    )


def _store_transaction(
    connection: sa.Connection,
    command: AuthorizeCard,
    held: HeldCard,
    claims: QrClaims,
    now: dt.datetime,
) -> None:
    sequence = held.card.transactions + 1
    connection.execute(
        sa.insert(tables.card_transaction).values(
            region=command.request.region,
            card_id=command.card_id,
            sequence=sequence,
            authorize_time=now,
            institution_id=command.institution_id,
            terminal=command.request.caller.path,
            audience=command.audience,
            code_id=claims.code_id.hex(),
        )
    )
    change_card(connection, held.card, transactions=sequence)


def _transactions(
    connection: sa.Connection, region: str, card_id: str, *, after_sequence: int, limit: int
) -> list[CardTransaction]:
    table = tables.card_transaction.c
    query = (
        sa.select(tables.card_transaction)
        .where(
            table.region == region,
            table.card_id == card_id,
            table.sequence > after_sequence,
        )
        .order_by(table.sequence)
        .limit(limit)
    )
    return [_transaction(row) for row in connection.execute(query)]


def _transaction(row: sa.Row[Any]) -> CardTransaction:
    return CardTransaction(
        row.sequence,
        row.authorize_time,
        row.institution_id,
        row.terminal,
        row.audience,
        row.code_id,
    )
