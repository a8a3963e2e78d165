"""Answers of calls in which a refusal leaves a trace: a counted try, a raised alarm.

A refusal that `work` raises stores nothing, as everywhere. One that it returns is an
answer: it is stored with what `work` wrote, and raised after the commit. So a wrong try
is durable before it is told, and the same request sent again is told the same and counts
nothing.
"""

import json
from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.storage.sealed_answers import answer_sealed

_ANSWERED = b"\x00"
_REFUSED = b"\x01"


def answer_counted(
    database: Database,
    vault: Vault,
    *,
    region: str,
    request_id: str,
    digest: bytes,
    method: str,
    clock: Clock,
    work: Callable[[sa.Connection], bytes | RuleError],
) -> bytes:
    """Returns the answer of `answer_sealed`, or raises the refusal that was stored as it.

    Raises RuleError REQUEST_ID_REUSED, what `work` raises (nothing is stored then), and
    what it returns (everything is).
    """

    def encoded(connection: sa.Connection) -> bytes:
        outcome = work(connection)
        if isinstance(outcome, RuleError):
            return _REFUSED + _encode_refusal(outcome)
        return _ANSWERED + outcome

    stored = answer_sealed(
        database,
        vault,
        region=region,
        request_id=request_id,
        digest=digest,
        method=method,
        clock=clock,
        work=encoded,
    )
    if stored[:1] == _REFUSED:
        raise _decode_refusal(stored[1:])
    return stored[1:]


def _encode_refusal(refusal: RuleError) -> bytes:
    assert not refusal.faults, "faults of form are found before anything is counted"
    content = {
        "reason": refusal.reason.name,
        "message": refusal.message,
        "metadata": refusal.metadata,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def _decode_refusal(stored: bytes) -> RuleError:
    content = json.loads(stored)
    return RuleError(Reason[content["reason"]], content["message"], **content["metadata"])
