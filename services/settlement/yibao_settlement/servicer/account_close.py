"""AccountCloseService: accounts of years are closed, and what a close did with each is told."""

from collections.abc import Sequence

import grpc

from yibao.settlement.v1 import account_close_pb2 as messages
from yibao.settlement.v1 import account_close_service_pb2 as pb
from yibao.settlement.v1 import account_close_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant
from yibao_settlement.application.account_close.close import (
    CONFIRM_METHOD,
    AccountCloses,
    ConfirmAccountClose,
    ProposeAccountClose,
    ToldClose,
)
from yibao_settlement.application.account_close.find import ClosedAccounts, ToldAccount
from yibao_settlement.rules.account_close.close import AccountCounts
from yibao_settlement.rules.account_close.counters import Counters
from yibao_settlement.rules.account_close.interest import Span


class AccountCloseServicer(rpc.AccountCloseServiceServicer):
    """Closes accounts of years and reads closed ones in threads."""

    def __init__(
        self, closes: AccountCloses, accounts: ClosedAccounts, blocking: Blocking, closing: Blocking
    ) -> None:
        """Takes what answers; in `closing` all entries of accounts are summed."""
        self._closes = closes
        self._accounts = accounts
        self._blocking = blocking
        self._closing = closing

    async def ProposeAccountClose(
        self,
        request: pb.ProposeAccountCloseRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ProposeAccountCloseRequest, pb.ProposeAccountCloseResponse]"
        ),
    ) -> pb.ProposeAccountCloseResponse:
        """Proposes to close the accounts of a year."""
        command = ProposeAccountClose(
            request_of(request, "ProposeAccountClose"), request.benefit_year, request.rules_file
        )
        response = await self._closing.run(self._closes.propose, command, close_proposed)
        return as_sent(pb.ProposeAccountCloseResponse, response)

    async def ConfirmAccountClose(
        self,
        request: pb.ConfirmAccountCloseRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ConfirmAccountCloseRequest, pb.ConfirmAccountCloseResponse]"
        ),
    ) -> pb.ConfirmAccountCloseResponse:
        """Confirms that accounts are closed."""
        command = ConfirmAccountClose(
            request_of(request, CONFIRM_METHOD),
            request.close_id,
            request.rules_version,
            AccountCounts(request.person_count, request.balance_fen),
        )
        response = await self._blocking.run(self._closes.confirm, command, close_confirmed)
        return as_sent(pb.ConfirmAccountCloseResponse, response)

    async def GetAccountClose(
        self,
        request: pb.GetAccountCloseRequest,
        context: "grpc.aio.ServicerContext[pb.GetAccountCloseRequest, pb.GetAccountCloseResponse]",
    ) -> pb.GetAccountCloseResponse:
        """Reads the closing of a year's accounts."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(self._closes.find, request.region, request.benefit_year)
        return pb.GetAccountCloseResponse(close=_close_message(found))

    async def GetClosedAccount(
        self,
        request: pb.GetClosedAccountRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetClosedAccountRequest, pb.GetClosedAccountResponse]"
        ),
    ) -> pb.GetClosedAccountResponse:
        """Reads what a close did with a person's account."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._accounts.of_person, request.region, request.person_id, request.benefit_year
        )
        return pb.GetClosedAccountResponse(accounts=map(_account_message, found))


def close_proposed(told: ToldClose) -> bytes:
    """Returns a serialized ProposeAccountCloseResponse."""
    return pb.ProposeAccountCloseResponse(close=_close_message(told)).SerializeToString()


def close_confirmed(told: ToldClose) -> bytes:
    """Returns a serialized ConfirmAccountCloseResponse."""
    return pb.ConfirmAccountCloseResponse(close=_close_message(told)).SerializeToString()


def _close_message(told: ToldClose) -> messages.AccountClose:
    close, sums = told.close, told.sums
    progress = messages.AccountCloseProgress(
        **sums._asdict(),
        carried_fen=sums.balance_fen + sums.interest_fen,
        refused_count=told.refused_count,
    )
    return messages.AccountClose(
        close_id=close.close_id,
        region=close.region,
        benefit_year=close.benefit_year,
        state=messages.AccountCloseState.ValueType(close.state),
        rules_version=close.rules_version,
        rules_file=close.rules_file,
        **close.counts._asdict(),
        maker=close.maker,
        propose_time=from_instant(close.propose_time),
        checker=close.checker or "",
        close_time=None if close.close_time is None else from_instant(close.close_time),
        progress=progress,
        finish_time=None if close.finish_time is None else from_instant(close.finish_time),
    )


def _account_message(told: ToldAccount) -> messages.ClosedAccount:
    closed, earned = told.closed, told.closed.earned
    return messages.ClosedAccount(
        person_id=closed.person_id,
        benefit_year=closed.benefit_year,
        close_id=closed.close_id,
        insurance_type=closed.insurance_type,
        current_year=_layer(
            earned.current_year_fen, earned.current_year_interest_fen, told.current_year_spans
        ),
        carried=_layer(earned.carried_fen, earned.carried_interest_fen, told.carried_spans),
        interest_fen=earned.interest_fen,
        owner_id=closed.owner_id,
        posting_id=closed.posting_id or "",
        counters=None
        if closed.counters is None
        else _counters_message(closed.counters, closed.benefit_year + 1),
        take_time=from_instant(closed.take_time),
    )


def _layer(balance_fen: int, interest_fen: int, found: Sequence[Span]) -> messages.ClosedLayer:
    return messages.ClosedLayer(
        balance_fen=balance_fen,
        interest_fen=interest_fen,
        spans=[
            messages.InterestSpan(
                start_date=from_date(each.start_date),
                end_date=from_date(each.end_date),
                rate_ppm=each.rate_ppm,
                balance_sum_fen=each.balance_sum_fen,
            )
            for each in found
        ],
    )


def _counters_message(counters: Counters, benefit_year: int) -> messages.AccountCounters:
    return messages.AccountCounters(
        benefit_year=benefit_year,
        insurance_type=counters.insurance_type,
        months_insured=counters.months_insured,
        years_insured=counters.years_insured,
        years_unclaimed=counters.years_unclaimed,
    )
