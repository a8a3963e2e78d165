"""Request ids and the answers they got, stored in the transaction of their effect."""

import hashlib
from dataclasses import dataclass

from yibao_common.errors import RuleError
from yibao_common.reasons import Reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request id was answered: the digest of the request and the answer's bytes."""

    request_id: str
    digest: bytes
    response: bytes

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
