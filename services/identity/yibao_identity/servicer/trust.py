"""TrustService: what a verifier needs, for anyone with a client certificate."""

import grpc

from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc
from yibao_common.blocking import Blocking
from yibao_common.wire import from_instant
from yibao_identity.application.publish import TrustPublisher


class TrustServicer(rpc.TrustServiceServicer):
    """Answers with the published snapshot."""

    def __init__(self, publisher: TrustPublisher, blocking: Blocking) -> None:
        """Takes the publisher."""
        self._publisher = publisher
        self._blocking = blocking

    async def GetTrustSnapshot(
        self,
        request: pb.GetTrustSnapshotRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetTrustSnapshotRequest, pb.GetTrustSnapshotResponse]"
        ),
    ) -> pb.GetTrustSnapshotResponse:
        """Reads the signed trust snapshot of this moment."""
        published = await self._blocking.run(self._publisher.current)
        return pb.GetTrustSnapshotResponse(
            snapshot=published.snapshot,
            version=published.version,
            issue_time=from_instant(published.issue_time),
        )
