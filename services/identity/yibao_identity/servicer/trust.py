"""TrustService: what a verifier needs, for anyone with a client certificate."""

import grpc

from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.wire import from_instant
from yibao_identity.application.trust.reading import TrustReader


class TrustServicer(rpc.TrustServiceServicer):
    """Answers with what is published."""

    def __init__(self, reader: TrustReader, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._reader = reader
        self._blocking = blocking

    async def GetTrustRoot(
        self,
        request: pb.GetTrustRootRequest,
        context: "grpc.aio.ServicerContext[pb.GetTrustRootRequest, pb.GetTrustRootResponse]",
    ) -> pb.GetTrustRootResponse:
        """Reads a root of trust."""
        root, newest = await self._blocking.run(self._reader.root, request.version)
        return pb.GetTrustRootResponse(
            root=root.document, version=root.version, newest_version=newest
        )

    async def GetTrustSnapshot(
        self,
        request: pb.GetTrustSnapshotRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetTrustSnapshotRequest, pb.GetTrustSnapshotResponse]"
        ),
    ) -> pb.GetTrustSnapshotResponse:
        """Reads the signed trust snapshot of this moment."""
        published = await self._blocking.run(self._reader.snapshot)
        return pb.GetTrustSnapshotResponse(
            snapshot=published.snapshot,
            version=published.version,
            issue_time=from_instant(published.issue_time),
        )

    async def GetStatusList(
        self,
        request: pb.GetStatusListRequest,
        context: "grpc.aio.ServicerContext[pb.GetStatusListRequest, pb.GetStatusListResponse]",
    ) -> pb.GetStatusListResponse:
        """Reads a status list as the newest snapshot binds it."""
        found = await self._blocking.run(self._reader.status_list, request.uri)
        return pb.GetStatusListResponse(status_list=found.document)
