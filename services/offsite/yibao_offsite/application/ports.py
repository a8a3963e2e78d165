"""What callers ask for, and what storage does for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yibao_offsite.rules.registration import Application, Registration

Encode = Callable[[Registration], bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """Whose request it is: `digest` stands for its contents and its caller."""

    region: str
    request_id: str
    digest: bytes
    caller: str


class Registrations(Protocol):
    """Registrations for care elsewhere. Blocks."""

    def create(self, request: Request, application: Application, encode: Encode) -> bytes:
        """Registers once by request id and returns the answer's bytes.

        Raises RuleError REGISTRATION_EXISTS, REQUEST_ID_REUSED, or what the rules refuse.
        """
        ...

    def cancel(self, request: Request, registration_id: str, encode: Encode) -> bytes:
        """Cancels once by request id and returns the answer's bytes.

        Raises RuleError REGISTRATION_NOT_FOUND, REGISTRATION_STATE, REQUEST_ID_REUSED.
        """
        ...

    def find(self, region: str, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        ...
