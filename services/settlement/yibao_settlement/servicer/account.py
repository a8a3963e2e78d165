"""AccountService: personal accounts, persons' years and the funds' balances."""

from collections.abc import Collection, Mapping

import grpc

from yibao.settlement.v1 import account_service_pb2 as pb
from yibao.settlement.v1 import account_service_pb2_grpc as rpc
from yibao.settlement.v1.settlement_pb2 import LedgerEntry
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.party_turns import PartyTurns
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_settlement.application.account import (
    CREDIT_METHOD,
    CreditAccount,
    find_account,
)
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.credit.credit import ALLOCATION, RECHARGE
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.encode import account_message, credited
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.statement.answer import make_account_statement, printing_of

_SOURCES = {pb.CREDIT_SOURCE_ALLOCATION: ALLOCATION, pb.CREDIT_SOURCE_RECHARGE: RECHARGE}


class AccountServicer(rpc.AccountServiceServicer):
    """Credits through the batcher; reads in threads."""

    def __init__(
        self,
        news: News,
        reads: Reads,
        blocking: Blocking,
        *,
        viewers: Viewers,
        clock: Clock,
        no_recharge_in: Collection[str] = (),
        second_above_fen: Mapping[str, int] | None = None,
    ) -> None:
        """Takes the engine; `news` carries out what identity's news may help.

        `no_recharge_in` are regions, `second_above_fen` limits by region; see `SettlementConfig`.
        """
        self._news = news
        self._reads = reads
        self._blocking = blocking
        self._viewers = viewers
        self._clock = clock
        self._no_recharge_in = no_recharge_in
        self._second_above_fen = second_above_fen or {}
        self._statements = PartyTurns()

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
            is_recharge_taken=request.region not in self._no_recharge_in,
            business_key=request.business_key,
            insurance_type=request.insurance_type,
            second_above_fen=self._second_above_fen.get(request.region),
        )
        return as_sent(pb.CreditAccountResponse, await self._news.submit(request.region, command))

    async def GetAccount(
        self,
        request: pb.GetAccountRequest,
        context: "grpc.aio.ServicerContext[pb.GetAccountRequest, pb.GetAccountResponse]",
    ) -> pb.GetAccountResponse:
        """Reads a personal account and the person's benefit year."""
        viewer = await self._viewers.of(request)
        asked = (self._reads, request.region, request.person_id, viewer)
        found = await self._blocking.run(find_account, *asked, now=self._clock())
        account = account_message(request.region, found.standing, found.claims)
        account.held_fen = found.held_fen
        return pb.GetAccountResponse(account=account)

    async def GetAccountStatement(
        self,
        request: pb.GetAccountStatementRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetAccountStatementRequest, pb.GetAccountStatementResponse]"
        ),
    ) -> pb.GetAccountStatementResponse:
        """Makes the statement of a personal account, as values, page or paper."""
        viewer, now = await self._viewers.of(request), self._clock()
        printing = printing_of(request, today=shanghai_day(now))
        asked = (self._reads, request, printing, viewer)
        async with self._statements.turn(current_caller().party):
            return await self._blocking.run(make_account_statement, *asked, now=now)

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
