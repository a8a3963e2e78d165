"""A change that was asked for: who asks, what stands for its contents, what it was answered."""

import hashlib
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

AnswerT = TypeVar("AnswerT")

# What became of one command: its answer, or why it was refused.
Outcome: TypeAlias = AnswerT | RuleError


@dataclass(frozen=True, slots=True)
class Request:
    """A change that is carried out once by request id.

    `method` is the name of the RPC; `digest` stands for the whole request and its caller.
    """

    region: str
    request_id: str
    digest: bytes
    method: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request id was answered: its digest and the answer's bytes; `method` is the RPC."""

    request_id: str
    digest: bytes
    response: bytes
    method: str

    def replay(self, digest: bytes) -> bytes:
        """Returns the stored bytes for a repeated request.

        Raises RuleError REQUEST_ID_REUSED where the contents differ.
        """
        if digest != self.digest:
            raise RuleError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {self.request_id} was used before with other contents",
                request_id=self.request_id,
            )
        return self.response


def request_digest(method: str, caller: str, serialized_request: bytes) -> bytes:
    """Returns 32 bytes that stand for the whole request: method, caller and contents.

    The caller counts, so that nobody reads another's answer by its request id.
    """
    digest = hashlib.sha256(f"{method}\n{caller}\n".encode())
    digest.update(serialized_request)
    return digest.digest()
