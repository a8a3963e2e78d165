"""ChangeService: what became of settlements, for programs that keep books beside these."""

from collections.abc import AsyncIterator

import grpc

from yibao.settlement.v1 import change_service_pb2 as pb
from yibao.settlement.v1 import change_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_settlement.application.change import ChangeWish, told_before
from yibao_settlement.application.reading import Reads
from yibao_settlement.servicer.change.messages import change_message, place_of, place_text
from yibao_settlement.servicer.change.stream import begin_of, responses
from yibao_settlement.servicer.change.watch import ChangeWatch

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500


class ChangeServicer(rpc.ChangeServiceServicer):
    """Reads in threads; changes nothing."""

    def __init__(self, reads: Reads, blocking: Blocking, *, watch: ChangeWatch) -> None:
        """Takes what is read of, and what tells of changes."""
        self._reads = reads
        self._blocking = blocking
        self._watch = watch

    async def ListSettlementChanges(
        self,
        request: pb.ListSettlementChangesRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListSettlementChangesRequest, pb.ListSettlementChangesResponse]"
        ),
    ) -> pb.ListSettlementChangesResponse:
        """Lists what changed amounts of settlements, the oldest change first."""
        caller = current_caller()
        caller.require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        since = to_instant(request.change_start_time)
        before = told_before(await self._blocking.run(self._reads.now))
        found = await self._blocking.run(
            self._reads.changes,
            request.region,
            ChangeWish(caller.institution_id, since, before),
            after=place_after(request, request.page_token, place_of),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        response = pb.ListSettlementChangesResponse(changes=map(change_message, page))
        if len(found) > size:
            response.next_page_token = page_token(request, place_text(page[-1].place))
        else:
            # Who asks for what is to come is told to come back to it.
            response.change_end_time.CopyFrom(from_instant(max(since, before)))
        return response

    async def WatchSettlementChanges(
        self,
        request: pb.WatchSettlementChangesRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.WatchSettlementChangesRequest, pb.WatchSettlementChangesResponse]"
        ),
    ) -> AsyncIterator[pb.WatchSettlementChangesResponse]:
        """Tells changes as they come, until the stream's time is over or the server stops."""
        caller = current_caller()
        caller.require_region(request.region)
        begin = begin_of(request)
        with self._watch.follow(caller.party, request.region, caller.institution_id) as follower:
            async for response in responses(
                self._watch, follower, request, begin, deadline_seconds=context.time_remaining()
            ):
                yield response
