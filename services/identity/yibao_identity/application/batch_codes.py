"""Codes signed ahead for a phone that goes offline: what is asked, and who does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_identity.rules.qr_code import QrClaims


@dataclass(frozen=True, slots=True)
class IssueCodeBatch:
    """Issues `codes` codes of a certificate, one a minute from now on."""

    request: Request
    certificate_id: str
    audience: str
    codes: int


class CodeBatches(Protocol):
    """Codes for the minutes to come. Blocks."""

    def issue(
        self, command: IssueCodeBatch, encode: Callable[[Sequence[QrClaims]], bytes]
    ) -> bytes:
        """Stores what is about to be signed and returns the answer's bytes, once.

        `encode` signs. Raises RuleError QR_BATCH_DISABLED, CERTIFICATE_NOT_FOUND,
        ECERT_NOT_ACTIVATED, ECERT_SUSPENDED, REQUEST_ID_REUSED; a holder of another
        certificate is refused with OUT_OF_SCOPE, on record.
        """
        ...
