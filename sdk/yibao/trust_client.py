"""Fetches the documents of trust from the identity service."""

from typing import Final

import grpc

from yibao.errors import error_of
from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc

_NOT_FOUND: Final = grpc.StatusCode.NOT_FOUND


class TrustClient:
    """A `yibao.trust_store.TrustSource` over a channel to the identity service.

    Raises `grpc.RpcError` where the service cannot be asked; `yibao.errors.error_of`
    tells why.
    """

    def __init__(self, channel: grpc.Channel, *, timeout_seconds: float = 10.0) -> None:
        """Takes a channel that the caller closes."""
        self._stub = rpc.TrustServiceStub(channel)
        self._timeout_seconds = timeout_seconds

    def root(self, version: int) -> bytes | None:
        """Returns the root of this version, or None where there is none yet."""
        # The newest is asked for first: to ask for one that is not there is a refusal, which
        # the service would put on record at each refresh of each verifier.
        newest = self._root()
        if newest.newest_version < version:
            return None
        return (newest if newest.version == version else self._root(version)).root

    def snapshot(self) -> bytes:
        """Returns the newest snapshot."""
        request = pb.GetTrustSnapshotRequest()
        return self._stub.GetTrustSnapshot(request, timeout=self._timeout_seconds).snapshot

    def status_list(self, uri: str) -> bytes | None:
        """Returns a status list as the newest snapshot binds it, or None."""
        request = pb.GetStatusListRequest(uri=uri)
        try:
            return self._stub.GetStatusList(request, timeout=self._timeout_seconds).status_list
        except grpc.RpcError as error:
            if _is_not_found(error):
                return None
            raise

    def _root(self, version: int = 0) -> pb.GetTrustRootResponse:
        request = pb.GetTrustRootRequest(version=version)
        return self._stub.GetTrustRoot(request, timeout=self._timeout_seconds)


def _is_not_found(error: grpc.RpcError) -> bool:
    return error_of(error).code is _NOT_FOUND
