"""TrustService: what a verifier needs, for anyone with a client certificate."""

import re

import grpc

from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.wire import from_instant
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.application.trust.rows import Root, TrustTables

_LIST_URI = re.compile(r"mi:sl/([0-9]{6})/([1-9][0-9]{0,8})", re.ASCII)


class TrustServicer(rpc.TrustServiceServicer):
    """Answers with what is published."""

    def __init__(self, publisher: TrustPublisher, tables: TrustTables, blocking: Blocking) -> None:
        """Takes the publisher and where roots lie."""
        self._publisher = publisher
        self._tables = tables
        self._blocking = blocking

    async def GetTrustRoot(
        self,
        request: pb.GetTrustRootRequest,
        context: "grpc.aio.ServicerContext[pb.GetTrustRootRequest, pb.GetTrustRootResponse]",
    ) -> pb.GetTrustRootResponse:
        """Reads a root of trust."""
        root, newest = await self._blocking.run(self._find_root, request.version)
        if root is None:
            raise RuleError(
                Reason.TRUST_ROOT_NOT_FOUND,
                f"there is no root {request.version}",
                version=request.version,
            )
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
        published = await self._blocking.run(self._publisher.current)
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
        match = _LIST_URI.fullmatch(request.uri)
        found = None
        if match is not None:
            found = await self._blocking.run(self._publisher.status_list, match[1], int(match[2]))
        if found is None:
            raise RuleError(
                Reason.STATUS_LIST_NOT_FOUND,
                f"the newest snapshot binds no list {request.uri}",
                uri=request.uri,
            )
        return pb.GetStatusListResponse(status_list=found.document)

    def _find_root(self, version: int) -> tuple[Root | None, int]:
        with self._tables.view() as view:
            newest = view.newest_root()
            assert newest is not None, "the service starts with one"
            if version in (0, newest.version):
                return newest, newest.version
            return view.root(version), newest.version
