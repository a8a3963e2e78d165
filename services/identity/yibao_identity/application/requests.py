"""Who asks for a change."""

from dataclasses import dataclass

from yibao_common.callers import Caller


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
