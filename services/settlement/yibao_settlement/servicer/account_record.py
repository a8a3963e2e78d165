"""AccountRecordService: the years of personal accounts, and the printed record of use."""

import functools

import grpc

from yibao.settlement.v1 import account_record_service_pb2 as pb
from yibao.settlement.v1 import account_record_service_pb2_grpc as rpc
from yibao.settlement.v1.account_service_pb2 import GetAccountStatementRequest
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.party_turns import PartyTurns
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account_record import (
    check_asking,
    find_account_years,
    viewer_by_token,
)
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account_record import AccountYear
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.statement.account import purses_message
from yibao_settlement.servicer.statement.answer import make_account_statement, printing_of


class AccountRecordServicer(rpc.AccountRecordServiceServicer):
    """Reads in threads; changes nothing."""

    def __init__(self, reads: Reads, blocking: Blocking, *, viewers: Viewers, clock: Clock) -> None:
        """Takes what reads."""
        self._reads = reads
        self._blocking = blocking
        self._viewers = viewers
        self._clock = clock
        self._records = PartyTurns()

    async def ListAccountYears(
        self,
        request: pb.ListAccountYearsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListAccountYearsRequest, pb.ListAccountYearsResponse]"
        ),
    ) -> pb.ListAccountYearsResponse:
        """Reads what each year brought to an account."""
        viewer, now = await self._viewer(request), self._clock()
        async with self._records.turn(current_caller().party):
            found = await self._blocking.run(
                functools.partial(
                    find_account_years,
                    *(self._reads, request.region, request.person_id, viewer),
                    year=request.year,
                    now=now,
                )
            )
        years = [_year_message(each) for each in found.years]
        return pb.ListAccountYearsResponse(person_id=found.person_id, years=years)

    async def GetAccountRecord(
        self,
        request: pb.GetAccountRecordRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetAccountRecordRequest, pb.GetAccountRecordResponse]"
        ),
    ) -> pb.GetAccountRecordResponse:
        """Makes the account's part of a printed record of use."""
        check_asking(current_caller())
        now = self._clock()
        asked = GetAccountStatementRequest(
            region=request.region,
            person_id=request.person_id,
            start_date=request.start_date,
            end_date=request.end_date,
            form=request.form,
            certificate_number=request.certificate_number,
            large_print=request.large_print,
        )
        printing = printing_of(asked, today=shanghai_day(now))
        async with self._records.turn(current_caller().party):
            made = await self._blocking.run(
                functools.partial(
                    make_account_statement, self._reads, asked, printing, Viewer(None), now=now
                )
            )
        # The documents have the same numbers.
        return pb.GetAccountRecordResponse.FromString(made.SerializeToString())

    async def _viewer(self, request: pb.ListAccountYearsRequest) -> Viewer:
        caller = current_caller()
        if caller.institution_id is None:
            if request.credential_token:
                fault = "institutions read by a token"
                refuse_faults([FieldFault("credential_token", Reason.FIELD_OUT_OF_RANGE, fault)])
            return await self._viewers.of(request)
        find = functools.partial(
            viewer_by_token,
            *(self._reads, request.region, request.credential_token, caller),
            check_feed=self._viewers.check_feed,
            now=self._clock(),
        )
        return await self._blocking.run(find)


def _year_message(each: AccountYear) -> pb.AccountYear:
    return pb.AccountYear(
        year=each.year,
        opening=purses_message(each.opening),
        credited_fen=each.credited_fen,
        paid_fen=each.paid_fen,
        family_fen=each.family_fen,
        moved_fen=each.moved_fen,
        closing=purses_message(each.closing),
    )
