"""What callers ask for, as frozen values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Issues a QR code of a certificate for one business type."""

    certificate_id: str
    audience: str
    caller: str
