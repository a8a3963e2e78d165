"""AccountService: personal accounts, persons' years and the funds' balances."""

import grpc

from yibao.settlement.v1 import account_service_pb2 as pb
from yibao.settlement.v1 import account_service_pb2_grpc as rpc
from yibao.settlement.v1.settlement_pb2 import LedgerEntry
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.clock import Clock
from yibao_settlement.application.account import (
    ALLOCATION,
    CREDIT_METHOD,
    RECHARGE,
    CreditAccount,
    find_account,
)
from yibao_settlement.application.reading import Reads
from yibao_settlement.servicer.encode import account_message, credited
from yibao_settlement.servicer.news import News

_SOURCES = {pb.CREDIT_SOURCE_ALLOCATION: ALLOCATION, pb.CREDIT_SOURCE_RECHARGE: RECHARGE}


class AccountServicer(rpc.AccountServiceServicer):
    """Credits through the batcher; reads in threads."""

    def __init__(self, news: News, reads: Reads, blocking: Blocking, *, clock: Clock) -> None:
        """Takes the engine; `news` carries out what identity's news may help."""
        self._news = news
        self._reads = reads
        self._blocking = blocking
        self._clock = clock

    async def CreditAccount(
        self,
        request: pb.CreditAccountRequest,
        context: "grpc.aio.ServicerContext[pb.CreditAccountRequest, pb.CreditAccountResponse]",
    ) -> pb.CreditAccountResponse:
        """Credits a personal account."""
        command = CreditAccount(
            request_of(request, CREDIT_METHOD),
            request.person_id,
            request.amount_fen,
            _SOURCES[request.source],
            credited,
            is_carried=request.purse == pb.ACCOUNT_PURSE_CARRIED,
        )
        return as_sent(pb.CreditAccountResponse, await self._news.submit(request.region, command))

    async def GetAccount(
        self,
        request: pb.GetAccountRequest,
        context: "grpc.aio.ServicerContext[pb.GetAccountRequest, pb.GetAccountResponse]",
    ) -> pb.GetAccountResponse:
        """Reads a personal account and the person's benefit year."""
        current_caller().require_region(request.region)
        standing = await self._blocking.run(
            find_account, self._reads, request.region, request.person_id, now=self._clock()
        )
        return pb.GetAccountResponse(account=account_message(request.region, standing))

    async def ListFundBalances(
        self,
        request: pb.ListFundBalancesRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListFundBalancesRequest, pb.ListFundBalancesResponse]"
        ),
    ) -> pb.ListFundBalancesResponse:
        """Reads what every fund of the region has paid, net of reversals."""
        current_caller().require_region(request.region)
        balances = await self._blocking.run(self._reads.fund_balances, request.region)
        return pb.ListFundBalancesResponse(
            balances=[
                LedgerEntry(account_id=account_id, amount_fen=amount_fen)
                for account_id, amount_fen in balances
            ]
        )
