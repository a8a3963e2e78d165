"""How services are added to a server: a call costs the same however many methods there are."""

from collections.abc import Sequence
from typing import cast

import grpc


class _ByName:
    """Takes what generated code adds to a server, and passes on the handlers that find by name.

    grpcio waits for a call of each method that is registered with it beside those, and looks at
    all of them at every call: with the 86 methods of settlement that was a tenth of settling a
    bill. A name is found in a dict.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds handlers of a service."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Adds nothing: the same handlers are found by name."""


def by_name(server: grpc.aio.Server) -> grpc.aio.Server:
    """Returns what stands for a server where generated code adds services to it."""
    return cast(grpc.aio.Server, _ByName(server))
