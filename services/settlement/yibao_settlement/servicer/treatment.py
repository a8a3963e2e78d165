"""TreatmentService: what institutions did for the persons of all regions that are served."""

import grpc

from yibao.settlement.v1 import treatment_service_pb2 as pb
from yibao.settlement.v1 import treatment_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_instant, to_date
from yibao_common.values.caller import Caller
from yibao_settlement.application.day.find import DayTotals
from yibao_settlement.application.treatment import Treatment
from yibao_settlement.servicer.day import institution_of, snapshot_of, totals_response
from yibao_settlement.servicer.declaration.messages import listed_message, month_from


class TreatmentServicer(rpc.TreatmentServiceServicer):
    """Reads in threads, one region after the other."""

    def __init__(self, treatment: Treatment, blocking: Blocking) -> None:
        """Takes what answers, and where it is waited for."""
        self._treatment = treatment
        self._blocking = blocking

    async def ListInsurerTotals(
        self,
        request: pb.ListInsurerTotalsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListInsurerTotalsRequest, pb.ListInsurerTotalsResponse]"
        ),
    ) -> pb.ListInsurerTotalsResponse:
        """Tells what acts of some days come to, by insuring region."""
        caller = _caller_in(request.region)
        snapshot_time, found = await self._blocking.run(
            self._treatment.totals,
            request.region,
            institution_of(request, caller),
            to_date(request.start_date),
            to_date(request.end_date),
            snapshot_of(request),
        )
        return pb.ListInsurerTotalsResponse(
            snapshot_time=from_instant(snapshot_time),
            insurers=[_insurer_message(region, totals) for region, totals in found],
        )

    async def ListInsurerDeclarations(
        self,
        request: pb.ListInsurerDeclarationsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListInsurerDeclarationsRequest, pb.ListInsurerDeclarationsResponse]"
        ),
    ) -> pb.ListInsurerDeclarationsResponse:
        """Lists what was declared of a month to all regions."""
        caller = _caller_in(request.region)
        declared = await self._blocking.run(
            self._treatment.declarations,
            request.region,
            institution_of(request, caller),
            month_from(request.month),
        )
        return pb.ListInsurerDeclarationsResponse(
            declarations=[listed_message(each, caller) for each in declared]
        )


def _caller_in(region: str) -> Caller:
    caller = current_caller()
    caller.require_region(region)
    return caller


def _insurer_message(region: str, totals: DayTotals) -> pb.InsurerTotals:
    told = totals_response(totals)
    return pb.InsurerTotals(region=region, sums=told.sums, total=told.total)
