"""A change that was asked for: who asks, what stands for its contents, what it was answered."""

import hashlib
from typing import NamedTuple, TypeAlias, TypeVar

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

AnswerT = TypeVar("AnswerT")

# In the place of a method: nothing was booked under the id, and nothing will be.
FENCED_METHOD = "fenced"

# What became of one command: its answer, or why it was refused.
Outcome: TypeAlias = AnswerT | RuleError


class Request(NamedTuple):
    """A change that is carried out once by request id.

    `method` is the name of the RPC; `digest` stands for the whole request and the party
    that sends it, `former_digest` for the same with the certificate in the party's place:
    answers were stored under that before a request id was the party's. It is empty where
    the two are one. A trial has no id: it is answered as what it tries, and keeps nothing.
    """

    region: str
    request_id: str
    digest: bytes
    method: str
    caller: Caller
    former_digest: bytes = b""

    @classmethod
    def of(
        cls, caller: Caller, *, method: str, region: str, request_id: str, contents: bytes
    ) -> "Request":
        """Returns what `caller` asks for; `contents` are all that it says, as bytes."""
        former, party = b"", caller.party
        if party != caller.path:
            former = request_digest(method, caller.path, contents)
        digest = request_digest(method, party, contents)
        return cls(region, request_id, digest, method, caller, former)

    @classmethod
    def trial(cls, caller: Caller, *, method: str, region: str) -> "Request":
        """Returns that `caller` asks what a change would be answered."""
        return cls(region, "", b"", method, caller)

    @property
    def is_trial(self) -> bool:
        """Whether nothing is kept of it."""
        return not self.request_id


class Answer(NamedTuple):
    """What a request id was answered: its digest and the answer's bytes; `method` is the RPC.

    `institution_id` is whose request it was, empty where it was no institution's, and None where
    it was not kept or is not read.
    """

    request_id: str
    digest: bytes
    response: bytes
    method: str
    institution_id: str | None = None

    @classmethod
    def of(cls, request: Request, response: bytes) -> "Answer":
        """Returns that a request was answered."""
        institution_id = request.caller.institution_id or ""
        return cls(request.request_id, request.digest, response, request.method, institution_id)

    @classmethod
    def fence(cls, request_id: str, caller: Caller) -> "Answer":
        """Returns what keeps a request of the caller's party from ever being carried out."""
        digest = _fence_digest(request_id, caller.party)
        return cls(request_id, digest, b"", FENCED_METHOD, caller.institution_id or "")

    @property
    def is_fence(self) -> bool:
        """Whether it is no answer, and keeps its request from being carried out."""
        return self.method == FENCED_METHOD

    def is_fence_of(self, caller: Caller) -> bool:
        """Tells whether the caller's party has fenced this request."""
        return self.is_fence and self.digest == _fence_digest(self.request_id, caller.party)

    def replay_of(self, request: Request) -> bytes:
        """Returns the stored bytes for a repeated request.

        Raises RuleError as `replay` does.
        """
        return self.replay(request.caller, request.digest, request.former_digest)

    def replay(self, caller: Caller, digest: bytes, former_digest: bytes = b"") -> bytes:
        """Returns the stored bytes for a repeated request, by its digest as it is stored.

        Raises RuleError REQUEST_FENCED where the caller's party has fenced it, REQUEST_ID_REUSED
        where the contents differ, or another party sent them: it is not told which.
        """
        if self.is_fence_of(caller):
            raise RuleError(
                Reason.REQUEST_FENCED,
                f"request {self.request_id} was asked for before it came, and is not carried out",
                request_id=self.request_id,
            )
        if self.digest not in (digest, former_digest):
            raise RuleError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {self.request_id} was used before for something else",
                request_id=self.request_id,
            )
        return self.response


def request_digest(method: str, sender: str, serialized_request: bytes) -> bytes:
    """Returns 32 bytes that stand for the whole request: method, sender and contents.

    The sender counts, so that nobody reads another's answer by its request id.
    """
    digest = hashlib.sha256(f"{method}\n{sender}\n".encode())
    digest.update(serialized_request)
    return digest.digest()


def _fence_digest(request_id: str, party: str) -> bytes:
    return request_digest(FENCED_METHOD, party, request_id.encode())
