"""Calls that may last longer than one call may: sent again as the same request until answered.

A service goes on with what it began when a call's time is over, and answers a repeat with the
first answer, so that nothing is done twice.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

RequestT = TypeVar("RequestT", bound=Message)
AnswerT = TypeVar("AnswerT")

# Services take no longer deadline unless they are configured to.
CALL_SECONDS = 29.0
# For how long it is asked again.
_PATIENCE_SECONDS = 900.0
_WAIT_SECONDS = 1.0
# What a repeat of the same request may mend.
AGAIN = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE})


def patiently(
    call: Callable[..., AnswerT],
    request: RequestT,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> AnswerT:
    """Returns the answer to a request that has an id, sent as often as it takes.

    Raises grpc.RpcError where it is refused, or not answered for long.
    """
    until = monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() not in AGAIN or monotonic() > until:
                raise
        sleep(_WAIT_SECONDS)
