"""YearService: closed benefit years and persons' closing statements."""

import functools

import grpc

from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import year_pb2 as messages
from yibao.settlement.v1 import year_service_pb2 as pb
from yibao.settlement.v1 import year_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_settlement.application.year.close import (
    CONFIRM_METHOD,
    ConfirmYearClose,
    ProposeYearClose,
    ToldYear,
    Years,
)
from yibao_settlement.application.year.find import BillChange, ToldStatement, YearStatements
from yibao_settlement.rules.year.close import YearCounts
from yibao_settlement.rules.year.statement import Amounts, YearColumn, YearStatement, YearSums

_PAGE_SIZE, _PAGE_SIZE_MAX = 20, 100


class YearServicer(rpc.YearServiceServicer):
    """Closes and reads benefit years in threads."""

    def __init__(
        self, years: Years, statements: YearStatements, blocking: Blocking, closing: Blocking
    ) -> None:
        """Takes what answers; in `closing` it is waited for what others still write."""
        self._years = years
        self._statements = statements
        self._blocking = blocking
        self._closing = closing

    async def ProposeYearClose(
        self,
        request: pb.ProposeYearCloseRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ProposeYearCloseRequest, pb.ProposeYearCloseResponse]"
        ),
    ) -> pb.ProposeYearCloseResponse:
        """Proposes that a benefit year is closed."""
        command = ProposeYearClose(request_of(request, "ProposeYearClose"), request.benefit_year)
        response = await self._closing.run(self._years.propose, command, year_proposed)
        return as_sent(pb.ProposeYearCloseResponse, response)

    async def ConfirmYearClose(
        self,
        request: pb.ConfirmYearCloseRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ConfirmYearCloseRequest, pb.ConfirmYearCloseResponse]"
        ),
    ) -> pb.ConfirmYearCloseResponse:
        """Confirms that a benefit year is closed."""
        read = YearCounts(request.person_count, request.bill_count, request.total_fen)
        command = ConfirmYearClose(request_of(request, CONFIRM_METHOD), request.close_id, read)
        response = await self._blocking.run(self._years.confirm, command, year_confirmed)
        return as_sent(pb.ConfirmYearCloseResponse, response)

    async def GetBenefitYear(
        self,
        request: pb.GetBenefitYearRequest,
        context: "grpc.aio.ServicerContext[pb.GetBenefitYearRequest, pb.GetBenefitYearResponse]",
    ) -> pb.GetBenefitYearResponse:
        """Reads a benefit year."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(self._years.find, request.region, request.benefit_year)
        return pb.GetBenefitYearResponse(year=_year_message(found))

    async def GetYearStatement(
        self,
        request: pb.GetYearStatementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetYearStatementRequest, pb.GetYearStatementResponse]"
        ),
    ) -> pb.GetYearStatementResponse:
        """Reads a person's closed year."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._statements.of_person, request.region, request.person_id, request.benefit_year
        )
        return pb.GetYearStatementResponse(years=map(person_year_message, found))

    async def ListYearStatements(
        self,
        request: pb.ListYearStatementsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListYearStatementsRequest, pb.ListYearStatementsResponse]"
        ),
    ) -> pb.ListYearStatementsResponse:
        """Lists closed years of persons."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        read = functools.partial(
            self._statements.page,
            request.region,
            request.benefit_year,
            changed_only=request.changed_only,
            after=place_after(request, request.page_token, id_place),
            limit=size,
        )
        page = await self._blocking.run(read)
        return pb.ListYearStatementsResponse(
            years=map(person_year_message, page.told),
            next_page_token="" if page.after is None else page_token(request, page.after),
        )


def year_proposed(told: ToldYear) -> bytes:
    """Returns a serialized ProposeYearCloseResponse."""
    return pb.ProposeYearCloseResponse(year=_year_message(told)).SerializeToString()


def year_confirmed(told: ToldYear) -> bytes:
    """Returns a serialized ConfirmYearCloseResponse."""
    return pb.ConfirmYearCloseResponse(year=_year_message(told)).SerializeToString()


def person_year_message(told: ToldStatement) -> messages.PersonYear:
    """Returns the message of a record's closed year."""
    statement = told.statement
    return messages.PersonYear(
        person_id=told.person_id,
        statement=None if statement is None else _statement_message(statement),
        sums=_sums_message(told.sums),
        windows=_windows(told.windows),
        changes=map(_change_message, told.changes),
        between=_sums_message(told.between),
    )


def _year_message(told: ToldYear) -> messages.BenefitYear:
    return messages.BenefitYear(
        region=told.region,
        benefit_year=told.benefit_year,
        state=messages.YearState.ValueType(told.state),
        **told.counts._asdict(),
        close=_close_message(told),
        statements=_sums_message(told.taking.sums),
    )


def _close_message(told: ToldYear) -> messages.YearClose | None:
    close, taking = told.close, told.taking
    if close is None:
        return None
    finish_time = taking.finish_time
    return messages.YearClose(
        close_id=close.close_id,
        maker=close.maker,
        propose_time=from_instant(close.propose_time),
        checker=close.checker or "",
        close_time=None if close.close_time is None else from_instant(close.close_time),
        statement_count=taking.statement_count,
        refused_count=told.refused_count,
        finish_time=None if finish_time is None else from_instant(finish_time),
    )


def _statement_message(statement: YearStatement) -> messages.YearStatement:
    return messages.YearStatement(
        person_id=statement.person_id,
        number=statement.number,
        take_time=from_instant(statement.take_time),
        sums=_sums_message(statement.sums),
        windows=_windows(statement.windows),
        difference_balance_fen=statement.difference_balance_fen,
        account_balance_fen=statement.account_balance_fen,
        bills=[messages.YearBill(**mark._asdict()) for mark in statement.bills],
    )


def _change_message(change: BillChange) -> messages.YearChange:
    return messages.YearChange(
        settlement_id=change.settlement_id,
        kind=messages.YearChangeKind.ValueType(change.kind),
        sums=_sums_message(change.sums),
    )


def _sums_message(sums: YearSums) -> messages.YearSums:
    return messages.YearSums(
        bill_count=sums.bill_count,
        total_fen=sums.total_fen,
        counter=_column_message(sums.counter),
        effective=_column_message(sums.effective),
        difference_fen=sums.difference_fen,
        due_fen=sums.due_fen,
    )


def _column_message(column: YearColumn) -> messages.YearColumn:
    return messages.YearColumn(
        payers=[
            messages.YearPayer(account_id=account_id, amount_fen=fen)
            for account_id, fen in column.payers
        ],
        fund_fen=column.fund_fen,
        account_fen=column.account_fen,
        cash_fen=column.cash_fen,
        arrears_fen=column.arrears_fen,
    )


def _windows(windows: Amounts) -> list[settlement_pb2.Accumulator]:
    return [settlement_pb2.Accumulator(name=name, value=value) for name, value in windows]
