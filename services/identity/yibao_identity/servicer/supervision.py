"""SupervisionService: what was done, for those who watch over it (I-05)."""

import grpc

from yibao.common.v1 import audit_pb2
from yibao.identity.v1 import supervision_service_pb2 as pb
from yibao.identity.v1 import supervision_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_instant
from yibao_identity.application.supervision import AuditEvent, Supervision

_PAGE_SIZE = 500
_PAGE_SIZE_MAX = 5_000


class SupervisionServicer(rpc.SupervisionServiceServicer):
    """Reads the audit."""

    def __init__(self, supervision: Supervision, blocking: Blocking) -> None:
        """Takes what answers and where waiting is done."""
        self._supervision = supervision
        self._blocking = blocking

    async def ListAuditEvents(
        self,
        request: pb.ListAuditEventsRequest,
        context: "grpc.aio.ServicerContext[pb.ListAuditEventsRequest, pb.ListAuditEventsResponse]",
    ) -> pb.ListAuditEventsResponse:
        """Reads the audit rows of a region in their order."""
        current_caller().require_region(request.region)
        return await self._blocking.run(self._page, request)

    def _page(self, request: pb.ListAuditEventsRequest) -> pb.ListAuditEventsResponse:
        events = self._supervision.events(
            request.region,
            after_sequence=request.after_sequence,
            subject_id=request.subject_id,
            limit=min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX),
        )
        return pb.ListAuditEventsResponse(events=map(_event_message, events))


def _event_message(event: AuditEvent) -> audit_pb2.AuditEvent:
    return audit_pb2.AuditEvent(
        sequence=event.sequence,
        region=event.region,
        record_time=from_instant(event.record_time),
        caller=event.caller,
        method=event.method,
        subject_ids=event.subject_ids,
        outcome=event.outcome,
        detail=event.detail,
        request_id=event.request_id,
        previous_hash=event.previous_hash,
        hash=event.hash,
    )
