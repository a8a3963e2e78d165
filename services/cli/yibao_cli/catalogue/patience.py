"""Calls that may last longer than one call may: sent again as the same request until answered.

A service goes on with what it began when a call's time is over, and answers a repeat with the
first answer, so that nothing is done twice.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.errors import error_of
from yibao_cli.console import err
from yibao_cli.output import is_json

RequestT = TypeVar("RequestT", bound=Message)
AnswerT = TypeVar("AnswerT")

# Services take no longer deadline unless they are configured to.
CALL_SECONDS = 29.0
# For how long it is asked again.
_PATIENCE_SECONDS = 900.0
# For how long of these nobody may be there: a service that starts again takes less.
_UNREACHED_SECONDS = 60.0
_WAIT_SECONDS = 1.0
_WAITS = "Not answered yet: sent again until it is, as the same request."
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

    Who waits is told once. Raises grpc.RpcError where it is refused, or not answered for long.
    """
    until = monotonic() + _PATIENCE_SECONDS
    unreached_since: float | None = None
    is_told = False
    while True:
        try:
            return call(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            now = monotonic()
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                unreached_since = None
            elif unreached_since is None:
                unreached_since = now
            gone = unreached_since is not None and now - unreached_since > _UNREACHED_SECONDS
            if error.code() not in AGAIN or gone or now > until:
                raise
            if not (is_told or is_json()):
                err.print(f"{error_of(error).message}\n{_WAITS}", markup=False, soft_wrap=True)
                is_told = True
        sleep(_WAIT_SECONDS)
