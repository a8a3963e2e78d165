"""Uses of cards as rows: every code that was about to be signed, and what spends."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from yibao_identity.rules.card_use import CardTransaction
from yibao_identity.rules.code import QrClaims
from yibao_identity.storage import tables
from yibao_identity.storage.card import change_card

_transaction = tables.card_transaction.c


class StoredCardUses:
    """See `application.card_use.CardUseRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def seconds_with_codes(self, card_id: str, seconds: Sequence[int]) -> set[int]:
        """Returns those of `seconds` in which a card has a code."""
        code = tables.card_code.c
        query = sa.select(code.issue_time).where(
            code.region == self._region,
            code.issue_time.in_([dt.datetime.fromtimestamp(each, dt.UTC) for each in seconds]),
            code.card_id == card_id,
        )
        return {int(time.timestamp()) for time in self._connection.execute(query).scalars()}

    def store_code(self, claims: QrClaims, *, card_id: str, issued_to: str) -> None:
        """Notes what is about to be signed, for whom and who asked."""
        self._connection.execute(
            sa.insert(tables.card_code).values(
                region=self._region,
                issue_time=dt.datetime.fromtimestamp(claims.issue_second, dt.UTC),
                code_id=claims.code_id.hex(),
                card_id=card_id,
                audience=claims.audience,
                issued_to=issued_to,
            )
        )

    def store_transaction(self, card_id: str, transaction: CardTransaction) -> None:
        """Stores a transaction, and its number as that of the card's last one."""
        self._connection.execute(
            sa.insert(tables.card_transaction).values(
                region=self._region,
                card_id=card_id,
                sequence=transaction.sequence,
                authorize_time=transaction.authorize_time,
                institution_id=transaction.institution_id,
                terminal=transaction.terminal,
                audience=transaction.audience,
                code_id=transaction.code_id,
            )
        )
        sequence = transaction.sequence
        change_card(self._connection, self._region, card_id, transactions=sequence)

    def transactions(
        self, card_id: str, *, after_sequence: int, limit: int
    ) -> list[CardTransaction]:
        """Returns at most `limit` transactions of a card after one, in their order."""
        query = (
            sa.select(
                _transaction.sequence,
                _transaction.authorize_time,
                _transaction.institution_id,
                _transaction.terminal,
                _transaction.audience,
                _transaction.code_id,
            )
            .where(
                _transaction.region == self._region,
                _transaction.card_id == card_id,
                _transaction.sequence > after_sequence,
            )
            .order_by(_transaction.sequence)
            .limit(limit)
        )
        return [CardTransaction(*row) for row in self._connection.execute(query)]

    def store_printed(self, card_id: str, transactions: int) -> None:
        """Stores how many transactions of a card were ever printed."""
        change_card(self._connection, self._region, card_id, printed_transactions=transactions)
