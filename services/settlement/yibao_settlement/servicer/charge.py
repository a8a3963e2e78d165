"""ChargeService: lines uploaded before a bill settles them."""

import datetime as dt
from collections.abc import Sequence

import grpc

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import charge_service_pb2 as pb
from yibao.settlement.v1 import charge_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.calls import tell_results
from yibao_common.rpc.pages import number_in_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.wire import as_sent, from_date, from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.charge.cancel import CancelLines
from yibao_settlement.application.charge.listing import LineWish, ListedLine, Place, list_lines
from yibao_settlement.application.charge.results import LineResult
from yibao_settlement.application.charge.upload import LineOutcome, UploadLines
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.bill import NO_DETAILS, ChargedLine, LineOrigin
from yibao_settlement.servicer.decode import lines_of
from yibao_settlement.servicer.settled_lines import OWN_COST_REASONS

_PAGE_SIZE = 500
_PAGE_SIZE_MAX = 2_000


class ChargeServicer(rpc.ChargeServiceServicer):
    """Uploads and cancels lines through the batcher; lists them in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        clock: Clock,
    ) -> None:
        """Takes the engine."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._clock = clock

    async def UploadLines(
        self,
        request: pb.UploadLinesRequest,
        context: "grpc.aio.ServicerContext[pb.UploadLinesRequest, pb.UploadLinesResponse]",
    ) -> pb.UploadLinesResponse:
        """Uploads lines of a visit, each on its own."""
        command = UploadLines(
            request_of(request, "UploadLines"),
            request.visit_id,
            request.charge_batch_id,
            lines_of(request.lines),
            _uploaded,
        )
        response = await self._batcher.submit(request.region, command)
        tell_results(request.request_id, pb.UploadLinesResponse.FromString(response).results)
        return as_sent(pb.UploadLinesResponse, response)

    async def CancelLines(
        self,
        request: pb.CancelLinesRequest,
        context: "grpc.aio.ServicerContext[pb.CancelLinesRequest, pb.CancelLinesResponse]",
    ) -> pb.CancelLinesResponse:
        """Cancels uploaded lines that are not settled."""
        command = CancelLines(
            request_of(request, "CancelLines"),
            request.visit_id,
            tuple(request.line_ids),
            request.all_unsettled,
            lambda cancelled: pb.CancelLinesResponse(cancelled=cancelled).SerializeToString(),
        )
        return as_sent(pb.CancelLinesResponse, await self._batcher.submit(request.region, command))

    async def ListLines(
        self,
        request: pb.ListLinesRequest,
        context: "grpc.aio.ServicerContext[pb.ListLinesRequest, pb.ListLinesResponse]",
    ) -> pb.ListLinesResponse:
        """Lists the uploaded lines of a visit with what is made of them."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = LineWish(
            request.visit_id,
            request.charge_batch_id,
            request.settlement_id,
            request.only_unsettled,
        )
        page = await self._blocking.run(
            list_lines,
            self._reads,
            request.region,
            wish,
            caller,
            after=place_after(request, request.page_token, _place_of),
            limit=min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX),
            now=self._clock(),
        )
        return pb.ListLinesResponse(
            lines=[_listed(each) for each in page.lines],
            next_page_token="" if page.end is None else page_token(request, _place_text(page.end)),
        )


def _uploaded(outcomes: Sequence[LineOutcome]) -> bytes:
    """Returns a serialized UploadLinesResponse."""
    errors = item_errors(each if isinstance(each, RuleError) else None for each in outcomes)
    response = pb.UploadLinesResponse()
    for outcome, error in zip(outcomes, errors, strict=True):
        if error is not None:
            response.results.add(error=error)
        elif isinstance(outcome, LineResult):
            response.results.add(stored=_result(outcome))
        else:
            response.results.add(stored=pb.LineResult())
    return response.SerializeToString()


def _result(result: LineResult) -> pb.LineResult:
    return pb.LineResult(
        catalogue_class=result.catalogue_class,
        price_ceiling=result.price_ceiling,
        first_self_pay_ratio_ppm=result.first_self_pay_ratio_ppm,
        excluded_fen=result.excluded_fen,
        over_limit_fen=result.over_limit_fen,
        first_self_pay_fen=result.first_self_pay_fen,
        eligible_fen=result.eligible_fen,
        own_cost_reason=OWN_COST_REASONS[result.own_cost],
        is_limited_use=result.is_limited_use,
    )


def _listed(listed: ListedLine) -> pb.UploadedLine:
    charge = listed.charge
    return pb.UploadedLine(
        line=_line(charge.line),
        charge_batch_id=charge.charge_batch_id,
        upload_time=from_instant(charge.upload_time),
        settlement_id=charge.settlement_id or "",
        result=None if listed.result is None else _result(listed.result),
    )


def _line(line: ChargedLine) -> bill_pb2.BillLine:
    details = line.details or NO_DETAILS
    message = bill_pb2.BillLine(
        line_number=line.line_number,
        item_code=line.item_code,
        unit_price=line.unit_price,
        quantity=line.quantity,
        amount_fen=line.amount_fen,
        line_id=details.line_id,
        approval=bill_pb2.LimitedUseApproval.ValueType(details.approval),
        returned_line_id=details.returned_line_id,
    )
    if details.charge_date is not None:
        message.charge_date.CopyFrom(from_date(details.charge_date))
    if details.origin is not None:
        for name in LineOrigin._fields:
            setattr(message.origin, name, getattr(details.origin, name))
    return message


def _place_text(place: Place) -> str:
    day, number, line_id = place
    return f"{day.isoformat()}/{number}/{line_id}"


def _place_of(text: str) -> Place:
    """Returns the place that a page's token holds.

    Raises ValueError where the text is not as `_place_text` writes it.
    """
    day, number, line_id = text.split("/", 2)
    place = (dt.date.fromisoformat(day), number_in_place(number), line_id)
    if _place_text(place) != text:
        raise ValueError("a place is a day, a number and an id")
    return place
