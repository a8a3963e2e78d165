"""Asks settlement for the movements of the account that a counter prints beside the uses of a card.

It is asked after card and document were checked and the count began anew: where it gives no
answer, the request is made again, which prints the same and counts nothing.
"""

import datetime as dt
from typing import Protocol, cast

import grpc

from yibao.errors import error_of
from yibao.identity.v1 import card_use_messages_pb2 as use_pb
from yibao.settlement.v1 import account_record_service_pb2 as pb
from yibao.settlement.v1 import account_record_service_pb2_grpc as rpc
from yibao_common.process.config import ServerConfig
from yibao_common.process.logs import Log
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.rpc.wire import from_date, to_optional_date
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.servicer.card.first_use import ASKING
from yibao_identity.servicer.card.messages import refuse_field

_DEADLINE_SECONDS = 10.0


class AccountRecords(Protocol):
    """Gives the movements of personal accounts, as they are printed."""

    def start(self) -> None:
        """Begins to be able to ask; inside the event loop."""
        ...

    def check_known(self) -> None:
        """Raises RuleError ACCOUNT_RECORD_UNAVAILABLE where nobody is known who can be asked."""
        ...

    async def add_to(
        self,
        response: use_pb.PrintTransactionsResponse,
        request: use_pb.PrintTransactionsRequest,
        *,
        until: dt.date,
    ) -> None:
        """Adds the account of the card's holder; nothing where the person has none.

        `until` is the day of Asia/Shanghai on which card and document were shown: the last one.
        Raises RuleError ACCOUNT_RECORD_UNAVAILABLE, or FIELD_OUT_OF_RANGE.
        """
        ...

    async def close(self) -> None:
        """Ends what was begun."""
        ...


class NoAccountRecords:
    """Where nobody can be asked, no account is printed."""

    def start(self) -> None:
        """Begins nothing."""

    def check_known(self) -> None:
        """Raises ACCOUNT_RECORD_UNAVAILABLE."""
        raise _unavailable("no settlement service is known here")

    async def add_to(
        self,
        response: use_pb.PrintTransactionsResponse,
        request: use_pb.PrintTransactionsRequest,
        *,
        until: dt.date,
    ) -> None:
        """Raises ACCOUNT_RECORD_UNAVAILABLE."""
        self.check_known()

    async def close(self) -> None:
        """Ends nothing."""


class SettlementAccountRecords:
    """Asks settlement."""

    def __init__(self, peer: Peer, *, own: ServerConfig, log: Log) -> None:
        """Takes where settlement is, and with whose certificate it is asked."""
        self._peer = peer
        self._own = own
        self._log = log
        self._channel: grpc.aio.Channel | None = None

    def start(self) -> None:
        """Opens the channel, which connects when it is needed."""
        self._channel = open_aio_channel(self._peer, own=self._own, service=ASKING, log=self._log)

    def check_known(self) -> None:
        """Does nothing: settlement is known."""

    async def add_to(
        self,
        response: use_pb.PrintTransactionsResponse,
        request: use_pb.PrintTransactionsRequest,
        *,
        until: dt.date,
    ) -> None:
        """Adds the account; of a record that was merged, that of who took it over."""
        first = to_optional_date(request, "account_start_date") or dt.date(until.year, 1, 1)
        question = pb.GetAccountRecordRequest(
            region=request.region,
            person_id=response.card.person_id,
            start_date=from_date(first),
            end_date=from_date(until),
            form=request.account_form,
            certificate_number=request.document.certificate_number,
            large_print=request.large_print,
        )
        answer = await self._asked(question)
        if answer is None:
            return
        made = answer.WhichOneof("document")
        if made == "statement":
            response.account_statement.CopyFrom(answer.statement)
        elif made == "html":
            response.account_html = answer.html
        elif made == "pdf":
            response.account_pdf = answer.pdf

    async def _asked(
        self, question: pb.GetAccountRecordRequest
    ) -> pb.GetAccountRecordResponse | None:
        assert self._channel is not None, "it was started"
        stub = rpc.AccountRecordServiceStub(self._channel)
        records = cast("rpc.AccountRecordServiceAsyncStub", stub)
        try:
            return await records.GetAccountRecord(question, timeout=_DEADLINE_SECONDS)
        except grpc.RpcError as error:
            told = error_of(error)
            merged_into = told.metadata.get("merged_into", "")
            if told.reason == Reason.PERSON_MERGED.wire_name and merged_into:
                question.person_id = merged_into
                return await self._asked(question)
            if told.reason == Reason.ACCOUNT_NOT_FOUND.wire_name:
                return None
            if told.reason == Reason.FIELD_OUT_OF_RANGE.wire_name:
                # All is said rightly but the days: too much lies between them.
                fault = "has too many movements behind it: ask for fewer days"
                refuse_field("account_start_date", Reason.FIELD_OUT_OF_RANGE, fault)
            self._log.warning("an account record was not made", code=told.code.name)
            raise _unavailable("settlement gives no answer") from error

    async def close(self) -> None:
        """Closes the channel."""
        if self._channel is not None:
            await self._channel.close()


def _unavailable(message: str) -> RuleError:
    return RuleError(Reason.ACCOUNT_RECORD_UNAVAILABLE, message)
