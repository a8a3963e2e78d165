"""PersonService: merges of duplicates, by maker and checker."""

from collections.abc import Mapping

import grpc

from yibao.identity.v1 import merge_messages_pb2 as pb
from yibao.identity.v1 import merge_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, known
from yibao_identity.application.merge import DecideMerge, Merges, ProposeMerge
from yibao_identity.rules.merge import Merge, MergeState

_DEFAULT_MERGES = 100
_MOST_MERGES = 500

_STATES = {
    MergeState.PROPOSED: merge_pb2.MERGE_STATE_PROPOSED,
    MergeState.APPROVED: merge_pb2.MERGE_STATE_APPROVED,
    MergeState.REJECTED: merge_pb2.MERGE_STATE_REJECTED,
}
_STATES_OF_WIRE: Mapping[int, MergeState] = {wire: state for state, wire in _STATES.items()}
_APPROVALS: Mapping[int, bool] = {pb.MERGE_DECISION_APPROVE: True, pb.MERGE_DECISION_REJECT: False}


class MergePart:
    """Proposes, decides and reads merges."""

    def __init__(self, merges: Merges, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._merges = merges
        self._blocking = blocking

    async def ProposeMerge(
        self,
        request: pb.ProposeMergeRequest,
        context: "grpc.aio.ServicerContext[pb.ProposeMergeRequest, pb.ProposeMergeResponse]",
    ) -> pb.ProposeMergeResponse:
        """Proposes to merge two records of one person."""
        command = ProposeMerge(
            request_of(request, "ProposeMerge"),
            request.retired_person_id,
            request.surviving_person_id,
            request.explanation,
        )
        response = await self._blocking.run(self._merges.propose, command, _proposed)
        return as_sent(pb.ProposeMergeResponse, response)

    async def DecideMerge(
        self,
        request: pb.DecideMergeRequest,
        context: "grpc.aio.ServicerContext[pb.DecideMergeRequest, pb.DecideMergeResponse]",
    ) -> pb.DecideMergeResponse:
        """Approves or rejects a merge."""
        is_approved = known(_APPROVALS, request.decision, field="decision", what="decision")
        command = DecideMerge(
            request_of(request, "DecideMerge"), request.merge_id, is_approved, request.note
        )
        response = await self._blocking.run(self._merges.decide, command, _decided)
        return as_sent(pb.DecideMergeResponse, response)

    async def GetMerge(
        self,
        request: pb.GetMergeRequest,
        context: "grpc.aio.ServicerContext[pb.GetMergeRequest, pb.GetMergeResponse]",
    ) -> pb.GetMergeResponse:
        """Reads one merge."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(self._merges.find, request.region, request.merge_id)
        return pb.GetMergeResponse(merge=_merge_message(found))

    async def ListMerges(
        self,
        request: pb.ListMergesRequest,
        context: "grpc.aio.ServicerContext[pb.ListMergesRequest, pb.ListMergesResponse]",
    ) -> pb.ListMergesResponse:
        """Reads the merges of a region, the newest first."""
        current_caller().require_region(request.region)
        state = None
        if request.state:
            state = known(_STATES_OF_WIRE, request.state, field="state", what="state")
        merges = await self._blocking.run(
            self._merges.page,
            request.region,
            state=state,
            before_merge_id=request.before_merge_id,
            limit=min(request.page_size or _DEFAULT_MERGES, _MOST_MERGES),
        )
        return pb.ListMergesResponse(merges=map(_merge_message, merges))


def _merge_message(merge: Merge) -> merge_pb2.PersonMerge:
    decide_time = merge.decide_time
    return merge_pb2.PersonMerge(
        merge_id=merge.merge_id,
        region=merge.region,
        retired_person_id=merge.retired_person_id,
        surviving_person_id=merge.surviving_person_id,
        explanation=merge.explanation,
        state=_STATES[merge.state],
        maker=merge.maker,
        propose_time=from_instant(merge.propose_time),
        checker=merge.checker,
        decide_time=None if decide_time is None else from_instant(decide_time),
        decision_note=merge.decision_note,
    )


def _proposed(merge: Merge) -> bytes:
    return pb.ProposeMergeResponse(merge=_merge_message(merge)).SerializeToString()


def _decided(merge: Merge) -> bytes:
    return pb.DecideMergeResponse(merge=_merge_message(merge)).SerializeToString()
