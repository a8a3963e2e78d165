"""CardService: cards at terminals and their printed records."""

import datetime as dt
import functools
from collections.abc import Sequence

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import card_use_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import as_sent, from_date, to_optional_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason
from yibao_identity.application.card_use import (
    AuthorizeCard,
    CardAuthorization,
    CardUses,
    ListTransactions,
    PrintTransactions,
)
from yibao_identity.application.code.issued import CodeSigner
from yibao_identity.rules.card import Card
from yibao_identity.rules.card_use import CardTransaction, original_required
from yibao_identity.rules.channel import channel_of_use, check_use
from yibao_identity.rules.code import AUDIENCES
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.servicer.card.account_record import AccountRecords
from yibao_identity.servicer.card.messages import (
    card_message,
    chip_of,
    document_of,
    refuse_field,
    request_of,
    transaction_message,
)
from yibao_identity.servicer.code import until_second
from yibao_identity.servicer.pin import HashedPins, named_by

_DEFAULT_TRANSACTIONS = 100
_MOST_TRANSACTIONS = 500


class CardUsePart:
    """Methods about the use of cards; everything blocks, so it runs in threads."""

    def __init__(
        self,
        uses: CardUses,
        hashed: HashedPins,
        blocking: Blocking,
        *,
        signer: CodeSigner,
        account_records: AccountRecords,
        clock: Clock,
    ) -> None:
        """Takes what answers, what hashes PINs, what signs codes, and who has the accounts."""
        self._account_records = account_records
        self._uses = uses
        self._hashed = hashed
        self._blocking = blocking
        self._signer = signer
        self._clock = clock

    async def AuthorizeCard(
        self,
        request: pb.AuthorizeCardRequest,
        context: "grpc.aio.ServicerContext[pb.AuthorizeCardRequest, pb.AuthorizeCardResponse]",
    ) -> pb.AuthorizeCardResponse:
        """Authorizes one use of a card in a terminal."""
        caller = current_caller()
        if request.audience not in AUDIENCES:
            message = "is not a business type of the national interface"
            refuse_field("audience", Reason.FIELD_MALFORMED, message)
        check_use(CredentialKind.CARD, channel_of_use(caller, request.audience))
        chip = chip_of(request)
        if chip is None:
            raise original_required()
        card_id, hashed = await self._hashed.of(request.region, named_by(chip), request.pin)
        content = pb.AuthorizeCardRequest()
        content.CopyFrom(request)
        content.pin = self._hashed.stand_in(hashed)
        command = AuthorizeCard(
            request_of("AuthorizeCard", request.region, request.request_id, content),
            card_id,
            chip,
            hashed,
            request.audience,
            caller.own_institution(),
        )
        response = await self._blocking.run(self._uses.authorize, command, self._signed)
        issue_second = pb.AuthorizeCardResponse.FromString(response).issue_time.seconds
        await until_second(issue_second, clock=self._clock)
        return as_sent(pb.AuthorizeCardResponse, response)

    async def PrintTransactions(
        self,
        request: pb.PrintTransactionsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.PrintTransactionsRequest, pb.PrintTransactionsResponse]"
        ),
    ) -> pb.PrintTransactionsResponse:
        """Prints the transactions since the last printing and begins a new count."""
        today = shanghai_day(self._clock())
        # Before the count begins anew: what was printed then is not printed again.
        if request.account_form:
            self._account_records.check_known()
        if (to_optional_date(request, "account_start_date") or today) > today:
            refuse_field("account_start_date", Reason.FIELD_OUT_OF_RANGE, "lies ahead")
        command = PrintTransactions(
            request_of("PrintTransactions", request.region, request.request_id, request),
            request.card_id,
            request.is_original_card_shown,
            document_of(request),
        )
        encode = functools.partial(_printed, until=today if request.account_form else None)
        stored = await self._blocking.run(self._uses.print_transactions, command, encode)
        if not request.account_form:
            return as_sent(pb.PrintTransactionsResponse, stored)
        response = pb.PrintTransactionsResponse.FromString(stored)
        # A repeat tells no more than the first: nobody has shown card and document since.
        until = to_optional_date(response.account_statement, "end_date") or today
        response.ClearField("account")
        await self._account_records.add_to(response, request, until=until)
        return as_sent(pb.PrintTransactionsResponse, response.SerializeToString())

    async def ListCardTransactions(
        self,
        request: pb.ListCardTransactionsRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListCardTransactionsRequest, pb.ListCardTransactionsResponse]"
        ),
    ) -> pb.ListCardTransactionsResponse:
        """Reads the transactions of a card without touching the count."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._uses.transactions,
            ListTransactions(
                request.region,
                caller,
                request.card_id,
                request.after_sequence,
                min(request.page_size or _DEFAULT_TRANSACTIONS, _MOST_TRANSACTIONS),
                request.is_original_card_shown,
                document_of(request),
            ),
        )
        return pb.ListCardTransactionsResponse(transactions=map(transaction_message, found))

    def _signed(self, authorization: CardAuthorization) -> bytes:
        """Signs; called after the row about the code was written, before the commit."""
        card, claims = authorization.card, authorization.claims
        return pb.AuthorizeCardResponse(
            qr_text=self._signer.sign_code(claims),
            issue_time=Timestamp(seconds=claims.issue_second),
            expire_time=Timestamp(seconds=claims.expire_second),
            card_id=card.card_id,
            person_id=card.person_id,
            transactions_since_print=card.transactions_since_print,
        ).SerializeToString()


def _printed(
    card: Card, transactions: Sequence[CardTransaction], *, until: dt.date | None
) -> bytes:
    """Returns what is stored: of the account, where it is printed, no more than its last day."""
    response = pb.PrintTransactionsResponse(
        transactions=map(transaction_message, transactions), card=card_message(card)
    )
    if until is not None:
        response.account_statement.end_date.CopyFrom(from_date(until))
    return response.SerializeToString()
