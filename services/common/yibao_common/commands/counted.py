"""Refusals as they are stored as answers; see `Transactions.once_counted`."""

import json

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason

_ANSWERED = b"\x00"
_REFUSED = b"\x01"


def encode_outcome(outcome: bytes | RuleError) -> bytes:
    """Returns an answer or a refusal as stored."""
    if not isinstance(outcome, RuleError):
        return _ANSWERED + outcome
    # Faults of form are found before anything is counted.
    if outcome.faults:
        raise InvariantError("a refusal with faults of form is no answer") from outcome
    content = {
        "reason": outcome.reason.name,
        "message": outcome.message,
        "metadata": outcome.metadata,
    }
    return _REFUSED + json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def answered(stored: bytes) -> bytes:
    """Returns the stored answer, or raises the RuleError that was stored as one.

    What was stored by a method that did not count yet is the answer itself: no message of
    protobuf begins with either mark.
    """
    if stored[:1] == _ANSWERED:
        return stored[1:]
    if stored[:1] != _REFUSED:
        return stored
    content = json.loads(stored[1:])
    raise RuleError(Reason[content["reason"]], content["message"], **content["metadata"])
