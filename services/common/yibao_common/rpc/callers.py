"""Who makes the call that is being served."""

import contextlib
import contextvars
from collections.abc import Iterator

from yibao_common.values.caller import Caller
from yibao_common.values.errors import InvariantError

_current: contextvars.ContextVar[Caller] = contextvars.ContextVar("yibao_caller")

# The gate sets it; each call runs in a task of its own, so nothing is ever reset.
set_current_caller = _current.set


def current_caller() -> Caller:
    """Returns who made the call that is being served."""
    caller = _current.get(None)
    if caller is None:
        raise InvariantError("no call is being served here")
    return caller


def current_party() -> str:
    """Returns whose call is being served; nobody's where none is."""
    caller = _current.get(None)
    return "" if caller is None else caller.party


@contextlib.contextmanager
def acting_as(caller: Caller) -> Iterator[None]:
    """Makes `caller` the current one inside the block, for jobs and tests."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
