"""What callers ask of cases of suspected misuse, and the storage that does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_identity.rules.misuse import CaseState, MisuseCase, Suspicion

EncodeCase = Callable[[MisuseCase], bytes]


@dataclass(frozen=True, slots=True)
class ReportMisuse:
    """Reports what was seen of the credential `subject`."""

    request: Request
    subject: str
    suspicion: Suspicion


@dataclass(frozen=True, slots=True)
class DecideCase:
    """Suspends the credential of a case, or closes the case."""

    request: Request
    case_id: str
    note: str


class MisuseCases(Protocol):
    """Cases of suspected misuse. Blocks.

    Each change returns the answer's bytes, once by request id.
    """

    def report(self, command: ReportMisuse, encode: EncodeCase) -> bytes:
        """Opens a case; the credential goes on working.

        Raises RuleError CREDENTIAL_NOT_FOUND, REQUEST_ID_REUSED.
        """
        ...

    def suspend(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Suspends the credential of a case.

        Raises RuleError MISUSE_CASE_NOT_FOUND, MISUSE_CASE_STATE, CREDENTIAL_NOT_FOUND,
        REQUEST_ID_REUSED.
        """
        ...

    def lift(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Closes a case, and lifts its suspension if there is one.

        Raises RuleError MISUSE_CASE_NOT_FOUND, MISUSE_CASE_STATE, SAME_MAKER_AND_CHECKER,
        REQUEST_ID_REUSED.
        """
        ...

    def find(self, region: str, case_id: str) -> MisuseCase | None:
        """Returns a case, or None."""
        ...

    def list(
        self, region: str, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> Sequence[MisuseCase]:
        """Returns the newest cases, those before `before_case_id` where it is not empty."""
        ...
