"""Follows what became of settled bills, over the ends of streams and of connections.

    stub = ChangeServiceStub(channel)
    for told in follow_changes(stub, WatchSettlementChangesRequest(region=..., resume_token=kept)):
        with books.transaction():
            books.apply(told.changes)
            books.keep(told.resume_token)

No change is told twice or left out where the token is kept in the transaction of its changes.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import grpc

from yibao.errors import error_of
from yibao.settlement.v1.change_service_pb2 import (
    WatchSettlementChangesRequest,
    WatchSettlementChangesResponse,
)
from yibao.settlement.v1.change_service_pb2_grpc import ChangeServiceStub

# Longer than the server lets a stream last, so that it is the server that ends it.
_CALL_SECONDS: Final = 590.0
_FIRST_WAIT_SECONDS: Final = 0.5
_MOST_WAIT_SECONDS: Final = 30.0
# What passes by itself: connections, restarts, too many streams, a deadline.
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


def follow_changes(
    stub: ChangeServiceStub,
    request: WatchSettlementChangesRequest,
    *,
    is_wanted: Callable[[], bool] = lambda: True,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[WatchSettlementChangesResponse]:
    """Yields what a stream of changes tells, and opens another one where it ends.

    Responses without changes are yielded too: by them the caller sees that all is well, and may
    keep the token. Each is taken from the server once the one before was worked off.

    Args:
        stub: Of a channel that the caller closes.
        request: Where it begins; is not changed.
        is_wanted: Whether to go on; asked after each response and before each attempt.
        wait: Waits for some seconds before another attempt.

    Raises:
        grpc.RpcError: a refusal that does not pass by itself, such as CALLER_NOT_ALLOWED.
    """
    asked = WatchSettlementChangesRequest()
    asked.CopyFrom(request)
    wait_seconds = _FIRST_WAIT_SECONDS
    while is_wanted():
        call = stub.WatchSettlementChanges(asked, timeout=_CALL_SECONDS)
        try:
            for told in call:
                asked.resume_token = told.resume_token
                wait_seconds = _FIRST_WAIT_SECONDS
                yield told
                if not is_wanted():
                    return
            # It said that it ends; a server that stops is not there at once.
            wait(_FIRST_WAIT_SECONDS)
        except grpc.RpcError as failure:
            refusal = error_of(failure)
            if refusal.code not in _PASSING:
                raise
            wait(refusal.retry_after_seconds or wait_seconds)
            wait_seconds = min(2 * wait_seconds, _MOST_WAIT_SECONDS)
        finally:
            call.cancel()
