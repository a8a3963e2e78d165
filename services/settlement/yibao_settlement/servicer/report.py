"""ReportService: an agency's figures of its region."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

import grpc

from yibao.settlement.v1 import report_pb2 as messages
from yibao.settlement.v1 import report_service_pb2 as pb
from yibao.settlement.v1 import report_service_pb2_grpc as rpc
from yibao.settlement.v1 import review_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.wire import from_instant, to_date, to_instant
from yibao_settlement.application.report.find import FigureWish, Position, Reports
from yibao_settlement.application.report.rows import ActFigure
from yibao_settlement.rules.report import FigureBy, RefusalBy

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 1_000


class ReportServicer(rpc.ReportServiceServicer):
    """Reads figures in threads."""

    def __init__(self, reports: Reports, blocking: Blocking) -> None:
        """Takes what answers, and where it is waited for."""
        self._reports = reports
        self._blocking = blocking

    async def ListActFigures(
        self,
        request: pb.ListActFiguresRequest,
        context: "grpc.aio.ServicerContext[pb.ListActFiguresRequest, pb.ListActFiguresResponse]",
    ) -> pb.ListActFiguresResponse:
        """Lists what acts of some days come to."""
        current_caller().require_region(request.region)
        place = place_after(_list(request), request.page_token, _place_reader(request))
        snapshot_time = _asked_snapshot(request) if place is None else place.snapshot_time
        wish = FigureWish(
            request.region,
            to_date(request.start_date),
            to_date(request.end_date),
            FigureBy(request.figure_by),
            request.institution_id,
            snapshot_time,
        )
        after = "" if place is None else place.key
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        # One more tells whether there is another page.
        found = await self._blocking.run(self._reports.figures, wish, after=after, limit=size + 1)
        page = found.figures[:size]
        token = ""
        if len(found.figures) > size:
            token = page_token(_list(request), _place_text(found.snapshot_time, page[-1].key))
        return pb.ListActFiguresResponse(
            figures=map(_figure_message, page),
            total=_figure_message(found.total),
            snapshot_time=from_instant(found.snapshot_time),
            next_page_token=token,
        )

    async def ListRefusalFigures(
        self,
        request: pb.ListRefusalFiguresRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListRefusalFiguresRequest, pb.ListRefusalFiguresResponse]"
        ),
    ) -> pb.ListRefusalFiguresResponse:
        """Lists how often there was a refusal on some days."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._reports.refusals,
            request.region,
            to_date(request.start_date),
            to_date(request.end_date),
            RefusalBy(request.refusal_by),
            request.institution_id,
        )
        figures = [
            messages.RefusalFigure(key=key, refusal_count=count) for key, count in found.figures
        ]
        return pb.ListRefusalFiguresResponse(figures=figures, refusal_count=found.refusal_count)

    async def GetRegionPosition(
        self,
        request: pb.GetRegionPositionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetRegionPositionRequest, pb.GetRegionPositionResponse]"
        ),
    ) -> pb.GetRegionPositionResponse:
        """Tells where the region stands."""
        current_caller().require_region(request.region)
        day = to_date(request.date) if request.HasField("date") else None
        found = await self._blocking.run(self._reports.position, request.region, day)
        return pb.GetRegionPositionResponse(position=_position_message(found))


class _Place(NamedTuple):
    """Behind which key a list of figures goes on, and the snapshot that all its pages are of."""

    snapshot_time: dt.datetime
    key: str


def _asked_snapshot(request: pb.ListActFiguresRequest) -> dt.datetime | None:
    return to_instant(request.snapshot_time) if request.HasField("snapshot_time") else None


def _place_text(snapshot_time: dt.datetime, key: str) -> str:
    return f"{snapshot_time.isoformat()}/{key}"


def _place_reader(request: pb.ListActFiguresRequest) -> Callable[[str], _Place]:
    """Returns what reads the place in a token; see `place_after`.

    It raises ValueError where the text is not as `_place_text` writes it, and where the request
    names another snapshot.
    """

    def read(text: str) -> _Place:
        time, _, key = text.partition("/")
        place = _Place(dt.datetime.fromisoformat(time), key)
        is_utc = place.snapshot_time.utcoffset() == dt.timedelta()
        if not is_utc or not key or _place_text(*place) != text:
            raise ValueError("a place is a time in UTC and a key")
        if _asked_snapshot(request) not in (None, place.snapshot_time):
            raise ValueError("the pages of a list are of one snapshot")
        return place

    return read


def _list(request: pb.ListActFiguresRequest) -> pb.ListActFiguresRequest:
    """Returns the request as each page of its list has it."""
    same = pb.ListActFiguresRequest()
    same.CopyFrom(request)
    # The first page may be asked for without it, and is told it.
    same.ClearField("snapshot_time")
    return same


def _figure_message(figure: ActFigure) -> messages.ActFigure:
    settled, reversed_, refunded, corrected = figure.counts
    return messages.ActFigure(
        key=figure.key,
        settled_count=settled,
        reversed_count=reversed_,
        refunded_count=refunded,
        corrected_count=corrected,
        **figure.amounts._asdict(),
    )


def _position_message(found: Position) -> messages.RegionPosition:
    return messages.RegionPosition(
        fund_time=from_instant(found.fund_time),
        funds=[
            messages.FundPosition(fund_type=fund_type, balance_fen=balance_fen)
            for fund_type, balance_fen in found.funds
        ],
        owed_person_count=found.owed.person_count,
        owed_fen=found.owed.amount_fen,
        owing_person_count=found.owing.person_count,
        owing_fen=found.owing.amount_fen,
        reviews=[
            messages.ReviewPosition(
                state=review_pb2.ReviewState.ValueType(each.state),
                review_count=each.review_count,
                total_fen=each.total_fen,
            )
            for each in found.reviews
        ],
        hold_count=found.hold_count,
    )
